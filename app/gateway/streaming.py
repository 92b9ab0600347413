"""Frames of the WebUI, of ``POST /api/stream`` and of a whole answer: what does not fit is the engine's failure."""

from __future__ import annotations

import io
import struct
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from pydantic import Field
from urllib3.exceptions import HTTPError, ReadTimeoutError

from app.body import strict_json
from app.errors import EngineTimeoutError, EngineUnreachableError, GatewayError, MalformedBodyError
from app.gateway import Order, Piece
from app.gateway.replies import Reply, Silence, Timing, fit, refusal

FRAMES = "application/octet-stream"
"""Their media type."""
JSON, AUDIO, ERROR, END = b"J", b"A", b"E", b"Z"
_HEAD = struct.Struct("<cI")
_MAX_JSON_BYTES = 8 * 1024 * 1024


class Body(Protocol):
    """What is left to read of an answer."""

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes; none at its end."""


class Opening(Reply):
    """The first frame."""

    sample_rate: int = Field(ge=8000, le=48_000)
    encoding: str = Field(pattern="^pcm_s16le$")


class Sentence(Reply):
    """The frame before each sound."""

    timings: list[Timing]
    warnings: list[Silence] = Field(default_factory=list)
    progress: float = Field(ge=0, le=1)
    continues: bool = False


@dataclass(frozen=True)
class Bounds:
    """What one stream may take."""

    deadline_s: float
    """Monotonic clock."""
    max_audio_bytes: int
    """Of one sentence."""


def pack(kind: bytes, payload: bytes = b"") -> bytes:
    """One frame as it travels."""
    return _HEAD.pack(kind, len(payload)) + payload


def pieces(body: Body, order: Order, bounds: Bounds) -> Generator[Piece, None, None]:
    """The pieces in ``body``, each as soon as it is there.

    Raises:
        GatewayError: it is no stream, it breaks off, or the engine says that it failed.
    """
    frames = _frames(body, bounds)
    opening = fit(Opening, _json(next(frames, None)))
    sentence: Sentence | None = None
    for kind, payload in frames:
        if kind == JSON:
            sentence = _checked(fit(Sentence, _json((kind, payload))), len(order.text))
        elif sentence is None or len(payload) % 2:
            raise GatewayError
        else:
            samples = np.frombuffer(payload, "<i2").astype(np.float32) / 32767
            yield Piece(
                np.clip(samples, -1.0, 1.0),
                opening.sample_rate,
                [timing.model_dump() for timing in sentence.timings],
                [warning.model_dump() for warning in sentence.warnings],
                sentence.progress,
                sentence.continues,
            )
            sentence = None


def whole(data: bytes, bounds: Bounds) -> tuple[bytes, bytes]:
    """The JSON and the file of an answer in three frames: ``J``, ``A``, ``Z``.

    Raises:
        GatewayError: it is no such answer.
    """
    body = io.BytesIO(data)
    frames = list(_frames(body, bounds))
    if [kind for kind, _ in frames] != [JSON, AUDIO] or body.read(1):
        raise GatewayError
    return frames[0][1], frames[1][1]


def _frames(body: Body, bounds: Bounds) -> Iterator[tuple[bytes, bytes]]:
    """``J`` and ``A`` frames up to ``Z``."""
    while True:
        kind, size = _HEAD.unpack(_exactly(body, _HEAD.size, bounds))
        if kind == END and size == 0:
            return
        limit = bounds.max_audio_bytes if kind == AUDIO else _MAX_JSON_BYTES
        if kind not in (JSON, AUDIO, ERROR) or size > limit:
            raise GatewayError
        payload = _exactly(body, size, bounds)
        if kind == ERROR:
            raise _said(payload)
        yield kind, payload


def _exactly(body: Body, size: int, bounds: Bounds) -> bytes:
    parts, left = [], size
    while left:
        if time.monotonic() > bounds.deadline_s:
            raise EngineTimeoutError
        try:
            part = body.read(min(left, 65_536))
        except ReadTimeoutError as error:
            raise EngineTimeoutError from error
        except (HTTPError, OSError) as error:
            raise EngineUnreachableError from error
        if not part:
            raise EngineUnreachableError
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _said(payload: bytes) -> GatewayError:
    """The engine's own problem document."""
    try:
        status = strict_json(payload).get("status")
    except MalformedBodyError:
        return GatewayError()
    return refusal(status if isinstance(status, int) else 500, None, payload)


def _json(frame: tuple[bytes, bytes] | None) -> object:
    if frame is None or frame[0] != JSON:
        raise GatewayError
    try:
        return strict_json(frame[1])
    except MalformedBodyError as error:
        raise GatewayError from error


def _checked(sentence: Sentence, characters: int) -> Sentence:
    spots: tuple[Timing | Silence, ...] = (*sentence.timings, *sentence.warnings)
    if any(not spot.begin <= spot.end <= characters for spot in spots):
        raise GatewayError
    return sentence
