"""MP3, and AAC without a container: an ID3v2 frame ``TXXX`` described as ``AIGC``, before the sound.

Source: ID3v2.3.0 and ID3v2.4.0 (id3.org). Written by hand because the usual library, mutagen, is GPL.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from sound.label.bytes import LabelError, as_text, copy_bytes, exactly

_HEAD = 10
_DESCRIPTION = "AIGC"


def copy(source: BinaryIO, target: BinaryIO, text: str) -> None:
    """Copy with ``text`` as the only such frame; other frames stay."""
    version, frames = _tag(source)
    kept = b"".join(raw for identity, raw, body in frames if not _is_label(identity, body))
    target.write(_whole(version, kept + _frame(version, text)))
    copy_bytes(source, target)


def read(source: BinaryIO) -> str | None:
    """The text of the frame, or None."""
    for identity, _, body in _tag(source)[1]:
        if _is_label(identity, body):
            return _words(body)[1]
    return None


def tag(text: str) -> bytes:
    """A tag with nothing but this label: what a stream begins with."""
    return _whole(3, _frame(3, text))


def _whole(version: int, frames: bytes) -> bytes:
    return b"ID3" + bytes((version, 0, 0)) + _synchsafe(len(frames)) + frames


def _frame(version: int, text: str) -> bytes:
    body = b"\0" + _DESCRIPTION.encode() + b"\0" + text.encode("ascii")  # 0: ISO-8859-1
    size = _synchsafe(len(body)) if version == 4 else struct.pack(">I", len(body))
    return b"TXXX" + size + b"\0\0" + body


def _tag(source: BinaryIO) -> tuple[int, list[tuple[bytes, bytes, bytes]]]:
    """Version and frames (name, all bytes, body) of the tag at the front; the position is behind it afterwards."""
    head = source.read(_HEAD)
    if head[:3] != b"ID3":
        source.seek(0)
        return 3, []
    if len(head) < _HEAD or head[3] not in (3, 4) or head[5]:
        raise LabelError("不支持这种 ID3 标签：只认没有扩展头的 ID3v2.3 与 2.4。")
    body = exactly(source, _plain(head[6:10]))
    return head[3], list(_frames(head[3], body))


def _frames(version: int, data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    position = 0
    while position + _HEAD <= len(data) and data[position] != 0:  # zeros are padding
        sizes = data[position + 4 : position + 8]
        size = _plain(sizes) if version == 4 else struct.unpack(">I", sizes)[0]
        end = position + _HEAD + size
        if end > len(data):
            raise LabelError("ID3 标签已损坏。")
        yield data[position : position + 4], data[position:end], data[position + _HEAD : end]
        position = end


def _is_label(identity: bytes, body: bytes) -> bool:
    return identity == b"TXXX" and len(body) > 1 and _words(body)[0] == _DESCRIPTION


def _words(body: bytes) -> tuple[str, str]:
    """Description and value of a ``TXXX`` body, whose first byte names the encoding."""
    encodings = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
    if body[0] not in encodings:
        return "", ""
    width = 2 if body[0] in (1, 2) else 1
    zero = bytes(width)
    split = next((i for i in range(1, len(body), width) if body[i : i + width] == zero), len(body))
    encoding = encodings[body[0]]
    description = body[1:split].decode(encoding, "replace")
    if body[0] == 3:
        return description, as_text(body[split + width :])
    return description, body[split + width :].decode(encoding, "replace").rstrip("\0")


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _plain(data: bytes) -> int:
    return (data[0] & 0x7F) << 21 | (data[1] & 0x7F) << 14 | (data[2] & 0x7F) << 7 | data[3] & 0x7F
