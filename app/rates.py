"""How many requests one caller and one address may make, counted in this process or, for several, in Redis.

Flask-Limiter keeps storage and strategy; its strategy is asked directly, since its own checks before every request
took as long as all the rest of a cached answer.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from circuitbreaker import CircuitBreaker  # type: ignore[import-untyped]
from flask import Flask, Response, g, request
from flask_limiter import Limiter
from limits import RateLimitItem, parse_many
from limits.errors import ConfigurationError, StorageError
from limits.storage import MemoryStorage
from limits.strategies import RateLimiter

from app.auth import claimed_key_id
from app.errors import RateError
from settings import LimitSettings, SettingsError

_log = logging.getLogger(__name__)

T = TypeVar("T")

_FREE = {"health.healthz", "health.readyz", "health.metrics"}
_SWEEP_S = 10.0
_REDIS_PAUSE_S = 2
"""Between two tries while Redis is away; meanwhile each process counts for itself."""
_REDIS_TIMEOUT_S = 0.2
"""A Redis that hangs must not hold a request."""


@dataclass(frozen=True)
class Rate:
    """One limit."""

    name: str
    """Separates its counts from those of other limits."""
    allowed: Sequence[RateLimitItem]
    counted: Callable[[], str | None]
    """Who or what is counted; None: this request is not."""
    only: Callable[[Response], bool] | None = None
    """Count only requests that were answered so; None counts all."""


class Counters:
    """Sliding windows in Redis, or in this process: always without Redis, and while Redis is away. Thread-safe."""

    def __init__(self, uri: str) -> None:
        self._own = _strategy(_SweptMemory.ADDRESS)
        self._shared = None if uri.startswith("memory://") else _shared(uri)
        self._breaker = CircuitBreaker(1, _REDIS_PAUSE_S, StorageError, "limits")

    def hit(self, item: RateLimitItem, *who: str) -> bool:
        """Count one; False: it was one too many, and was not counted."""
        return self._asked(lambda limiter: limiter.hit(item, *who))

    def has_room(self, item: RateLimitItem, *who: str) -> bool:
        """Whether one more would fit; counts nothing."""
        return self._asked(lambda limiter: limiter.test(item, *who))

    def wait_s(self, item: RateLimitItem, *who: str) -> int:
        """Seconds until there is room again, at least 1."""
        stats = self._asked(lambda limiter: limiter.get_window_stats(item, *who))
        return max(1, math.ceil(stats.reset_time - time.time()))

    def _asked(self, ask: Callable[[RateLimiter], T]) -> T:
        if self._shared is not None and not self._breaker.opened:
            try:
                with self._breaker:
                    return ask(self._shared)
            except StorageError as error:
                _log.warning("Redis is away, limits are per process: %s", type(error.__cause__ or error).__name__)
        return ask(self._own)


class RequestLimits:
    """Checks every request against ``rates``. Thread-safe."""

    def __init__(self, counters: Counters, rates: Sequence[Rate]) -> None:
        self._counters = counters
        self._rates = rates

    def check(self) -> None:
        """Before a request.

        Raises:
            RateError: one limit is used up.
        """
        if request.endpoint in _FREE:
            return
        for rate in self._rates:
            who = rate.counted()
            if who is None:
                continue
            ask = self._counters.hit if rate.only is None else self._counters.has_room
            for item in rate.allowed:
                if not ask(item, rate.name, who):
                    raise RateError(self._counters.wait_s(item, rate.name, who))

    def settle(self, response: Response) -> Response:
        """After it: count what is counted by its answer."""
        if request.endpoint in _FREE:
            return response
        for rate in self._rates:
            if rate.only is None or not rate.only(response):
                continue
            who = rate.counted()
            if who is not None:
                for item in rate.allowed:
                    self._counters.hit(item, rate.name, who)
        return response


def install(app: Flask, settings: LimitSettings, subject: Callable[[], str | None]) -> None:
    """Count every request of ``app`` but health checks.

    Args:
        app: the proxy.
        settings: rates and where to count.
        subject: who is calling, or None without a good credential; must not raise.

    Raises:
        SettingsError: a rate or the storage's address cannot be read.
    """
    limits = RequestLimits(Counters(settings.storage_uri.get_secret_value()), _rates(settings, subject))
    app.before_request(limits.check)
    app.after_request(limits.settle)


def address_key() -> str:
    """One address; an IPv6 customer has a whole /64."""
    return network_of(request.remote_addr)


def claimed_key() -> str | None:
    """The id of the API key that the request names, right or wrong."""
    return claimed_key_id(request.headers.get("Authorization"), request.headers.get("X-API-Key"))


def network_of(address: str | None) -> str:
    """What counts as one address; a unix socket's peers, who have none, share a name."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "local"
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _rates(settings: LimitSettings, subject: Callable[[], str | None]) -> list[Rate]:
    def address_of_login() -> str | None:
        return address_key() if request.blueprint == "auth" else None

    def address_of_stranger() -> str | None:
        return address_key() if subject() is None else None

    def key_of_stranger() -> str | None:
        return claimed_key() if subject() is None else None

    def subject_that_uploads() -> str | None:
        return subject() if request.endpoint == "voices.upload" else None

    def refused(response: Response) -> bool:
        return response.status_code == 401 or bool(g.get("credential_refused"))

    return [
        Rate("address", _read(settings, "per_address"), address_key),
        Rate("token", _read(settings, "token_per_address"), address_of_login),
        Rate("401", _read(settings, "failures_per_address"), address_of_stranger, only=refused),
        Rate("key", _read(settings, "failures_per_key"), key_of_stranger, only=refused),
        Rate("upload", _read(settings, "uploads_per_subject"), subject_that_uploads),
        Rate("subject", _read(settings, "per_subject"), subject),
    ]


