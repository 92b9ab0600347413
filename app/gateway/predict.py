"""The project's own WebUI over HTTP: ``POST /api/predict/``, then the sound it names."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from app.errors import EngineTimeoutError, EngineUnreachableError, GatewayError
from app.gateway import Info, Order, Piece, Trip, Utterance
from app.gateway.bulkhead import Bulkhead
from app.gateway.replies import Details, Silence, Timing, read_info, read_prediction, refusal
from app.gateway.streaming import Bounds, pieces
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
    url: str
    deadline_s: float
    """Monotonic clock."""
    max_bytes: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


class PredictGateway:
    """One session, so that connections are kept. Thread-safe."""

    def __init__(self, settings: GatewaySettings, token: str | None = None) -> None:
        self._settings = settings
        self._base = settings.url.rstrip("/")
        self._bulkhead = Bulkhead(settings.concurrency, settings.queue_timeout_s)
        self._session = open_session(settings.concurrency + 4, token)

    def synthesize(self, order: Order, trip: Trip) -> Utterance:
        """Speak ``order``; every failure ends within ``trip.deadline_s`` and the queue's own timeout."""
        deadline_s = time.monotonic() + min(trip.deadline_s, self._settings.deadline_s)
        with self._bulkhead.slot(deadline_s - time.monotonic()):
            headers = {
                "Content-Type": "application/json",
                "X-Request-Id": trip.request_id,
                "X-Deadline-Ms": str(int(1000 * (deadline_s - time.monotonic()))),
                "X-Priority": trip.priority,
            }
            values = [order.text, order.speaker, order.speed, None, {"format": "wav", **order.options}]
            body = json.dumps({"data": values}, allow_nan=False).encode()
            address = f"{self._base}/api/predict/"
            reply = self._exchange(Exchange("POST", address, deadline_s, _MAX_JSON_BYTES, headers, body))
            audio, details = read_prediction(reply)
            wav = self._fetch(audio.url, deadline_s, trip)
        return _utterance(wav, details, len(order.text))

    def stream(self, order: Order, trip: Trip) -> Generator[Piece, None, None]:
        """Speak ``order`` piece by piece; closing the generator closes the connection, which stops the engine."""
        with self._bulkhead.slot():
            deadline_s = time.monotonic() + trip.deadline_s
            with self._opened(order, trip, deadline_s) as response:
                bounds = Bounds(deadline_s, self._settings.max_audio_mb * 1024 * 1024)
                yield from pieces(response.raw, order, bounds)

    def _opened(self, order: Order, trip: Trip, deadline_s: float) -> requests.Response:
        try:
            response = self._session.post(
                f"{self._base}/api/stream",
                data=json.dumps({"data": _values(order)}, allow_nan=False).encode(),
                headers={
                    "Content-Type": "application/json",
                    "X-Request-Id": trip.request_id,
                    "X-Deadline-Ms": str(int(1000 * trip.deadline_s)),
                    "X-Priority": trip.priority,
                },
                timeout=(self._settings.connect_timeout_s, self._settings.read_timeout_s),
                allow_redirects=False,
                stream=True,
            )
        except requests.exceptions.Timeout as error:
            raise EngineTimeoutError from error
        except (requests.RequestException, HTTPError, OSError) as error:
            raise EngineUnreachableError from error
        if response.status_code != 200:
            with response:
                body = _read(response, Exchange("POST", "", deadline_s, _MAX_JSON_BYTES))
                _log.warning("engine answered %d to a stream", response.status_code)
                raise refusal(response.status_code, response.headers.get("Retry-After"), body)
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
        self._session.close()

    def _quick(self, path: str) -> bytes:
        return self._exchange(Exchange("GET", self._base + path, time.monotonic() + _QUICK_S, _MAX_JSON_BYTES))

    def _fetch(self, url: str, deadline_s: float, trip: Trip) -> bytes:
        headers = {"X-Request-Id": trip.request_id}
        address = same_origin(self._base, url)
        return self._exchange(Exchange("GET", address, deadline_s, self._settings.max_audio_mb * 1024 * 1024, headers))

    def _exchange(self, exchange: Exchange) -> bytes:
        begun_s = time.monotonic()
        try:
            return self._once(exchange)
        except requests.exceptions.Timeout as error:
            raise EngineTimeoutError from error
        except (requests.RequestException, HTTPError, OSError) as error:
            if time.monotonic() - begun_s > _STALE_S:
                raise EngineUnreachableError from error
        try:
            return self._once(exchange)
        except requests.exceptions.Timeout as error:
            raise EngineTimeoutError from error
        except (requests.RequestException, HTTPError, OSError) as error:
            raise EngineUnreachableError from error

    def _once(self, exchange: Exchange) -> bytes:
        left_s = exchange.deadline_s - time.monotonic()
        if left_s <= 0:
            raise EngineTimeoutError
        timeout = (min(self._settings.connect_timeout_s, left_s), min(self._settings.read_timeout_s, left_s))
        with self._session.request(
            exchange.method,
            exchange.url,
            data=exchange.body,
            headers=exchange.headers,
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            body = _read(response, exchange)
            if response.status_code != 200:
                _log.warning("engine answered %d to %s", response.status_code, exchange.method)
                raise refusal(response.status_code, response.headers.get("Retry-After"), body)
            return body


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


def _read(response: requests.Response, exchange: Exchange) -> bytes:
    """The whole body, a part at a time: a peer that drips is cut off at the deadline."""
    parts, size = [], 0
    while part := response.raw.read1(_CHUNK_BYTES):
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


def open_session(connections: int, token: str | None) -> requests.Session:
    """A session that keeps so many connections, and knows nothing of whoever started us."""
    session = requests.Session()
    session.trust_env = False  # no proxy and no .netrc of whoever started us
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    headers: dict[str, Any] = {"Accept-Encoding": "identity", "User-Agent": "tts-proxy"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    session.headers.update(headers)
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
