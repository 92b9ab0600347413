"""The task queue that wakes workers: Huey, on a SQLite file or Redis. Messages are numbers of jobs, as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from huey import Huey, RedisHuey, SqliteHuey  # type: ignore[import-untyped]
from huey.consumer import Consumer  # type: ignore[import-untyped]
from huey.registry import Message  # type: ignore[import-untyped]
from huey.serializer import Serializer  # type: ignore[import-untyped]

from settings import JobSettings

_NAME = "tts-jobs"
_MAX_DELAY_S = 1.0
"""Longest pause between two looks into an empty SQLite queue."""


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
        return RedisHuey(_NAME, url=url, socket_connect_timeout=2, **options)
    settings.queue_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return SqliteHuey(_NAME, filename=str(settings.queue_file), **options)
