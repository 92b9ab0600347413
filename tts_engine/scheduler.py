"""Who is computed next: small tasks of many requests on a few workers, shared fairly.

A request opens a turn and puts tasks in; the worker that becomes free takes a task of the turn that has had the least
time so far, by its priority. So a prompt of five characters waits for one task, however long the article before it is,
and neither starves. Whatever is computed does not depend on who else is there: sharing changes when, never what.

Source: start-time fair queuing (Goyal, Vin, Cheng 1997).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from tts_engine.errors import DeadlineExceededError, EngineBusyError

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

PRIORITIES = {"high": 4.0, "normal": 1.0, "low": 0.125}
"""What a priority's share of the time weighs."""
_MOST_TURNS = 4096
_RETRY_AFTER_S = 1


@dataclass(frozen=True)
class Terms:
    """What a request asks of whoever computes it."""

    deadline: float | None = None
    """``time.monotonic()`` after which nothing more is begun."""
    priority: str = "normal"
    """A key of ``PRIORITIES``."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set by whoever no longer wants it: what has not begun is dropped."""


class Later(Protocol[T_co]):
    """A result to come."""

    def done(self) -> bool:
        """Whether ``result`` would not wait."""
        ...

    def result(self) -> T_co:
        """Wait for it.

        Raises:
            DeadlineExceededError: it was not there in time.
            CancelledError: nobody wants it any more.
        """
        ...


class Turn(Protocol):
    """The tasks of one request; to be closed when it ends, in whatever way."""

    def submit(self, work: Callable[[], T]) -> Later[T]:
        """Have ``work`` done; tasks of a turn begin in the order in which they came."""
        ...

    def close(self) -> None:
        """Drop what has not begun."""
        ...


class Inline:
    """The turn of somebody who computes alone: each task is done when its result is asked for."""

    def submit(self, work: Callable[[], T]) -> Later[T]:
        """See ``Turn``."""
        return _Promise(work)

    def close(self) -> None:
        """See ``Turn``."""


class _Promise(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work

    def done(self) -> bool:
        return False

    def result(self) -> T:
        return self._work()


class Scheduler:
    """Workers and who waits for them. Thread-safe."""

    def __init__(self, workers: int, most_turns: int = _MOST_TURNS) -> None:
        """Start nothing yet: threads come with work and end with the process.

        Args:
            workers: tasks at the same time, at least 1.
            most_turns: open at the same time.
        """
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="engine")
        self._lock = threading.Lock()
        self._turns: dict[int, _Turn] = {}
        """Open ones, by number."""
        self._number = 0
        self._passed = 0.0
        """Virtual time: what the turn that was served last has had."""
        self._usual_s = 0.02
        self._most_turns = most_turns

    def open(self, terms: Terms) -> Turn:
        """A turn that begins as if it had had as much as whoever is served now.

        Raises:
            EngineBusyError: too many are open.
            DeadlineExceededError: it is too late already.
        """
        if terms.deadline is not None and time.monotonic() >= terms.deadline:
            raise DeadlineExceededError
        with self._lock:
            if len(self._turns) >= self._most_turns:
                raise EngineBusyError(_RETRY_AFTER_S)
            self._number += 1
            turn = self._turns[self._number] = _Turn(self, self._number, terms, self._passed)
        return turn

    @property
    def waiting(self) -> int:
        """Tasks that have not begun."""
        with self._lock:
            return sum(len(turn.tasks) for turn in self._turns.values())

    def close(self) -> None:
        """Begin nothing more."""
        with self._lock:
            turns = list(self._turns.values())
        for turn in turns:
            turn.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def put(self, turn: _Turn, task: _Task) -> None:
        """Queue a task of an open turn; of a closed one it is dropped."""
        with self._lock:
            if turn.number not in self._turns:
                task.future.cancel()
                return
            if not turn.tasks:
                turn.passed = max(turn.passed, self._passed)  # idle time is not saved up
            turn.tasks.append(task)
        self._pool.submit(self._serve)

    def drop(self, turn: _Turn) -> None:
        """Forget a turn and its tasks."""
        with self._lock:
            self._turns.pop(turn.number, None)
            tasks = list(turn.tasks)
            turn.tasks.clear()
        for task in tasks:
            task.future.cancel()

    def _serve(self) -> None:
        """One task of whoever has had least. There is one call for each task that was queued."""
        with self._lock:
            waiting = [turn for turn in self._turns.values() if turn.tasks]
            if not waiting:
                return  # its turn was closed
            turn = min(waiting, key=lambda turn: (turn.passed, turn.number))
            task = turn.tasks.popleft()
            self._passed = max(self._passed, turn.passed)
            charged = self._usual_s
            turn.charge(charged)  # at once, so that another worker looks elsewhere first
        elapsed = task.run(turn.terms)
        with self._lock:
            turn.charge(elapsed - charged)
            self._usual_s += 0.1 * (elapsed - self._usual_s)


class _Turn:
    def __init__(self, scheduler: Scheduler, number: int, terms: Terms, passed: float) -> None:
        self.number = number
        self.terms = terms
        self.passed = passed
        """Seconds of work so far over the weight of the priority, from where the turn began."""
        self.tasks: deque[_Task] = deque()
        self._scheduler = scheduler

    def charge(self, seconds: float) -> None:
        self.passed += seconds / PRIORITIES[self.terms.priority]

    def submit(self, work: Callable[[], T]) -> Later[T]:
        future: Future[T] = Future()

        def run() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001  # raised where the result is asked for
                future.set_exception(error)
            else:
                future.set_result(result)

        self._scheduler.put(self, _Task(future, run))
        return _Waited(future, self.terms)

    def close(self) -> None:
        self._scheduler.drop(self)


@dataclass(frozen=True)
class _Task:
    future: Future[object] | Future[T]  # type: ignore[valid-type]  # of whatever its run sets
    work: Callable[[], None]

    def run(self, terms: Terms) -> float:
        """Do the work unless it is too late; give the seconds that it took."""
        began = time.monotonic()
        if terms.stop.is_set():
            self.future.cancel()
        elif terms.deadline is not None and began >= terms.deadline:
            if self.future.set_running_or_notify_cancel():
                self.future.set_exception(DeadlineExceededError())
        elif self.future.set_running_or_notify_cancel():
            self.work()
        return time.monotonic() - began


class _Waited(Generic[T]):
    def __init__(self, future: Future[T], terms: Terms) -> None:
        self._future = future
        self._terms = terms

    def done(self) -> bool:
        return self._future.done()

    def result(self) -> T:
        deadline = self._terms.deadline
        try:
            return self._future.result(None if deadline is None else max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            if self._future.done():  # its own
                raise
            raise DeadlineExceededError from None


__all__ = ["PRIORITIES", "CancelledError", "Inline", "Later", "Scheduler", "Terms", "Turn"]
