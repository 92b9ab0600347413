"""Who speaks, as the acoustic model is told: the speaker encoder's vector and three measured numbers.

NumPy only. The numbers are given beside the vector because a listener notices them first: a copy of a voice must keep
its pitch and its vocal tract.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tts_engine.audio import FloatArray

EMBEDDING = 64
"""Dimensions of the speaker encoder's vector."""
IDENTITY = EMBEDDING + 3
"""Dimensions of what the acoustic model is told."""
_PITCH_CENTRE = 7.5  # log2 Hz


@dataclass(frozen=True)
class Identity:
    """A speaker."""

    embedding: FloatArray
    """(64,) of length 1; of a mixture, shorter."""
    median_f0_hz: float
    spread_st: float
    """Standard deviation of F0, in semitones."""
    formant_shift: float
    """log2 of the formants' scale against the average voice's: positive is a shorter vocal tract."""

    def vector(self) -> FloatArray:
        """(67,): every part brought to a spread of about one."""
        numbers = (
            2.0 * (np.log2(self.median_f0_hz) - _PITCH_CENTRE),
            0.5 * (self.spread_st - 3.0),
            6.0 * self.formant_shift,
        )
        return np.concatenate([4.0 * self.embedding, numbers]).astype(np.float32)

    @classmethod
    def of_vector(cls, vector: FloatArray) -> Identity:
        """The speaker of a vector (67,), such as a mixture, whose embedding is shorter than one."""
        pitch, spread, shift = (float(value) for value in vector[EMBEDDING:])
        return cls(vector[:EMBEDDING] / 4.0, 2 ** (pitch / 2.0 + _PITCH_CENTRE), 2.0 * spread + 3.0, shift / 6.0)

    @property
    def told(self) -> tuple[float, ...]:
        """``vector`` as an option of a synthesis: hashable."""
        return tuple(self.vector().tolist())


def pitch_statistics(f0: FloatArray) -> tuple[float, float]:
    """Median F0 in Hz and its deviation in semitones, of F0 (T,) in Hz that is 0 where unvoiced.

    Octave errors are few and far from the median: what lies more than ten semitones away is left out.

    Raises:
        ValueError: nothing is voiced.
    """
    voiced = f0[f0 > 0].astype(np.float64)
    if voiced.size == 0:
        raise ValueError("nothing is voiced")
    semitones = 12 * np.log2(voiced)
    middle = float(np.median(semitones))
    kept = semitones[np.abs(semitones - middle) <= 10]
    return 2 ** (middle / 12), float(np.std(kept))
