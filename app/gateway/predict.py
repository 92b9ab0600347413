"""The project's own WebUI over HTTP: ``POST /api/predict/``, whose answer holds the sound, or names it.

urllib3 itself instead of requests: a session of requests takes a millisecond of CPU for each call, with cookies,
redirects and hooks that nobody here wants.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import certifi
from urllib3 import BaseHTTPResponse, Timeout, connection_from_url
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as LateError

from app.errors import EngineTimeoutError, EngineUnreachableError, GatewayError
from app.gateway import Info, Order, Piece, Trip, Utterance
from app.gateway.bulkhead import Bulkhead
from app.gateway.replies import Details, Silence, Timing, read_details, read_info, read_prediction, refusal
from app.gateway.streaming import FRAMES, Bounds, pieces, whole
from settings import GatewaySettings
from sound import SoundError, decode_wav

_log = logging.getLogger(__name__)

_MAX_JSON_BYTES = 8 * 1024 * 1024
_CHUNK_BYTES = 65_536
_QUICK_S = 2.0
"""For ``/api/info`` and ``/api/health``, which cost nothing."""
_STALE_S = 0.25
"""A kept-alive connection that the WebUI had closed fails at once; what fails later was at work on the request."""
_TOLERANCE_S = 0.05
"""Between the length that the WebUI names and the length of what it sends."""


@dataclass(frozen=True)
class Exchange:
    """One request to the WebUI."""

    method: str
    path: str
    """With its query."""
    deadline_s: float
    """Monotonic clock."""
    max_bytes: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True)
class Answer:
    """What came back, with status 200."""

    media_type: str
    """Lower case, without parameters."""
    body: bytes


class PredictGateway:
    """One pool of connections, which are kept. Thread-safe."""

    def __init__(self, settings: GatewaySettings, token: str | None = None) -> None:
        self._settings = settings
        self._base = settings.url.rstrip("/")
        self._max_bytes = settings.max_audio_mb * 1024 * 1024
        self._bulkhead = Bulkhead(settings.concurrency, settings.queue_timeout_s)
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "tts-proxy"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        safe = {"ca_certs": certifi.where()} if self._base.startswith("https:") else {}
        self._pool = connection_from_url(self._base, maxsize=settings.concurrency + 4, block=False, **safe)

    def synthesize(self, order: Order, trip: Trip) -> Utterance:
        """Speak ``order``; every failure ends within ``trip.deadline_s`` and the queue's own timeout."""
        deadline_s = time.monotonic() + min(trip.deadline_s, self._settings.deadline_s)
        with self._bulkhead.slot(deadline_s - time.monotonic()):
            values = [order.text, order.speaker, order.speed, None, {"format": "wav", **order.options}]
            headers = _headers(trip, deadline_s) | {"Accept": f"{FRAMES}, application/json;q=0.5"}
            body = json.dumps({"data": values}, allow_nan=False).encode()
            most = _MAX_JSON_BYTES + self._max_bytes
            answer = self._exchange(Exchange("POST", "/api/predict/", deadline_s, most, headers, body))
            details, wav = self._parts(answer, deadline_s, trip)
        return _utterance(wav, details, len(order.text))

    def stream(self, order: Order, trip: Trip) -> Generator[Piece, None, None]:
        """Speak ``order`` piece by piece; closing the generator closes the connection, which stops the engine."""
        with self._bulkhead.slot():
            deadline_s = time.monotonic() + trip.deadline_s
            with self._opened(order, trip, deadline_s) as response:
                bounds = Bounds(deadline_s, self._max_bytes)
                yield from pieces(response, order, bounds)

    def _opened(self, order: Order, trip: Trip, deadline_s: float) -> BaseHTTPResponse:
        body = json.dumps({"data": _values(order)}, allow_nan=False).encode()
        exchange = Exchange("POST", "/api/stream", deadline_s, _MAX_JSON_BYTES, _headers(trip, deadline_s), body)
        try:
            response = self._sent(exchange, self._settings.read_timeout_s)
            if response.status != 200:
                with response:
                    raise _refusal(response, exchange)
        except (HTTPError, OSError) as error:
            raise _failure(error) from error
        return response

    def info(self) -> Info:
        """``GET /api/info``."""
        return read_info(self._quick("/api/info"))

    def is_healthy(self) -> bool:
        """``GET /api/health`` says 200."""
        try:
            self._quick("/api/health")
        except GatewayError:
            return False
        return True

    def close(self) -> None:
        """Close kept connections."""
        self._pool.close()

    def _quick(self, path: str) -> bytes:
        return self._exchange(Exchange("GET", path, time.monotonic() + _QUICK_S, _MAX_JSON_BYTES)).body

    def _parts(self, answer: Answer, deadline_s: float, trip: Trip) -> tuple[Details, bytes]:
        """What is said about the sound, and the sound: in one answer, or fetched where the answer names it."""
        if answer.media_type == FRAMES:
            described, wav = whole(answer.body, Bounds(deadline_s, self._max_bytes))
            return read_details(described), wav
        audio, details = read_prediction(answer.body)
        path = same_origin(self._base, audio.url).removeprefix(self._base)
        headers = {"X-Request-Id": trip.request_id}
        fetched = self._exchange(Exchange("GET", path, deadline_s, self._max_bytes, headers))
        return details, fetched.body

    def _exchange(self, exchange: Exchange) -> Answer:
        begun_s = time.monotonic()
        try:
            return self._once(exchange)
        except (HTTPError, OSError) as error:
            if _is_late(error) or time.monotonic() - begun_s > _STALE_S:
                raise _failure(error) from error
        try:
            return self._once(exchange)
        except (HTTPError, OSError) as error:
            raise _failure(error) from error

    def _once(self, exchange: Exchange) -> Answer:
        left_s = exchange.deadline_s - time.monotonic()
        if left_s <= 0:
            raise EngineTimeoutError
        with self._sent(exchange, min(self._settings.read_timeout_s, left_s)) as response:
            if response.status != 200:
                raise _refusal(response, exchange)
            media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            return Answer(media_type, _read(response, exchange))

    def _sent(self, exchange: Exchange, read_s: float) -> BaseHTTPResponse:
        """The head of the answer; its body is still to be read."""
        return self._pool.urlopen(
            exchange.method,
            exchange.path,
            exchange.body,
            self._headers | exchange.headers,
            retries=False,
            redirect=False,
            timeout=Timeout(connect=min(self._settings.connect_timeout_s, read_s), read=read_s),
            preload_content=False,
            decode_content=False,
        )


