"""The use case: cache → single flight → gateway → encode → store → index → link.

Knows orders, sounds and links; knows nothing about HTTP requests or who is calling beyond a subject to charge.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.errors import EngineTimeoutError, GatewayError
from app.flight import Landing, SingleFlight
from app.gateway import Gateway, Order, Trip, Utterance
from app.gateway.catalogue import Catalogue
from app.gateway.voices import private_voice
from app.labels import Labels
from app.leases import Leases, OwnProcess
from app.library import Library, Record
from app.limits import CharacterQuota
from app.storage import Storage
from sound import MEDIA_TYPES, SoundError, encode, labelled

_log = logging.getLogger(__name__)

PIPELINE = 4
"""Raise it when the same samples would be encoded into other bytes than before."""


@dataclass(frozen=True)
class Wish:
    """An order, and the file that it shall become."""

    order: Order
    format: str
    """A key of ``sound.MEDIA_TYPES``."""
    sample_rate: int | None = None
    """Hz of the file; None keeps the engine's."""
    explicit: bool = True
    """Whether the file holds the explicit AI-content label of the settings."""


@dataclass(frozen=True)
class Clip:
    """A finished sound that can be fetched."""

    audio_url: str
    expires_s: float
    """Seconds since the epoch."""
    duration_s: float
    cached: bool
    record: Record

    @property
    def name(self) -> str:
        """In the store."""
        return self.record.name

    @property
    def timings(self) -> list[dict[str, Any]]:
        """Of every character; read from JSON, since few ask for them."""
        return list(json.loads(self.record.timings))

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What was not spoken."""
        return list(json.loads(self.record.warnings))


@dataclass(frozen=True)
class Terms:
    """What does not change from one request to the next."""

    deadline_s: float
    """For one synthesis."""
    wait_s: float
    """For another request's synthesis of the same."""
    url_lifetime_s: int
    public_url: str
    """Put before links that the store gives without a host."""


@dataclass(frozen=True)
class Made:
    """What a flight brings."""

    record: Record
    fresh: bool
    """The engine spoke for it."""


class Presence:
    """Which files were seen in the store a moment ago. Thread-safe: dict operations are atomic."""

    def __init__(
        self,
        storage: Storage,
        interval_s: float,
        monotonic: Callable[[], float] = time.monotonic,
        is_sure: Callable[[], bool] = lambda: True,
    ) -> None:
        """``is_sure``: whether what was seen a moment ago can still be fetched; asked every time."""
        self._storage = storage
        self._interval_s = interval_s
        self._monotonic = monotonic
        self._is_sure = is_sure
        self._seen: dict[str, float] = {}

    def holds(self, name: str, size: int) -> bool:
        """Whether the file is stored whole, or was within the interval; one of another size is damaged."""
        now = self._monotonic()
        is_fresh = self._interval_s and now - self._seen.get(name, float("-inf")) < self._interval_s
        if is_fresh and self._is_sure():
            return True
        found = self._storage.size(name)
        if found != size:
            if found is not None:
                _log.error("sound %s is damaged: %d bytes instead of %d; it is made again", name, found, size)
            return False
        self.note(name)
        return True

    def note(self, name: str) -> None:
        """``name`` is stored now."""
        if not self._interval_s:
            return
        if len(self._seen) >= 10_000:
            self._seen.clear()
        self._seen[name] = self._monotonic()


