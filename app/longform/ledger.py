"""Rows of jobs and their parts; every change names its turn, so that a worker taken for dead changes nothing."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Row, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.database import Job, JobPart

ACTIVE = ("queued", "running")
_WAIT_S = 5.0
"""A job of which nothing was heard for so long is looked for in the queue, and put in again where it is not there."""
_FAR_S = 180.0
"""No lease of work is ever so long: one that ends later was written by a clock that has been put back since."""
_FAR_CALL_S = 7200.0 + _FAR_S
"""The same of a callback's pause."""

JobRow = Row[Any]
"""Every column of ``jobs``."""


@dataclass(frozen=True)
class NewJob:
    """What is written down of a request."""

    subject: str
    idempotency_key: str | None
    digest: str
    text: str
    wish: str
    callback_url: str | None
    day: str
    parts: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class Ledger:
    """Thread-safe, also among hosts."""

    engine: Engine
    now: Callable[[], float]
    lease_s: float

    def create(self, new: NewJob) -> str | None:
        """The id of a new job; None: its idempotency key was used a moment ago."""
        now, job_id = self.now(), secrets.token_hex(16)
        row = {
            "id": job_id, "subject": new.subject, "idempotency_key": new.idempotency_key, "digest": new.digest,
            "state": "queued", "text": new.text, "wish": new.wish, "callback_url": new.callback_url, "day": new.day,
            "lease_s": now + _WAIT_S, "created_s": now, "updated_s": now,
        }  # fmt: skip
        parts = [
            {"job": job_id, "number": number, "begin": begin, "end": end, "state": "pending"}
            for number, (begin, end) in enumerate(new.parts)
        ]
        try:
            with self.engine.begin() as connection:
                connection.execute(insert(Job).values(row))
                connection.execute(insert(JobPart), parts)
        except IntegrityError:
            return None
        return job_id

    def find(self, job_id: str) -> JobRow | None:
        """The job."""
        with self.engine.connect() as connection:
            return connection.execute(select(*Job.__table__.columns).where(Job.id == job_id)).first()

    def repeated(self, subject: str, key: str) -> JobRow | None:
        """The job that ``subject`` asked for under this idempotency key."""
        columns = select(*Job.__table__.columns)
        with self.engine.connect() as connection:
            return connection.execute(columns.where(Job.subject == subject, Job.idempotency_key == key)).first()

    def of(self, subject: str, limit: int = 100) -> Sequence[JobRow]:
        """The newest jobs of ``subject``."""
        columns = select(*Job.__table__.columns).where(Job.subject == subject)
        with self.engine.connect() as connection:
            return connection.execute(columns.order_by(Job.created_s.desc(), Job.id).limit(limit)).all()

    def active(self, subject: str) -> int:
        """How many unfinished jobs ``subject`` has."""
        rows = select(func.count()).where(Job.subject == subject, Job.state.in_(ACTIVE))
        with self.engine.connect() as connection:
            return connection.execute(rows).scalar_one()

    def backlog(self) -> tuple[int, float]:
        """How many jobs are unfinished, and for how many seconds nobody has worked on the one that waits longest.

        With a worker the latter stays below some seconds, or the time that all who wait before it take.
        """
        rows = select(func.count(), func.min(Job.lease_s)).where(Job.state.in_(ACTIVE))
        with self.engine.connect() as connection:
            count, oldest_s = connection.execute(rows).one()
        return count, max(0.0, self.now() - oldest_s) if count else 0.0

    def parts(self, job_id: str, first: int = 0) -> Sequence[Row[Any]]:
        """The parts in order, from number ``first``."""
        rows = select(*JobPart.__table__.columns).where(JobPart.job == job_id, JobPart.number >= first)
        with self.engine.connect() as connection:
            return connection.execute(rows.order_by(JobPart.number)).all()

    def claim(self, job_id: str, turn: int) -> int | None:
        """Begin to work; the new turn, or None when somebody else has, or it is over."""
        changed = self._change(job_id, turn, state="running", turn=turn + 1, lease_s=self.now() + self.lease_s)
        return turn + 1 if changed else None

    def renew(self, job_id: str, turn: int) -> bool:
        """Say that the work goes on; False: it is no longer ours."""
        return self._change(job_id, turn, lease_s=self.now() + self.lease_s)

    def give_back(self, job_id: str, turn: int, wait_s: float = _WAIT_S, **values: object) -> bool:
        """Let others go on, those who look for lost jobs after ``wait_s``; False: it is no longer ours."""
        return self._change(job_id, turn, lease_s=self.now() + wait_s, updated_s=self.now(), **values)

    def finish(self, job_id: str, turn: int, state: str, **values: object) -> bool:
        """The end; False: it is no longer ours."""
        now = self.now()
        return self._change(job_id, turn, state=state, turn=turn + 1, updated_s=now, lease_s=now, **values)

    def mark(self, job_id: str, number: int, **values: object) -> None:
        """What became of a part."""
        row = update(JobPart).where(JobPart.job == job_id, JobPart.number == number)
        with self.engine.begin() as connection:
            connection.execute(row.values(**values))

    def lost(self, is_waiting: Callable[[str, int], bool] = lambda job_id, turn: False) -> list[tuple[str, int]]:
        """Unfinished jobs of which nothing was heard, each with the turn in which it may go on.

        Args:
            is_waiting: whether the queue holds a job and its turn; such a job is not lost, but late.
        """
        now = self.now()
        is_silent = or_(Job.lease_s < now, Job.lease_s > now + self.lease_s + _FAR_S)
        with self.engine.connect() as connection:
            found = connection.execute(select(Job.id, Job.turn).where(Job.state.in_(ACTIVE), is_silent)).all()
        return [
            (row.id, row.turn + 1)
            for row in found
            if not is_waiting(row.id, row.turn)
            and self._change(row.id, row.turn, turn=row.turn + 1, lease_s=now + _WAIT_S)
        ]

    def due_calls(self, pause: Callable[[int], float]) -> list[str]:
        """Jobs whose callback is to be tried now; each is given out once, and again after ``pause(attempts)``."""
        now = self.now()
        is_time = or_(Job.lease_s <= now, Job.lease_s > now + _FAR_CALL_S)
        is_due = (Job.callback_state == "pending", is_time, Job.state.not_in(ACTIVE))
        taken = []
        with self.engine.begin() as connection:
            for row in connection.execute(select(Job.id, Job.attempts).where(*is_due).limit(100)).all():
                mine = update(Job).where(Job.id == row.id, Job.attempts == row.attempts, *is_due)
                values = {"attempts": row.attempts + 1, "lease_s": self.now() + pause(row.attempts)}
                if connection.execute(mine.values(**values)).rowcount == 1:
                    taken.append(row.id)
        return taken

    def called(self, job_id: str, state: str) -> None:
        """What became of the callback."""
        with self.engine.begin() as connection:
            connection.execute(update(Job).where(Job.id == job_id).values(callback_state=state))

    def remove(self, job_id: str) -> JobRow | None:
        """Forget a job and its parts; returns it as it was, once."""
        job = self.find(job_id)
        with self.engine.begin() as connection:
            gone = connection.execute(delete(Job).where(Job.id == job_id)).rowcount == 1
            connection.execute(delete(JobPart).where(JobPart.job == job_id))
        return job if gone else None

    def expired(self, before_s: float) -> list[str]:
        """Jobs that ended before that time."""
        rows = select(Job.id).where(Job.state.not_in(ACTIVE), Job.updated_s < before_s).limit(100)
        with self.engine.connect() as connection:
            return list(connection.execute(rows).scalars())

    def unpaid(self, job_id: str) -> int:
        """Characters that were charged and need not have been: not made, silent, or from the cache."""
        spared = or_(JobPart.state != "done", JobPart.free == 1)
        rows = select(func.coalesce(func.sum(JobPart.end - JobPart.begin), 0)).where(JobPart.job == job_id, spared)
        with self.engine.connect() as connection:
            return int(connection.execute(rows).scalar_one())

    def _change(self, job_id: str, held: int, **values: object) -> bool:
        row = update(Job).where(Job.id == job_id, Job.turn == held, Job.state.in_(ACTIVE))
        with self.engine.begin() as connection:
            return connection.execute(row.values(**values)).rowcount == 1
