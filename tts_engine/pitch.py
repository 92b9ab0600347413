"""The pitch of a finished sound: of a clip to imitate, and for pictures. NumPy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LOWEST_HZ = 60.0
HIGHEST_HZ = 600.0

_WINDOW_S = 0.045
_VOICED = 0.6
"""Least normalised autocorrelation of a voiced frame."""
_OCTAVE_COST = 0.05
"""What an octave downwards costs: a period's multiples look as much alike as the period."""
_QUIET = 0.02
"""Frames below this part of the loudest are silence."""


def estimate_pitch(samples: npt.NDArray[np.float32], sample_rate: int, frames: int) -> npt.NDArray[np.float64]:
    """Fundamental frequency at evenly spaced moments.

    Args:
        samples: (S,).
        sample_rate: Hz.
        frames: how many moments, T.

    Returns:
        (T,) Hz; NaN where unvoiced or silent.

    Source: Boersma 1993, the autocorrelation of a windowed frame divided by the window's own, and the octave
    cost; here with one candidate a frame and parabolic interpolation.
    """
    width = int(_WINDOW_S * sample_rate)
    shifts = np.linspace(0, max(0, len(samples) - width), frames).astype(int)
    padded = np.pad(samples, (0, max(0, width - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)[shifts].astype(np.float64)  # (T, width)
    windows = windows - windows.mean(axis=1, keepdims=True)
    shape = np.hanning(width)
    likeness = _autocorrelation(windows * shape) / np.maximum(_autocorrelation(shape[None]), 1e-9)  # (T, lag)
    first, last = int(sample_rate / HIGHEST_HZ), int(sample_rate / LOWEST_HZ)
    dearer = _OCTAVE_COST * np.log2(np.arange(first, last + 1) / first)
    lags = first + (likeness[:, first : last + 1] - dearer).argmax(axis=1)
    rows = np.arange(frames)
    before, peak, after = (likeness[rows, lags + step] for step in (-1, 0, 1))
    curve = before - 2 * peak + after
    offset = np.where(curve < 0, 0.5 * (before - after) / np.where(curve < 0, curve, 1.0), 0.0)
    loud = np.sqrt((windows**2).mean(axis=1))
    is_edge = (lags == first) | (lags == last)
    voiced = (peak > _VOICED) & (loud > _QUIET * max(float(loud.max()), 1e-9)) & ~is_edge
    return np.where(voiced, sample_rate / (lags + np.clip(offset, -0.5, 0.5)), np.nan)


def _autocorrelation(windows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(T, width) to (T, width), 1 at lag 0."""
    size = 2 ** int(np.ceil(np.log2(2 * windows.shape[1])))
    power = np.abs(np.fft.rfft(windows, size, axis=1)) ** 2
    found = np.fft.irfft(power, axis=1)[:, : windows.shape[1]]
    normalised: npt.NDArray[np.float64] = found / np.maximum(found[:, :1], 1e-12)
    return normalised
