"""Samples made louder, softer or silent without a click and without clipping. NumPy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tts_engine.audio import FloatArray

CEILING = 0.89
"""Largest sample of any sound: −1 dBFS."""
_MAKE_UP = 2.1
"""Factor from the level that the networks learnt (peaks of vowels must fit) to −18 LUFS over an utterance."""
_KNEE = 0.55
"""Of a raised sound, what is larger is bent towards ``CEILING``: the tips of some glottal pulses."""
_RAMP_S = 0.005
"""A step of loudness is a ramp of this long on either side of it."""
_HOLD_S = 0.02
"""Gain falls this long before a peak that would clip and comes back this long after it."""
_BLOCK = 32
"""Samples that share one look at their peak."""

LOOK_AROUND = 2 * _HOLD_S + 0.005
"""Seconds on either side that a sample's gain depends on: what it holds, what it smooths, and its blocks."""

Array = npt.NDArray[np.float64]


def levelled(samples: FloatArray, gain_db: float = 0.0) -> FloatArray:
    """The vocoder's samples (S,) brought to the loudness of broadcasts, −18 LUFS, and within ``CEILING``.

    Each sample by itself, so a sentence made in pieces is the sentence made at once. ``gain_db`` is what the feeling of
    the sentence still lacks to be as loud as that, or has too much.

    Source: loudness as in ITU-R BS.1770-4; −18 LUFS is AES TD1008's figure for speech on the web.
    """
    raised = samples * np.float32(_MAKE_UP * 10 ** (gain_db / 20))
    beyond = np.abs(raised) - _KNEE
    room = CEILING - _KNEE
    bent = np.sign(raised) * (_KNEE + room * np.tanh(np.maximum(beyond, 0) / room))
    return np.where(beyond > 0, bent, raised).astype(np.float32)


def ramped(factors: Array, sample_rate: int) -> FloatArray:
    """Factors (S,) of a step each, with ramps instead of steps."""
    ramps: FloatArray = _mean_around(factors, max(1, round(_RAMP_S * sample_rate))).astype(np.float32)
    return ramps


def held_back(samples: FloatArray, sample_rate: int) -> tuple[FloatArray, bool]:
    """Samples (S,) whose peaks stay within ``CEILING``, and whether any had to be held back.

    A limiter that looks ahead: the gain moves smoothly around a peak, so nothing is cut off.
    """
    peaks = np.abs(samples)
    if peaks.size == 0 or peaks.max() <= CEILING:
        return samples, False
    blocks = np.abs(np.pad(samples, (0, -samples.size % _BLOCK))).reshape(-1, _BLOCK).max(axis=1)
    wanted = np.minimum(1.0, CEILING / np.maximum(blocks, CEILING))
    half = round(_HOLD_S * sample_rate / _BLOCK)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(wanted, half + 1, mode="edge"), 2 * half + 3).min(axis=1)
    gain = _mean_around(np.repeat(around, _BLOCK)[: samples.size], half * _BLOCK)
    return (samples * gain).astype(np.float32), True


def _mean_around(values: Array, half: int) -> Array:
    """Mean over ``half`` values on either side of each; the ends go on as they are."""
    sums = np.cumsum(np.pad(values, (half + 1, half), mode="edge"), dtype=np.float64)
    mean: Array = (sums[2 * half + 1 :] - sums[: -2 * half - 1]) / (2 * half + 1)
    return mean
