"""Samples in, one piece after the other, and the bytes of a file out, in constant memory.

Source: libsndfile 1.2.2, libsoxr and LAME through their Python wheels, FFmpeg 8 through PyAV's for AAC and Opus; no
process is started.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

import numpy as np
import numpy.typing as npt
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]

from sound.formats import SoundError, file_rate
from sound.mp3 import Mp3

Samples = npt.NDArray[np.float32]

_BLOCK = 4096
"""Frames written at a time: libsndfile's encoders keep a whole call on the stack and crash on minutes of sound."""
_WRITING: dict[str, dict[str, Any]] = {
    "wav": {"format": "WAV", "subtype": "PCM_16"},
    "flac": {"format": "FLAC", "subtype": "PCM_16"},
}
_OPUS = ("ogg", "libopus", "flt", {"page_duration": "200000"}, {"compression_level": "5"})
"""Pages of 0.2 s, so that a stream can be heard early. FFmpeg's binding instead of libsndfile's, which has no such
setting and takes three times as long."""
_FFMPEG: dict[str, tuple[str, str, str, dict[str, str], dict[str, str]]] = {
    "m4a": ("ipod", "aac", "fltp", {"movflags": "use_metadata_tags"}, {}),
    "aac": ("adts", "aac", "fltp", {}, {}),
    "ogg": _OPUS,
    "opus": _OPUS,
}
"""Container, codec, sample format, options of the container and of the codec."""
_BITS = {"aac": 64_000, "libopus": 32_000}
"""Bits a second; a quarter less at 16 kHz and below."""


class _Writer(Protocol):
    def write(self, block: Samples) -> None: ...

    def close(self) -> None: ...


class Encoder:
    """One file being written. Belongs to one thread.

    Equal samples in equal pieces give equal bytes. Leaving the ``with`` block ends the file; an exception in the block
    leaves it with what was written so far.
    """

    def __init__(self, sink: BinaryIO, format: str, sample_rate: int, target_rate: int | None = None) -> None:
        """Begin a file.

        Args:
            sink: where bytes go; must be seekable for M4A and MP3. Stays open.
            format: a key of ``MEDIA_TYPES``.
            sample_rate: Hz of the samples that will come.
            target_rate: Hz of the file; None keeps ``sample_rate`` as far as the format can.

        Raises:
            SoundError: unknown format or rate.
        """
        rate = file_rate(format, sample_rate, target_rate)
        self._resampler = None if rate == sample_rate else soxr.ResampleStream(sample_rate, rate, 1)
        self._writer = _writer(sink, format, rate)

    def write(self, samples: npt.ArrayLike) -> int:
        """Add samples, (S,) floats; what lies beyond [-1, 1] is clipped, never wrapped. Returns how many they are.

        Raises:
            SoundError: not one-dimensional, NaN or infinity.
        """
        sound = checked(samples)
        self._put(sound, last=False)
        return len(sound)

    def end_with(self, tail: npt.ArrayLike) -> None:
        """Add what many sounds end with, (S,) floats: an MP3 keeps its frames (``Mp3.end_with``). ``close`` follows.

        Raises:
            SoundError: as ``write``.
        """
        if isinstance(self._writer, Mp3) and self._resampler is None:
            self._writer.end_with(np.clip(checked(tail), -1.0, 1.0))
        else:
            self.write(tail)

    def close(self) -> None:
        """End the file."""
        if self._resampler is not None:
            self._put(np.zeros(0, np.float32), last=True)
        self._writer.close()

    def _put(self, sound: Samples, last: bool) -> None:
        if self._resampler is not None:
            sound = self._resampler.resample_chunk(sound, last)
        for begin in range(0, len(sound), _BLOCK):
            self._writer.write(np.clip(sound[begin : begin + _BLOCK], -1.0, 1.0))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._writer.close()  # while its sink is still open


def checked(samples: npt.ArrayLike) -> Samples:
    """``samples`` as float32.

    Raises:
        SoundError: not one-dimensional, NaN or infinity.
    """
    sound = np.asarray(samples, dtype=np.float32)
    if sound.ndim != 1:
        raise SoundError("音频应为一维的采样。")
    if not np.isfinite(sound).all():
        raise SoundError("音频含有非有限值（NaN 或无穷大）。")
    return sound


def to_pcm(samples: Samples) -> bytes:
    """16-bit little-endian; what lies beyond [-1, 1] is clipped."""
    return (np.clip(samples, -1.0, 1.0) * 32767.0).round().astype("<i2").tobytes()


def _writer(sink: BinaryIO, format: str, rate: int) -> _Writer:
    if format == "pcm":
        return _Plain(sink)
    if format == "mp3":
        return Mp3(sink, rate)
    if format in _FFMPEG:
        return _FFmpeg(sink, format, rate)
    writer: _Writer = soundfile.SoundFile(sink, "w", samplerate=rate, channels=1, **_WRITING[format])
    return writer


class _Plain:
    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink

    def write(self, block: Samples) -> None:
        self._sink.write(to_pcm(block))

    def close(self) -> None:
        return


class _FFmpeg:
    """AAC-LC and Opus; each container says how many samples at both ends are not part of the sound, but for ADTS."""

    def __init__(self, sink: BinaryIO, format: str, rate: int) -> None:
        import av  # here: 26 MB that only these formats need

        container, codec, self._kind, options, codec_options = _FFMPEG[format]
        options = {**options, "fflags": "+bitexact"}  # no dates and no random numbers: equal sounds, equal files
        self._container: Any = av.open(sink, "w", format=container, options=options)
        stream: Any = self._container.add_stream(codec, rate=rate, layout="mono", options=codec_options)
        stream.bit_rate = _BITS[codec] if rate > 16_000 else _BITS[codec] * 3 // 4
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        self._stream = stream
        self._position = 0

    def write(self, block: Samples) -> None:
        import av

        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block[None, :]), format=self._kind, layout="mono")
        frame.sample_rate = self._stream.rate
        frame.pts = self._position
        self._position += len(block)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()
