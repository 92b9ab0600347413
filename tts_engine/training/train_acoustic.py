"""Train the acoustic model (python -m tts_engine.training.train_acoustic --minutes 60).

Source: the losses of FastSpeech 2 (Ren et al. 2020, section 2.3): L1 on mel, squared error on log-duration, pitch and
energy; cross-entropy on voicing.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # the name everybody knows

from tts_engine.fastspeech2 import FastSpeech2, FastSpeech2Config
from tts_engine.frontend.phonemes import INITIALS, SYMBOL_IDS
from tts_engine.identity import EMBEDDING, IDENTITY
from tts_engine.speaker_encoder import SpeakerEncoder
from tts_engine.training.batch import Batch, batches, collate, spoken_frames
from tts_engine.training.features import FeatureSet, Utterance
from tts_engine.training.identities import Identities
from tts_engine.training.loop import Run, Watch, add_held_out, held_out, options, set_learning_rate, start
from tts_engine.training.processes import Objective
from tts_engine.training.prosody import EMOTIONS
from tts_engine.training.samples import AcousticSampler
from tts_engine.training.teacher import VOICES

_INITIAL_IDS = torch.tensor([SYMBOL_IDS[initial] for initial in INITIALS])
_INITIAL_WEIGHT = 3.0


def _weights(batch: Batch) -> Tensor:
    """(B, T): an initial is short but tells words apart, so its frames count more than a vowel's."""
    initial = torch.isin(batch.phonemes, _INITIAL_IDS.to(batch.phonemes.device)).float()
    return 1.0 + (_INITIAL_WEIGHT - 1.0) * torch.gather(initial, 1, batch.owner)


def losses(model: FastSpeech2, batch: Batch) -> dict[str, Tensor]:
    """Each loss by name."""
    hidden, log_durations = spoken_frames(model, batch)
    spoken = (batch.phonemes != 0).float()
    frames, median = model.split(hidden)
    x = frames + model.place(batch.place) * batch.mask
    guess = model.predict_variance(x, batch.mask)
    mel = model.predict_mel(x, batch.mask, batch.variance)
    mask, voiced = batch.mask.squeeze(2), batch.variance.voiced

    def mean(values: Tensor, weights: Tensor) -> Tensor:
        return (values * weights).sum() / weights.sum().clamp(min=1)

    return {
        "mel": mean((mel - batch.mel).abs().mean(1), mask * _weights(batch)),
        "duration": mean((log_durations - batch.durations.clamp(min=1).log()) ** 2, spoken * batch.natural),
        "pitch": mean((guess.pitch + median - batch.variance.pitch) ** 2, voiced * mask * batch.natural),
        "voiced": mean(F.binary_cross_entropy_with_logits(guess.voiced, voiced, reduction="none"), mask),
        "energy": mean((guess.energy - batch.variance.energy) ** 2, mask * batch.natural),
    }


HELD_OUT, SAMPLED = 24, 3
"""Held-out utterances that judge a run, and that are heard of it."""
WEIGHTS = {"mel": 1.0, "duration": 1.0, "pitch": 4.0, "voiced": 0.5, "energy": 0.1}


def examples(arguments: argparse.Namespace, features: FeatureSet) -> list[Utterance]:
    """What is learnt from: every utterance, and those of ``--rates`` at another speed than their speaker's own.

    The latter teach what short and long phonemes sound like, not when to be short, nor which melody to give them.
    """
    chosen = [features[index] for index in range(len(features))]
    if arguments.rates is None:
        return chosen
    rates = FeatureSet(arguments.rates)
    if rates.speakers != features.speakers[: len(rates.speakers)]:
        raise SystemExit(f"--rates: {arguments.rates} must have the first speakers of {arguments.features}")
    return chosen + [one for one in (rates[index] for index in range(len(rates))) if one.rate != 1]


