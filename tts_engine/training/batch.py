"""Utterances side by side, as the networks learn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tts_engine.durations import places
from tts_engine.fastspeech2 import PITCH_CENTRE, FastSpeech2, Variance
from tts_engine.training.features import Utterance


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


def spoken_frames(model: FastSpeech2, batch: Batch) -> tuple[Tensor, Tensor]:
    """The encoder's hidden, repeated by the true durations (B, T, H), and the log-durations it predicts (B, L)."""
    identity = batch.identity if batch.identity.shape[1] else model.speaker_table(batch.speaker)
    hidden, log_durations = model.encode(batch.phonemes, batch.tones, torch.cat([identity, batch.emotion], dim=1))
    return torch.gather(hidden, 1, batch.owner.unsqueeze(2).expand(-1, -1, hidden.shape[2])) * batch.mask, log_durations
