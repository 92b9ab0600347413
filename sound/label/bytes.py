"""Reading and copying pieces of a file whose sizes may lie."""

from __future__ import annotations

import os
from typing import BinaryIO

from sound.formats import SoundError

_BLOCK = 65_536
MAX_METADATA_BYTES = 64 * 1024 * 1024
"""Most metadata that is held in memory: the index of an M4A of many hours has some MB."""


class LabelError(SoundError):
    """This file cannot be labelled, or its label cannot be read; ``str()`` is Chinese."""


def exactly(source: BinaryIO, size: int) -> bytes:
    """The next ``size`` bytes.

    Raises:
        LabelError: the file ends before, or nobody needs so many.
    """
    data = source.read(size) if 0 <= size <= MAX_METADATA_BYTES else b""
    if len(data) != size:
        raise LabelError("音频文件已损坏：某一段的长度与文件不符。")
    return data


def copy_bytes(source: BinaryIO, target: BinaryIO, size: int | None = None) -> None:
    """The next ``size`` bytes, or all that are left.

    Raises:
        LabelError: the file ends before.
    """
    left = size
    while left is None or left > 0:
        block = source.read(_BLOCK if left is None else min(_BLOCK, left))
        if not block:
            if left is None:
                return
            raise LabelError("音频文件已损坏：它比文件头所说的短。")
        target.write(block)
        left = None if left is None else left - len(block)


def length(source: BinaryIO) -> int:
    """Bytes of the whole file; the position stays."""
    here = source.tell()
    size = source.seek(0, os.SEEK_END)
    source.seek(here)
    return size


def as_text(data: bytes) -> str:
    """UTF-8.

    Raises:
        LabelError: it is not.
    """
    try:
        return data.rstrip(b"\0").decode("utf-8")
    except UnicodeDecodeError as error:
        raise LabelError("文件里的 AIGC 标识不是 UTF-8 文本。") from error
