"""Train the vocoder (python -m tts_engine.training.train_vocoder --minutes 60).

Spectral losses at several resolutions; no window is shorter than two periods of the lowest voice, since the phase of
the source is free. With ``--adversarial``, discriminators judge beside them, which takes the buzz out and costs several
times as much a step: begin without, go on with ``--resume --adversarial``, best on a GPU. With ``--predicted``, some of
the spectrograms are what the acoustic model makes of the same words, so that the vocoder learns to mend its blur.

Source: multi-resolution STFT loss of Parallel WaveGAN (Yamamoto et al. 2020, section 2.2).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # the name everybody knows

from tts_engine.audio import FloatArray, log_mel
from tts_engine.excitation import excitation
from tts_engine.hifigan import HifiGan, HifiGanConfig
from tts_engine.training.discriminators import WIDTH, Discriminators, deceiving_loss, judging_loss
from tts_engine.training.features import FeatureSet
from tts_engine.training.loop import Part, Run, Watch, add_held_out, held_out, options, set_learning_rate, start
from tts_engine.training.predicted import Predicted, louder
from tts_engine.training.processes import Objective, Processes
from tts_engine.training.samples import VocoderSampler

RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))  # window, hop in samples
BETAS = (0.8, 0.99)  # of AdamW, as HiFi-GAN's authors have them
BELIEVED_WEIGHT, FEATURE_WEIGHT = 0.25, 1.0  # beside a spectral loss near 1: about a quarter of the whole
HELD_OUT, SAMPLED = 16, 3  # segments that judge a run, utterances that are heard of it
MARGIN = 2  # frames on either side that make a segment's mel what it is in the whole utterance


def segments(
    features: FeatureSet, batch: int, frames: int, rng: np.random.Generator, predicted: Predicted | None = None
) -> tuple[Tensor, ...]:
    """Random pieces: mel (B, M, T), F0 (B, T), excitation (B, 2, S), samples (B, S).

    Args:
        features: what was recorded.
        batch: B.
        frames: T.
        rng: draws.
        predicted: mels of the same frames that stand in for some of the true ones.
    """
    config = features.config
    rows: list[tuple[FloatArray, ...]] = []
    while len(rows) < batch:
        index = int(rng.integers(len(features)))
        one = features[index]
        if len(one.f0) < frames + 2 * MARGIN:
            continue
        first = int(rng.integers(MARGIN, len(one.f0) - frames - MARGIN + 1))
        begin, end = (first - MARGIN) * config.hop_length, (first + frames + MARGIN) * config.hop_length
        wide = one.audio[begin:end].astype(np.float32) / np.float32(32768)
        f0 = np.array(one.f0[first : first + frames])
        gain = np.float32(rng.uniform(0.4, 1.2))
        said = predicted.draw(index, first, frames, rng) if predicted else None
        rows.append(
            (
                log_mel(wide * gain, config)[:, MARGIN:-MARGIN] if said is None else louder(said, gain),
                f0,
                excitation(f0, config, rng),
                wide[MARGIN * config.hop_length : -MARGIN * config.hop_length] * gain,
            )
        )
    return tuple(torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True))


def spectral_loss(made: Tensor, real: Tensor) -> Tensor:
    """Spectral convergence and log-magnitude distance, mean over resolutions; both (B, S)."""
    total = made.new_zeros(())
    for window, hop in RESOLUTIONS:
        shape = torch.hann_window(window, device=made.device)
        a, b = (
            torch.stft(x, window, hop, window=shape, return_complex=True).abs().clamp(min=1e-5) for x in (made, real)
        )
        total = total + torch.linalg.norm(b - a) / torch.linalg.norm(b) + F.l1_loss(a.log(), b.log())
    return total / len(RESOLUTIONS)


class Adversary:
    """The discriminators, learning beside the vocoder."""

    def __init__(self, processes: Processes, width: int) -> None:
        self._networks = Discriminators(width).to(processes.device)
        self._optimizer = torch.optim.AdamW(self._networks.parameters(), betas=BETAS)
        self._objective = processes.spread(Objective(self._networks, _judged))

    def loss(self, made: Tensor, real: Tensor, rate: float) -> Tensor:
        """Learn from one batch (B, S) at the vocoder's own rate; what the vocoder then has to minimise."""
        set_learning_rate(self._optimizer, rate)
        judged = self._objective(made.detach(), real)["judged"]
        self._optimizer.zero_grad(set_to_none=True)
        judged.backward()
        self._optimizer.step()
        self._networks.requires_grad_(False)  # the vocoder's own gradients pass through them, and nothing else
        believed, features = deceiving_loss(self._networks(real), self._networks(made))
        self._networks.requires_grad_(True)
        return BELIEVED_WEIGHT * believed + FEATURE_WEIGHT * features

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint beside the vocoder's keeps."""
        return {"model": self._networks, "optimizer": self._optimizer}


