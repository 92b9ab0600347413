"""Train the recogniser on the teacher (python -m tts_engine.training.train_recogniser --minutes 30).

The alignment is exact, so frames are labelled directly first; the last part of the
run adds CTC, which no longer minds where a label lies (a short run, or one that has to align, does without).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # the name everybody knows

from tts_engine.frontend.phonemes import SYMBOLS, TONES
from tts_engine.training.batch import Batch, batches, collate
from tts_engine.training.features import FeatureSet
from tts_engine.training.loop import Run, Watch, add_held_out, held_out, options, set_learning_rate, start
from tts_engine.training.processes import Objective
from tts_engine.training.recogniser import BLANK, Recogniser, RecogniserConfig, label_of
from tts_engine.training.samples import RecogniserSampler

STRETCHED = 0.65
STRETCH = (-0.45, 0.55)
"""Natural logarithm of the factor by which most batches are slowed or hastened: the judge must not mind how
another speed was come by, whether spoken (as in the corpus) or stretched.
"""


def frame_labels(batch: Batch) -> Tensor:
    """(B, T) label of each frame; a blank parts two phonemes of the same label."""
    table = np.array([[label_of(symbol, tone) for tone in range(TONES)] for symbol in SYMBOLS])
    labels = torch.from_numpy(table)[batch.phonemes, batch.tones]  # (B, L)
    framed = torch.gather(labels, 1, batch.owner)
    follows = F.pad(batch.owner[:, 1:] != batch.owner[:, :-1], (0, 1), value=True)
    same = F.pad(framed[:, 1:] == framed[:, :-1], (0, 1), value=False)
    silent = (follows & same) | (batch.mask.squeeze(2) == 0)
    return torch.where(silent, torch.full_like(framed, BLANK), framed)


def roughen(mel: Tensor, rng: torch.Generator) -> Tensor:
    """Make the ear tolerant: another level and tilt, noise, a hidden band and a hidden moment."""
    batch, bins, frames = mel.shape
    tilt = torch.linspace(-1, 1, bins)[None, :, None] * torch.randn(batch, 1, 1, generator=rng) * 0.4
    level = torch.randn(batch, 1, 1, generator=rng)
    floor = -11.5 + 5 * torch.rand(batch, 1, 1, generator=rng)
    noisy = torch.logaddexp(mel, floor + torch.randn(mel.shape, generator=rng))
    mel = noisy + tilt + level + 0.2 * torch.randn(mel.shape, generator=rng)
    if torch.rand((), generator=rng) < 0.5:  # a blurred spectrum, as networks that regress to the mean make it
        mel = F.avg_pool2d(mel.unsqueeze(1), 3, stride=1, padding=1, count_include_pad=False).squeeze(1)
    for row in range(batch):
        low = int(torch.randint(0, bins - 8, (1,), generator=rng))
        mel[row, low : low + int(torch.randint(1, 8, (1,), generator=rng))] = mel[row].mean()
        begin = int(torch.randint(0, max(1, frames - 4), (1,), generator=rng))
        mel[row, :, begin : begin + 3] = mel[row].mean()
    return mel


def stretch(mel: Tensor, labels: Tensor, mask: Tensor, factor: float) -> tuple[Tensor, Tensor, Tensor]:
    """Speech at another speed: mel (B, M, T), labels (B, T) and mask (B, T, 1), each ``factor`` times as long."""
    frames = max(1, round(mel.shape[2] * factor))
    slow = F.interpolate(mel, size=frames, mode="linear")
    source = (torch.arange(frames) * mel.shape[2] // frames).clamp(max=mel.shape[2] - 1)
    return slow, labels[:, source], mask[:, source]


def ctc(log_probabilities: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """CTC loss of the label sequences that ``labels`` (B, T) spells."""
    targets = []
    for row in labels:
        changed = torch.cat([torch.tensor([True]), row[1:] != row[:-1]])
        targets.append(row[changed & (row != BLANK)])
    lengths = torch.tensor([len(target) for target in targets])
    frames = mask.sum((1, 2)).long()
    return F.ctc_loss(
        log_probabilities.transpose(0, 1), torch.cat(targets), frames, lengths, blank=BLANK, zero_infinity=True
    )


def frame_losses(model: Recogniser, mel: Tensor, labels: Tensor, mask: Tensor, late: bool) -> dict[str, Tensor]:
    """Losses of mels (B, M, T), and the share of frames that were recognised."""
    said = model(mel, mask)
    known = mask.squeeze(2) > 0
    frames = F.nll_loss(said[known], labels[known])
    parts = {"frames": frames, "right": (said[known].argmax(1) == labels[known]).float().mean()}
    if late:
        parts["ctc"] = ctc(said.cpu(), labels.cpu(), mask.cpu()).to(mel.device)
    return parts


HELD_OUT = 24
"""Held-out utterances that judge a run, and that are heard of it."""


def watch(arguments: argparse.Namespace, model: Recogniser, device: torch.device) -> Watch:
    """Judge a recogniser by how unlikely it finds what held-out utterances say, wherever in them it is said."""
    others = held_out(arguments)
    if others is None:
        return Watch()
    utterances = list(others)[:: max(1, len(others) // HELD_OUT)][:HELD_OUT]  # spread over all speakers
    batch = collate(utterances)
    labels = frame_labels(batch)

    def loss() -> float:
        said = model(batch.mel.to(device), batch.mask.to(device)).cpu()
        return ctc(said, labels, batch.mask).item()

    sampler = RecogniserSampler(model, device)
    return Watch(loss, lambda log, step: sampler.write(log, step, utterances))


def train(arguments: argparse.Namespace) -> Path:
    """Train for the time given; the folder that ``Recogniser.from_pretrained`` reads."""
    processes = start(arguments)
    every = FeatureSet(arguments.features)
    features = [one for one in every if not arguments.speakers or one.speaker < arguments.speakers]
    model = Recogniser(RecogniserConfig())
    if arguments.warm_start is not None:
        model = Recogniser.from_pretrained(arguments.warm_start, dtype=torch.float32)
    model = model.to(processes.device).train()  # type: ignore[arg-type]  # its decorator loses self
    optimizer = torch.optim.AdamW(model.parameters(), lr=arguments.learning_rate, weight_decay=0.01)
    watched = watch(arguments, model, processes.device)
    run = Run(arguments, processes, model, {"last.pt": {"model": model, "optimizer": optimizer}}, watched)
    objective = processes.spread(Objective(model, frame_losses))
    rng = np.random.default_rng(run.seed)
    torch_rng = torch.Generator().manual_seed(run.seed)
    todo: list[list[int]] = []
    for rate in run.rates():
        todo = todo or batches(features, arguments.batch, rng)
        batch = collate([features[index] for index in todo.pop()])
        factor = float(np.exp(rng.uniform(*STRETCH))) if rng.random() < STRETCHED else 1.0
        shown = stretch(roughen(batch.mel, torch_rng), frame_labels(batch), batch.mask, factor)
        set_learning_rate(optimizer, rate)
        late = run.clock.done > arguments.ctc_from
        with torch.autocast(processes.device.type, torch.bfloat16, enabled=arguments.bf16):
            parts = objective(*(part.to(processes.device) for part in shown), late)
        loss = 0.3 * parts["frames"] + 0.3 * parts["ctc"] if late else parts["frames"]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        run.report({"loss": loss.item(), "right": parts["right"].item()})
    folder = run.finish()
    if processes.leads:  # the best, where that was kept, has 32 bits
        made = Recogniser.from_pretrained(folder, dtype=torch.float32)
        made.half().save_pretrained(folder)  # type: ignore[no-untyped-call]  # transformers is half typed
    return folder


def parser() -> argparse.ArgumentParser:
    """The options."""
    parser = options(__doc__.splitlines()[0], "recogniser")
    add_held_out(parser)
    parser.add_argument("--warm-start", type=Path, help="folder of a recogniser to begin from")
    parser.add_argument("--speakers", type=int, default=0, help="hear only so many speakers, the first ones (0: all)")
    parser.add_argument("--ctc-from", type=float, default=0.5, help="share of the run after which CTC joins (1: never)")
    return parser


def main() -> None:
    """Read the command line and train."""
    train(parser().parse_args())


if __name__ == "__main__":
    main()
