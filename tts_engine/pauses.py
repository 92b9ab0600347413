"""Pauses whose length the author gave: a few frames of the voice's own pause, and silence to the sample. NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_engine.audio import AudioConfig, FloatArray
from tts_engine.durations import IntArray
from tts_engine.frontend.phonemes import EDGE
from tts_engine.frontend.reading import Phoneme
from tts_engine.loudness import ramped

_MOST_FRAMES = 8
"""Of a pause that the networks compute; the rest is silence and costs nothing."""


@dataclass(frozen=True)
class Silences:
    """The given pauses of a sentence."""

    durations: IntArray
    """(L,) frames that the networks make of each phoneme."""
    lengths: IntArray
    """(L,) samples of each phoneme in the end."""
    given: tuple[int, ...]
    """Indexes of the phonemes whose length was given."""
    hop_length: int

    def apply(self, samples: FloatArray, sample_rate: int) -> FloatArray:
        """Samples as the networks made them → with every given pause silent and of its length."""
        if not self.given:
            return samples
        made = self.durations * self.hop_length
        audible = np.ones(len(made))
        audible[list(self.given)] = 0.0
        samples = samples * ramped(np.repeat(audible, made), sample_rate)
        ends = np.cumsum(made)
        pieces, begin = [], 0
        for index in self.given:
            half = int(made[index]) // 2
            middle, more = int(ends[index]) - int(made[index]) + half, int(self.lengths[index] - made[index])
            pieces.append(samples[begin : middle + min(0, more) // 2])
            pieces.append(np.zeros(max(0, more), np.float32))
            begin = middle + (min(0, more) // 2 - min(0, more))
        return np.concatenate([*pieces, samples[begin:]])


def planned(phonemes: Sequence[Phoneme], durations: IntArray, audio: AudioConfig, after_pause: bool) -> Silences:
    """Where the sentence is silent for how long.

    A given pause takes in the silence of the sentence's edges beside it, so that two sentences with a pause of 500 ms
    between them are 500 ms apart.

    Args:
        phonemes: of the sentence, L.
        durations: (L,) frames wanted.
        audio: signal dimensions.
        after_pause: whether the sentence before ended in a given pause.
    """
    durations = durations.copy()
    given = tuple(index for index, phoneme in enumerate(phonemes) if phoneme.pause_ms is not None)
    wanted = {index: round((phonemes[index].pause_ms or 0) * audio.sample_rate / 1000) for index in given}
    edges = [index for index, phoneme in enumerate(phonemes) if phoneme.symbol == EDGE]
    for edge in edges:
        beside = next((index for index in (edge - 1, edge + 1) if index in wanted), None)
        if beside is not None:
            durations[edge] = 1
            wanted[beside] -= audio.hop_length * (2 if beside < edge else 1)  # the next sentence's edge is cut as well
    if after_pause:
        durations[0] = 1
    lengths = durations * audio.hop_length
    for index, samples in wanted.items():
        durations[index] = min(_MOST_FRAMES, max(1, samples // audio.hop_length))
        lengths[index] = max(0, samples)
    return Silences(durations, lengths, given, audio.hop_length)
