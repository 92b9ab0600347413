"""The index of finished sounds: which order is in the store under which name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Engine, bindparam, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from app.database import Audio, insert_in

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Record:
    """One finished sound."""

    key: str
    """SHA-256 of everything that changes the sound, hexadecimal."""
    name: str
    size: int
    """Bytes."""
    duration_s: float
    timings: str
    """JSON."""
    warnings: str
    """JSON."""
    last_used_s: float = 0.0
    """Seconds since the epoch."""
    voice: str = ""
    """The cloned voice in it; written, not read back."""


_RECORDS = select(Audio.key, Audio.name, Audio.size, Audio.duration_s, Audio.timings, Audio.warnings, Audio.last_used_s)
"""In the order of ``Record``'s fields."""
_BY_KEY = _RECORDS.where(Audio.key == bindparam("key"))


@cache
def _saving(dialect: str) -> Any:
    """Built once: SQLAlchemy takes longer to put a statement together than SQLite to carry it out."""
    row = insert_in(dialect, Audio)
    return row.on_conflict_do_update(
        index_elements=[Audio.key], set_={name: value for name, value in row.excluded.items() if name != "key"}
    )


class Recent:
    """Rows that were read a moment ago: a text that many ask for is not looked up for each of them. Thread-safe.

    A row never changes but for the time of its last use; what may be wrong is only that it is still there.
    """

    _LIFETIME_S = 2.0
    _MOST = 1000
    _LONGEST = 20_000
    """Characters of timings; rows of long texts are not kept in memory."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[float, Record]] = {}

    def get(self, key: str, now_s: float) -> Record | None:
        """The row, or None: it was not read within the last seconds (nor in the future, when a clock is set back)."""
        read_s, record = self._rows.get(key, (float("inf"), None))
        return record if 0 <= now_s - read_s < self._LIFETIME_S else None

    def note(self, record: Record, now_s: float) -> None:
        """``record`` has just been read."""
        if len(self._rows) >= self._MOST:
            self._rows.clear()
        if len(record.timings) <= self._LONGEST:
            self._rows[record.key] = (now_s, record)

    def forget(self, key: str) -> None:
        """Read ``key`` the next time."""
        self._rows.pop(key, None)

    def clear(self) -> None:
        """Read everything the next time."""
        self._rows.clear()


@dataclass(frozen=True)
class Library:
    """Rows of ``audio``. Thread-safe."""

    engine: Engine
    now: Callable[[], float]
    touch_interval_s: float
    """A use is written at most this often."""
    recent: Recent = field(default_factory=Recent)

    def find(self, key: str) -> Record | None:
        """The sound for ``key``, whose use is noted. Whoever hands it out looks whether its file is still there."""
        now = self.now()
        known = self.recent.get(key, now)
        if known is not None and now - known.last_used_s < self.touch_interval_s:
            return known
        with self.engine.connect() as connection:
            row = connection.execute(_BY_KEY, {"key": key}).first()
        if row is None:
            return None
        found = Record(*row)
        if now - found.last_used_s >= self.touch_interval_s and not self._touch(found):
            return None  # pruned a moment ago
        self.recent.note(found, now)
        return found

    def look_again(self, key: str) -> None:
        """What is remembered of ``key`` is not true any more."""
        self.recent.forget(key)

    def save(self, record: Record) -> None:
        """Index ``record``, whose bytes are in the store already; replaces an older one of the same key."""
        now = self.now()
        values = {
            "key": record.key,
            "name": record.name,
            "size": record.size,
            "duration_s": record.duration_s,
            "timings": record.timings,
            "warnings": record.warnings,
            "voice": record.voice,
            "created_s": now,
            "last_used_s": now,
        }
        with self.engine.begin() as connection:
            connection.execute(_saving(self.engine.dialect.name), values)
        self.recent.forget(record.key)

    def forget(self, record: Record) -> bool:
        """Remove the row, unless it was used, or made again, since ``record`` was read; False: it was."""
        same = (Audio.key == record.key, Audio.name == record.name, Audio.last_used_s == record.last_used_s)
        with self.engine.begin() as connection:
            is_gone = connection.execute(delete(Audio).where(*same)).rowcount == 1
        self.recent.forget(record.key)
        return is_gone

    def forget_voice(self, voice: str) -> list[str]:
        """Remove every row of a cloned voice; returns the names of the files, which nothing names any more."""
        rows = delete(Audio).where(Audio.voice == voice, Audio.voice != "").returning(Audio.name)
        with self.engine.begin() as connection:
            names = list(connection.execute(rows).scalars())
        self.recent.clear()
        return names

    def drop(self, key: str) -> str | None:
        """Remove the row, used or not; the name of its file, or None where there is no row."""
        with self.engine.begin() as connection:
            name = connection.execute(select(Audio.name).where(Audio.key == key)).scalar()
            connection.execute(delete(Audio).where(Audio.key == key))
        self.recent.forget(key)
        return name

    def total_bytes(self) -> int:
        """Of everything indexed."""
        with self.engine.connect() as connection:
            return int(connection.execute(select(func.coalesce(func.sum(Audio.size), 0))).scalar_one())

    def least_recent(self, unused_since_s: float | None = None, limit: int = 200) -> list[Record]:
        """The next ``limit`` sounds by time of last use, the oldest first.

        Args:
            unused_since_s: only those not used since; None takes any.
            limit: at most this many.
        """
        rows = _RECORDS.order_by(Audio.last_used_s, Audio.key).limit(limit)
        if unused_since_s is not None:
            rows = rows.where(Audio.last_used_s < unused_since_s)
        with self.engine.connect() as connection:
            return [Record(*row) for row in connection.execute(rows)]

    def missing(self, names: list[str]) -> Iterator[str]:
        """Those of ``names`` that no row has."""
        with self.engine.connect() as connection:
            known = set(connection.execute(select(Audio.name).where(Audio.name.in_(names))).scalars())
        return (name for name in names if name not in known)

    def _touch(self, record: Record) -> bool:
        row = update(Audio).where(Audio.key == record.key, Audio.name == record.name)
        try:
            with self.engine.begin() as connection:
                return connection.execute(row.values(last_used_s=self.now())).rowcount == 1
        except SQLAlchemyError as error:  # a full disk: what is there is still given out
            _log.warning("a use of a sound not written: %s", type(error).__name__)
            return True
