"""The use case: a long text in, its progress, parts and result out."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import Row

from app.errors import ConflictError, TooManyJobsError
from app.labels import shifted
from app.library import Library
from app.limits import CharacterQuota
from app.longform.callback import CallbackError, Callbacks
from app.longform.ledger import ACTIVE, JobRow, Ledger, NewJob
from app.longform.making import Maker, result_key, wish_of
from app.longform.queue import JobQueue
from app.longform.splitting import split
from app.speech import Wish
from app.storage import Storage, StorageError
from app.timestamps import Captions, Kind
from settings import JobSettings
from sound.notice import MARGIN_S

_log = logging.getLogger(__name__)

_PAUSES_S = (10.0, 60.0, 300.0, 1800.0, 7200.0)
"""Before the next try of a callback."""


@dataclass(frozen=True)
class Asked:
    """A request for a job, checked."""

    wish: Wish
    subject: str
    idempotency_key: str | None = None
    callback_url: str | None = None


class Jobs:
    """Thread-safe."""

    def __init__(self, settings: JobSettings, ledger: Ledger, maker: Maker, quota: CharacterQuota) -> None:
        self._settings = settings
        self.ledger = ledger
        self.maker = maker
        self._quota = quota
        self.callbacks = Callbacks(settings, ledger.now)
        self.queue = JobQueue(settings, self._advance, self._call)

    def submit(self, asked: Asked) -> tuple[JobRow, bool]:
        """The job, and whether it is new; the same request with the same idempotency key is the same job.

        Raises:
            ConflictError: another request had this key.
            TooManyJobsError: the subject has as many unfinished jobs as may be.
            QuotaError: the subject's characters are used up.
            StorageFullError: there is no room for what it would make.
        """
        digest = hashlib.sha256(json.dumps([asdict(asked.wish), asked.callback_url]).encode()).hexdigest()
        found = self._repeated(asked, digest)
        if found is not None:
            return found, False
        if self.ledger.active(asked.subject) >= self._settings.max_active:
            raise TooManyJobsError(self._settings.max_active)
        text = asked.wish.order.text
        self.maker.speech.check_room()
        day = self._quota.charge(asked.subject, len(text))
        bare = replace(asked.wish, order=replace(asked.wish.order, text=""))
        job_id = self.ledger.create(
            NewJob(
                subject=asked.subject,
                idempotency_key=asked.idempotency_key,
                digest=digest,
                text=text,
                wish=json.dumps(asdict(bare), ensure_ascii=False),
                callback_url=asked.callback_url,
                day=day,
                parts=split(text, self._settings.part_chars),
            )
        )
        if job_id is None:  # the same request came twice at once
            self._quota.refund(asked.subject, day, len(text))
        else:
            self._wake(job_id, 0)
        job = self.ledger.find(job_id) if job_id else self._repeated(asked, digest)
        if job is None:
            raise ConflictError
        return job, job_id is not None

    def find(self, job_id: str, subject: str) -> JobRow | None:
        """The subject's own job."""
        job = self.ledger.find(job_id)
        return job if job is not None and job.subject == subject else None

    def remove(self, job_id: str, subject: str) -> bool:
        """Stop the job if it runs, and delete it with its result; False: there is none."""
        return self.find(job_id, subject) is not None and self._delete(job_id)

    def rescue(self) -> int:
        """Wake what a dead worker or a lost queue left behind, and due callbacks; returns how many jobs.

        Raises:
            RedisError, sqlite3.Error, OSError: the queue is away; a later round finds what this one could not wake.
        """
        queued: set[tuple[str, int]] | None = None

        def is_waiting(job_id: str, turn: int) -> bool:
            nonlocal queued
            if queued is None:  # read only when some job is late, and once
                queued = self.queue.waiting()
            return (job_id, turn) in queued

        lost = self.ledger.lost(is_waiting)
        for job_id, turn in lost:
            self._wake(job_id, turn)
        for job_id in self.ledger.due_calls(lambda attempts: _PAUSES_S[min(attempts, len(_PAUSES_S) - 1)]):
            self.queue.call(job_id)
        return len(lost)

    def expire(self) -> int:
        """Delete what ended long ago; returns how many."""
        old = self.ledger.expired(self.ledger.now() - self._settings.lifetime_h * 3600)
        return sum(self._delete(job_id) for job_id in old)

    def timings(self, job: JobRow, parts: list[Row[Any]], library: Library) -> Iterator[list[dict[str, Any]]]:
        """The timings of each part that is made, as heard in the whole sound, indices into the whole text."""
        offset_ms = self._opening_ms(job)
        for part in parts:
            if part.state == "pending":
                return
            record = library.find(part.sound) if part.sound else None
            timings = json.loads(record.timings) if record else []
            yield [
                {**timing, "begin": timing["begin"] + part.begin, "end": timing["end"] + part.begin}
                for timing in shifted(timings, offset_ms)
            ]
            offset_ms += 1000 * part.duration_s

    def captions(self, job: JobRow, kind: Kind, library: Library) -> Iterator[str]:
        """The subtitles or timings of what is made so far, a part at a time."""
        captions, parts = Captions(job.text, kind), list(self.ledger.parts(job.id))
        if kind in ("srt", "lrc"):
            for timings in self.timings(job, parts, library):
                yield captions.of(timings)["subtitles"]
            return
        separator = '{"timestamps":['
        for timings in self.timings(job, parts, library):
            for spot in captions.of(timings).get("sentences", timings):
                yield separator + json.dumps(spot, ensure_ascii=False)
                separator = ","
        yield "]}\n" if separator == "," else '{"timestamps":[]}\n'

    def _opening_ms(self, job: JobRow) -> float:
        labels, wish = self.maker.speech.labels, wish_of(job)
        if not labels.mark(wish.explicit) or labels.settings.position == "end":
            return 0.0
        if job.state != "done":
            return 0.0  # the parts themselves have no label
        heard_s = sum(part.duration_s for part in self.ledger.parts(job.id))
        extra_s: float = job.duration_s - heard_s
        return 1000 * (extra_s / 2 if labels.settings.position == "both" else max(extra_s, MARGIN_S))

    def _repeated(self, asked: Asked, digest: str) -> JobRow | None:
        if asked.idempotency_key is None:
            return None
        found = self.ledger.repeated(asked.subject, asked.idempotency_key)
        if found is not None and found.digest != digest:
            raise ConflictError
        return found

    def _delete(self, job_id: str) -> bool:
        unpaid = self.ledger.unpaid(job_id)
        job = self.ledger.remove(job_id)
        if job is None:
            return False
        if job.state in ACTIVE and unpaid:
            self._quota.refund(job.subject, job.day, unpaid)
        library, storage = self.maker.speech.library, self.maker.speech.storage
        _drop(library, storage, job)
        return True

    def _wake(self, job_id: str, turn: int) -> None:
        try:
            self.queue.advance(job_id, turn)
        except (RedisError, sqlite3.Error, OSError) as error:  # a worker finds it, though later
            _log.warning("queue away, job %s waits: %s", job_id, type(error).__name__)

    def _advance(self, job_id: str, turn: int) -> None:
        following = self.maker.work(job_id, turn)
        if following is not None:
            self._wake(job_id, following)

    def _call(self, job_id: str) -> None:
        job = self.ledger.find(job_id)
        if job is None or job.callback_state != "pending" or job.callback_url is None:
            return
        body: dict[str, object] = {"type": "job.ended", "id": job.id, "state": job.state, "code": job.code or None}
        try:
            self.callbacks.deliver(job.callback_url, job.id, body)
        except CallbackError as error:
            _log.warning("callback of job %s failed: %s", job.id, error)
            if job.attempts > len(_PAUSES_S):
                self.ledger.called(job.id, "failed")
        else:
            self.ledger.called(job.id, "sent")


def _drop(library: Library, storage: Storage, job: JobRow) -> None:
    name = library.drop(result_key(job.id))
    if name is None:
        return
    try:
        storage.delete(name)
    except StorageError as error:  # without its row the sound is swept away later
        _log.warning("the sound of job %s stays for now: %s", job.id, error)
