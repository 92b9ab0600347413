"""WAV: a chunk ``AIGC`` of its own, behind the samples, so that simple players still find those at byte 44."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

from sound.label.bytes import LabelError, as_text, copy_bytes, exactly, length

_HEAD = 12
_MAX_CHUNKS = 1000


def copy(source: BinaryIO, target: BinaryIO, text: str) -> None:
    """Copy with ``text`` as the only ``AIGC`` chunk; sizes that were wrong are right afterwards."""
    exactly(source, _HEAD)
    target.write(b"RIFF\0\0\0\0WAVE")
    for name, begin, size in _chunks(source):
        if name != b"AIGC":
            source.seek(begin)
            target.write(struct.pack("<4sI", name, size))
            copy_bytes(source, target, size)
            target.write(bytes(size % 2))
    payload = text.encode("ascii")
    target.write(struct.pack("<4sI", b"AIGC", len(payload)) + payload + bytes(len(payload) % 2))
    end = target.tell()
    if end - 8 > 0xFFFFFFFF:
        raise LabelError("WAV 超过 4 GB，写不下长度：请改用其他格式。")
    target.seek(4)
    target.write(struct.pack("<I", end - 8))
    target.seek(0, os.SEEK_END)


def read(source: BinaryIO) -> str | None:
    """The text of the chunk, or None."""
    exactly(source, _HEAD)
    for name, begin, size in _chunks(source):
        if name == b"AIGC":
            source.seek(begin)
            return as_text(exactly(source, size))
    return None


def _chunks(source: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Name, first byte and size of every chunk; one that claims more than there is has what there is."""
    end, position = length(source), _HEAD
    for _ in range(_MAX_CHUNKS):
        if position + 8 > end:
            return
        source.seek(position)
        name, size = struct.unpack("<4sI", exactly(source, 8))
        size = min(size, end - position - 8)
        yield name, position + 8, size
        position += 8 + size + size % 2
    raise LabelError("WAV 里的段太多。")
