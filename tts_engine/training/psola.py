"""Move pitch and time of a recording without touching its formants; colour it with tilt and breath.

Pulses are lifted out with a window of two periods and laid down again at new distances, so the alignment of the
original maps onto the result exactly and the new F0 is known by construction.

Source: TD-PSOLA (Moulines and Charpentier 1990).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly  # type: ignore[import-untyped]

from tts_engine.audio import FloatArray

_OVERSAMPLING = 2
"""Pulses are placed at fractions of a sample, interpolated linearly: at twice the rate the loss stays inaudible."""
_UNVOICED_S = 0.005
_LONGEST_GRAIN = 1.4  # periods on either side


@dataclass(frozen=True)
class Edit:
    """What is to change."""

    semitones: FloatArray
    """(T,) on log F0, per frame of the original."""
    ends: npt.NDArray[np.int64]
    """(L,) sample at which each phoneme of the original ends; the last is S."""
    stretches: FloatArray
    """(L,) factor on each phoneme's duration."""


@dataclass(frozen=True)
class Edited:
    """A changed recording."""

    samples: FloatArray
    ends: npt.NDArray[np.int64]
    """(L,) sample at which each phoneme ends; the last is the length."""
    f0: FloatArray
    """(T,) Hz at frame centres, 0 where unvoiced: known, not measured."""


