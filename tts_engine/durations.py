"""The length regulator: durations of phonemes → frames. NumPy only.

Source: FastSpeech (Ren et al. 2019, section 3.2).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tts_engine.audio import FloatArray

IntArray = npt.NDArray[np.int64]
MAX_FRAMES = 400
"""Longest duration of one phoneme: 4.6 s. A network that predicts more is wrong."""


def frames_from_log(log_durations: FloatArray, speed: float) -> IntArray:
    """Whole frames of each phoneme, (L,), each at least 1.

    Rounds the running sum, not each phoneme, so that the whole keeps its length at any speed.

    Args:
        log_durations: (L,) natural logarithm of frames.
        speed: 0.5–2.0; 2.0 halves every duration.
    """
    wanted = np.clip(np.exp(log_durations.astype(np.float64)), 1, MAX_FRAMES) / speed
    borders = np.round(np.cumsum(wanted)).astype(np.int64)
    return np.maximum(np.diff(borders, prepend=0), 1)


def expand(hidden: FloatArray, durations: IntArray) -> FloatArray:
    """Repeat each row of (L, H) by its duration: (T, H)."""
    repeated: FloatArray = np.repeat(hidden, durations, axis=0)
    return repeated


def places(durations: IntArray, natural: IntArray | None = None) -> FloatArray:
    """Where each frame lies in its phoneme, (T, 3): fraction passed, fraction left, log of the natural duration.

    Args:
        durations: (L,) frames of each phoneme, at the speed wanted.
        natural: (L,) frames at speed 1, the only one that the network was trained on; ``durations`` where absent.
    """
    natural = durations if natural is None else natural
    length = np.repeat(durations, durations).astype(np.float32)
    usual = np.repeat(natural, durations).astype(np.float32)
    starts = np.repeat(np.cumsum(durations) - durations, durations)
    passed = (np.arange(length.shape[0]) - starts + 0.5) / length
    return np.stack([passed, 1 - passed, np.log(usual) / 3], axis=1).astype(np.float32)