def _headers(trip: Trip, deadline_s: float) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-Request-Id": trip.request_id,
        "X-Deadline-Ms": str(int(1000 * (deadline_s - time.monotonic()))),
        "X-Priority": trip.priority,
    }


def _is_late(error: Exception) -> bool:
    """Time ran out; a connection that was refused is of that class too, as urllib3 has it."""
    return isinstance(error, LateError) and not isinstance(error, NewConnectionError)


def _failure(error: Exception) -> GatewayError:
    return EngineTimeoutError() if _is_late(error) else EngineUnreachableError()


def _refusal(response: BaseHTTPResponse, exchange: Exchange) -> GatewayError:
    _log.warning("engine answered %d to %s", response.status, exchange.method)
    return refusal(response.status, response.headers.get("Retry-After"), _read(response, exchange))


def _values(order: Order) -> list[Any]:
    """The article's values, and our own only where they say something."""
    return [order.text, order.speaker, order.speed, *([None, order.options] if order.options else [])]


def same_origin(base: str, url: str) -> str:
    """``url`` as an address of the WebUI itself.

    Raises:
        GatewayError: it leads anywhere else.
    """
    try:
        here, there = urlsplit(base), urlsplit(urljoin(base + "/", url))
        same = _origin(there) == _origin(here)
    except ValueError as error:
        raise GatewayError from error
    # a backslash or a control character is read differently by different parsers
    if not same or there.username is not None or not url.isprintable() or "\\" in url:
        _log.warning("engine named a sound outside its own origin")
        raise GatewayError
    return f"{base}{there.path}" + (f"?{there.query}" if there.query else "")


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    """A default port is left out of ``Host``, and so of what the WebUI says, even where our setting names it."""
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _read(response: BaseHTTPResponse, exchange: Exchange) -> bytes:
    """The whole body, a part at a time: a peer that drips is cut off at the deadline."""
    parts, size = [], 0
    while part := response.read1(_CHUNK_BYTES):
        size += len(part)
        if size > exchange.max_bytes:
            raise GatewayError
        if time.monotonic() > exchange.deadline_s:
            raise EngineTimeoutError
        parts.append(part)
    return b"".join(parts)


def _utterance(wav: bytes, details: Details, characters: int) -> Utterance:
    try:
        samples, sample_rate = decode_wav(wav)
    except SoundError as error:
        raise GatewayError from error
    length_s = len(samples) / sample_rate
    if sample_rate != details.sample_rate or abs(length_s - details.duration_s) > _TOLERANCE_S:
        raise GatewayError
    spots: tuple[Timing | Silence, ...] = (*details.timings, *details.warnings)
    if any(not spot.begin <= spot.end <= characters for spot in spots):
        raise GatewayError
    timings = [timing.model_dump() for timing in details.timings]
    warnings = [warning.model_dump() for warning in details.warnings]
    return Utterance(samples, sample_rate, timings, warnings, details.revision)
