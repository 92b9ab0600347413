"""How far formants are shifted from one voice to another: the inverse ratio of vocal-tract lengths.

Compares long-term spectra of voiced speech on a logarithmic frequency axis, where another tract length is a shift.

Source: frequency warping between speakers as vocal-tract length (Lee and Rose 1998, section II).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tts_engine.audio import AudioConfig, FloatArray, mel_centres_hz

_LOW_HZ, _HIGH_HZ = 500.0, 7500.0
_POINTS_PER_OCTAVE = 96
_MOST_OCTAVES = 0.45
_ROUNDS = 3

Spectrum = npt.NDArray[np.float64]


def average_spectrum(voiced_mel: FloatArray) -> Spectrum:
    """Mean log mel (M, T) of voiced frames on a logarithmic axis, straight line removed, smoothed over a tenth."""
    octaves = np.log2(mel_centres_hz(AudioConfig()))
    grid = np.arange(np.log2(_LOW_HZ), np.log2(_HIGH_HZ), 1 / _POINTS_PER_OCTAVE)
    values = np.interp(grid, octaves, voiced_mel.mean(1).astype(np.float64))
    kernel = np.hanning(17)
    padded = np.pad(values, 8, mode="edge")
    smooth = np.convolve(padded, kernel / kernel.sum(), mode="valid")
    flat: Spectrum = smooth - np.polyval(np.polyfit(grid, smooth, 1), grid)
    return flat


def shift_between(spectrum: Spectrum, reference: Spectrum) -> float:
    """log2 of the factor from the reference's formants to the spectrum's; positive is a shorter tract."""
    most = round(_MOST_OCTAVES * _POINTS_PER_OCTAVE)
    lags = np.arange(-most, most + 1)
    scores = np.array([_likeness(spectrum, reference, int(lag)) for lag in lags])
    best = int(np.argmax(scores))
    if 0 < best < len(lags) - 1:
        left, top, right = scores[best - 1 : best + 2]
        bend = left - 2 * top + right
        return float((lags[best] + (0.5 * (left - right) / bend if bend < 0 else 0.0)) / _POINTS_PER_OCTAVE)
    return float(lags[best] / _POINTS_PER_OCTAVE)


def _likeness(spectrum: Spectrum, reference: Spectrum, lag: int) -> float:
    """Correlation with the reference moved up by ``lag`` points, over what overlaps."""
    moved, own = (reference[: len(reference) - lag], spectrum[lag:]) if lag >= 0 else (reference[-lag:], spectrum[:lag])
    return float(np.corrcoef(own, moved)[0, 1])


def formant_shifts(spectra: Sequence[Spectrum]) -> npt.NDArray[np.float64]:
    """log2 formant factors of many voices against their own average, (N,)."""
    shifts = np.zeros(len(spectra))
    grid = np.arange(len(spectra[0])) / _POINTS_PER_OCTAVE
    for _ in range(_ROUNDS):
        aligned = [np.interp(grid + shift, grid, spectrum) for spectrum, shift in zip(spectra, shifts, strict=True)]
        mean = np.mean(aligned, axis=0)
        shifts = np.array([shift_between(spectrum, mean) for spectrum in spectra])
        shifts -= shifts.mean()
    return shifts
