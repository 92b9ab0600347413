"""What the engine is, remembered for a few seconds; while it is away, as it last was."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from app.errors import GatewayError
from app.gateway import Gateway, Info

_log = logging.getLogger(__name__)

_RETRY_S = 0.5
"""An engine that has never answered is asked at most this often."""


class Catalogue:
    """``Info`` without asking for it at every request. Thread-safe.

    While the engine restarts, what is cached keeps playing: the last known revision is the best knowledge there is, and
    the next answer of the engine corrects it.
    """

    def __init__(self, gateway: Gateway, lifetime_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._gateway = gateway
        self._lifetime_s = lifetime_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._info: Info | None = None
        self._asked_s = float("-inf")
        self._failure: GatewayError | None = None

    def info(self) -> Info:
        """What the engine is, or last was.

        Raises:
            GatewayError: it has never answered.
        """
        known = self._info
        if known is None:
            return self._first()
        if self._monotonic() - self._asked_s >= self._lifetime_s and self._lock.acquire(blocking=False):
            try:
                return self._ask()
            except GatewayError as error:
                _log.warning("engine's info is stale: %s", error.code)
            finally:
                self._lock.release()
        return known

    def learn(self, revision: str) -> None:
        """A reply of the engine names ``revision``: when that is news, ask again."""
        known = self._info
        if known is not None and known.revision != revision:
            self._asked_s = float("-inf")

    def _first(self) -> Info:
        with self._lock:
            if self._info is not None:
                return self._info
            if self._failure is not None and self._monotonic() - self._asked_s < _RETRY_S:
                raise self._failure  # who waited for the lock meanwhile does not ask, and wait, once more
            return self._ask()

    def _ask(self) -> Info:
        try:
            self._info, self._failure = self._gateway.info(), None
        except GatewayError as error:
            self._failure = error
            raise
        finally:
            self._asked_s = self._monotonic()
        return self._info
