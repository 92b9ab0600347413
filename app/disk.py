"""The disk never gets full: before that, old audio goes, and when that is not enough nothing new is made."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from app.storage import StorageError, StorageFullError

_log = logging.getLogger(__name__)

_REMEMBERED_S = 1.0
_PRUNE_EVERY_S = 30.0


class DiskGuard:
    """Asked before anything new is made; looks once a second at most. Thread-safe."""

    def __init__(
        self,
        place: Path,
        min_free_bytes: int,
        make_room: Callable[[int], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """``make_room`` frees that many bytes, or as many as it may; returns how many."""
        self._place = place
        self._min_free_bytes = min_free_bytes
        self._make_room = make_room
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._looked_s = float("-inf")
        self._pruned_s = float("-inf")
        self._has_room = True

    def check(self) -> None:
        """Return when there is room.

        Raises:
            StorageFullError: there is none, even without what may go.
        """
        if not self.has_room():
            raise StorageFullError

    def has_room(self) -> bool:
        """As ``check``; a disk that cannot be looked at has none."""
        with self._lock:
            if self._monotonic() - self._looked_s >= _REMEMBERED_S:
                self._has_room = self._look()
                self._looked_s = self._monotonic()
            return self._has_room

    def free_bytes(self) -> int:
        """Room on the disk now; 0 when it cannot be looked at."""
        try:
            return shutil.disk_usage(self._place).free
        except OSError:
            return 0

    def _look(self) -> bool:
        missing = self._min_free_bytes - self.free_bytes()
        if missing <= 0:
            return True
        if self._monotonic() - self._pruned_s < _PRUNE_EVERY_S:
            return False
        self._pruned_s = self._monotonic()
        try:
            _log.warning("the disk is nearly full: freed %d bytes", self._make_room(missing))
        except StorageError as error:
            _log.warning("the disk is nearly full and nothing could be freed: %s", error)
        return self.free_bytes() >= self._min_free_bytes
