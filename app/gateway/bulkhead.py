"""How many may ask the engine at the same time, and how many may wait for their turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import EngineBusyError


class Bulkhead:
    """Bounded work and bounded waiting: beyond both, the answer is an immediate 503. Thread-safe."""

    def __init__(self, concurrency: int, timeout_s: float) -> None:
        self._slots = threading.Semaphore(concurrency)
        self._places = threading.Semaphore(2 * concurrency)
        """At work, and as many again in the queue."""
        self._timeout_s = timeout_s

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the slots.

        Raises:
            EngineBusyError: the queue is full, or the turn did not come in time.
        """
        if not self._places.acquire(blocking=False):
            raise EngineBusyError(retry_after_s=2)
        try:
            if not self._slots.acquire(timeout=self._timeout_s):
                raise EngineBusyError(retry_after_s=2)
            try:
                yield
            finally:
                self._slots.release()
        finally:
            self._places.release()
