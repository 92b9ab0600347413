"""The ring that signs tokens, and its rotation: every process and host sees a new key before it signs.

The four steps of a rotation: the new key is published in SQL, sealed; every process has read it before it begins to
sign; the old keys go on verifying until the last token they signed has ended; then nobody accepts them.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from app.database import JwtKey, insert_into, record
from app.keyring import Keyring
from app.sealing import RootSecret, SealError
from settings import SettingsError

_log = logging.getLogger(__name__)

_PURPOSE = "jwt"
REFRESH_S = 5.0
"""A process reads the ring again when it has not for so long."""
LEAD_S = 30.0
"""Between publishing a key and signing with it: several refreshes, and clocks that differ."""
_KEPT_S = 86_400.0
"""How long a key is kept after its end, for whoever wonders."""


class Ring(Protocol):
    """Where the keys of this moment are."""

    def current(self) -> Keyring:
        """The keys that verify now, the signing one first."""


@dataclass(frozen=True)
class Rotation:
    """When a new key takes over."""

    kid: str
    signs_from_s: float
    """Seconds since the epoch."""
    old_until_s: float
    """From then on no token of the earlier keys is accepted."""


@dataclass(frozen=True)
class _Row:
    kid: str
    key: bytes | None
    """None: a key of the environment or the file, whose end this is."""
    signs_from_s: float
    verifies_until_s: float | None


_ROWS = select(JwtKey.kid, JwtKey.sealed, JwtKey.signs_from_s, JwtKey.verifies_until_s).order_by(JwtKey.signs_from_s)


class SigningKeys:
    """The ring of the environment or the file, and what rotation changed about it. Thread-safe."""

    def __init__(
        self,
        base: Keyring,
        engine: Engine,
        root: RootSecret | None,
        now: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base = base
        self._engine = engine
        self._root = root
        self._now = now
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._rows = self._read()
        self._read_s = monotonic()

    def current(self) -> Keyring:
        """The keys that verify now, the signing one first.

        While the database is away the ring stays as it was last read: tokens cannot be checked for revocation then
        anyway.
        """
        if self._monotonic() - self._read_s >= REFRESH_S and self._lock.acquire(blocking=False):
            try:
                self._rows = self._read()
                self._read_s = self._monotonic()
            except (SQLAlchemyError, SettingsError) as error:
                _log.warning("the ring of signing keys is stale: %s", type(error).__name__)
            finally:
                self._lock.release()
        return Keyring(self._keys(self._rows, self._now()))

    def rotate(self, token_life_s: float, at_once: bool = False) -> Rotation:
        """Publish a new signing key and give all others their end.

        Args:
            token_life_s: how long a token that is signed now is accepted, clock tolerance included.
            at_once: the old keys have leaked: the new one signs now and every token of the others ends.

        Raises:
            SettingsError: there is no root secret to seal the new key with.
        """
        if self._root is None:
            raise SettingsError("轮换需要根密钥：请运行 start_app.sh 生成它，或设置 TTS__AUTH__ROOT_SECRET。")
        now = self._now()
        signs_from_s = now if at_once else now + LEAD_S
        until_s = now if at_once else signs_from_s + token_life_s + LEAD_S
        kid = f"{datetime.fromtimestamp(now, UTC):%Y%m%d}-{secrets.token_hex(4)}"
        sealed = self._root.seal(_PURPOSE, secrets.token_urlsafe(48))
        with self._engine.begin() as connection:
            self._end_others(connection, now, until_s)
            row = {"kid": kid, "sealed": sealed, "created_s": now, "signs_from_s": signs_from_s}
            connection.execute(insert_into(self._engine, JwtKey).values(**row, verifies_until_s=None))
        record(self._engine, now, "cli", "jwt.rotate", kid, at_once=at_once)
        self._rows = self._read()
        return Rotation(kid, signs_from_s, until_s)

    def forget_ended(self) -> int:
        """Drop the secrets of keys that ended long ago; the end of a key of the file is remembered for ever."""
        past = JwtKey.verifies_until_s < self._now() - _KEPT_S
        with self._engine.begin() as connection:
            return connection.execute(delete(JwtKey).where(past, JwtKey.sealed != "")).rowcount

    def _end_others(self, connection: Connection, now: float, until_s: float) -> None:
        # a key's end is only ever brought nearer
        later = JwtKey.verifies_until_s.is_(None) | (JwtKey.verifies_until_s > until_s)
        connection.execute(update(JwtKey).where(later).values(verifies_until_s=until_s))
        ends = [{"kid": kid, "sealed": "", "created_s": now, "signs_from_s": 0.0} for kid in self._base.keys]
        row = insert_into(self._engine, JwtKey).values([end | {"verifies_until_s": until_s} for end in ends])
        connection.execute(row.on_conflict_do_nothing())

    def _read(self) -> tuple[_Row, ...]:
        with self._engine.connect() as connection:
            rows = connection.execute(_ROWS).all()
        return tuple(
            _Row(row.kid, self._open(row.sealed) if row.sealed else None, row.signs_from_s, row.verifies_until_s)
            for row in rows
            if row.sealed == "" or not _is_over(row.verifies_until_s, self._now())
        )

    def _keys(self, rows: tuple[_Row, ...], now: float) -> dict[str, bytes]:
        ends = {row.kid: row.verifies_until_s for row in rows}
        live = {kid: key for kid, key in self._base.keys.items() if not _is_over(ends.get(kid), now)}
        made = [(row, row.key) for row in rows if row.key is not None and not _is_over(row.verifies_until_s, now)]
        signing = {row.kid: key for row, key in reversed(made) if row.signs_from_s <= now}
        # the newest that may sign comes first; one that still waits only verifies
        return {**signing, **live, **{row.kid: key for row, key in made}}

    def _open(self, sealed: str) -> bytes:
        if self._root is None:
            raise SettingsError("数据库里有轮换过的 JWT 密钥，打开它们需要根密钥：请放回 auth.root_secret_file。")
        try:
            return self._root.open(_PURPOSE, sealed).encode()
        except SealError as error:
            raise SettingsError("根密钥不是加密 JWT 密钥时的那一个：请放回原来的 auth.root_secret_file。") from error


def _is_over(until_s: float | None, now: float) -> bool:
    return until_s is not None and until_s <= now
