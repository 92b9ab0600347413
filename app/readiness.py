"""Whether every part works: engine, database, store, disk."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from app.database import is_alive
from app.gateway import Gateway
from app.storage import Storage, StorageError

_REMEMBERED_S = 1.0
_PROBE = "readiness-probe.mp3"
"""A name that is never stored: asking for it proves that the store answers."""


@dataclass(frozen=True)
class Parts:
    """What is looked at."""

    gateway: Gateway
    engine: Engine
    storage: Storage
    disk: Path
    """Any place on the disk that fills up."""
    min_free_bytes: int


class Readiness:
    """Looks at most once a second, however often it is asked; who asks meanwhile gets the last look. Thread-safe."""

    def __init__(self, parts: Parts, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._parts = parts
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._checks: dict[str, str] = {}
        self._looked_s = float("-inf")

    def checks(self) -> dict[str, str]:
        """Each part with ``ok`` or a Chinese word for what is wrong."""
        # a look may take long while a part hangs: nobody but the first one ever waits for another's
        if self._lock.acquire(blocking=not self._checks):
            try:
                if self._monotonic() - self._looked_s >= _REMEMBERED_S:
                    self._checks = self._look()
                    self._looked_s = self._monotonic()
            finally:
                self._lock.release()
        return dict(self._checks)

    def _look(self) -> dict[str, str]:
        parts = self._parts
        return {
            "engine": "ok" if parts.gateway.is_healthy() else "语音引擎没有就绪",
            "database": "ok" if is_alive(parts.engine) else "数据库没有响应",
            "storage": "ok" if self._store_answers() else "音频存储没有响应",
            "disk": "ok" if self._has_room() else "磁盘空间不足",
        }

    def _store_answers(self) -> bool:
        try:
            self._parts.storage.exists(_PROBE)
        except StorageError:
            return False
        return True

    def _has_room(self) -> bool:
        try:
            return shutil.disk_usage(self._parts.disk).free >= self._parts.min_free_bytes
        except OSError:
            return False
