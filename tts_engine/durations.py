"""The length regulator: durations of phonemes → frames. NumPy only.

Source: FastSpeech (Ren et al. 2019, section 3.2).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tts_engine.audio import FloatArray
from tts_engine.frontend.phonemes import FINALS, INITIALS, SYMBOL_IDS

IntArray = npt.NDArray[np.int64]
MAX_FRAMES = 400
"""Longest duration of one phoneme: 4.6 s. A network that predicts more is wrong."""


_INITIALS = np.array([SYMBOL_IDS[initial] for initial in INITIALS])
_FINALS = np.array([SYMBOL_IDS[final] for final in FINALS])
STIFFNESS = 0.5
"""An initial's length goes with ``speed ** -STIFFNESS``: vowels give way to haste, consonants hardly do."""
MOST = 0.6
"""Share of a syllable's frames that an initial kept long may take."""


def opens_syllable(phonemes: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Which of the phoneme ids (L,) are initials that a final follows."""
    before_final = np.append(np.isin(phonemes[1:], _FINALS), False)
    first: npt.NDArray[np.bool_] = np.isin(phonemes, _INITIALS) & before_final
    return first


def frames_from_log(
    log_durations: FloatArray, speed: float | FloatArray, initials: npt.NDArray[np.bool_] | None = None
) -> IntArray:
    """Whole frames of each phoneme, (L,), each at least 1.

    Rounds the running sum, not each phoneme, so that the whole keeps its length at any speed. An initial keeps most
    of its length and the final after it gives way, as people do it: a burst cut short or drawn out is another
    consonant.

    Args:
        log_durations: (L,) natural logarithm of frames.
        speed: 2.0 halves every syllable; one for all, or (L,) of each.
        initials: (L,) of ``opens_syllable``; none for speech whose phonemes all shrink alike.

    Source: the shrinking of consonants and vowels with rate, Gay 1981 ("Mechanisms in the control of speech rate").
    """
    natural = np.clip(np.exp(log_durations.astype(np.float64)), 1, MAX_FRAMES)
    speeds = np.broadcast_to(np.asarray(speed, dtype=np.float64), natural.shape)
    wanted = natural / speeds
    if initials is not None:
        first = np.flatnonzero(initials)
        syllable = wanted[first] + wanted[first + 1]
        most = np.maximum(wanted[first], MOST * syllable)
        kept = np.minimum(natural[first] * speeds[first] ** -STIFFNESS, most)
        wanted[first], wanted[first + 1] = kept, syllable - kept
    borders = np.round(np.cumsum(wanted)).astype(np.int64)
    return np.maximum(np.diff(borders, prepend=0), 1)


def expand(hidden: FloatArray, durations: IntArray) -> FloatArray:
    """Repeat each row of (L, H) by its duration: (T, H)."""
    repeated: FloatArray = np.repeat(hidden, durations, axis=0)
    return repeated


def places(durations: IntArray) -> FloatArray:
    """Where each frame lies in its phoneme, (T, 3): fraction passed, fraction left, log of the duration in frames."""
    length = np.repeat(durations, durations).astype(np.float32)
    starts = np.repeat(np.cumsum(durations) - durations, durations)
    passed = (np.arange(length.shape[0]) - starts + 0.5) / length
    return np.stack([passed, 1 - passed, np.log(length) / 3], axis=1).astype(np.float32)


def retime(f0: FloatArray, mel: FloatArray, natural: IntArray, durations: IntArray) -> tuple[FloatArray, FloatArray]:
    """Frames made at the natural durations, moved to others: each phoneme is stretched on its own.

    The decoder was trained at one speed; decoding there and retiming keeps every sound as it was learnt.

    Args:
        f0: (T,) Hz, 0 where unvoiced; it is moved, never scaled.
        mel: (M, T).
        natural: (L,) frames of each phoneme in ``f0`` and ``mel``.
        durations: (L,) frames of each phoneme wanted, T' in all.

    Returns:
        F0 (T',) and mel (M, T').
    """
    if np.array_equal(natural, durations):
        return f0, mel
    starts = np.repeat(np.cumsum(natural) - natural, durations)
    passed = np.arange(starts.shape[0]) - np.repeat(np.cumsum(durations) - durations, durations) + 0.5
    position = starts + passed * np.repeat(natural / durations, durations) - 0.5
    position = np.clip(position, 0, f0.shape[0] - 1)
    before = np.floor(position).astype(np.int64)
    after = np.minimum(before + 1, f0.shape[0] - 1)
    weight = (position - before).astype(np.float32)
    both = (f0[before] > 0) & (f0[after] > 0)
    nearest = np.where(weight < 0.5, f0[before], f0[after])
    pitch = np.where(both, f0[before] * (1 - weight) + f0[after] * weight, nearest).astype(np.float32)
    return pitch, np.ascontiguousarray(mel[:, before] * (1 - weight) + mel[:, after] * weight, dtype=np.float32)
