"""A worker's part of a long text: one part a turn, then the joining."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from app import scratch
from app.errors import EngineBusyError, EngineFullError, EngineRefusedError, EngineUnreachableError, GatewayError
from app.gateway import Order, Trip
from app.gateway.voices import private_voice
from app.library import Record
from app.limits import CharacterQuota
from app.longform.ledger import JobRow, Ledger
from app.speech import Speech, Wish
from app.storage import AudioNotFoundError, StorageError
from sound import MEDIA_TYPES, decode_flac, encode, labelled
from sound.encoder import Encoder, Samples
from sound.label import copy_labelled

_log = logging.getLogger(__name__)

_MAX_ATTEMPTS = 5
_SILENT = ("empty_text",)
"""The engine's words for a stretch in which nothing can be heard: a row of dashes between two chapters."""


class LostTurnError(Exception):
    """The job was cancelled, or another worker has taken it over."""


@dataclass(frozen=True)
class Maker:
    """Thread-safe."""

    ledger: Ledger
    speech: Speech
    quota: CharacterQuota

    def work(self, job_id: str, turn: int) -> int | None:
        """One part of a job, or its end; the turn in which it goes on, or None where it does not, or not yet."""
        mine = self.ledger.claim(job_id, turn)
        job = self.ledger.find(job_id)
        if mine is None or job is None:
            return None
        try:
            with self._alive(job_id, mine) as lost:
                return self._step(job, mine, lost)
        except LostTurnError:
            _log.info("job %s goes on elsewhere, or was cancelled", job_id)
        except EngineRefusedError as error:
            self._fail(job, mine, error.code, str(error))
        except GatewayError as error:
            self._postpone(job, mine, error)
        except (StorageError, SQLAlchemyError, OSError) as error:
            _log.warning("job %s waits: %s", job_id, error)
            self._release(job_id, mine)
        return None

    def _release(self, job_id: str, turn: int) -> None:
        """Let others go on in some seconds; where even that cannot be written, when the lease is over."""
        try:
            self.ledger.give_back(job_id, turn)
        except SQLAlchemyError as error:
            _log.warning("job %s waits for its lease to end: %s", job_id, type(error).__name__)

    def settle(self, job: JobRow) -> None:
        """Pay back what the job did not cost."""
        spared = self.ledger.unpaid(job.id)
        if spared:
            self.quota.refund(job.subject, job.day, spared)

    def _step(self, job: JobRow, turn: int, lost: threading.Event) -> int | None:
        parts = self.ledger.parts(job.id)
        pending = next((part for part in parts if part.state == "pending"), None)
        if pending is None:
            return self._join(job, turn, parts, lost)
        self._make(job, pending)
        if not self.ledger.give_back(job.id, turn, attempts=0):
            raise LostTurnError
        return turn

    def _make(self, job: JobRow, part: Any) -> None:
        wish = wish_of(job)
        order = replace(wish.order, text=job.text[part.begin : part.end])
        request_id = f"job-{job.id[:16]}-{part.number}"
        plain = Wish(order, "flac", None, False)
        if not any(character.isalnum() for character in order.text):
            self.ledger.mark(job.id, part.number, state="silent")
            return
        try:
            record, fresh = self.speech.obtain(plain, request_id)
        except EngineRefusedError as error:
            if error.code not in _SILENT:
                raise
            self.ledger.mark(job.id, part.number, state="silent")
            return
        self.ledger.mark(
            job.id,
            part.number,
            state="done",
            sound=record.key,
            playable=self._playable(record, replace(wish, order=order, explicit=False)),
            duration_s=record.duration_s,
            free=int(not fresh),
        )

    def _playable(self, sound: Record, wish: Wish) -> str:
        """The key of the same sound in the format that was asked for."""
        if (wish.format, wish.sample_rate) == ("flac", None):
            return sound.key
        key = hashlib.sha256(f"{sound.key} {wish.format} {wish.sample_rate}".encode()).hexdigest()
        if self.speech.find(key) is None:
            samples, rate = decode_flac(self.speech.storage.read(sound.name))
            content_id = secrets.token_hex(16)
            data = encode(samples, rate, wish.format, wish.sample_rate)
            data = labelled(data, wish.format, self.speech.labels.implicit(content_id))
            name = f"{content_id}.{wish.format}"
            self.speech.storage.put(name, data, MEDIA_TYPES[wish.format])
            self.speech.library.save(replace(sound, key=key, name=name, size=len(data)))
        return key

    def _join(self, job: JobRow, turn: int, parts: Any, lost: threading.Event) -> int | None:
        wish = wish_of(job)
        spoken = [part for part in parts if part.state == "done"]
        if not spoken:
            self._fail(job, turn, "empty_text", "文本里没有可以朗读的字符。")
            return None
        self.speech.check_room()
        with scratch.folder("job") as folder:
            path = folder / "sound"
            try:
                duration_s = self._written(job, wish, spoken, path, lost)
            except AudioNotFoundError:
                return turn if self.ledger.give_back(job.id, turn) else None  # a part was pruned, and is made again
            name = self._stored(job, wish, path, duration_s)
        values: dict[str, object] = {"result": name, "duration_s": duration_s, "attempts": 0}
        if not self.ledger.finish(job.id, turn, "done", callback_state=_owed(job), **values):
            self.speech.storage.delete(name)
            raise LostTurnError
        self.settle(job)
        return None

    def _written(self, job: JobRow, wish: Wish, spoken: Any, path: Path, lost: threading.Event) -> float:
        """Write the whole sound to ``path``, one part in memory at a time; returns its seconds."""
        trip = Trip(f"job-{job.id[:16]}", self.speech.terms.deadline_s)
        labels, speaker = self.speech.labels, wish.order.speaker
        marked = bool(labels.mark(wish.explicit))
        samples, rate = self._samples(job, spoken[0])
        count = 0
        with path.open("w+b") as file, Encoder(file, wish.format, rate, wish.sample_rate) as encoder:
            if marked:
                count += encoder.write(labels.opening(rate, speaker, trip))
            count += encoder.write(samples)
            for part in spoken[1:]:
                if lost.is_set():
                    raise LostTurnError
                count += encoder.write(self._samples(job, part)[0])
            if marked:
                count += encoder.write(labels.closing(rate, speaker, trip))
        return count / rate

    def _samples(self, job: JobRow, part: Any) -> tuple[Samples, int]:
        record = self.speech.find(part.sound)
        try:
            if record is None:
                raise AudioNotFoundError
            return decode_flac(self.speech.storage.read(record.name))
        except AudioNotFoundError:
            self.ledger.mark(job.id, part.number, state="pending", sound="", playable="")
            raise

    def _stored(self, job: JobRow, wish: Wish, path: Path, duration_s: float) -> str:
        content_id = secrets.token_hex(16)
        name, finished = f"{content_id}.{wish.format}", path.with_suffix(".labelled")
        with path.open("rb") as source, finished.open("w+b") as target:
            copy_labelled(source, target, wish.format, self.speech.labels.implicit(content_id))
        path.unlink()
        self.speech.storage.put_file(name, finished, MEDIA_TYPES[wish.format])
        key = result_key(job.id)
        voice = private_voice(wish.order.speaker)
        self.speech.library.save(
            Record(key, name, finished.stat().st_size, duration_s, timings="[]", warnings="[]", voice=voice)
        )
        return name

    def _postpone(self, job: JobRow, turn: int, error: GatewayError) -> None:
        is_its_fault = not isinstance(error, EngineUnreachableError | EngineBusyError | EngineFullError)
        attempts = job.attempts + int(is_its_fault)
        if attempts >= _MAX_ATTEMPTS:
            self._fail(job, turn, error.code, str(error))
            return
        _log.warning("job %s waits: %s", job.id, error.code)
        self.ledger.give_back(job.id, turn, 2.0 * 2**attempts, attempts=attempts)

    def _fail(self, job: JobRow, turn: int, code: str, detail: str) -> None:
        if self.ledger.finish(job.id, turn, "failed", code=code, detail=detail, attempts=0, callback_state=_owed(job)):
            self.settle(job)

    @contextmanager
    def _alive(self, job_id: str, turn: int) -> Iterator[threading.Event]:
        """Renew the lease while the block runs; the event is set when the job is no longer ours."""
        over, lost = threading.Event(), threading.Event()

        def renew() -> None:
            while not over.wait(self.ledger.lease_s / 3):
                try:
                    if not self.ledger.renew(job_id, turn):
                        lost.set()
                        return
                except SQLAlchemyError as error:
                    _log.warning("lease of job %s not renewed: %s", job_id, type(error).__name__)

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield lost
        finally:
            over.set()
            thread.join()


def wish_of(job: JobRow) -> Wish:
    """How the job is to be spoken; without its text."""
    values = json.loads(job.wish)
    return Wish(Order(**values.pop("order")), **values)


def result_key(job_id: str) -> str:
    """Under which the library has the whole sound."""
    return hashlib.sha256(f"job {job_id}".encode()).hexdigest()


def _owed(job: JobRow) -> str:
    return "pending" if job.callback_url else ""
