"""Train the vocoder (python -m tts_engine.training.train_vocoder --minutes 60).

Spectral losses at several resolutions; no window is shorter than two periods of the lowest voice, since the phase of
the source is free. With ``--adversarial``, discriminators judge beside them, which takes the buzz out and costs several
times as much a step: begin without, go on with ``--resume --adversarial``, best on a GPU.

Source: multi-resolution STFT loss of Parallel WaveGAN (Yamamoto et al. 2020, section 2.2).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # the name everybody knows
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from tts_engine.audio import FloatArray, log_mel
from tts_engine.excitation import excitation
from tts_engine.hifigan import HifiGan, HifiGanConfig
from tts_engine.training.discriminators import Discriminators, deceiving_loss, judging_loss
from tts_engine.training.features import FeatureSet
from tts_engine.training.loop import Clock, load_checkpoint, options, save_checkpoint, set_learning_rate, start

RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))  # window, hop in samples
BETAS = (0.8, 0.99)  # of AdamW, as HiFi-GAN's authors have them
JUDGES_RATE = 2e-4
BELIEVED_WEIGHT, FEATURE_WEIGHT = 0.1, 0.2  # beside a spectral loss near 1
MARGIN = 2  # frames on either side that make a segment's mel what it is in the whole utterance


def segments(features: FeatureSet, batch: int, frames: int, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """Random pieces: mel (B, M, T), F0 (B, T), excitation (B, 2, S), samples (B, S)."""
    config = features.config
    rows: list[tuple[FloatArray, ...]] = []
    while len(rows) < batch:
        one = features[int(rng.integers(len(features)))]
        if len(one.f0) < frames + 2 * MARGIN:
            continue
        first = int(rng.integers(MARGIN, len(one.f0) - frames - MARGIN + 1))
        begin, end = (first - MARGIN) * config.hop_length, (first + frames + MARGIN) * config.hop_length
        wide = one.audio[begin:end].astype(np.float32) / np.float32(32768)
        f0 = np.array(one.f0[first : first + frames])
        gain = np.float32(rng.uniform(0.4, 1.2))
        rows.append(
            (
                log_mel(wide * gain, config)[:, MARGIN:-MARGIN],
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

    def __init__(self, out: Path, device: torch.device, resume: bool) -> None:
        self._networks = Discriminators().to(device)
        self._optimizer = torch.optim.AdamW(self._networks.parameters(), lr=JUDGES_RATE, betas=BETAS)
        self._path = out / "judges.pt"
        if resume and self._path.exists():
            load_checkpoint(self._path, model=self._networks, optimizer=self._optimizer)

    def loss(self, made: Tensor, real: Tensor) -> Tensor:
        """Learn from one batch (B, S); what the vocoder then has to minimise."""
        judged = judging_loss(self._networks(real), self._networks(made.detach()))
        self._optimizer.zero_grad(set_to_none=True)
        judged.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        believed, features = deceiving_loss(self._networks(real), self._networks(made))
        return BELIEVED_WEIGHT * believed + FEATURE_WEIGHT * features

    def save(self, step: int) -> None:
        """Keep them beside the vocoder's checkpoint."""
        save_checkpoint(self._path, step, model=self._networks, optimizer=self._optimizer)


def train(arguments: argparse.Namespace) -> Path:
    """Train for the time given; the folder that ``HifiGan.from_pretrained`` reads."""
    start(arguments)
    device = torch.device(arguments.device)
    features = FeatureSet(arguments.features)
    if max(len(one.f0) for one in features) < arguments.frames + 2 * MARGIN:
        raise SystemExit(f"no utterance of {arguments.features} has {arguments.frames + 2 * MARGIN} frames")
    model = HifiGan(HifiGanConfig()).to(device)  # type: ignore[arg-type]  # its decorator loses self
    optimizer = torch.optim.AdamW(model.parameters(), lr=arguments.learning_rate, betas=BETAS)
    checkpoint = arguments.out / "last.pt"
    step = load_checkpoint(checkpoint, model=model, optimizer=optimizer) if arguments.resume else 0
    adversary = Adversary(arguments.out, device, arguments.resume) if arguments.adversarial else None
    rng = np.random.default_rng(arguments.seed + step)
    log = SummaryWriter(str(arguments.out))
    clock = Clock.of(arguments)
    average = 0.0
    with tqdm(total=1.0, unit="run", bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}") as bar:
        while clock.done < 1:
            set_learning_rate(optimizer, clock.learning_rate(arguments.learning_rate))
            pieces = segments(features, arguments.batch, arguments.frames, rng)
            mel, f0, source, samples = (part.to(device, non_blocking=True) for part in pieces)
            made = model(mel, f0, source)
            loss = spectral_loss(made, samples)
            total = loss + adversary.loss(made, samples) if adversary else loss
            optimizer.zero_grad(set_to_none=True)
            total.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            clock.step += 1
            step += 1
            average = loss.item() if average == 0 else 0.99 * average + 0.01 * loss.item()
            bar.update(clock.done - bar.n)
            bar.set_postfix(step=step, loss=f"{average:.4f}", refresh=False)
            if step % 20 == 0:
                log.add_scalar("loss", average, step)
            if step % 500 == 0:
                save_checkpoint(checkpoint, step, model=model, optimizer=optimizer)
                if adversary:
                    adversary.save(step)
    save_checkpoint(checkpoint, step, model=model, optimizer=optimizer)
    if adversary:
        adversary.save(step)
    model.save_pretrained(arguments.out / "model")
    log.close()
    return Path(arguments.out / "model")


def main() -> None:
    """Read the command line and train."""
    parser = options(__doc__.splitlines()[0], "vocoder")
    parser.add_argument("--frames", type=int, default=32, help="mel frames of one training segment")
    parser.add_argument("--adversarial", action="store_true", help="let discriminators judge, from this run on")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
