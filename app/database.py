"""SQL: what outlives a process. Times are seconds since the epoch (UTC), so that no driver can lose their zone."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import (
    BigInteger,
    Engine,
    Float,
    Integer,
    String,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app import migrations
from settings import SettingsError

_BUSY_MS = 5000
"""How long SQLite waits for another writer."""
_CONNECT_S = 5
"""How long a PostgreSQL server may take to answer a new connection."""


class Base(DeclarativeBase):
    """All tables."""


class ApiKey(Base):
    """An API key; only the hash of its secret is kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    """Who holds it, in the administrator's words."""
    hash: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the secret, hexadecimal."""
    scopes: Mapped[str] = mapped_column(String(100))
    """Separated by spaces."""
    created_s: Mapped[float] = mapped_column(Float)
    expires_s: Mapped[float | None] = mapped_column(Float)
    revoked_s: Mapped[float | None] = mapped_column(Float)
    last_used_s: Mapped[float | None] = mapped_column(Float)


class RevokedToken(Base):
    """A JWT that no longer holds, until it would have expired anyway."""

    __tablename__ = "revoked_tokens"

    jti: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_s: Mapped[float] = mapped_column(Float, index=True)


class RevokedSubject(Base):
    """A subject whose earlier tokens no longer hold; perhaps one that gets no new ones either."""

    __tablename__ = "revoked_subjects"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    before_s: Mapped[float] = mapped_column(Float)
    """Tokens issued until then are refused."""
    blocked: Mapped[int] = mapped_column(Integer, server_default="0")
    """1: no token is given, and none is accepted."""


class JwtKey(Base):
    """A signing key made by rotation, or the end of one that is in the environment or the file."""

    __tablename__ = "jwt_keys"

    kid: Mapped[str] = mapped_column(String(32), primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
    """The secret, under the root secret; empty for a key of the environment or the file."""
    created_s: Mapped[float] = mapped_column(Float)
    signs_from_s: Mapped[float] = mapped_column(Float)
    verifies_until_s: Mapped[float | None] = mapped_column(Float)
    """None: no later key has replaced it."""


class WeChatUser(Base):
    """The openid that ``msg_sec_check`` asks for; kept for two hours, and only where that check is switched on."""

    __tablename__ = "wechat_users"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    openid: Mapped[str] = mapped_column(Text)
    """Sealed under the root secret."""
    seen_s: Mapped[float] = mapped_column(Float, index=True)


class SharedToken(Base):
    """An access token of another service, shared by every process."""

    __tablename__ = "shared_tokens"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    sealed: Mapped[str] = mapped_column(Text)
    """Under the root secret."""
    expires_s: Mapped[float] = mapped_column(Float)
    forced_s: Mapped[float] = mapped_column(Float, server_default="0")
    """When a new one was last forced; the other side allows that twenty times a day."""


class ClonedVoice(Base):
    """A voice that somebody uploaded, and whose it is. Its samples and its consent are the WebUI's."""

    __tablename__ = "cloned_voices"

    voice: Mapped[str] = mapped_column(String(64), primary_key=True)
    """``voice-`` and 128 random bits; never used twice."""
    owner: Mapped[str] = mapped_column(String(64), index=True)
    title: Mapped[str] = mapped_column(String(100))
    clip_sha256: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(8), index=True)
    """``pending``, ``ready``, ``deleting`` or ``deleted``."""
    changed_s: Mapped[float] = mapped_column(Float)
    created_s: Mapped[float] = mapped_column(Float)


class VoiceGrant(Base):
    """Who else may speak with a cloned voice."""

    __tablename__ = "voice_grants"

    voice: Mapped[str] = mapped_column(String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_s: Mapped[float] = mapped_column(Float)


class Audio(Base):
    """One finished sound in the store."""

    __tablename__ = "audio"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of everything that changes the sound, hexadecimal."""
    name: Mapped[str] = mapped_column(String(64), unique=True)
    """In the store; new at every making."""
    size: Mapped[int] = mapped_column(BigInteger)
    """Bytes."""
    duration_s: Mapped[float] = mapped_column(Float)
    timings: Mapped[str] = mapped_column(Text)
    """JSON."""
    warnings: Mapped[str] = mapped_column(Text)
    """JSON."""
    voice: Mapped[str] = mapped_column(String(64), server_default="")
    """The cloned voice in it, with which it goes; empty for the engine's own."""
    created_s: Mapped[float] = mapped_column(Float)
    last_used_s: Mapped[float] = mapped_column(Float, index=True)


class Usage(Base):
    """What one subject had synthesised on one UTC day."""

    __tablename__ = "usage"

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), primary_key=True)
    """``2026-11-22``."""
    characters: Mapped[int] = mapped_column(BigInteger, default=0)


