"""What the acoustic model is told of each speaker while it learns: identities heard in short, sometimes damaged clips.

A cloned voice is known from a few seconds only, so training never sees a perfect average of a speaker either. The
named voices are told mostly by their own fixed vector, since that is how they will be asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from tts_engine.audio import FloatArray
from tts_engine.identity import Identity, pitch_statistics
from tts_engine.speaker_encoder import SpeakerEncoder
from tts_engine.training.features import FeatureSet, Utterance
from tts_engine.training.train_speaker import damage

HEARINGS = 10
"""Clips of each speaker that are listened to."""
_CLIP_FRAMES = 430  # 5 s
_FIXED = 0.6
"""Share of a named voice's utterances that are told its own vector."""


@dataclass(frozen=True)
class Identities:
    """Vectors of every speaker."""

    heard: FloatArray
    """(N, HEARINGS, E)."""
    fixed: FloatArray
    """(N, E): the mean over clean clips."""
    named: int
    """So many speakers, the first ones, have a name."""

    @classmethod
    @torch.inference_mode()
    def listen(cls, features: FeatureSet, encoder: SpeakerEncoder, named: int, seed: int = 1) -> Identities:
        """Hear every speaker of a feature set, in neutral utterances where there are any."""
        rng = np.random.default_rng(seed)
        generator = torch.Generator().manual_seed(seed)
        voiced: dict[int, list[Utterance]] = {}
        neutral: dict[int, list[Utterance]] = {}
        for index in range(len(features)):
            one = features[index]
            if (one.f0 > 0).sum() > 20:
                voiced.setdefault(one.speaker, []).append(one)
                if not one.emotion:
                    neutral.setdefault(one.speaker, []).append(one)
        heard, fixed = [], []
        for speaker in tqdm(range(len(features.speakers)), desc="listening"):
            heard_in = neutral.get(speaker) or voiced[speaker]
            clips = [_clip(heard_in, rng) for _ in range(HEARINGS)]
            mels = torch.from_numpy(np.stack([mel for mel, _ in clips]))
            damaged = torch.cat([mels[: HEARINGS // 2], damage(mels[HEARINGS // 2 :], generator)])
            rows = [_vectors(encoder, both, [f0 for _, f0 in clips]) for both in (damaged, mels)]
            heard.append(rows[0])
            fixed.append(rows[1].mean(0))
        return cls(np.stack(heard), np.stack(fixed), named)

    def draw(self, speakers: list[int], rng: np.random.Generator) -> Tensor:
        """(B, E): one hearing of each."""
        rows = [
            self.fixed[speaker]
            if speaker < self.named and rng.random() < _FIXED
            else self.heard[speaker, rng.integers(HEARINGS)]
            for speaker in speakers
        ]
        return torch.from_numpy(np.stack(rows))


def _clip(utterances: list[Utterance], rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Five seconds of mel (M, T) and their F0 (T,), of utterances end to end."""
    order = rng.permutation(len(utterances))[:4]
    mel = np.concatenate([utterances[index].learnt_mel for index in order], axis=1)
    f0 = np.concatenate([utterances[index].f0 for index in order])
    return np.resize(mel.T, (_CLIP_FRAMES, mel.shape[0])).T, f0[:_CLIP_FRAMES]


def _vectors(encoder: SpeakerEncoder, mels: Tensor, f0: list[FloatArray]) -> FloatArray:
    """(B, E) identities of mels (B, M, T)."""
    embeddings, shifts = encoder(mels)
    rows = []
    for embedding, shift, track in zip(embeddings.numpy(), shifts.tolist(), f0, strict=True):
        rows.append(Identity(embedding, *pitch_statistics(track), shift).vector())
    return np.stack(rows)
