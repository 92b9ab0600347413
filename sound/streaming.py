"""A file's bytes while its samples are still being made."""

from __future__ import annotations

import io
import struct
from typing import Any, BinaryIO, cast

import numpy.typing as npt

from sound.encoder import Encoder
from sound.formats import STREAMABLE, SoundError, file_rate
from sound.label import Label, labelled
from sound.label.id3 import tag

_UNKNOWN = 0xFFFFFFFF
"""The size of what has no known end."""


class StreamEncoder:
    """Pieces of samples to pieces of a file, the AI-content label in its head. Belongs to one thread."""

    def __init__(self, format: str, sample_rate: int, target_rate: int | None, label: Label) -> None:
        """Begin.

        Args:
            format: one of ``STREAMABLE``.
            sample_rate: Hz of the samples.
            target_rate: Hz of the file; None keeps ``sample_rate`` as far as the format can.
            label: written before the first sample; PCM has no place for it.

        Raises:
            SoundError: unknown format or rate, or a format that needs its end to begin.
        """
        if format not in STREAMABLE:
            raise SoundError(f"{format} 不能边合成边发送：可用 {'、'.join(STREAMABLE)}。")
        rate = file_rate(format, sample_rate, target_rate)
        self._tap = _Tap()
        self._label = label
        self._unlabelled = format if format in ("ogg", "opus", "flac") else ""
        # the header of a WAV says how long it is: ours says that nobody knows yet, and samples follow
        self._head = b""
        if format == "wav":
            self._head = _wav_head(rate, label)
        elif format in ("mp3", "aac"):
            self._head = tag(label.text())
        inner = "pcm" if format == "wav" else format
        self._encoder = Encoder(cast(BinaryIO, self._tap), inner, sample_rate, rate)

    def feed(self, samples: npt.ArrayLike) -> bytes:
        """What can be sent after these samples; empty while an encoder waits for more.

        Raises:
            SoundError: not one-dimensional, NaN or infinity.
        """
        self._encoder.write(samples)
        return self._taken()

    def finish(self) -> bytes:
        """The rest."""
        self._encoder.close()
        return self._taken()

    def _taken(self) -> bytes:
        data = self._tap.take()
        if self._unlabelled and data:  # the first bytes hold all of the encoder's own header
            data, self._unlabelled = labelled(data, self._unlabelled, self._label), ""
        head, self._head = self._head, b""
        return head + data


class _Tap(io.RawIOBase):
    """A file whose bytes are taken away while it grows; what an encoder corrects after that is lost, as in any pipe.

    MP3 and FLAC go back at the end to note the length in a header that has long been sent.
    """

    def __init__(self) -> None:
        super().__init__()
        self._taken = self._position = 0
        self._pending = bytearray()

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._taken + len(self._pending)}[whence]
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        chunk = bytes(data)
        begin = self._position - self._taken
        kept = chunk[-begin:] if begin < 0 else chunk
        begin = max(begin, 0)
        if begin > len(self._pending):
            self._pending.extend(bytes(begin - len(self._pending)))
        self._pending[begin : begin + len(kept)] = kept
        self._position += len(chunk)
        return len(chunk)

    def readinto(self, _buffer: Any) -> int:
        return 0

    def take(self) -> bytes:
        data = bytes(self._pending)
        self._taken += len(data)
        self._pending.clear()
        return data


def _wav_head(rate: int, label: Label) -> bytes:
    """RIFF, ``fmt `` and ``AIGC``, then ``data`` up to wherever the stream ends."""
    text = label.text().encode("ascii")
    fmt = struct.pack("<HHIIHH", 1, 1, rate, rate * 2, 2, 16)
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt
    chunks += b"AIGC" + struct.pack("<I", len(text)) + text + bytes(len(text) % 2)
    return b"RIFF" + struct.pack("<I", _UNKNOWN) + b"WAVE" + chunks + b"data" + struct.pack("<I", _UNKNOWN)