@dataclass(frozen=True)
class Speech:
    """Text to a link. Thread-safe."""

    gateway: Gateway
    catalogue: Catalogue
    library: Library
    storage: Storage
    quota: CharacterQuota
    terms: Terms
    now: Callable[[], float]
    presence: Presence
    labels: Labels
    flight: SingleFlight[Made] = field(default_factory=SingleFlight)
    leases: Leases = field(default_factory=OwnProcess)
    check_room: Callable[[], None] = lambda: None
    """Raises ``StorageFullError`` when nothing new can be kept."""
    gave: Callable[[bool, int], None] = lambda cached, characters: None
    """Told of every sound given out: whether it was there, and its characters."""

    def speak(self, wish: Wish, subject: str, request_id: str) -> Clip:
        """A link to ``wish`` spoken, made only when nobody asked for it before.

        Args:
            wish: what, and as which file.
            subject: whose characters of the day are charged.
            request_id: travels to the engine's log.

        Raises:
            QuotaError: the subject's characters are used up.
            GatewayError: the engine failed or refused.
            StorageError: the store failed.
        """
        key = self.key(wish, self.catalogue.info().revision)
        found = self.find(key)
        characters = len(wish.order.text)
        if found is not None:
            self.gave(True, characters)
            return self._clip(found, cached=True)
        self.check_room()
        day = self.quota.charge(subject, characters)
        paid = False
        try:
            landing = self._fly(wish, key, self._trip(request_id))
            paid = landing.led and landing.value.fresh
        finally:
            if not paid:
                self.quota.refund(subject, day, characters)
        self.gave(not paid, characters)
        return self._clip(landing.value.record, cached=not paid)

    def prepare(self, wish: Wish, request_id: str) -> bool:
        """Make ``wish`` ahead of need, uncharged; False: it was there already."""
        return self.obtain(wish, request_id)[1]

    def obtain(self, wish: Wish, request_id: str) -> tuple[Record, bool]:
        """The sound, uncharged, and whether the engine spoke for it now."""
        key = self.key(wish, self.catalogue.info().revision)
        found = self.find(key)
        if found is not None:
            return found, False
        made = self._fly(wish, key, self._trip(request_id, "low")).value
        return made.record, made.fresh

    def is_ready(self, wish: Wish) -> bool:
        """Whether ``wish`` needs no synthesis now."""
        return self.find(self.key(wish, self.catalogue.info().revision)) is not None

    def key(self, wish: Wish, revision: str) -> str:
        """Under which ``wish`` is found."""
        return cache_key(wish, revision, (self.labels.identity(), self.labels.mark(wish.explicit)))

    def find(self, key: str) -> Record | None:
        """The sound for ``key`` if its file is still stored."""
        record = self.library.find(key)
        if record is not None and not self.presence.holds(record.name, record.size):
            self.library.look_again(key)  # another process may have made it anew
            record = self.library.find(key)
            if record is not None and not self.presence.holds(record.name, record.size):
                return None
        return record

    def _trip(self, request_id: str, priority: str = "normal") -> Trip:
        return Trip(request_id, self.terms.deadline_s, priority)

    def _fly(self, wish: Wish, key: str, trip: Trip) -> Landing[Made]:
        try:
            return self.flight.run(key, lambda: self._make_alone(wish, key, trip), self.terms.wait_s)
        except TimeoutError as error:
            raise EngineTimeoutError from error

    def _make_alone(self, wish: Wish, key: str, trip: Trip) -> Made:
        with self.leases.hold(key, self.terms.wait_s):
            return self._make(wish, key, trip)

    def _make(self, wish: Wish, key: str, trip: Trip) -> Made:
        again = self.find(key)  # made between our look and our turn
        if again is not None:
            return Made(again, fresh=False)
        self.check_room()
        begun_s = time.monotonic()
        utterance = self.gateway.synthesize(wish.order, trip)
        took_s = time.monotonic() - begun_s
        _log.info(
            "%s spoke %d characters, %.2f s of sound in %.2f s (real-time factor %.3f)",
            trip.request_id,
            len(wish.order.text),
            utterance.duration_s,
            took_s,
            took_s / utterance.duration_s,
        )
        self.catalogue.learn(utterance.revision)
        tail = 0
        if self.labels.mark(wish.explicit):
            utterance, tail = self.labels.sounded(utterance, wish.order, trip)
        content_id = secrets.token_hex(16)
        data = self._encoded(utterance, wish, content_id, tail)
        name = f"{content_id}.{wish.format}"
        record = Record(
            key=self.key(wish, utterance.revision),
            name=name,
            size=len(data),
            duration_s=utterance.duration_s,
            timings=_compact(utterance.timings),
            warnings=_compact(utterance.warnings),
            voice=private_voice(wish.order.speaker),
        )
        # bytes first: a row without its file is a lie, a file without its row is only swept away
        self.storage.put(name, data, MEDIA_TYPES[wish.format])
        self.presence.note(name)
        self.library.save(record)
        return Made(record, fresh=True)

    def _encoded(self, utterance: Utterance, wish: Wish, content_id: str, tail: int) -> bytes:
        try:
            data = encode(utterance.samples, utterance.sample_rate, wish.format, wish.sample_rate, tail)
        except SoundError as error:
            raise GatewayError from error
        return labelled(data, wish.format, self.labels.implicit(content_id))

    def _clip(self, record: Record, cached: bool) -> Clip:
        lifetime_s = self.terms.url_lifetime_s
        expires_s = int(self.now()) + lifetime_s
        link = self.storage.url(record.name, lifetime_s)
        return Clip(
            audio_url=self.terms.public_url + link if link.startswith("/") else link,
            expires_s=expires_s,
            duration_s=record.duration_s,
            cached=cached,
            record=record,
        )


def cache_key(wish: Wish, revision: str, labels: tuple[str, str] = ("", "")) -> str:
    """SHA-256 (hexadecimal) over everything that changes the file.

    Args:
        wish: what, and as which file.
        revision: of the engine.
        labels: the producer in the metadata, and what tells one explicit label from another.
    """
    order = wish.order
    parts = {
        "pipeline": PIPELINE,
        "revision": revision,
        "text": order.text,
        "speaker": order.speaker,
        "speed": float(order.speed),
        "manner": order.options,
        "format": wish.format,
        "sample_rate": wish.sample_rate,
        "labels": labels,
    }
    return hashlib.sha256(_compact(parts).encode()).hexdigest()


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)