def _judged(networks: Discriminators, made: Tensor, real: Tensor) -> dict[str, Tensor]:
    return {"judged": judging_loss(networks(real), networks(made))}


def watch(arguments: argparse.Namespace, model: HifiGan, device: torch.device) -> Watch:
    """Judge and hear a model by held-out utterances: copy-synthesis, from the mel of the very sound."""
    others = held_out(arguments)
    if others is None or not _long_enough(others, arguments.frames):
        return Watch()
    pieces = segments(others, HELD_OUT, arguments.frames, np.random.default_rng(arguments.seed))

    def loss() -> float:
        mel, f0, source, samples = (part.to(device) for part in pieces)
        return spectral_loss(model(mel, f0, source), samples).item()

    sampler = VocoderSampler(model, device) if arguments.sample_every else None
    chosen = [others[index] for index in range(0, len(others), max(1, len(others) // SAMPLED))][:SAMPLED]
    return Watch(loss, (lambda log, step: sampler.write(log, step, chosen)) if sampler else None)


def _long_enough(features: FeatureSet, frames: int) -> bool:
    return max(len(one.f0) for one in features) >= frames + 2 * MARGIN


def train(arguments: argparse.Namespace) -> Path:
    """Train for the time given; the folder that ``HifiGan.from_pretrained`` reads."""
    processes = start(arguments)
    features = FeatureSet(arguments.features)
    if not _long_enough(features, arguments.frames):
        raise SystemExit(f"no utterance of {arguments.features} has {arguments.frames + 2 * MARGIN} frames")
    predicted = arguments.predicted and Predicted(arguments.predicted, features, arguments.predicted_share)
    model = HifiGan(HifiGanConfig()).to(processes.device)  # type: ignore[arg-type]  # its decorator loses self
    optimizer = torch.optim.AdamW(model.parameters(), lr=arguments.learning_rate, betas=BETAS)
    files: dict[str, dict[str, Part]] = {"last.pt": {"model": model, "optimizer": optimizer}}
    adversary = Adversary(processes, arguments.judges_width) if arguments.adversarial else None
    if adversary:
        files["judges.pt"] = adversary.parts
    run = Run(arguments, processes, model, files, watch(arguments, model, processes.device))
    generator = processes.spread(model)
    rng = np.random.default_rng(run.seed)
    for rate in run.rates():
        set_learning_rate(optimizer, rate)
        pieces = segments(features, arguments.batch, arguments.frames, rng, predicted)
        mel, f0, source, samples = (part.to(processes.device, non_blocking=True) for part in pieces)
        made = generator(mel, f0, source)
        loss = spectral_loss(made, samples)
        total = loss + adversary.loss(made, samples, rate) if adversary else loss
        optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        run.report({"loss": loss.item()} | ({"adversarial": total.item() - loss.item()} if adversary else {}))
    return run.finish()


def parser() -> argparse.ArgumentParser:
    """The options."""
    parser = options(__doc__.splitlines()[0], "vocoder")
    add_held_out(parser)
    parser.add_argument("--frames", type=int, default=32, help="mel frames of one training segment")
    parser.add_argument("--adversarial", action="store_true", help="let discriminators judge, from this run on")
    parser.add_argument(
        "--judges-width", type=int, default=WIDTH, help="channels of the discriminators; 16 is for a CPU"
    )
    parser.add_argument("--predicted", type=Path, help="learn from an acoustic model's mels, too: a file of predicted")
    parser.add_argument(
        "--predicted-share", type=float, default=0.5, help="of the segments, where --predicted is given"
    )
    return parser


def main() -> None:
    """Read the command line and train."""
    train(parser().parse_args())


if __name__ == "__main__":
    main()
