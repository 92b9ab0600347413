"""Samples to MP3 or WAV bytes, and WAV bytes back to samples.

Source: libsndfile 1.2.2 and libsoxr through their Python wheels; no process is started, nothing is written to disk.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]

Samples = npt.NDArray[np.float32]

MEDIA_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}
"""What ``encode`` writes, by format, with the Content-Type that phones expect."""

SAMPLE_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
"""Hz that every format here can carry (the rates of MPEG audio)."""

MAX_WAV_S = 3600
"""Longest WAV that ``decode_wav`` unpacks, in seconds."""

_PLAIN = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT")
"""Sample formats read from a WAV; none is compressed, so the samples take at most four times the file's own size."""

_BLOCK = 4096
"""Frames written at a time: libsndfile's encoders keep a whole call on the stack and crash on minutes of sound."""
_WRITING: dict[str, dict[str, Any]] = {
    # a constant bit rate (64 kbit/s up to 24 kHz, 128 above) so that every player knows length and position at once
    "mp3": {"subtype": "MPEG_LAYER_III", "compression_level": 0.65, "bitrate_mode": "CONSTANT"},
    "wav": {"subtype": "PCM_16"},
}


class SoundError(ValueError):
    """These samples or bytes are no sound that can be handled; ``str()`` is Chinese."""


def encode(samples: npt.ArrayLike, sample_rate: int, format: str, target_rate: int | None = None) -> bytes:
    """A complete file in memory; equal input gives equal bytes.

    Args:
        samples: (S,) floats; what lies beyond [-1, 1] is clipped, never wrapped.
        sample_rate: Hz of ``samples``.
        format: a key of ``MEDIA_TYPES``.
        target_rate: Hz of the file; None keeps ``sample_rate``.

    Raises:
        SoundError: unknown format or rate, not one-dimensional, no samples, NaN or infinity.
    """
    if format not in MEDIA_TYPES:
        raise SoundError(f"不支持的音频格式：可用 {'、'.join(MEDIA_TYPES)}。")
    rate = sample_rate if target_rate is None else target_rate
    if rate not in SAMPLE_RATES or sample_rate not in SAMPLE_RATES:
        raise SoundError(f"不支持的采样率：可用 {'、'.join(map(str, SAMPLE_RATES))} Hz。")
    sound = _checked(samples)
    if rate != sample_rate:
        sound = soxr.resample(sound, sample_rate, rate)
    return _write(sound, rate, format)


def decode_wav(data: bytes) -> tuple[Samples, int]:
    """The samples of a WAV and its rate.

    Returns:
        (S,) float32 in [-1, 1], two channels averaged into one, and Hz.

    Raises:
        SoundError: not a WAV, damaged, compressed, empty, longer than ``MAX_WAV_S``, more than two channels,
            a rate outside 8,000…192,000 Hz, NaN or infinity.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":  # before libsndfile guesses among its 26 formats
        raise SoundError("不是 WAV 音频。")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            _check_header(file)
            frames = file.read(dtype="float32", always_2d=True)  # (S, C)
            rate: int = file.samplerate
    except soundfile.LibsndfileError as error:
        raise SoundError("WAV 音频已损坏。") from error
    return _checked(frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1)), rate


def _check_header(file: Any) -> None:
    if not 8000 <= file.samplerate <= 192_000 or file.channels > 2:
        raise SoundError("WAV 的采样率应在 8000 到 192000 Hz 之间，声道不超过两个。")
    if file.subtype not in _PLAIN:
        raise SoundError("WAV 应为未压缩的 PCM 或 32 位浮点格式。")
    if file.frames > MAX_WAV_S * file.samplerate:
        raise SoundError(f"WAV 超过 {MAX_WAV_S} 秒。")


def _checked(samples: npt.ArrayLike) -> Samples:
    sound = np.asarray(samples, dtype=np.float32)
    if sound.ndim != 1 or sound.size == 0:
        raise SoundError("音频应为一维且不为空的采样。")
    if not np.isfinite(sound).all():
        raise SoundError("音频含有非有限值（NaN 或无穷大）。")
    return sound


def _write(sound: Samples, rate: int, format: str) -> bytes:
    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", samplerate=rate, channels=1, format=format.upper(), **_WRITING[format]
    ) as file:
        for begin in range(0, len(sound), _BLOCK):
            file.write(np.clip(sound[begin : begin + _BLOCK], -1.0, 1.0))
    return buffer.getvalue()