def prepare(arguments: argparse.Namespace, features: FeatureSet) -> tuple[FastSpeech2, Identities | None]:
    """A new model, told who speaks where there is a speaker encoder; warm where there is one to start from."""
    old = arguments.warm_start and FastSpeech2.from_pretrained(arguments.warm_start, dtype=torch.float32)
    moods = {features[index].emotion for index in range(len(features))}
    emotions = tuple(name for name in EMOTIONS if name in moods or (old and name in old.config.emotions))
    if arguments.speaker_encoder is None:
        config = FastSpeech2Config(speakers=tuple(features.speakers), emotions=emotions, dropout=arguments.dropout)
        return FastSpeech2(config), None
    named = arguments.named or (len(VOICES) if features.speakers[:1] == list(VOICES)[:1] else len(features.speakers))
    encoder = SpeakerEncoder.from_pretrained(arguments.speaker_encoder, dtype=torch.float32).eval()  # type: ignore[no-untyped-call]
    identities = Identities.listen(features, encoder, named, arguments.seed)
    config = FastSpeech2Config(
        speakers=tuple(features.speakers[:named]),
        speaker_width=IDENTITY,
        emotions=emotions,
        dropout=arguments.dropout,
        relative_pitch=True,
    )
    model = FastSpeech2(config)
    with torch.no_grad():
        model.speaker_table.weight.copy_(torch.from_numpy(identities.fixed[:named]))
    model.speaker_table.weight.requires_grad_(False)  # torch takes no name for it
    if old:
        warm(model, old)
    return model, identities


@torch.no_grad()
def warm(model: FastSpeech2, old: FastSpeech2) -> None:
    """Begin where another model ended.

    Where both are told identities and feel the same, everything is kept: whoever speaks is already known as well as the
    speaker encoder knows them. Otherwise the old speakers sound the same through their new vectors, and emotions do
    nothing yet: the map from vectors to hidden is the smallest affine one that gives every known speaker what the old
    one gave it, so a new speaker starts as a blend of those it resembles.
    """
    shared = {k: v for k, v in old.state_dict().items() if not k.startswith("speaker_")}
    model.load_state_dict(shared, strict=False)
    if _knows_identities(old) and old.config.emotions == model.config.emotions:
        model.speaker_to_hidden.load_state_dict(old.speaker_to_hidden.state_dict())
        return
    known = [name for name in model.config.speakers if name in old.config.speakers]
    if not known:
        raise SystemExit(f"--warm-start knows none of {', '.join(model.config.speakers[:3])}: begin without it")
    new_rows = torch.stack([model.speaker_table.weight[model.config.speakers.index(name)] for name in known])
    old_rows = torch.stack([old.speaker_table.weight[old.config.speakers.index(name)] for name in known])
    given = old_rows @ old.speaker_to_hidden.weight[:, : old_rows.shape[1]].T  # (K, H)
    width = new_rows.shape[1]
    slope = torch.linalg.pinv(new_rows - new_rows.mean(0)) @ (given - given.mean(0))  # (E, H)
    model.speaker_to_hidden.weight.zero_()
    model.speaker_to_hidden.weight[:, :width] = slope.T
    model.speaker_to_hidden.bias.copy_(old.speaker_to_hidden.bias + given.mean(0) - new_rows.mean(0) @ slope)
    if model.config.relative_pitch and not old.config.relative_pitch:
        model.variance.out.bias[0] -= new_rows[:, EMBEDDING].mean() / 2  # the pitch is the first of three


def _knows_identities(model: FastSpeech2) -> bool:
    return bool(model.config.speaker_width == IDENTITY and model.config.relative_pitch)


def total(parts: dict[str, Tensor]) -> Tensor:
    """What is minimised."""
    return torch.stack([WEIGHTS[name] * value for name, value in parts.items()]).sum()


@dataclass(frozen=True)
class _Held:
    """Held-out utterances of speakers that the model knows."""

    utterances: tuple[Utterance, ...]
    told: Tensor | None
    """(N, E) of their speakers, where the model is told."""


