"""Mel spectrograms: the one definition that features, training and pictures share. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class AudioConfig:
    """The signal dimensions that both networks were trained with; they travel in the checkpoint."""

    sample_rate: int = 22050
    """Hz."""
    n_fft: int = 1024
    """Samples of one analysis window (Hann)."""
    hop_length: int = 256
    """Samples from one mel frame to the next: 11.6 ms."""
    n_mels: int = 80
    f_min: float = 0.0
    """Hz."""
    f_max: float = 11025.0
    """Hz: the whole band, since the hiss of s, x and sh lies above 8 kHz."""
    floor: float = 1e-5
    """Smallest magnitude before the logarithm."""


def log_mel(samples: FloatArray, config: AudioConfig) -> FloatArray:
    """Natural-log mel spectrogram, as both networks were trained on.

    Args:
        samples: (S,) float32 in [-1, 1] at ``config.sample_rate``.
        config: signal dimensions.

    Returns:
        (M, T) float32 with ``T = S // config.hop_length``.

    Raises:
        ValueError: ``samples`` is not one-dimensional.

    Source: the framing (reflection by half of window minus hop) of HiFi-GAN, jik876/hifi-gan@4769534
    ``meldataset.py`` (MIT).
    """
    if samples.ndim != 1:
        raise ValueError(f"expected (S,), got {samples.shape}")
    frames = samples.shape[0] // config.hop_length
    if frames == 0:
        return np.zeros((config.n_mels, 0), dtype=np.float32)
    pad = (config.n_fft - config.hop_length) // 2
    padded = np.pad(samples, pad, mode="reflect" if samples.shape[0] > pad else "constant")
    windows = np.lib.stride_tricks.sliding_window_view(padded, config.n_fft)[:: config.hop_length][:frames]
    window = np.hanning(config.n_fft + 1)[:-1].astype(np.float32)
    magnitude = np.abs(np.fft.rfft(windows * window, axis=1)).astype(np.float32)  # (T, n_fft/2+1)
    mel = mel_filters(config) @ magnitude.T  # (M, T)
    clipped: FloatArray = np.log(np.maximum(mel, config.floor)).astype(np.float32)
    return clipped


@lru_cache(maxsize=4)
def mel_filters(config: AudioConfig) -> FloatArray:
    """Triangular mel filters of unit area, (M, n_fft/2+1).

    Source: the Slaney scale (Auditory Toolbox, 1998), as in librosa's ``filters.mel``; tested against it.
    """
    bins = np.linspace(0, config.sample_rate / 2, config.n_fft // 2 + 1)
    edges = _mel_to_hz(np.linspace(_hz_to_mel(config.f_min), _hz_to_mel(config.f_max), config.n_mels + 2))
    rising = (bins[None, :] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins[None, :]) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    triangles *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return triangles.astype(np.float32)


def mel_centres_hz(config: AudioConfig) -> npt.NDArray[np.float64]:
    """Centre frequency of each mel band, (M,) in Hz."""
    return _mel_to_hz(np.linspace(_hz_to_mel(config.f_min), _hz_to_mel(config.f_max), config.n_mels + 2))[1:-1]


_LINEAR_HZ = 200.0 / 3  # Hz per mel below 1 kHz
_BREAK_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27.0  # ln(frequency) per mel above 1 kHz


def _hz_to_mel(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _LINEAR_HZ
    return float(_BREAK_HZ / _LINEAR_HZ + np.log(hz / _BREAK_HZ) / _LOG_STEP)


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    knee = _BREAK_HZ / _LINEAR_HZ
    return np.where(mel < knee, mel * _LINEAR_HZ, _BREAK_HZ * np.exp(_LOG_STEP * (mel - knee)))
