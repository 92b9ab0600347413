"""Train the speaker encoder (python -m tts_engine.training.train_speaker --minutes 12).

Every speaker of the corpus is a class; clips are damaged as telephones, rooms and codecs damage them, in the mel
domain, where that costs nothing.

Source: additive angular margin (ArcFace, Deng et al. 2019, equation 3).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # the name everybody knows
from tqdm import tqdm

from tts_engine.audio import AudioConfig, mel_centres_hz
from tts_engine.speaker_encoder import SpeakerEncoder, SpeakerEncoderConfig
from tts_engine.training.features import FeatureSet
from tts_engine.training.loop import Run, Watch, add_held_out, held_out, options, set_learning_rate, start
from tts_engine.training.processes import Objective
from tts_engine.training.vocal_tract import average_spectrum, formant_shifts

MARGIN, SCALE = 0.2, 24.0
FRAMES = (120, 560)
"""Shortest and longest training clip: 1.4 to 6.5 s, made of a speaker's utterances end to end."""
_TRACT_WEIGHT = 20.0
_JUDGED = 4
"""Batches of held-out clips that judge a run."""


class Clips:
    """Every speaker's frames end to end, and what is known of each speaker."""

    def __init__(self, features: FeatureSet) -> None:
        pieces: dict[int, list[npt.NDArray[np.float16]]] = {}
        spectra: dict[int, list[npt.NDArray[np.float32]]] = {}
        for index in tqdm(range(len(features)), desc="mels"):
            one = features[index]
            mel = one.learnt_mel
            one.__dict__.pop("mel", None)  # 16 bits are kept here, not 32 there
            pieces.setdefault(one.speaker, []).append(mel.astype(np.float16))
            spectra.setdefault(one.speaker, []).append(mel[:, one.f0 > 0])
        self.speakers = sorted(pieces)
        self.names = [features.speakers[speaker] for speaker in self.speakers]
        self.mels = [np.concatenate(pieces[speaker], axis=1) for speaker in self.speakers]
        averages = [average_spectrum(np.concatenate(spectra[speaker], axis=1)) for speaker in self.speakers]
        self.shifts = formant_shifts(averages)

    def draw(self, batch: int, rng: np.random.Generator, among: Sequence[int] = ()) -> tuple[Tensor, Tensor, Tensor]:
        """Mels (B, M, T), speakers (B,) and formant shifts (B,) of random clips of one random length.

        Args:
            batch: how many.
            rng: draws.
            among: speakers to choose from; empty for all.
        """
        frames = int(rng.integers(*FRAMES))
        chosen = rng.choice(among or range(len(self.mels)), size=batch)
        rows = []
        for speaker in chosen:
            mel = self.mels[speaker]
            first = int(rng.integers(max(1, mel.shape[1] - frames)))
            rows.append(np.resize(mel[:, first : first + frames].T, (frames, mel.shape[0])).T)
        mels = torch.from_numpy(np.stack(rows).astype(np.float32))
        return mels, torch.from_numpy(chosen), torch.from_numpy(self.shifts[chosen].astype(np.float32))


def damage(mel: Tensor, generator: torch.Generator) -> Tensor:
    """What rooms, microphones, noise, telephones and codecs do, to log mels (B, M, T)."""

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand((mel.shape[0], 1, 1), generator=generator)

    def happens(share: float) -> Tensor:
        return (torch.rand((mel.shape[0], 1, 1), generator=generator) < share).float()

    hz = torch.tensor(mel_centres_hz(AudioConfig()), dtype=torch.float32).view(1, -1, 1)
    octaves = torch.log2(hz.clamp(min=100) / 1000)
    power = torch.exp(2 * mel)
    tail = torch.exp(-6.9 * 0.0116 / uniform(0.15, 0.7)) * happens(0.4)  # a room's decay per frame
    echo = [power[:, :, 0]]
    for frame in range(1, mel.shape[2]):
        echo.append(torch.maximum(power[:, :, frame], tail[:, :, 0] * echo[-1]))
    power = torch.stack(echo, dim=2)
    loud = power.mean((1, 2), keepdim=True)
    colour = 10 ** (uniform(-6, 3) * octaves / 10)
    rough = -torch.log(torch.rand(mel.shape, generator=generator).clamp(min=1e-6))
    power = power + happens(0.6) * loud * 10 ** (-uniform(5, 35) / 10) * colour * rough
    heard = 0.5 * torch.log(power)
    ripple = torch.sin(octaves * uniform(0.5, 3) + uniform(0, 6.3)) * uniform(0, 0.35)
    heard = heard + math.log(10) / 20 * uniform(-1.5, 1.5) * octaves + ripple
    top = happens(0.4)
    high = 11025 * (1 - top) + top * uniform(3300, 8000)
    low = happens(0.4) * uniform(80, 320)
    floor = heard.amax((1, 2), keepdim=True) - uniform(7, 10)
    outside = ((hz > high) | (hz < low)).float()
    heard = heard * (1 - outside) + (heard - 6) * outside
    return torch.maximum(heard, floor.clamp(min=math.log(1e-5)))