class PrewarmItem(Base):
    """One text to be made ahead of need."""

    __tablename__ = "prewarm"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of ``order``, so that asking twice is asking once."""
    order: Mapped[str] = mapped_column(Text)
    """JSON."""
    state: Mapped[str] = mapped_column(String(8), index=True)
    """``pending``, ``done`` or ``failed``."""
    detail: Mapped[str] = mapped_column(Text)
    """Why it failed."""
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    """How often the engine failed at it."""
    updated_s: Mapped[float] = mapped_column(Float)


class Job(Base):
    """A long text that is spoken in the background."""

    __tablename__ = "jobs"
    __table_args__ = (UniqueConstraint("subject", "idempotency_key"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    subject: Mapped[str] = mapped_column(String(64), index=True)
    idempotency_key: Mapped[str | None] = mapped_column(String(128))
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the request, to tell a repetition from another request with the same key."""
    state: Mapped[str] = mapped_column(String(10), index=True)
    """``queued``, ``running``, ``done``, ``failed`` or ``cancelled``."""
    text: Mapped[str] = mapped_column(Text)
    wish: Mapped[str] = mapped_column(Text)
    """JSON: voice and file, without the text."""
    callback_url: Mapped[str | None] = mapped_column(Text)
    callback_state: Mapped[str] = mapped_column(String(10), server_default="")
    """Empty, ``pending``, ``sent`` or ``failed``."""
    day: Mapped[str] = mapped_column(String(10))
    """Whose allowance was charged."""
    turn: Mapped[int] = mapped_column(Integer, server_default="0")
    """Only the queue's entry with this number may work on the job."""
    lease_s: Mapped[float] = mapped_column(Float, index=True)
    """Until then somebody works on it, or it waits in the queue."""
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    """How often the engine failed since the last part was made."""
    code: Mapped[str] = mapped_column(String(40), server_default="")
    detail: Mapped[str] = mapped_column(Text, server_default="")
    """Why it failed."""
    result: Mapped[str] = mapped_column(String(64), server_default="")
    """The whole sound's name in the store."""
    duration_s: Mapped[float] = mapped_column(Float, server_default="0")
    created_s: Mapped[float] = mapped_column(Float)
    updated_s: Mapped[float] = mapped_column(Float, index=True)


class JobPart(Base):
    """A stretch of a job's text."""

    __tablename__ = "job_parts"

    job: Mapped[str] = mapped_column(String(32), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    """0 for the first."""
    begin: Mapped[int] = mapped_column(Integer)
    end: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(8))
    """``pending``, ``done`` or ``silent``: nothing in it can be heard."""
    sound: Mapped[str] = mapped_column(String(64), server_default="")
    """Key of the lossless sound in ``audio``."""
    playable: Mapped[str] = mapped_column(String(64), server_default="")
    """Key of the same in the job's format."""
    duration_s: Mapped[float] = mapped_column(Float, server_default="0")
    free: Mapped[int] = mapped_column(Integer, server_default="0")
    """1: the cache had it, so it was not charged."""


