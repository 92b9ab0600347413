"""Work that nobody waits for: frequent texts made ahead of need, and the schedule of ``python -m app worker``."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Engine, delete, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from app.database import PrewarmItem, insert_into
from app.errors import EngineBusyError, EngineRefusedError, EngineUnreachableError, GatewayError
from app.gateway import Order
from app.speech import Speech, Wish
from app.storage import StorageError

_log = logging.getLogger(__name__)

_KEPT_S = 30 * 86_400
"""How long finished items are remembered."""
_MAX_ATTEMPTS = 5
_POLL_S = 2.0
_BACK_OFF_S = 15.0


@dataclass(frozen=True)
class Progress:
    """How far a list of texts has come."""

    ready: int
    pending: int
    failed: int
    """At the last try."""


@dataclass(frozen=True)
class Prewarm:
    """The list of texts to be made, kept in SQL: a worker that was killed goes on where it was. Thread-safe."""

    engine: Engine
    speech: Speech
    now: Callable[[], float]

    def ask(self, wishes: Sequence[Wish]) -> Progress:
        """Put what is not in the cache on the list; asking again changes nothing and tells how far it is.

        An item that failed before is tried again; until it is made it counts as pending and as failed.
        """
        ready = {wish: self._is_ready(wish) for wish in wishes}
        rows = [self._row(wish, "done" if is_ready else "pending") for wish, is_ready in ready.items()]
        insert = insert_into(self.engine, PrewarmItem)
        kept = {name: insert.excluded[name] for name in ("state", "attempts", "updated_s")}
        # what is pending keeps its place and its attempts, or who asks often would hold up the list
        settles = or_(PrewarmItem.state != "pending", insert.excluded.state == "done")
        pending = [row["id"] for row in rows if row["state"] == "pending"]
        failed = select(func.count()).where(PrewarmItem.id.in_(pending), PrewarmItem.detail != "")
        with self.engine.begin() as connection:
            connection.execute(
                insert.on_conflict_do_update(index_elements=[PrewarmItem.id], set_=kept, where=settles), rows
            )
            return Progress(len(ready) - len(pending), len(pending), connection.execute(failed).scalar_one())

    def progress(self) -> Progress:
        """Of everything on the list."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(PrewarmItem.state, func.count()).group_by(PrewarmItem.state)).all()
        counts = {state: count for state, count in rows}
        return Progress(counts.get("done", 0), counts.get("pending", 0), counts.get("failed", 0))

    def make_next(self) -> bool:
        """Make one pending item; False: there is none.

        Raises:
            GatewayError, StorageError: nothing can be made now; the item stays pending.
        """
        columns = select(PrewarmItem.id, PrewarmItem.order).where(PrewarmItem.state == "pending")
        with self.engine.connect() as connection:
            row = connection.execute(columns.order_by(PrewarmItem.updated_s, PrewarmItem.id).limit(1)).first()
        if row is None:
            return False
        try:
            self.speech.prepare(wish_of(row.order), f"prewarm-{row.id[:16]}")
        except EngineRefusedError as error:
            self._settle(row.id, "failed", str(error))
        except GatewayError as error:
            self._postpone(row.id, error)
            raise
        else:
            self._settle(row.id, "done")
        return True

    def forget_old(self) -> int:
        """Drop items that were settled long ago; returns how many."""
        old = (PrewarmItem.state != "pending", PrewarmItem.updated_s < self.now() - _KEPT_S)
        with self.engine.begin() as connection:
            return connection.execute(delete(PrewarmItem).where(*old)).rowcount

    def _is_ready(self, wish: Wish) -> bool:
        try:
            return self.speech.is_ready(wish)
        except GatewayError:  # the engine has not been up yet: the worker will look
            return False

    def _row(self, wish: Wish, state: str) -> dict[str, object]:
        order = text_of(wish)
        return {
            "id": hashlib.sha256(order.encode()).hexdigest(),
            "order": order,
            "state": state,
            "detail": "",
            "attempts": 0,
            "updated_s": self.now(),
        }

    def _postpone(self, item_id: str, error: GatewayError) -> None:
        """To the end of the list; a text at which the engine fails again and again must not hold up the others."""
        is_its_fault = not isinstance(error, EngineUnreachableError | EngineBusyError)
        row = update(PrewarmItem).where(PrewarmItem.id == item_id)
        with self.engine.begin() as connection:
            connection.execute(
                row.values(attempts=PrewarmItem.attempts + int(is_its_fault), updated_s=self.now(), detail=str(error))
            )
            connection.execute(row.where(PrewarmItem.attempts >= _MAX_ATTEMPTS).values(state="failed"))

    def _settle(self, item_id: str, state: str, detail: str = "") -> None:
        row = update(PrewarmItem).where(PrewarmItem.id == item_id)
        with self.engine.begin() as connection:
            connection.execute(row.values(state=state, detail=detail, updated_s=self.now()))


@dataclass(frozen=True)
class Task:
    """Something that is done again and again."""

    name: str
    interval_s: float
    work: Callable[[], object]


def prewarm_now(speech: Speech, wishes: Sequence[Wish]) -> Iterator[tuple[Wish, str]]:
    """Make ``wishes`` one by one, each with what became of it: ``made``, ``ready`` or a sentence.

    What is made already is skipped, so a second run goes on where the first one stopped.

    Raises:
        GatewayError, StorageError: nothing more can be made now.
    """
    for number, wish in enumerate(dict.fromkeys(wishes)):
        try:
            yield wish, "made" if speech.prepare(wish, f"prewarm-{number}") else "ready"
        except EngineRefusedError as error:
            yield wish, str(error)


def run_schedule(tasks: Sequence[Task], prewarm: Prewarm, stop: threading.Event) -> None:
    """Do ``tasks`` at their intervals and make pending items between them, until ``stop`` is set.

    The item being made is finished first.
    """
    due_s = {task.name: 0.0 for task in tasks}
    resting_until_s = 0.0
    while not stop.is_set():
        for task in tasks:
            if time.monotonic() >= due_s[task.name]:
                task.work()
                due_s[task.name] = time.monotonic() + task.interval_s
        busy = False
        if time.monotonic() >= resting_until_s:
            try:
                busy = prewarm.make_next()
            except (GatewayError, StorageError, SQLAlchemyError) as error:
                _log.warning("prewarming pauses: %s", error)
                resting_until_s = time.monotonic() + _BACK_OFF_S
        if not busy:
            stop.wait(_POLL_S)


def text_of(wish: Wish) -> str:
    """``wish`` as it is kept in SQL."""
    return json.dumps(asdict(wish), ensure_ascii=False, sort_keys=True)


def wish_of(text: str) -> Wish:
    """The reverse of ``text_of``."""
    values = json.loads(text)
    return Wish(Order(**values.pop("order")), **values)
