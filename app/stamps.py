"""Rows that are good as long as nobody wrote to the database, told by its files instead of by a query.

A query of SQLite gives up the interpreter's lock several times, and under load each time waits until all other threads
had their turn; a look at two files does so once. Whoever writes, in whatever process, changes the files, so a key that
was revoked is refused by the next request, as before. PostgreSQL has no such files: there every request asks.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sqlalchemy import Engine

T = TypeVar("T")
Stamp = tuple[int, ...]

_SETTLED_NS = 20_000_000
"""Two writes within a tick of the kernel's clock (10 ms at most) may leave the same time on a file."""
_MOST = 1000


@dataclass(frozen=True)
class StampedRows(Generic[T]):
    """Rows by key. Thread-safe: dict operations are atomic, and a row is never used under another stamp."""

    _rows: dict[str, tuple[Stamp, T]] = field(default_factory=dict)

    def get(self, engine: Engine, key: str, ask: Callable[[], T | None]) -> T | None:
        """The row for ``key``; ``ask`` is called unless nothing was written since it last answered with one."""
        stamp = stamp_of(engine)
        known = self._rows.get(key)
        if stamp is not None and known is not None and known[0] == stamp:
            return known[1]
        row = ask()  # after the look: what is written meanwhile changes the stamp of the next
        if stamp is not None and row is not None:
            if len(self._rows) >= _MOST:
                self._rows.clear()
            self._rows[key] = (stamp, row)
        return row


def stamp_of(engine: Engine, now_ns: Callable[[], int] = time.time_ns) -> Stamp | None:
    """Another one after every write; None where that cannot be told: written a moment ago, or not SQLite with a log."""
    file = engine.url.database
    if engine.dialect.name != "sqlite" or not file:
        return None
    try:
        database, log = os.stat(file), os.stat(f"{file}-wal")
    except OSError:
        return None
    if now_ns() - max(database.st_mtime_ns, log.st_mtime_ns) < _SETTLED_NS:
        return None
    return (
        database.st_ino, database.st_size, database.st_mtime_ns,
        log.st_ino, log.st_size, log.st_mtime_ns,
    )  # fmt: skip