class AuditEntry(Base):
    """Who changed what."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at_s: Mapped[float] = mapped_column(Float, index=True)
    actor: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(40))
    target: Mapped[str] = mapped_column(String(200))
    detail: Mapped[str] = mapped_column(Text, server_default="")
    """JSON, never a text or a secret."""


def connect(url: str, connections: int = 16) -> Engine:
    """An engine whose tables have today's shape; any number of processes may do this at the same time.

    Args:
        url: SQLAlchemy's; SQLite or PostgreSQL.
        connections: kept open at most.

    Raises:
        SettingsError: the URL is no such URL, nothing answers there, or PostgreSQL is not migrated.
    """
    with _said_in_settings():
        engine = _engine(url, connections)
        try:
            migrations.prepare(engine)
        except BaseException:
            engine.dispose()
            raise
    return engine


def migrate(url: str) -> list[str]:
    """Give the database today's shape; returns the steps that it took.

    Raises:
        SettingsError: as ``connect``, but never for steps that are missing.
    """
    with _said_in_settings():
        engine = _engine(url, 2)
        try:
            return migrations.migrate(engine)
        finally:
            engine.dispose()


def back_up(url: str, target: Path) -> None:
    """Write a consistent copy of a SQLite database in use to the new file ``target`` (mode 0600).

    Raises:
        SettingsError: the database is PostgreSQL, which has ``pg_dump``; or the copy cannot be written.
    """
    with _said_in_settings():
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            raise SettingsError("数据库是 PostgreSQL：请用 pg_dump -Fc 备份、pg_restore 恢复，见 docs/deployment.md。")
        if not Path(parsed.database or "").is_file():
            raise SettingsError("数据库文件还不存在：没有可备份的。")
        if target.exists():
            raise SettingsError(f"{target} 已存在：备份只写新文件，请换一个名字。")
        try:
            migrations.copy(Path(parsed.database or ""), target)
        except OSError as error:
            raise SettingsError(f"写不进 {target}：请检查它的目录是否存在、能否写入，以及剩余空间。") from error


def insert_into(engine: Engine, model: type[Base]) -> Any:
    """An ``INSERT`` that can say ``on_conflict_do_update``, in the engine's own dialect."""
    return insert_in(engine.dialect.name, model)


def insert_in(dialect: str, model: type[Base]) -> Any:
    """As ``insert_into``, by the dialect's name.

    Of the table, not of the model: for that SQLAlchemy goes through its ORM at every execution.
    """
    return (postgresql if dialect == "postgresql" else sqlite).insert(model.__table__)


def record(engine: Engine, at_s: float, actor: str, action: str, target: str, **detail: object) -> None:
    """Write one line of the audit; ``detail`` holds neither texts nor secrets."""
    values = {"at_s": at_s, "actor": actor[:64], "action": action, "target": target[:200]}
    values["detail"] = json.dumps(detail, ensure_ascii=False, sort_keys=True) if detail else ""
    with engine.begin() as connection:
        connection.execute(insert_into(engine, AuditEntry).values(**values))


def is_alive(engine: Engine) -> bool:
    """Whether the database answers."""
    try:
        with engine.connect() as connection:
            return connection.execute(text("SELECT 1")).scalar() == 1
    except SQLAlchemyError:
        return False


@contextmanager
def _said_in_settings() -> Iterator[None]:
    try:
        yield
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise SettingsError(
            "设置 database.url 有误：应为 sqlite:///文件 或 postgresql+psycopg://用户:密码@主机/库，且驱动已安装。"
        ) from error
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise SettingsError("数据库打不开：请检查 database.url 所指的位置、权限与剩余空间。") from error


def _engine(url: str, connections: int) -> Engine:
    parsed = make_url(url)
    options: dict[str, Any] = {"pool_size": connections, "max_overflow": 4, "pool_timeout": 10}
    options["hide_parameters"] = True  # errors are logged, and values may be a caller's text
    if parsed.get_backend_name() == "sqlite":
        options |= _sqlite_place(parsed.database)
    else:
        options |= {"pool_pre_ping": True, "connect_args": {"connect_timeout": _CONNECT_S}}
    engine = create_engine(parsed, **options)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _sqlite_place(database: str | None) -> dict[str, Any]:
    if not database or database == ":memory:":
        raise SettingsError("设置 database.url 有误：SQLite 需要一个文件，内存数据库会丢失密钥。")
    Path(database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_ahead(Path(database))
    return {"connect_args": {"timeout": _BUSY_MS / 1000}}


def _write_ahead(file: Path) -> None:
    """Give the file write-ahead logging, which it keeps from then on.

    The switch needs the file for itself, and SQLite does not wait for that (``busy_timeout`` has no say): processes
    that start together would fail with "database is locked". So they come here one after another.
    """
    try:
        with FileLock(file.with_name(f"{file.name}.lock"), timeout=_BUSY_MS / 1000, mode=0o600):
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
    except Timeout as error:
        raise SettingsError(f"数据库 {file} 正被别的进程占用，请稍后再试。") from error


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()
