"""How many may ask the engine at the same time, and how many may wait for their turn."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import EngineBusyError

_WEIGHT = 0.2
"""Of the latest piece of work in the running mean."""
_MAX_RETRY_AFTER_S = 60


class Bulkhead:
    """Bounded work and bounded waiting: beyond both, the answer is an immediate 503. Thread-safe."""

    def __init__(self, concurrency: int, timeout_s: float) -> None:
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._slots = threading.Semaphore(concurrency)
        self._lock = threading.Lock()
        self._inside = 0
        """At work or waiting; at most twice ``concurrency``."""
        self._mean_s = 1.0

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return max(0, self._inside - self._concurrency)

    @contextmanager
    def slot(self, left_s: float = math.inf) -> Iterator[None]:
        """Hold one of the slots.

        Args:
            left_s: the caller's own time, of which waiting is a part.

        Raises:
            EngineBusyError: the queue is full, or the turn did not come in time.
        """
        self._enter()
        try:
            if not self._slots.acquire(timeout=max(0.0, min(self._timeout_s, left_s))):
                raise self._busy()
            begun_s = time.monotonic()
            try:
                yield
            finally:
                self._slots.release()
                self._mean_s += _WEIGHT * (time.monotonic() - begun_s - self._mean_s)
        finally:
            with self._lock:
                self._inside -= 1

    def _enter(self) -> None:
        with self._lock:
            if self._inside >= 2 * self._concurrency:
                raise self._busy()
            self._inside += 1

    def _busy(self) -> EngineBusyError:
        position = self.waiting + 1
        wait_s = math.ceil(self._mean_s * position / self._concurrency)
        return EngineBusyError(min(_MAX_RETRY_AFTER_S, max(1, wait_s)), position)