def move(samples: FloatArray, f0: FloatArray, hop: int, edit: Edit) -> Edited:
    """Apply an edit.

    Args:
        samples: (S,).
        f0: (T,) Hz at frame centres, 0 where unvoiced.
        hop: samples of one frame.
        edit: what changes.
    """
    rate = 22050 * _OVERSAMPLING
    fine = resample_poly(samples, _OVERSAMPLING, 1)
    marks, voiced = pitch_marks(fine, f0, hop * _OVERSAMPLING, rate)
    starts = np.concatenate([[0], edit.ends[:-1]]).astype(np.float64)
    lengths = (edit.ends - starts) * edit.stretches
    new_ends = np.round(np.cumsum(lengths)).astype(np.int64)
    old_borders = np.concatenate([[0], edit.ends]) * float(_OVERSAMPLING)
    new_borders = np.concatenate([[0], new_ends]) * float(_OVERSAMPLING)
    out = _lay(fine, _Marks(marks, voiced), _Map(old_borders, new_borders), (edit.semitones, hop * _OVERSAMPLING))
    moved = resample_poly(out, 1, _OVERSAMPLING).astype(np.float32)
    frames = (np.arange(new_ends[-1] // hop) + 0.5) * hop
    then = np.interp(frames, new_borders / _OVERSAMPLING, old_borders / _OVERSAMPLING) / hop
    return Edited(moved[: new_ends[-1]], new_ends, _moved_f0(f0, edit.semitones, then))


def _moved_f0(f0: FloatArray, semitones: FloatArray, then: npt.NDArray[np.float64]) -> FloatArray:
    """F0 of the result, whose frame centres lay at ``then`` (T',) frames of the original."""
    heard = np.flatnonzero(f0 > 0)
    if heard.size == 0:
        return np.zeros(then.shape[0], dtype=np.float32)
    log_f0 = np.log2(f0[heard].astype(np.float64)) + semitones[heard] / 12
    nearest = np.clip(then.astype(np.int64), 0, f0.shape[0] - 1)
    track = 2 ** np.interp(then, heard + 0.5, log_f0)
    return np.where(f0[nearest] > 0, track, 0).astype(np.float32)


@dataclass(frozen=True)
class _Marks:
    at: npt.NDArray[np.float64]
    voiced: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Map:
    """Piecewise linear time map between borders."""

    old: npt.NDArray[np.float64]
    new: npt.NDArray[np.float64]


def pitch_marks(
    samples: FloatArray, f0: FloatArray, hop: int, rate: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """One mark at each glottal pulse, and every 5 ms where unvoiced; and which of them are pulses."""
    signal = samples if np.max(samples, initial=0) >= -np.min(samples, initial=0) else -samples
    found: list[float] = []
    pulses: list[bool] = []
    voiced = np.concatenate([[False], f0 > 0, [False]])
    changes = np.flatnonzero(voiced[1:] != voiced[:-1])
    step = _UNVOICED_S * rate
    here = 0.0
    for begin, end in [*zip(changes[::2], changes[1::2], strict=True), (len(f0) + 1, len(f0) + 1)]:
        limit = min(begin * hop, len(samples))
        while here < limit:
            found.append(here)
            pulses.append(False)
            here += step
        if begin >= len(f0):
            break
        run = _run_marks(signal, f0[begin:end], (begin * hop, min(end * hop, len(samples))), (hop, rate))
        found.extend(run)
        pulses.extend([True] * len(run))
        here = (run[-1] if run else begin * hop) + step
    return np.array(found), np.array(pulses, dtype=bool)


def _run_marks(signal: FloatArray, f0: FloatArray, span: tuple[int, int], grid: tuple[int, int]) -> list[float]:
    """Pulses in one voiced stretch: from peak to peak, each near a period after the one before."""
    hop, rate = grid
    begin, end = span
    period = rate / float(f0[0])
    place = begin + int(np.argmax(signal[begin : begin + max(1, int(period))]))
    marks = []
    while place < end:
        marks.append(_between(signal, place))
        period = rate / float(f0[min((place - begin) // hop, len(f0) - 1)])
        first, last = int(place + 0.75 * period), int(place + 1.25 * period) + 1
        if last >= len(signal):
            break
        window = signal[first:last] - signal[first:last].min()
        near = 1 - 0.5 * (np.abs(np.arange(first, last) - place - period) / (0.25 * period + 1)) ** 2
        place = first + int(np.argmax(window * near))
    return marks


def _between(signal: FloatArray, place: int) -> float:
    """Top of the parabola through a peak and its neighbours."""
    if not 0 < place < len(signal) - 1:
        return float(place)
    left, top, right = (float(value) for value in signal[place - 1 : place + 2])
    bend = left - 2 * top + right
    return place + (0.5 * (left - right) / bend if bend < -1e-9 else 0.0)


def _lay(samples: FloatArray, marks: _Marks, times: _Map, pitch: tuple[FloatArray, int]) -> FloatArray:
    """Overlap and add: the nearest pulse of the original at each new place."""
    semitones, hop = pitch
    total = round(float(times.new[-1]))
    margin = 4096
    out = np.zeros(total + 2 * margin, dtype=np.float32)
    weight = np.zeros_like(out)
    padded = np.pad(samples, margin)
    gaps = np.diff(marks.at, append=marks.at[-1] + 220)
    gaps[1:] = np.where(marks.voiced[1:] & marks.voiced[:-1], np.minimum(gaps[1:], 1.5 * gaps[:-1]), gaps[1:])
    at = marks.at.tolist()
    here = float(np.interp(at[0], times.old, times.new))
    while here < total:
        then = float(np.interp(here, times.new, times.old))
        index = bisect_left(at, then)
        if index == len(at) or (index and then - at[index - 1] < at[index] - then):
            index -= 1
        period = float(gaps[index])
        step = period
        if marks.voiced[index]:
            step = period / 2 ** (float(semitones[min(int(then) // hop, len(semitones) - 1)]) / 12)
        half = int(max(period, min(step, _LONGEST_GRAIN * period))) + 1
        source, target = int(at[index]), int(here)
        delay = (here - target) - (at[index] - source)
        window = _window(half)
        low = math.floor(delay)
        part = np.float32(delay - low)
        first = source + margin - half - low
        grain = (1 - part) * padded[first : first + 2 * half + 1] + part * padded[first - 1 : first + 2 * half]
        place = slice(target + margin - half, target + margin + half + 1)
        out[place] += grain * window
        weight[place] += window
        here += max(step, 8.0)
    out /= np.maximum(weight, np.float32(0.5))
    return out[margin : margin + total]


@lru_cache(maxsize=4096)
def _window(half: int) -> FloatArray:
    window: FloatArray = np.hanning(2 * half + 3)[1:-1].astype(np.float32)
    return window


def colour(samples: FloatArray, tilt_db: float, breath: float, rng: np.random.Generator) -> FloatArray:
    """Tilt the spectrum around 1 kHz by ``tilt_db`` an octave, and mix in breath (0–1) that follows the loudness."""
    out: FloatArray = samples
    if breath:
        size = 441  # 20 ms
        envelope = np.sqrt(np.convolve(samples**2, np.ones(size) / size, mode="same"))
        noise = np.diff(rng.standard_normal(samples.shape[0] + 1))  # rises by 6 dB an octave
        out = (samples + 0.22 * breath * envelope * noise).astype(np.float32)
    if tilt_db:
        spectrum = np.fft.rfft(out)
        hz = np.fft.rfftfreq(out.shape[0], 1 / 22050)
        spectrum *= 10 ** (tilt_db / 20 * np.log2(np.clip(hz, 150, 8000) / 1000))
        out = np.fft.irfft(spectrum, out.shape[0]).astype(np.float32)
    return out
