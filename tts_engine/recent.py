"""What was computed lately, kept within a bound. Knows nothing of what it keeps."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """The results that were used last. Thread-safe; two threads that miss at once both compute."""

    def __init__(self, most: int, size: Callable[[T], int] = lambda _: 1) -> None:
        """Keep nothing yet.

        Args:
            most: sum of the sizes that are kept; 0 keeps nothing.
            size: of a result, such as its bytes; one that is larger than ``most`` is never kept.
        """
        self._most = most
        self._size = size
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result of ``key``, made by ``make`` where it is not kept."""
        found = self.find(key)
        return self.keep(key, make()) if found is None else found

    def find(self, key: Hashable) -> T | None:
        """What is kept of ``key``."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, key: Hashable, value: T) -> T:
        """Keep ``value``, and give it back."""
        size = self._size(value)
        with self._lock:
            if key in self._kept or size > self._most:
                return value
            self._kept[key] = value
            self._held += size
            while self._held > self._most:
                _, dropped = self._kept.popitem(last=False)
                self._held -= self._size(dropped)
        return value

    @property
    def held(self) -> int:
        """Sum of the sizes that are kept."""
        return self._held
