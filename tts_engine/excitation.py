"""The source signal that the vocoder filters: harmonics of F0, and noise. NumPy only.

A whole utterance's excitation is made at once, in double precision, so that the phase runs through and every backend
filters the same samples.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tts_engine.audio import AudioConfig, FloatArray

_TOP_HZ = 10_500.0


def excitation(f0: FloatArray, config: AudioConfig, rng: np.random.Generator) -> FloatArray:
    """Unit-power harmonics where voiced, and white noise everywhere.

    Args:
        f0: (T,) Hz, 0 where unvoiced.
        config: signal dimensions.
        rng: makes the noise; the same seed gives the same samples.

    Returns:
        (2, S) float32 with ``S = T * config.hop_length``: row 0 harmonics, row 1 Gaussian noise.

    Source: harmonic-plus-noise excitation of NSF (Wang et al. 2019, section II-B); the band-limited pulse train in
    closed form is the Dirichlet kernel (Moorer 1976).
    """
    samples = f0.shape[0] * config.hop_length
    noise = rng.standard_normal(samples, dtype=np.float32)
    f0_samples, voiced = _per_sample(f0, config.hop_length)
    if not voiced.any():
        return np.stack([np.zeros(samples, dtype=np.float32), noise])
    phase = 2 * np.pi * np.cumsum(f0_samples / config.sample_rate)
    harmonics = np.maximum(1.0, np.floor(min(_TOP_HZ, config.sample_rate / 2) / np.maximum(f0_samples, 20.0)))
    pulses = _sum_of_cosines(phase, harmonics) * np.sqrt(2.0 / harmonics) * voiced
    return np.stack([pulses.astype(np.float32), noise])


def _per_sample(f0: FloatArray, hop_length: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """F0 between frame centres, linear inside voiced runs, and which samples are voiced."""
    voiced_frames = np.flatnonzero(f0 > 0)
    positions = np.arange(f0.shape[0] * hop_length)
    if voiced_frames.size == 0:
        return np.full(positions.shape, 100.0), np.zeros(positions.shape, dtype=bool)
    centres = voiced_frames * hop_length + hop_length / 2
    track = np.interp(positions, centres, f0[voiced_frames].astype(np.float64))
    return track, np.repeat(f0 > 0, hop_length)


def _sum_of_cosines(phase: npt.NDArray[np.float64], harmonics: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """``sum(cos(k * phase) for k in 1..harmonics)`` by the Dirichlet kernel."""
    half = phase / 2
    order = 2 * harmonics + 1
    bottom = np.sin(half)
    peak = np.abs(bottom) < 1e-6
    kernel = np.where(peak, order, np.sin(order * half) / np.where(peak, 1.0, bottom))
    return (kernel - 1) / 2
