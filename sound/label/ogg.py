"""Opus in Ogg: a comment in the ``OpusTags`` packet. Source: RFC 3533 (pages), RFC 7845 section 5.2 (tags)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from sound.label import vorbis
from sound.label.bytes import LabelError, copy_bytes, exactly

_HEAD = struct.Struct("<4sBBqIIIB")
_TAGS = b"OpusTags"
_MAX_SEGMENTS = 255
_MAX_PAGES = 1000
"""Of comments."""


@dataclass(frozen=True)
class _Page:
    flags: int
    position: int
    serial: int
    number: int
    segments: bytes
    body: bytes

    def packed(self) -> bytes:
        head = _HEAD.pack(b"OggS", 0, self.flags, self.position, self.serial, self.number, 0, len(self.segments))
        whole = head + self.segments + self.body
        return whole[:22] + struct.pack("<I", _checksum(whole)) + whole[26:]


def copy(source: BinaryIO, target: BinaryIO, text: str) -> None:
    """Copy with the label among the tags; the sound's own pages are copied as they are, or only renumbered."""
    first = _page(source)
    old, packet = _tags(source)
    pages = list(_paged(_TAGS + vorbis.with_label(packet[len(_TAGS) :], text), first.serial))
    target.write(first.packed())
    for page in pages:
        target.write(page.packed())
    shift = len(pages) - old
    if shift == 0:
        copy_bytes(source, target)
        return
    while (page_or_none := _page_or_end(source)) is not None:
        page = page_or_none
        moved = _Page(page.flags, page.position, page.serial, page.number + shift, page.segments, page.body)
        target.write(moved.packed())


def read(source: BinaryIO) -> str | None:
    """The text of the comment, or None."""
    _page(source)
    return vorbis.label_in(_tags(source)[1][len(_TAGS) :])


def _tags(source: BinaryIO) -> tuple[int, bytes]:
    """The tags' packet and how many pages it has."""
    packet = b""
    for count in range(1, _MAX_PAGES):
        page = _page(source)
        packet += page.body
        if page.segments and page.segments[-1] < _MAX_SEGMENTS:
            if not packet.startswith(_TAGS):
                raise LabelError("Ogg 里不是 Opus：只认 Ogg Opus。")
            return count, packet
    raise LabelError("Ogg 的注释太长。")


def _paged(packet: bytes, serial: int) -> Iterator[_Page]:
    sizes = [255] * (len(packet) // 255) + [len(packet) % 255]
    begin = 0
    for number, first in enumerate(range(0, len(sizes), _MAX_SEGMENTS), 1):
        segments = bytes(sizes[first : first + _MAX_SEGMENTS])
        end = begin + sum(segments)
        is_last = first + _MAX_SEGMENTS >= len(sizes)
        # -1: no packet ends on this page
        yield _Page(int(number > 1), 0 if is_last else -1, serial, number, segments, packet[begin:end])
        begin = end


def _page(source: BinaryIO) -> _Page:
    page = _page_or_end(source)
    if page is None:
        raise LabelError("Ogg 已损坏：它太短了。")
    return page


def _page_or_end(source: BinaryIO) -> _Page | None:
    head = source.read(_HEAD.size)
    if not head:
        return None
    if len(head) < _HEAD.size:
        raise LabelError("Ogg 已损坏：它在页头处断开。")
    capture, version, flags, position, serial, number, _, count = _HEAD.unpack(head)
    if capture != b"OggS" or version != 0:
        raise LabelError("Ogg 已损坏：页头不对。")
    segments = exactly(source, count)
    return _Page(flags, position, serial, number, segments, exactly(source, sum(segments)))


def _table() -> tuple[int, ...]:
    found = []
    for index in range(256):
        value = index << 24
        for _ in range(8):
            value = value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)
        found.append(value & 0xFFFFFFFF)
    return tuple(found)


_TABLE = _table()


def _checksum(data: bytes) -> int:
    """CRC-32 with Ogg's own polynomial, neither reflected nor inverted."""
    value = 0
    for byte in data:
        value = value << 8 & 0xFFFFFFFF ^ _TABLE[value >> 24 ^ byte]
    return value
