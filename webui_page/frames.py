"""The frames of ``/api/stream``: type (1 byte), length (u32 little-endian), payload."""

from __future__ import annotations

import struct
from collections.abc import Iterator

MEDIA_TYPE = "application/octet-stream"

JSON = b"J"
AUDIO = b"A"
"""16-bit little-endian mono PCM."""
ERROR = b"E"
"""A problem document."""
END = b"Z"
"""Empty; a stream without it is broken."""

_HEADER = struct.Struct("<cI")


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """One frame as it travels."""
    return _HEADER.pack(kind, len(payload)) + payload


def parse_frames(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and payload of every frame in ``data``.

    Raises:
        ValueError: ``data`` ends inside a frame.
    """
    position = 0
    while position < len(data):
        if position + _HEADER.size > len(data):
            raise ValueError("stream ends inside a frame header")
        kind, length = _HEADER.unpack_from(data, position)
        position += _HEADER.size
        if position + length > len(data):
            raise ValueError("stream ends inside a frame")
        yield kind, data[position : position + length]
        position += length
