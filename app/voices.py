"""Cloned voices: whose they are, who may speak with them, and their end.

The WebUI keeps what it heard in a recording, and consents; here is who may use which. A voice is written down before
the WebUI hears of it and struck out after the WebUI has forgotten it, so whatever stops in between is found and
finished later.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, delete, exists, or_, select, update

from app.database import ClonedVoice, VoiceGrant, insert_into, record
from app.errors import (
    EngineBusyError,
    EngineRefusedError,
    FeatureOffError,
    GatewayError,
    VoiceLimitError,
    VoiceNotFoundError,
)
from app.gateway.voices import Clip, Consent, VoiceStore
from app.library import Library
from app.storage import Storage
from settings import CloningSettings

_log = logging.getLogger(__name__)

_LIVE = ("pending", "ready")
_PENDING_S = 600.0
"""A voice that is pending for longer was left by a process that died."""
_SWEPT_S = 3600.0
"""Sound that was under way when its voice was deleted is looked for that long."""
_KEPT_S = 30 * 86_400.0
_SETTLED_BY = "proxy"
"""In the WebUI's log, of a deletion that is made up for; who asked for it stands in the audit."""


@dataclass(frozen=True)
class Upload:
    """What a caller sends to have a voice cloned."""

    title: str
    data: bytes
    media_type: str
    person: str
    purpose: str
    agreed_at: datetime
    statement: str


@dataclass(frozen=True)
class OwnedVoice:
    """A cloned voice as one caller sees it."""

    voice: str
    title: str
    created_s: float
    is_owner: bool


