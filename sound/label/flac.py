"""FLAC: a comment in its VORBIS_COMMENT block. Source: RFC 9639, section 8."""

from __future__ import annotations

from typing import BinaryIO

from sound.label import vorbis
from sound.label.bytes import LabelError, copy_bytes, exactly

_COMMENTS = 4
_PADDING = 1
_MAX_BLOCK = (1 << 24) - 1


def copy(source: BinaryIO, target: BinaryIO, text: str) -> None:
    """Copy with the label in the comments, which are made where there are none; padding goes."""
    blocks = [(kind, data) for kind, data in _blocks(source) if kind != _PADDING]
    if all(kind != _COMMENTS for kind, _ in blocks):
        blocks.insert(1, (_COMMENTS, vorbis.empty()))
    target.write(b"fLaC")
    for number, (kind, old) in enumerate(blocks, 1):
        data = vorbis.with_label(old, text) if kind == _COMMENTS else old
        if len(data) > _MAX_BLOCK:
            raise LabelError("FLAC 的注释太长，写不下标识。")
        last = 0x80 if number == len(blocks) else 0
        target.write(bytes((kind | last,)) + len(data).to_bytes(3, "big") + data)
    copy_bytes(source, target)


def read(source: BinaryIO) -> str | None:
    """The text of the comment, or None."""
    for kind, data in _blocks(source):
        if kind == _COMMENTS:
            return vorbis.label_in(data)
    return None


def _blocks(source: BinaryIO) -> list[tuple[int, bytes]]:
    """All metadata; the position is at the first frame afterwards."""
    exactly(source, 4)
    found: list[tuple[int, bytes]] = []
    while True:
        head = exactly(source, 4)
        found.append((head[0] & 0x7F, exactly(source, int.from_bytes(head[1:], "big"))))
        if head[0] & 0x80:
            break
    if found[0][0] != 0:
        raise LabelError("FLAC 已损坏：第一段不是 STREAMINFO。")
    return found
