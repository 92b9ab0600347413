"""Samples to the bytes of a whole file, and files of our own back to samples."""

from __future__ import annotations

import io
from typing import Any

import numpy.typing as npt
import soundfile  # type: ignore[import-untyped]

from sound.encoder import Encoder, Samples, checked
from sound.formats import SoundError

MAX_WAV_S = 3600
"""Longest sound that ``decode_wav`` and ``decode_flac`` unpack, in seconds."""

_PLAIN = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT")
"""Sample formats read from a WAV; none is compressed, so the samples take at most four times the file's own size."""


def encode(
    samples: npt.ArrayLike, sample_rate: int, format: str, target_rate: int | None = None, tail: int = 0
) -> bytes:
    """A complete file in memory; equal input gives equal bytes.

    Args:
        samples: (S,) floats; what lies beyond [-1, 1] is clipped, never wrapped.
        sample_rate: Hz of ``samples``.
        format: a key of ``MEDIA_TYPES``.
        target_rate: Hz of the file; None keeps ``sample_rate`` as far as the format can.
        tail: how many of the last samples many sounds end with: an MP3 is made faster by it (``Encoder.end_with``).

    Raises:
        SoundError: unknown format or rate, not one-dimensional, no samples, NaN or infinity.
    """
    buffer = io.BytesIO()
    encoder = Encoder(buffer, format, sample_rate, target_rate)
    sound = _present(checked(samples))
    encoder.write(sound[: len(sound) - tail])
    encoder.end_with(sound[len(sound) - tail :])
    encoder.close()
    return buffer.getvalue()


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
    return _decode(data, _PLAIN)


def decode_flac(data: bytes) -> tuple[Samples, int]:
    """The samples of a FLAC that ``encode`` wrote, and its rate; as ``decode_wav``."""
    if data[:4] != b"fLaC":
        raise SoundError("不是 FLAC 音频。")
    return _decode(data, ("PCM_16",))


def _decode(data: bytes, subtypes: tuple[str, ...]) -> tuple[Samples, int]:
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            _check_header(file, subtypes)
            frames = file.read(dtype="float32", always_2d=True)  # (S, C)
            rate: int = file.samplerate
    except soundfile.LibsndfileError as error:
        raise SoundError("音频已损坏。") from error
    return _present(checked(frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1))), rate


def _check_header(file: Any, subtypes: tuple[str, ...]) -> None:
    if not 8000 <= file.samplerate <= 192_000 or file.channels > 2:
        raise SoundError("音频的采样率应在 8000 到 192000 Hz 之间，声道不超过两个。")
    if file.subtype not in subtypes:
        raise SoundError("音频应为未压缩的 PCM 或 32 位浮点格式。")
    if file.frames > MAX_WAV_S * file.samplerate:
        raise SoundError(f"音频超过 {MAX_WAV_S} 秒。")


def _present(sound: Samples) -> Samples:
    if sound.size == 0:
        raise SoundError("音频没有采样。")
    return sound