@dataclass(frozen=True)
class Voices:
    """Who may use which cloned voice. Thread-safe."""

    engine: Engine
    store: VoiceStore
    library: Library
    storage: Storage
    settings: CloningSettings
    now: Callable[[], float]

    def check(self, speaker: str, subject: str) -> None:
        """Return when ``subject`` may speak with ``speaker``; the engine's own voices are everybody's.

        Raises:
            VoiceNotFoundError: it is another's, or there is none.
        """
        if not speaker.startswith("voice-"):
            return
        granted = exists().where(VoiceGrant.voice == ClonedVoice.voice, VoiceGrant.subject == subject)
        row = select(ClonedVoice.voice).where(
            ClonedVoice.voice == speaker, ClonedVoice.state == "ready", or_(ClonedVoice.owner == subject, granted)
        )
        with self.engine.connect() as connection:
            if connection.execute(row).first() is None:
                raise VoiceNotFoundError

    def of(self, subject: str) -> list[OwnedVoice]:
        """What ``subject`` may speak with, the oldest first."""
        granted = exists().where(VoiceGrant.voice == ClonedVoice.voice, VoiceGrant.subject == subject)
        rows = select(ClonedVoice.voice, ClonedVoice.title, ClonedVoice.created_s, ClonedVoice.owner == subject)
        mine = rows.where(ClonedVoice.state == "ready", or_(ClonedVoice.owner == subject, granted))
        with self.engine.connect() as connection:
            found = connection.execute(mine.order_by(ClonedVoice.created_s, ClonedVoice.voice)).all()
        return [OwnedVoice(row[0], row[1], row[2], bool(row[3])) for row in found]

    def add(self, upload: Upload, subject: str, request_id: str) -> tuple[OwnedVoice, bool]:
        """A voice made of ``upload``, and whether it is new: the same recording sent again is the same voice.

        Raises:
            FeatureOffError: cloning is switched off here, or the engine clones nothing.
            VoiceLimitError: the subject has as many as it may.
            EngineBusyError: the same recording is being worked on.
            GatewayError: the engine refused or failed.
        """
        if not self.settings.enabled:
            raise FeatureOffError("没有启用声音克隆：请管理员设置 cloning.enabled。")
        digest = hashlib.sha256(upload.data).hexdigest()
        voice = f"voice-{secrets.token_hex(16)}"
        created_s = self._write_down(voice, upload.title, digest, subject)
        earlier = self._take_place(voice, digest, subject)
        if earlier is not None:
            return earlier, False
        try:
            self.store.add(self._clip(voice, upload, digest, subject), request_id)
        except (EngineRefusedError, FeatureOffError):
            self._strike(voice)
            raise
        except GatewayError:
            self._change(voice, "deleting")  # the WebUI may have it nevertheless
            raise
        self._change(voice, "ready")
        told = {"clip_sha256": digest, "agreed_at": upload.agreed_at.isoformat()}
        record(self.engine, self.now(), subject, "voice.create", voice, **told)
        return OwnedVoice(voice, upload.title, created_s, is_owner=True), True

    def delete(self, voice: str, subject: str | None, request_id: str) -> bool:
        """Delete a voice with everything that was spoken in it; False: refused to everybody from now on, gone soon.

        Args:
            voice: which.
            subject: its owner; None: the administrator, who may delete any.
            request_id: travels to the WebUI's log.

        Raises:
            VoiceNotFoundError: it is another's, or there is none.
        """
        row = update(ClonedVoice).where(ClonedVoice.voice == voice, ClonedVoice.state.in_(_LIVE))
        if subject is not None:
            row = row.where(ClonedVoice.owner == subject)
        with self.engine.begin() as connection:
            if connection.execute(row.values(state="deleting", changed_s=self.now())).rowcount == 0:
                raise VoiceNotFoundError
            connection.execute(delete(VoiceGrant).where(VoiceGrant.voice == voice))
        record(self.engine, self.now(), subject or "cli", "voice.delete", voice)
        try:
            self._finish(voice, request_id, subject or "cli")
        except GatewayError as error:
            _log.warning("%s voice not deleted yet: %s", request_id, error.code)
            return False
        return True

    def grant(self, voice: str, subject: str) -> None:
        """Let ``subject`` speak with ``voice``, too.

        Raises:
            VoiceNotFoundError: there is none.
        """
        with self.engine.begin() as connection:
            live = select(ClonedVoice.voice).where(ClonedVoice.voice == voice, ClonedVoice.state == "ready")
            if connection.execute(live).first() is None:
                raise VoiceNotFoundError
            row = insert_into(self.engine, VoiceGrant).values(voice=voice, subject=subject, created_s=self.now())
            connection.execute(row.on_conflict_do_nothing())
        record(self.engine, self.now(), "cli", "voice.grant", voice, subject=subject)

    def withdraw(self, voice: str, subject: str) -> bool:
        """Take back what ``grant`` gave; False: there was nothing to take."""
        row = delete(VoiceGrant).where(VoiceGrant.voice == voice, VoiceGrant.subject == subject)
        with self.engine.begin() as connection:
            if connection.execute(row).rowcount == 0:
                return False
        record(self.engine, self.now(), "cli", "voice.withdraw", voice, subject=subject)
        return True

    def all(self) -> Sequence[ClonedVoice]:
        """Every voice that is not deleted, for the administrator."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(*ClonedVoice.__table__.columns)
                .where(ClonedVoice.state != "deleted")
                .order_by(ClonedVoice.created_s)
            ).mappings()
            return [ClonedVoice(**row) for row in rows]

    def settle(self) -> int:
        """Finish what was left half done; returns how many voices went.

        Raises:
            GatewayError: the WebUI cannot be asked now.
            StorageError: the store failed.
        """
        stale = (ClonedVoice.state == "pending") & (ClonedVoice.changed_s < self.now() - _PENDING_S)
        gone = (ClonedVoice.state == "deleted") & (ClonedVoice.changed_s > self.now() - _SWEPT_S)
        rows = select(ClonedVoice.voice, ClonedVoice.state)
        with self.engine.connect() as connection:
            found = connection.execute(rows.where(or_(stale, gone, ClonedVoice.state == "deleting"))).all()
        for voice, state in found:
            if state == "deleted":
                self._silence(voice)
            else:
                self._finish(voice, f"settle-{voice}", _SETTLED_BY)
        old = delete(ClonedVoice).where(ClonedVoice.state == "deleted", ClonedVoice.changed_s < self.now() - _KEPT_S)
        with self.engine.begin() as connection:
            connection.execute(old)
        return sum(state != "deleted" for _, state in found)

    def _write_down(self, voice: str, title: str, digest: str, subject: str) -> float:
        now = self.now()
        values = {"voice": voice, "owner": subject, "title": title, "clip_sha256": digest, "state": "pending"}
        with self.engine.begin() as connection:
            connection.execute(insert_into(self.engine, ClonedVoice).values(**values, changed_s=now, created_s=now))
        return now

    def _take_place(self, voice: str, digest: str, subject: str) -> OwnedVoice | None:
        """The subject's earlier voice of the same recording, or None: ``voice`` has its place.

        Everybody writes first and looks afterwards, so of any who come at the same time never one too many stays; at
        worst all of them are asked to try again.
        """
        columns = (ClonedVoice.voice, ClonedVoice.title, ClonedVoice.created_s, ClonedVoice.clip_sha256)
        rows = select(*columns, ClonedVoice.state).where(
            ClonedVoice.owner == subject, ClonedVoice.state.in_(_LIVE), ClonedVoice.voice != voice
        )
        with self.engine.connect() as connection:
            others = connection.execute(rows).all()
        same = {row.state: row for row in others if row.clip_sha256 == digest}
        if not same and len(others) < self.settings.voices_per_subject:
            return None
        self._strike(voice)
        if "ready" in same:
            row = same["ready"]
            return OwnedVoice(row.voice, row.title, row.created_s, is_owner=True)
        if same:
            raise EngineBusyError(retry_after_s=2)
        raise VoiceLimitError(self.settings.voices_per_subject)

    def _clip(self, voice: str, upload: Upload, digest: str, subject: str) -> Clip:
        consent = Consent(
            person=upload.person,
            purpose=upload.purpose,
            agreed_at=upload.agreed_at.isoformat(),
            statement=upload.statement,
            recorded_at=datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="seconds"),
            recorded_by=subject,
            clip_sha256=digest,
        )
        return Clip(voice, upload.title, upload.data, upload.media_type, consent)

    def _finish(self, voice: str, request_id: str, by: str) -> None:
        self.store.delete(voice, request_id, by)
        self._silence(voice)
        row = update(ClonedVoice).where(ClonedVoice.voice == voice)
        with self.engine.begin() as connection:
            connection.execute(row.values(state="deleted", title="", clip_sha256="", changed_s=self.now()))

    def _silence(self, voice: str) -> None:
        """Remove every sound that was made with ``voice``: row first, file second, as pruning does."""
        for name in self.library.forget_voice(voice):
            self.storage.delete(name)

    def _change(self, voice: str, state: str) -> None:
        row = update(ClonedVoice).where(ClonedVoice.voice == voice, ClonedVoice.state == "pending")
        with self.engine.begin() as connection:
            connection.execute(row.values(state=state, changed_s=self.now()))

    def _strike(self, voice: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(delete(ClonedVoice).where(ClonedVoice.voice == voice))
