"""Train the acoustic model (python -m tts_engine.training.train_acoustic --minutes 60).

Source: the losses of FastSpeech 2 (Ren et al. 2020, section 2.3): L1 on mel, squared error on log-duration, pitch and
energy; cross-entropy on voicing.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # the name everybody knows
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from tts_engine.durations import places
from tts_engine.fastspeech2 import PITCH_CENTRE, FastSpeech2, FastSpeech2Config, Variance
from tts_engine.frontend.phonemes import INITIALS, SYMBOL_IDS
from tts_engine.identity import EMBEDDING, IDENTITY
from tts_engine.speaker_encoder import SpeakerEncoder
from tts_engine.training.features import FeatureSet, Utterance
from tts_engine.training.identities import Identities
from tts_engine.training.loop import Clock, load_checkpoint, options, save_checkpoint, set_learning_rate, start
from tts_engine.training.prosody import EMOTIONS
from tts_engine.training.teacher import VOICES


@dataclass(frozen=True)
class Batch:
    """Utterances of similar length, padded with zeros."""

    phonemes: Tensor  # (B, L)
    tones: Tensor  # (B, L)
    speaker: Tensor  # (B,)
    emotion: Tensor  # (B, N) intensities
    identity: Tensor  # (B, E), or (B, 0) where the model's own table knows the speakers
    durations: Tensor  # (B, L)
    owner: Tensor  # (B, T) which phoneme a frame belongs to
    place: Tensor  # (B, T, 3)
    mask: Tensor  # (B, T, 1)
    mel: Tensor  # (B, M, T)
    variance: Variance
    natural: Tensor
    """(B, 1) one where the utterance has its speaker's own speed, and so teaches durations, pitch and energy."""

    def to(self, device: torch.device) -> Batch:
        """The same on another device."""
        moved = {name: value.to(device) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return Batch(**moved, variance=Variance(**{k: v.to(device) for k, v in vars(self.variance).items()}))


def collate(utterances: list[Utterance], emotions: Sequence[str] = (), identity: Tensor | None = None) -> Batch:
    """Pad utterances to one batch.

    Args:
        utterances: B of them.
        emotions: N names, in the model's order.
        identity: (B, E) of the speakers, where the model is told.
    """
    mels = [one.learnt_mel for one in utterances]
    length = max(len(one.phonemes) for one in utterances)
    frames = max(mel.shape[1] for mel in mels)

    def padded(rows: list[np.ndarray], size: int, dtype: torch.dtype) -> Tensor:
        out = torch.zeros((len(rows), size, *rows[0].shape[1:]), dtype=dtype)
        for index, row in enumerate(rows):
            out[index, : row.shape[0]] = torch.from_numpy(np.array(row))  # a copy: the rows are mapped read-only
        return out

    durations = [one.phonemes[:, 2].astype(np.int64) for one in utterances]
    f0 = padded([one.f0 for one in utterances], frames, torch.float32)
    mel = padded([mel.T for mel in mels], frames, torch.float32)  # (B, T, M)
    mask = padded([np.ones((mel.shape[1], 1), np.float32) for mel in mels], frames, torch.float32)
    return Batch(
        phonemes=padded([one.phonemes[:, 0] for one in utterances], length, torch.int64),
        tones=padded([one.phonemes[:, 1] for one in utterances], length, torch.int64),
        speaker=torch.tensor([one.speaker for one in utterances]),
        emotion=torch.tensor([[one.intensity * (one.emotion == name) for name in emotions] for one in utterances]),
        identity=torch.zeros((len(utterances), 0)) if identity is None else identity,
        durations=padded(durations, length, torch.float32),
        owner=padded([np.repeat(np.arange(len(d)), d) for d in durations], frames, torch.int64),
        place=padded([places(d) for d in durations], frames, torch.float32),
        mask=mask,
        mel=mel.transpose(1, 2),
        variance=Variance(
            pitch=(torch.log2(f0.clamp(min=40)) - PITCH_CENTRE) * (f0 > 0),
            voiced=(f0 > 0).float(),
            energy=mel.exp().sum(2).clamp(min=1e-3).log() * mask.squeeze(2),
        ),
        natural=torch.tensor([[float(one.rate == 1)] for one in utterances]),
    )


def batches(features: Sequence[Utterance], size: int, rng: np.random.Generator) -> list[list[int]]:
    """One epoch: utterances of similar length together, batches in random order."""
    lengths = np.array([len(features[index].f0) for index in range(len(features))])
    order = np.argsort(lengths + rng.uniform(0, 60, lengths.shape))
    groups = [order[i : i + size].tolist() for i in range(0, len(order), size)]
    rng.shuffle(groups)
    return groups


_INITIAL_IDS = torch.tensor([SYMBOL_IDS[initial] for initial in INITIALS])
_INITIAL_WEIGHT = 3.0


def _weights(batch: Batch) -> Tensor:
    """(B, T): an initial is short but tells words apart, so its frames count more than a vowel's."""
    initial = torch.isin(batch.phonemes, _INITIAL_IDS.to(batch.phonemes.device)).float()
    return 1.0 + (_INITIAL_WEIGHT - 1.0) * torch.gather(initial, 1, batch.owner)


def losses(model: FastSpeech2, batch: Batch) -> dict[str, Tensor]:
    """Each loss by name."""
    identity = batch.identity if batch.identity.shape[1] else model.speaker_table(batch.speaker)
    speaker = torch.cat([identity, batch.emotion], dim=1)
    hidden, log_durations = model.encode(batch.phonemes, batch.tones, speaker)
    spoken = (batch.phonemes != 0).float()
    frames = torch.gather(hidden, 1, batch.owner.unsqueeze(2).expand(-1, -1, hidden.shape[2])) * batch.mask
    frames, median = model.split(frames)
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


def train(arguments: argparse.Namespace) -> Path:
    """Train for the time given; the folder that ``FastSpeech2.from_pretrained`` reads."""
    start(arguments)
    device = torch.device(arguments.device)
    features = FeatureSet(arguments.features)
    model, identities = prepare(arguments, features)
    utterances = examples(arguments, features)
    model = model.to(device).train()  # type: ignore[arg-type]  # its decorator loses self
    optimizer = torch.optim.AdamW(model.parameters(), lr=arguments.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    checkpoint = arguments.out / "last.pt"
    step = load_checkpoint(checkpoint, model=model, optimizer=optimizer) if arguments.resume else 0
    rng = np.random.default_rng(arguments.seed + step)
    log = SummaryWriter(str(arguments.out))
    clock = Clock.of(arguments)
    average: dict[str, float] = {}
    with tqdm(total=1.0, unit="run", bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}") as bar:
        todo: list[list[int]] = []
        while clock.done < 1:
            todo = todo or batches(utterances, arguments.batch, rng)
            chosen = [utterances[index] for index in todo.pop()]
            told = identities.draw([one.speaker for one in chosen], rng) if identities else None
            batch = collate(chosen, model.config.emotions, told).to(device)
            set_learning_rate(optimizer, clock.learning_rate(arguments.learning_rate))
            with torch.autocast(device.type, torch.bfloat16, enabled=arguments.bf16):
                parts = losses(model, batch)
            optimizer.zero_grad(set_to_none=True)
            sum(WEIGHTS[name] * value for name, value in parts.items()).backward()  # type: ignore[union-attr]  # never 0
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            clock.step += 1
            step += 1
            for name, value in parts.items():
                average[name] = 0.98 * average.get(name, value.item()) + 0.02 * value.item()
            bar.update(clock.done - bar.n)
            bar.set_postfix({"step": step, **{k: f"{v:.3f}" for k, v in average.items()}}, refresh=False)
            if step % 20 == 0:
                for name, mean in average.items():
                    log.add_scalar(name, mean, step)
            if step % 200 == 0:
                save_checkpoint(checkpoint, step, model=model, optimizer=optimizer)
    save_checkpoint(checkpoint, step, model=model, optimizer=optimizer)
    model.save_pretrained(arguments.out / "model")
    log.close()
    return Path(arguments.out / "model")


def parser() -> argparse.ArgumentParser:
    """The options."""
    parser = options(__doc__.splitlines()[0], "acoustic")
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