def held(arguments: argparse.Namespace, features: FeatureSet, identities: Identities | None) -> _Held | None:
    """What judges a run; None where there is no such set.

    Raises:
        SystemExit: it has nobody whom the training set has.
    """
    others = held_out(arguments)
    if others is None:
        return None
    numbers = {name: index for index, name in enumerate(features.speakers)}
    known = [one for one in others if others.speakers[one.speaker] in numbers]
    if not known:
        raise SystemExit(f"the held-out set has none of the speakers of {arguments.features}: name one by --heldout")
    step = max(1, len(known) // HELD_OUT)  # spread over all speakers
    chosen = [replace(one, speaker=numbers[others.speakers[one.speaker]]) for one in known[::step][:HELD_OUT]]
    told = None
    if identities:
        told = torch.from_numpy(np.stack([identities.fixed[one.speaker] for one in chosen]))
    return _Held(tuple(chosen), told)


def watch(arguments: argparse.Namespace, model: FastSpeech2, spoken: _Held | None, device: torch.device) -> Watch:
    """Judge and hear a model by held-out utterances."""
    if spoken is None:
        return Watch()

    def batch(count: int) -> Batch:
        told = None if spoken.told is None else spoken.told[:count]
        return collate(list(spoken.utterances[:count]), model.config.emotions, told).to(device)

    sampler = AcousticSampler(model, arguments.sample_vocoder, device) if arguments.sample_every else None
    return Watch(
        loss=lambda: total(losses(model, batch(HELD_OUT))).item(),
        sample=(lambda log, step: sampler.write(log, step, batch(SAMPLED))) if sampler else None,
    )


def train(arguments: argparse.Namespace) -> Path:
    """Train for the time given; the folder that ``FastSpeech2.from_pretrained`` reads."""
    processes = start(arguments)
    features = FeatureSet(arguments.features)
    model, identities = prepare(arguments, features)
    utterances = examples(arguments, features)
    model = model.to(processes.device).train()  # type: ignore[arg-type]  # its decorator loses self
    optimizer = torch.optim.AdamW(model.parameters(), lr=arguments.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    watched = watch(arguments, model, held(arguments, features, identities), processes.device)
    run = Run(arguments, processes, model, {"last.pt": {"model": model, "optimizer": optimizer}}, watched)
    objective = processes.spread(Objective(model, losses))
    rng = np.random.default_rng(run.seed)
    todo: list[list[int]] = []
    for rate in run.rates():
        todo = todo or batches(utterances, arguments.batch, rng)
        chosen = [utterances[index] for index in todo.pop()]
        told = identities.draw([one.speaker for one in chosen], rng) if identities else None
        batch = collate(chosen, model.config.emotions, told).to(processes.device)
        set_learning_rate(optimizer, rate)
        with torch.autocast(processes.device.type, torch.bfloat16, enabled=arguments.bf16):
            parts = objective(batch)
        optimizer.zero_grad(set_to_none=True)
        total(parts).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        run.report({name: value.item() for name, value in parts.items()})
    return run.finish()


def parser() -> argparse.ArgumentParser:
    """The options."""
    parser = options(__doc__.splitlines()[0], "acoustic")
    add_held_out(parser)
    parser.add_argument("--sample-vocoder", type=Path, default=Path("models/v23/vocoder"), help="speaks the samples")
    parser.add_argument("--speaker-encoder", type=Path, help="folder of a speaker encoder: learn voices that it hears")
    parser.add_argument(
        "--rates", type=Path, help="feature set of the first speakers at other speeds, to learn from, too"
    )
    parser.add_argument("--dropout", type=float, default=0.1, help="0 where the run ends long before it overfits")
    parser.add_argument("--warm-start", type=Path, help="folder of an acoustic model to begin from")
    parser.add_argument(
        "--named",
        type=int,
        default=0,
        help="speakers, the first ones, that keep a name (0: the three of the distilled corpus, or all of another)",
    )
    return parser


def main() -> None:
    """Read the command line and train."""
    train(parser().parse_args())


if __name__ == "__main__":
    main()
