"""The comment block that Ogg and FLAC share: a vendor and a list of ``NAME=value``. Source: Xiph.org, Vorbis I, 5."""

from __future__ import annotations

import struct

from sound.label.bytes import LabelError, as_text

_NAME = b"AIGC="
_MAX_COMMENTS = 10_000


def with_label(data: bytes, text: str) -> bytes:
    """The block with ``text`` as its only ``AIGC`` comment, and without what followed the list."""
    vendor, comments = _parsed(data)
    kept = [comment for comment in comments if not _is_label(comment)]
    kept.append(_NAME + text.encode("ascii"))
    parts = [vendor, *kept]
    packed = [struct.pack("<I", len(part)) + part for part in parts]
    return packed[0] + struct.pack("<I", len(kept)) + b"".join(packed[1:])


def label_in(data: bytes) -> str | None:
    """The text of the comment, or None."""
    for comment in _parsed(data)[1]:
        if _is_label(comment):
            return as_text(comment[len(_NAME) :])
    return None


def empty(vendor: bytes = b"tts") -> bytes:
    """A block without comments."""
    return struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", 0)


def _is_label(comment: bytes) -> bool:
    return comment[: len(_NAME)].upper() == _NAME


def _parsed(data: bytes) -> tuple[bytes, list[bytes]]:
    try:
        vendor, position = _string(data, 0)
        (count,) = struct.unpack_from("<I", data, position)
        if count > _MAX_COMMENTS:
            raise LabelError("音频文件的注释太多。")
        position += 4
        comments = []
        for _ in range(count):
            comment, position = _string(data, position)
            comments.append(comment)
    except struct.error as error:
        raise LabelError("音频文件的注释已损坏。") from error
    return vendor, comments


def _string(data: bytes, position: int) -> tuple[bytes, int]:
    (size,) = struct.unpack_from("<I", data, position)
    end = position + 4 + size
    if end > len(data):
        raise LabelError("音频文件的注释已损坏。")
    return data[position + 4 : end], end
