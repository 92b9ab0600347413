"""One process at a time for one piece of work: what ``app.flight`` is among threads, this is among processes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from circuitbreaker import CircuitBreaker  # type: ignore[import-untyped]
from redis import Redis
from redis.exceptions import LockError, RedisError
from redis.lock import Lock

_log = logging.getLogger(__name__)

_LIFE_S = 6.0
"""A lease ends so long after its holder was killed."""
_RENEWED_S = 2.0
"""Between two renewals by a holder at work."""
_LOOK_S = 0.05
"""Between two looks of who waits."""
_TIMEOUT_S = 0.2
_PAUSE_S = 2
"""Between two tries while Redis is away."""


class Leases(Protocol):
    """Thread-safe."""

    def hold(self, name: str, wait_s: float) -> AbstractContextManager[None]:
        """Nobody else holds ``name`` inside.

        Raises:
            TimeoutError: somebody else still had it after ``wait_s``.
        """


class OwnProcess:
    """A single process needs no lease."""

    def hold(self, name: str, wait_s: float) -> AbstractContextManager[None]:
        """At once."""
        return nullcontext()


class RedisLeases:
    """Locks in Redis that their holder keeps alive. Without Redis everybody may work: twice made beats not made."""

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_url(url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
        self._breaker = CircuitBreaker(1, _PAUSE_S, RedisError, "leases")

    @contextmanager
    def hold(self, name: str, wait_s: float) -> Iterator[None]:
        """As ``Leases.hold``."""
        lock = self._redis.lock(f"tts:lease:{name}", timeout=_LIFE_S, sleep=_LOOK_S, thread_local=False)
        if not self._take(lock, wait_s):
            yield
            return
        done = threading.Event()
        keeper = threading.Thread(target=_keep, args=(lock, done), name="lease", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()
            _release(lock)

    def _take(self, lock: Lock, wait_s: float) -> bool:
        """Whether the lease is ours; False: there is no Redis to ask."""
        if self._breaker.opened:
            return False
        try:
            with self._breaker:
                taken = lock.acquire(blocking_timeout=wait_s)
        except RedisError as error:
            _log.warning("Redis is away, the same may be made twice: %s", type(error).__name__)
            return False
        if not taken:
            raise TimeoutError
        return True


def leases_in(url: str) -> Leases:
    """Those of ``limits.storage_uri``."""
    return RedisLeases(url) if url.startswith(("redis://", "rediss://", "unix://")) else OwnProcess()


def _keep(lock: Lock, done: threading.Event) -> None:
    while not done.wait(_RENEWED_S):
        try:
            lock.reacquire()
        except (LockError, RedisError) as error:
            _log.warning("a lease was not renewed: %s", type(error).__name__)


def _release(lock: Lock) -> None:
    try:
        lock.release()
    except (LockError, RedisError) as error:  # it ends by itself
        _log.warning("a lease was not given back: %s", type(error).__name__)
