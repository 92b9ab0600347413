"""M4A: a metadata key ``AIGC`` in ``moov.udta.meta``, and the index before the sound, so that playing starts at once.

Source: ISO/IEC 14496-12 (boxes, chunk offsets); QuickTime File Format, "Metadata" (keys and ilst).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from sound.label.bytes import LabelError, as_text, copy_bytes, exactly, length

_KEY = b"AIGC"
_TREE = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
"""Boxes that hold boxes on the way to the chunk offsets."""
_HANDLER = b"\0\0\0\0" + b"\0\0\0\0" + b"mdta" + bytes(12) + b"\0"
_TEXT = struct.pack(">II", 1, 0)
"""UTF-8, for every country."""


@dataclass(frozen=True)
class _Span:
    """One top-level box."""

    name: bytes
    begin: int
    size: int


def copy(source: BinaryIO, target: BinaryIO, text: str) -> None:
    """Copy with the label; the index comes first, free space goes."""
    spans = list(_spans(source))
    first = [span for span in spans if span.name == b"ftyp"]
    rest = [span for span in spans if span.name not in (b"ftyp", b"moov", b"free", b"skip")]
    moov = _labelled(_moov(source, spans), text)
    position = sum(span.size for span in first) + len(moov)
    moves = []
    for span in rest:
        moves.append((span.begin, span.begin + span.size, position - span.begin))
        position += span.size
    for span in first:
        source.seek(span.begin)
        copy_bytes(source, target, span.size)
    target.write(_moved(moov, moves))
    for span in rest:
        source.seek(span.begin)
        copy_bytes(source, target, span.size)


def read(source: BinaryIO) -> str | None:
    """The value of the key, or None."""
    body = _moov(source, list(_spans(source)))[8:]
    places = [_child(body, b"meta")]
    udta = _child(body, b"udta")
    if udta is not None:
        places.append(_child(udta, b"meta"))
    for meta in places:
        if meta is not None and _is_keyed(meta):
            for key, item in _entries(meta):
                if key == _KEY:
                    data = _child(item, b"data")
                    return None if data is None else as_text(data[8:])
    return None


def _spans(source: BinaryIO) -> Iterator[_Span]:
    end, position = length(source), 0
    while position + 8 <= end:
        source.seek(position)
        size, name = struct.unpack(">I4s", exactly(source, 8))
        if size == 1:
            (size,) = struct.unpack(">Q", exactly(source, 8))
        elif size == 0:
            size = end - position
        if size < 8 or position + size > end:
            raise LabelError("M4A 已损坏：某一段的长度与文件不符。")
        yield _Span(name, position, size)
        position += size


def _moov(source: BinaryIO, spans: list[_Span]) -> bytes:
    found = next((span for span in spans if span.name == b"moov"), None)
    if found is None:
        raise LabelError("M4A 已损坏：没有索引（moov）。")
    source.seek(found.begin)
    return exactly(source, found.size)


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of each box."""
    position = 0
    while position + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, position)
        if size < 8 or position + size > len(data):
            raise LabelError("M4A 的索引已损坏。")
        yield name, data[position + 8 : position + size]
        position += size


def _child(data: bytes, name: bytes) -> bytes | None:
    return next((body for found, body in _boxes(data) if found == name), None)


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, name) + body


def _labelled(moov: bytes, text: str) -> bytes:
    children = list(_boxes(moov[8:]))
    udta = b"".join(body for name, body in children if name == b"udta")
    meta = _child(udta, b"meta")
    others = [(name, body) for name, body in children if name != b"udta"]
    if meta is None or _is_keyed(meta):
        kept = b"".join(_box(name, body) for name, body in _boxes(udta) if name != b"meta")
        udta = kept + _box(b"meta", _meta(meta, text))
    else:  # iTunes' own list stays; ours goes beside it
        old = next((body for name, body in others if name == b"meta" and _is_keyed(body)), None)
        others = [(name, body) for name, body in others if name != b"meta"]
        others.append((b"meta", _meta(old, text)))
    return _box(b"moov", b"".join(_box(name, body) for name, body in others) + _box(b"udta", udta))


def _is_keyed(meta: bytes) -> bool:
    handler = _child(meta[4:], b"hdlr")
    return handler is not None and handler[8:12] == b"mdta"


def _entries(meta: bytes) -> list[tuple[bytes, bytes]]:
    """Key and item body of each entry."""
    keys = _child(meta[4:], b"keys") or bytes(8)
    items = list(_boxes(_child(meta[4:], b"ilst") or b""))
    names = [body for _, body in _boxes(keys[8:])]
    found = []
    for index, body in items:
        number = int.from_bytes(index, "big")
        if not 1 <= number <= len(names):
            raise LabelError("M4A 的元数据已损坏。")
        found.append((names[number - 1], body))
    return found


def _meta(old: bytes | None, text: str) -> bytes:
    entries = [] if old is None else [entry for entry in _entries(old) if entry[0] != _KEY]
    entries.append((_KEY, _box(b"data", _TEXT + text.encode("ascii"))))
    keys = b"".join(_box(b"mdta", key) for key, _ in entries)
    items = b"".join(_box(struct.pack(">I", number), body) for number, (_, body) in enumerate(entries, 1))
    head = _box(b"hdlr", _HANDLER) + _box(b"keys", struct.pack(">II", 0, len(entries)) + keys)
    return bytes(4) + head + _box(b"ilst", items)


def _moved(box: bytes, moves: list[tuple[int, int, int]]) -> bytes:
    """``box`` with every chunk offset in it changed as its place in the file has."""
    name = box[4:8]
    if name in _TREE:
        return _box(name, b"".join(_moved(_box(inner, body), moves) for inner, body in _boxes(box[8:])))
    if name in (b"stco", b"co64"):
        kind = ">u4" if name == b"stco" else ">u8"
        offsets = np.frombuffer(box, kind, offset=16).astype(np.int64)
        changed = offsets.copy()
        for begin, end, shift in moves:
            changed[(offsets >= begin) & (offsets < end)] += shift
        if changed.size and changed.max() > np.iinfo(kind).max:
            raise LabelError("M4A 超过 4 GB：请改用其他格式。")
        return box[:16] + changed.astype(kind).tobytes()
    return box
