"""How it is to be said: speed, pitch, range and loudness of every phoneme, as the networks take them. NumPy only.

Pitch is bent where it is predicted, before the spectrum is: the decoder then makes the timbre of a voice that speaks
higher, which no resampling of the finished sound does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tts_engine.audio import FloatArray
from tts_engine.durations import IntArray
from tts_engine.errors import OptionError
from tts_engine.frontend.reading import Prosody
from tts_engine.loudness import ramped

PITCH_CENTRE = 7.5
"""log2 Hz that the network's pitch counts from: 181 Hz."""

SPEED = (0.5, 2.0)
"""Smallest and largest speed of a request; 1.0 is the speed of the training data."""
PITCH = (-12.0, 12.0)
"""Semitones by which a request may raise the voice."""
RANGE = (0.0, 2.0)
"""Factors of the melody's size: 0 is a monotone, 1 the voice's own."""
VOLUME = (-40.0, 12.0)
"""Decibels by which a request may raise the sound."""
INTENSITY = (0.0, 1.0)
"""Of an emotion."""
SEEDS = (0, 2**32 - 1)

_VARIED = (0.04, 0.4, 0.1)
"""Standard deviations of what a seed varies in a sentence: speed (natural log), pitch (semitones), range (factor)."""


def checked(option: str, value: object, limits: tuple[float, float]) -> float:
    """``value`` as a float.

    Raises:
        OptionError: not a finite number, or outside ``limits``.
    """
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise OptionError(option, f"应为 {limits[0]:g} 到 {limits[1]:g} 之间的数字。")
    if not limits[0] <= value <= limits[1]:  # NaN is not
        raise OptionError(option, f"应在 {limits[0]:g} 到 {limits[1]:g} 之间。")
    return float(value)


def checked_seed(value: object) -> int:
    """``value`` as a seed.

    Raises:
        OptionError: not a whole number, or outside ``SEEDS``.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not SEEDS[0] <= value <= SEEDS[1]:
        raise OptionError("seed", f"应为 {SEEDS[0]} 到 {SEEDS[1]} 之间的整数。")
    return value


def varied(prosodies: Sequence[Prosody], rng: np.random.Generator) -> list[Prosody]:
    """The sentence said a little otherwise, as a speaker never says it twice alike."""
    speed, pitch, size = (deviation * float(rng.standard_normal()) for deviation in _VARIED)
    change = Prosody(math.exp(speed), pitch, max(0.5, 1 + size))
    return [prosody.within(change) for prosody in prosodies]


def level(frames: int) -> FloatArray:
    """The bend that leaves pitch as it is predicted, (T, 2)."""
    return np.tile(np.array([1.0, 0.0], np.float32), (frames, 1))


def bend(prosodies: Sequence[Prosody], durations: IntArray, median: float) -> FloatArray:
    """Factor and offset for the predicted pitch of every frame, (T, 2).

    Args:
        prosodies: of each phoneme, L.
        durations: (L,) frames, T in all.
        median: pitch that ``range`` grows and shrinks around, as ``median_pitch`` counts it.
    """
    rows = [(prosody.range, (1 - prosody.range) * median + prosody.pitch / 12) for prosody in prosodies]
    bent: FloatArray = np.repeat(np.array(rows, np.float32), durations, axis=0)
    return bent


def median_pitch(f0: FloatArray) -> float:
    """Octaves above ``PITCH_CENTRE``: the median of the voiced frames of F0 (T,) in Hz."""
    voiced = f0[f0 > 0]
    return float(np.median(np.log2(voiced))) - PITCH_CENTRE if voiced.size else 0.0


def gains(prosodies: Sequence[Prosody], lengths: IntArray, sample_rate: int) -> FloatArray | None:
    """A factor for every sample, (S,); None where all are 1.

    Args:
        prosodies: of each phoneme, L.
        lengths: (L,) samples of each phoneme, S in all.
        sample_rate: Hz.
    """
    factors = np.array([0.0 if prosody.volume == -math.inf else 10 ** (prosody.volume / 20) for prosody in prosodies])
    if (factors == 1).all():
        return None
    return ramped(np.repeat(factors, lengths), sample_rate)