def angular_loss(vectors: Tensor, centres: Tensor, speakers: Tensor) -> Tensor:
    """Cross-entropy of cosines whose own class is made harder by an angle."""
    cosine = (vectors @ F.normalize(centres, dim=1).T).clamp(-0.9999, 0.9999)
    own = F.one_hot(speakers, centres.shape[0]).bool()
    return F.cross_entropy(SCALE * torch.where(own, torch.cos(torch.acos(cosine) + MARGIN), cosine), speakers)


class Lesson(nn.Module):
    """The encoder with one centre for every speaker: together they can be wrong."""

    def __init__(self, encoder: SpeakerEncoder, speakers: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.centres = nn.Linear(encoder.config.embedding, speakers, bias=False)

    def parts(self, mel: Tensor, speakers: Tensor, shifts: Tensor) -> dict[str, Tensor]:
        """Losses of mels (B, M, T), and the share that was recognised."""
        vectors, tract = (part.float() for part in self.encoder(mel))
        with torch.autocast(mel.device.type, enabled=False):  # an angle needs all the digits of its cosine
            right = (vectors @ F.normalize(self.centres.weight, dim=1).T).argmax(1) == speakers
            return {
                "angle": angular_loss(vectors, self.centres.weight, speakers),
                "tract": F.smooth_l1_loss(tract, shifts, beta=0.05),
                "right": right.float().mean(),
            }


def train(arguments: argparse.Namespace) -> Path:
    """Train for the time given; the folder that ``SpeakerEncoder.from_pretrained`` reads."""
    processes = start(arguments)
    clips = Clips(FeatureSet(arguments.features))
    model = SpeakerEncoder(SpeakerEncoderConfig())
    lesson = Lesson(model, len(clips.speakers)).to(processes.device).train()
    parameters = list(lesson.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=arguments.learning_rate, weight_decay=1e-4)
    run = Run(
        arguments,
        processes,
        model,
        {"last.pt": {"model": model, "centres": lesson.centres, "optimizer": optimizer}},
        watch(arguments, lesson, clips, processes.device),
    )
    objective = processes.spread(Objective(lesson, Lesson.parts))
    rng = np.random.default_rng(run.seed)
    generator = torch.Generator().manual_seed(run.seed)
    for rate in run.rates(warmup_steps=100):
        mel, *answers = clips.draw(arguments.batch, rng)
        heard = damage(mel, generator).to(processes.device)
        set_learning_rate(optimizer, rate)
        with torch.autocast(processes.device.type, torch.bfloat16, enabled=arguments.bf16):
            parts = objective(heard, *(answer.to(processes.device) for answer in answers))
        loss = parts["angle"] + _TRACT_WEIGHT * parts["tract"]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        run.report({"loss": loss.item(), "right": parts["right"].item()})
    return run.finish()


def watch(arguments: argparse.Namespace, lesson: Lesson, clips: Clips, device: torch.device) -> Watch:
    """Judge by what known speakers say in the held-out set, in clips drawn once."""
    others = held_out(arguments)
    heard = others and Clips(others)
    numbers = heard and {n: clips.names.index(name) for n, name in enumerate(heard.names) if name in clips.names}
    if not heard or not numbers:
        return Watch()
    rng = np.random.default_rng(arguments.seed)
    drawn = [heard.draw(arguments.batch, rng, list(numbers)) for _ in range(_JUDGED)]

    def loss() -> float:
        found = []
        for mel, speakers, shifts in drawn:
            own = torch.tensor([numbers[int(speaker)] for speaker in speakers])
            found.append(lesson.parts(mel.to(device), own.to(device), shifts.to(device))["angle"].item())
        return float(np.mean(found))

    return Watch(loss)


def parser() -> argparse.ArgumentParser:
    """The options."""
    parser = options(__doc__.splitlines()[0], "speaker")
    add_held_out(parser, sampled=False)
    parser.set_defaults(batch=64, learning_rate=3e-3)
    return parser


def main() -> None:
    """Read the command line and train."""
    train(parser().parse_args())


if __name__ == "__main__":
    main()