def _read(settings: LimitSettings, name: str) -> list[RateLimitItem]:
    try:
        return parse_many(getattr(settings, name))
    except ValueError as error:
        raise SettingsError(f"设置 limits.{name} 有误：应写作 60/minute 或 60/minute; 1000/hour。") from error


def _shared(uri: str) -> RateLimiter:
    try:
        if "://" not in uri:
            raise ValueError("no scheme")
        return _strategy(uri, socket_timeout=_REDIS_TIMEOUT_S, socket_connect_timeout=_REDIS_TIMEOUT_S)
    except (ConfigurationError, NotImplementedError, ValueError) as error:
        raise SettingsError("设置 limits.storage_uri 有误：应为 memory:// 或 redis://…。") from error


def _strategy(uri: str, **options: float) -> RateLimiter:
    """Flask-Limiter's sliding window over one storage; ``StorageError`` is what it raises when that is away.

    It is given a Flask of its own: on the proxy's it would hang its checks before and after every request.
    """
    limiter = Limiter(
        key_func=address_key,
        app=Flask("limits"),
        storage_uri=uri,
        storage_options={"wrap_exceptions": True, **options},  # type: ignore[dict-item]  # floats are read as well
        strategy="sliding-window-counter",
    )
    return limiter.limiter


class _SweptMemory(MemoryStorage):
    """Drops what is over every ten seconds; the base class starts a thread for that at every hit."""

    STORAGE_SCHEME = ["swept-memory"]  # noqa: RUF012 (as the base class has it)
    ADDRESS = "swept-memory://"

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: str) -> None:
        self._sweep_lock = threading.Lock()
        self._sweep_due_s = time.monotonic() + _SWEEP_S
        super().__init__(uri, wrap_exceptions, **options)

    def _MemoryStorage__schedule_expiry(self) -> None:  # noqa: N802 (the base class's private name)
        now = time.monotonic()
        if now < self._sweep_due_s:
            return
        with self._sweep_lock:
            if now >= self._sweep_due_s:
                self._sweep_due_s = now + _SWEEP_S
                self._MemoryStorage__expire_events()  # type: ignore[attr-defined]
