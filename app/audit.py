"""The audit: who did what to keys, tokens and voices, page by page or as one export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, select

from app.database import AuditEntry

_PAGE = 500


@dataclass(frozen=True)
class Query:
    """Which lines are wanted; everything may be left open."""

    since_s: float | None = None
    until_s: float | None = None
    """Not included."""
    action: str | None = None
    """Whole, as ``key.create``, or a family: ``key``."""
    actor: str | None = None


@dataclass(frozen=True)
class Entry:
    """One line."""

    id: int
    at_s: float
    actor: str
    action: str
    target: str
    detail: dict[str, Any]


@dataclass(frozen=True)
class Audit:
    """Reads what ``app.database.record`` wrote. Thread-safe."""

    engine: Engine

    def page(self, query: Query, after: int = 0, limit: int = _PAGE) -> list[Entry]:
        """The next ``limit`` lines behind the id ``after``, in the order they were written."""
        columns = (AuditEntry.id, AuditEntry.at_s, AuditEntry.actor, AuditEntry.action, AuditEntry.target)
        rows = select(*columns, AuditEntry.detail).where(AuditEntry.id > after).order_by(AuditEntry.id).limit(limit)
        if query.since_s is not None:
            rows = rows.where(AuditEntry.at_s >= query.since_s)
        if query.until_s is not None:
            rows = rows.where(AuditEntry.at_s < query.until_s)
        if query.actor is not None:
            rows = rows.where(AuditEntry.actor == query.actor)
        if query.action is not None:
            family = AuditEntry.action.startswith(f"{query.action}.", autoescape=True)
            rows = rows.where((AuditEntry.action == query.action) | family)
        with self.engine.connect() as connection:
            return [Entry(*row[:5], json.loads(row[5]) if row[5] else {}) for row in connection.execute(rows)]

    def all(self, query: Query) -> Iterator[Entry]:
        """Every line, a page at a time: an export of years fits in little memory."""
        after = 0
        while page := self.page(query, after):
            yield from page
            after = page[-1].id

    def forget_before(self, oldest_s: float) -> int:
        """Drop older lines; returns how many."""
        with self.engine.begin() as connection:
            return connection.execute(delete(AuditEntry).where(AuditEntry.at_s < oldest_s)).rowcount
