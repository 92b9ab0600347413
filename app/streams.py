"""Speech while it is being made: pieces of the engine to frames, or to one growing file.

Knows orders and sounds; knows nothing about HTTP requests or who is calling beyond a subject to charge.
"""

from __future__ import annotations

import itertools
import json
import logging
import secrets
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from app.errors import EngineBusyError, GatewayError, ProxyError, problem_of
from app.gateway import Gateway, Piece, Trip
from app.gateway.streaming import AUDIO, END, ERROR, JSON, pack
from app.labels import Labels, shifted
from app.limits import CharacterQuota
from app.speech import Wish
from app.timestamps import Captions
from sound import SoundError, encode, labelled
from sound.streaming import StreamEncoder

_log = logging.getLogger(__name__)


@dataclass
class Stream:
    """One text being spoken; whoever has it must ``close`` it. Belongs to one request."""

    wish: Wish
    request_id: str
    first: Piece
    """Made already, so that whatever fails at once is an ordinary error."""
    rest: Generator[Piece, None, None]
    ended: Callable[[int], None]
    """Told how many characters were spoken, once."""
    _spoken: int = 0
    _is_open: bool = True

    def __iter__(self) -> Iterator[Piece]:
        for piece in itertools.chain([self.first], self.rest):
            self._spoken = max([self._spoken, *(spot["end"] for spot in (*piece.timings, *piece.warnings))])
            yield piece
        self._spoken = len(self.wish.order.text)

    def close(self) -> None:
        """Stop the engine, and settle what was spoken; a second time does nothing."""
        if self._is_open:
            self._is_open = False
            self.rest.close()
            self.ended(self._spoken)


@dataclass(frozen=True)
class Streams:
    """Opens streams and writes them down. Thread-safe."""

    gateway: Gateway
    labels: Labels
    quota: CharacterQuota
    deadline_s: float
    places: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(8))
    """A slow reader holds a thread: the others are for short requests."""

    def begin(self, wish: Wish, subject: str, request_id: str) -> Stream:
        """Start speaking and return with the first sentence.

        The whole text is charged now; what was not spoken in the end is paid back.

        Raises:
            QuotaError: the subject's characters are used up.
            EngineBusyError: as many streams run already as may.
            GatewayError: the engine failed or refused.
        """
        if not self.places.acquire(blocking=False):
            raise EngineBusyError(retry_after_s=5)
        characters, day = len(wish.order.text), None
        try:
            day = self.quota.charge(subject, characters)
            rest = self.gateway.stream(wish.order, Trip(request_id, self.deadline_s))
            first = next(rest, None)
            if first is None:
                raise GatewayError
        except BaseException:
            self._settle(subject, day, characters)
            raise
        return Stream(wish, request_id, first, rest, lambda spoken: self._settle(subject, day, characters - spoken))

    def _settle(self, subject: str, day: str | None, unspoken: int) -> None:
        self.places.release()
        if day is not None and unspoken > 0:
            self.quota.refund(subject, day, unspoken)

    def frames(self, stream: Stream, captions: Captions) -> Generator[bytes, None, None]:
        """``J``, then ``J`` and ``A`` for each sentence, then ``Z``; an ``E`` instead where it fails.

        Each ``A`` is a whole file of its own, so that it can be played from disk at once; with format ``pcm`` the
        sound goes on from one to the next, and begins before its sentence ends.
        """
        content_id, wish = secrets.token_hex(16), stream.wish
        label = self.labels.implicit(content_id)
        try:
            encoder = None
            if wish.format == "pcm":
                encoder = StreamEncoder("pcm", stream.first.sample_rate, wish.sample_rate, label)
            whole = encoder is None or captions.are_by_sentence
            opening = {
                "sample_rate": wish.sample_rate or stream.first.sample_rate,
                "encoding": "pcm_s16le" if encoder else wish.format,
                "request_id": stream.request_id,
                "aigc": label.fields(),
            }
            yield pack(JSON, _json(opening))
            for number, (piece, offset_ms) in enumerate(self._heard(stream, whole)):
                yield pack(JSON, _json(_described(piece, offset_ms, captions)))
                if encoder is None:
                    part = self.labels.implicit(f"{content_id}-{number}")
                    sound = encode(piece.samples, piece.sample_rate, wish.format, wish.sample_rate)
                    yield pack(AUDIO, labelled(sound, wish.format, part))
                else:
                    yield pack(AUDIO, encoder.feed(piece.samples))
            tail = encoder.finish() if encoder else b""
            if tail:
                yield pack(AUDIO, tail)
            yield pack(END)
        except ProxyError as error:
            _log.warning("%s stream failed: %s", stream.request_id, error.code)
            yield pack(ERROR, _json(problem_of(error).body(stream.request_id)))
        except SoundError as error:
            _log.error("%s stream failed", stream.request_id, exc_info=error)
            yield pack(ERROR, _json(problem_of(GatewayError()).body(stream.request_id)))

    def file(self, stream: Stream) -> Generator[bytes, None, None]:
        """One file in the wish's format; where it fails the exception cuts the connection, for it has no other way."""
        label = self.labels.implicit(secrets.token_hex(16))
        encoder = StreamEncoder(stream.wish.format, stream.first.sample_rate, stream.wish.sample_rate, label)
        for piece, _ in self._heard(stream, whole=False):
            if data := encoder.feed(piece.samples):
                yield data
        if data := encoder.finish():
            yield data

    def _heard(self, stream: Stream, whole: bool) -> Iterator[tuple[Piece, float]]:
        """Each piece with the explicit label before the first or after the last, and by how much (ms) it comes late.

        Args:
            stream: of pieces.
            whole: give sentences, as each will be a file of its own; else each piece at once.
        """
        if not self.labels.mark(stream.wish.explicit):
            yield from ((piece, 0.0) for piece in (_sentences(stream) if whole else stream))
            return
        order, trip, rate = stream.wish.order, Trip(stream.request_id, self.deadline_s), stream.first.sample_rate
        before = self.labels.opening(rate, order.speaker, trip)
        offset_ms = 1000 * len(before) / rate
        held: Piece | None = None
        for index, piece in enumerate(_sentences(stream) if whole else stream):
            mine = _with(piece, before, piece.samples) if index == 0 else piece
            if not whole:
                yield mine, offset_ms
            elif held is not None:
                yield held, offset_ms
            held = mine
        if held is not None:
            after = self.labels.closing(rate, order.speaker, trip)
            if whole:
                yield _with(held, held.samples, after), offset_ms
            elif len(after):
                yield Piece(after, rate, [], [], 1.0), offset_ms


def _sentences(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces of each sentence as one."""
    parts: list[Piece] = []
    for piece in pieces:
        parts.append(piece)
        if not piece.continues:
            yield _joined(parts)
            parts = []
    if parts:
        yield _joined(parts)


def _joined(parts: Sequence[Piece]) -> Piece:
    return Piece(
        np.concatenate([part.samples for part in parts]),
        parts[0].sample_rate,
        [timing for part in parts for timing in part.timings],
        [warning for part in parts for warning in part.warnings],
        parts[-1].progress,
    )


def _with(piece: Piece, *samples: Any) -> Piece:
    return replace(piece, samples=np.concatenate(samples))


def _described(piece: Piece, offset_ms: float, captions: Captions) -> dict[str, Any]:
    timings = shifted(piece.timings, offset_ms)
    told: dict[str, Any] = {"timings": timings, "warnings": piece.warnings, "progress": piece.progress}
    if piece.continues:
        told["continues"] = True
    return {**told, **captions.of(timings)}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
