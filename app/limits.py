"""How many characters one caller may have spoken in a day, counted in SQL, where a restart does not forget them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import Engine, bindparam, delete, update

from app.database import Usage, insert_in
from app.errors import QuotaError

_DAY_S = 86_400
_KEPT_DAYS = 400


@cache
def _charging(dialect: str) -> Any:
    """Built once, as ``app.library`` does."""
    row = insert_in(dialect, Usage)
    row = row.values({name: bindparam(name) for name in ("subject", "day", "characters")})
    return row.on_conflict_do_update(
        index_elements=[Usage.subject, Usage.day],
        set_={"characters": Usage.characters + row.excluded.characters},
        where=Usage.characters + row.excluded.characters <= bindparam("per_day"),
    ).returning(Usage.characters)  # not ``rowcount``: PostgreSQL's driver does not count what was inserted


@dataclass(frozen=True)
class CharacterQuota:
    """Characters that one subject may have synthesised on one UTC day.

    A synthesis is paid by who starts it, and paid back when it fails or when another's identical request was already
    under way. What the cache answers costs nothing.
    """

    engine: Engine
    per_day: int
    now: Callable[[], float]

    def charge(self, subject: str, characters: int) -> str:
        """Take ``characters`` off today's allowance, atomically; returns the day that was charged.

        Raises:
            QuotaError: they do not fit; nothing was taken.
        """
        day = self._day()
        values = {"subject": subject, "day": day, "characters": characters, "per_day": self.per_day}
        if characters <= self.per_day:
            with self.engine.begin() as connection:
                if connection.execute(_charging(self.engine.dialect.name), values).first() is not None:
                    return day
        raise QuotaError(self.per_day, _DAY_S - int(self.now()) % _DAY_S)

    def refund(self, subject: str, day: str, characters: int) -> None:
        """Give back what ``charge`` took."""
        row = update(Usage).where(Usage.subject == subject, Usage.day == day)
        with self.engine.begin() as connection:
            connection.execute(row.values(characters=Usage.characters - characters))

    def forget_old(self) -> int:
        """Drop days that are long past; returns how many rows went."""
        oldest = datetime.fromtimestamp(self.now() - _KEPT_DAYS * _DAY_S, UTC).date().isoformat()
        with self.engine.begin() as connection:
            return connection.execute(delete(Usage).where(Usage.day < oldest)).rowcount

    def _day(self) -> str:
        return datetime.fromtimestamp(self.now(), UTC).date().isoformat()
