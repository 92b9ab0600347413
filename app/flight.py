"""One piece of work for any number of callers who want the same at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Landing(Generic[T]):
    """What came of it."""

    value: T
    led: bool
    """This caller did the work; the others only waited for it."""


class SingleFlight(Generic[T]):
    """By key: the first caller works, who comes meanwhile gets the same result or the same failure. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, Future[T]] = {}

    def run(self, key: str, work: Callable[[], T], timeout_s: float) -> Landing[T]:
        """``work()``, done once for all who ask for ``key`` while it runs.

        Args:
            key: what is wanted.
            work: called at most once at a time for a key; what it raises reaches everybody, then is forgotten.
            timeout_s: how long to wait for another caller's work.

        Raises:
            TimeoutError: the other caller's work took longer.
        """
        with self._lock:
            running = self._running.get(key)
            mine: Future[T] = Future()
            if running is None:
                self._running[key] = mine
        if running is None:
            return Landing(self._lead(key, work, mine), led=True)
        return Landing(running.result(timeout_s), led=False)

    def _lead(self, key: str, work: Callable[[], T], mine: Future[T]) -> T:
        try:
            value = work()
        except BaseException as error:
            self._forget(key)
            mine.set_exception(error)
            raise
        self._forget(key)
        mine.set_result(value)
        return value

    def _forget(self, key: str) -> None:
        with self._lock:
            del self._running[key]
