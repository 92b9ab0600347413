"""The task queue that wakes workers: Huey, on a SQLite file or Redis. Messages are numbers of jobs, as JSON."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from huey import Huey, RedisHuey, SqliteHuey  # type: ignore[import-untyped]
from huey.consumer import Consumer  # type: ignore[import-untyped]
from huey.registry import Message  # type: ignore[import-untyped]
from huey.serializer import Serializer  # type: ignore[import-untyped]
from redis import ConnectionPool

from settings import JobSettings, SettingsError

_log = logging.getLogger(__name__)

_NAME = "tts-jobs"
_MAX_DELAY_S = 1.0
"""Longest pause between two looks into an empty SQLite queue."""
_CONNECT_S = 1.0
_ANSWER_S = 3.0
"""A Redis that hangs must not hold a request; longer than the second for which a worker waits for an entry."""


class JobQueue:
    """Put in by any process, worked off by ``python -m app worker``. Thread-safe."""

    def __init__(self, settings: JobSettings, advance: Callable[[str, int], None], call: Callable[[str], None]) -> None:
        """``advance`` does a job's next part, ``call`` its callback; both run in workers only."""
        self._workers = settings.workers
        self.huey = _huey(settings)
        self._advance = self.huey.task(name="advance")(advance)
        self._call = self.huey.task(name="call")(call)

    def advance(self, job_id: str, turn: int) -> None:
        """Have the next part of a job made."""
        self._advance(job_id, turn)

    def call(self, job_id: str) -> None:
        """Have a job's callback tried."""
        self._call(job_id)

    def waiting(self) -> set[tuple[str, int]]:
        """Jobs and their turns that wait in the queue.

        Raises:
            RedisError, sqlite3.Error, OSError: the queue is away.
        """
        tasks = (self.huey.deserialize_task(data) for data in self.huey.storage.enqueued_items())
        return {(task.args[0], task.args[1]) for task in tasks if len(task.args) == 2}

    def consumer(self) -> Consumer:
        """Threads that work the queue off; ``start`` and ``stop`` them."""
        return _Consumer(self.huey, workers=self._workers, periodic=False, initial_delay=0.05, max_delay=_MAX_DELAY_S)

    def work_one(self) -> bool:
        """Do one task in this thread; False: there is none."""
        task = self.huey.dequeue()
        if task is None:
            return False
        self.huey.execute(task)
        return True


class _Json(Serializer):  # type: ignore[misc]
    """Instead of pickle: who can write into the queue must not be able to run code."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(list(data)).encode()

    def _deserialize(self, data: bytes) -> Any:
        return Message(*json.loads(data))


class _Consumer(Consumer):  # type: ignore[misc]
    """Leaves signals to the command that started it."""

    def _set_signal_handlers(self) -> None:
        return


def _huey(settings: JobSettings) -> Huey:
    url = settings.queue_url.get_secret_value()
    options = {"results": False, "serializer": _Json()}
    if url:
        return RedisHuey(_NAME, connection_pool=_pool(url), **options)
    settings.queue_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _set_broken_aside(settings.queue_file)
    return SqliteHuey(_NAME, filename=str(settings.queue_file), **options)


def _pool(url: str) -> ConnectionPool:
    try:
        return ConnectionPool.from_url(url, socket_connect_timeout=_CONNECT_S, socket_timeout=_ANSWER_S)
    except ValueError as error:
        raise SettingsError("设置 jobs.queue_url 有误：应为 redis://主机:端口/库，或留空。") from error


def _set_broken_aside(file: Path) -> None:
    """Rename a queue that cannot be read, half-written by a machine that lost its power.

    Nothing is lost with it: SQL knows every job, and ``Jobs.rescue`` puts it into the new queue.
    """
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(file, timeout=5)) as connection:
            is_sound = connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.OperationalError:  # locked, or a full disk: nothing is known against the file
        return
    except sqlite3.DatabaseError:
        is_sound = False
    if is_sound:
        return
    aside = file.with_name(f"{file.name}.broken-{int(time.time())}")
    _log.error("the queue %s is damaged: set aside as %s, a new one is begun", file.name, aside.name)
    for suffix in ("", "-wal", "-shm"):
        broken = file.with_name(file.name + suffix)
        if broken.exists():
            broken.replace(aside.with_name(aside.name + suffix))
