"""The database's shape, step by step (Alembic): which step it is at, and the way to the newest one.

A SQLite file is brought up to date by whoever opens it, after a copy was put beside it. A PostgreSQL database is shared
by hosts that may still run the previous version, so there only the administrator does it: ``python -m app migrate``.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, inspect, text

from settings import SettingsError

FOLDER = Path(__file__).parent
_TABLE = "alembic_version"
_WAIT_S = 60
"""How long a process waits for another one that is migrating the same SQLite file."""


def known() -> list[str]:
    """Every step that this version of the code knows, the first one first; a file ``v0002_…`` is step ``0002``."""
    # Alembic knows it too, but costs memory in every process, and there is nearly always nothing to do
    return sorted(path.name[1:5] for path in (FOLDER / "versions").glob("v[0-9][0-9][0-9][0-9]_*.py"))


def step_of(engine: Engine) -> str | None:
    """The step at which the database is; None before the first one.

    Raises:
        SettingsError: a later version of the code has been here.
    """
    with engine.connect() as connection:
        return _step(connection)


def prepare(engine: Engine) -> None:
    """Return when the database has the newest shape, which SQLite is given here.

    Raises:
        SettingsError: PostgreSQL is behind, or the database is ahead of this code.
    """
    step, newest = step_of(engine), known()[-1]
    if step == newest:
        return
    if engine.dialect.name != "sqlite":
        raise SettingsError(
            f"数据库停在第 {step or '零'} 步，程序需要第 {newest} 步：请先备份，停掉旧版本的各个进程，"
            "再运行 .venv/bin/python -m app migrate。"
        )
    migrate(engine)


def migrate(engine: Engine) -> list[str]:
    """Take every step that is missing, in one transaction; any number of processes may try at the same time.

    Returns:
        The steps that were taken.
    """
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(7161)"))  # any number that nobody else uses
            return _take_steps(connection)
    own = create_engine(engine.url, poolclass=NullPool, connect_args={"timeout": _WAIT_S})
    event.listen(own, "connect", _leave_transactions_to_us)
    event.listen(own, "begin", _begin_writing)
    step = step_of(engine)
    if step is not None and step != known()[-1]:
        file = Path(engine.url.database or "")
        copy(file, file.with_name(f"{file.name}.step{step}"))  # what going back to the previous version needs
    with own.begin() as connection:
        return _take_steps(connection)


def copy(file: Path, target: Path) -> None:
    """A consistent copy (mode 0600) of a SQLite database, which may be in use; whole or not at all."""
    part = target.with_name(f"{target.name}.part")
    part.touch(mode=0o600)
    try:
        with closing(sqlite3.connect(file, timeout=_WAIT_S)) as source, closing(sqlite3.connect(part)) as copied:
            source.backup(copied)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _take_steps(connection: Connection) -> list[str]:
    from alembic import command
    from alembic.config import Config

    before = _step(connection)
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return [step for step in known() if step > (before or "")]


def _step(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_TABLE):
        return None
    step: str | None = connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar()  # noqa: S608 (a constant)
    if step is not None and step not in known():
        raise SettingsError(
            f"数据库在第 {step} 步，比程序新（程序只到第 {known()[-1]} 步）：请升级程序，或恢复升级前的备份。"
        )
    return step


def _leave_transactions_to_us(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver would not open a transaction for CREATE TABLE


def _begin_writing(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
