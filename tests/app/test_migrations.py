"""The steps of the database, on SQLite and on a real PostgreSQL."""

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from app import migrations
from app.__main__ import main
from app.database import Base, _engine, connect, migrate
from settings import SettingsError


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/app.db"


@pytest.fixture(params=["sqlite_url", "postgres_url"])
def url(request):
    return request.getfixturevalue(request.param)


def differences(url):
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, Base.metadata)
    engine.dispose()
    return found


def test_the_steps_lead_to_the_tables_that_the_code_names(url):
    assert migrate(url) == migrations.known()
    assert differences(url) == []
    assert migrate(url) == []


def test_a_table_without_its_step_is_noticed(url):
    migrate(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE audit"))
        connection.execute(text("ALTER TABLE prewarm DROP COLUMN attempts"))
    engine.dispose()
    assert len(differences(url)) >= 2


def test_the_steps_are_one_line_and_named_by_their_files():
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    scripts = ScriptDirectory.from_config(config)
    steps = [script.revision for script in scripts.walk_revisions()]
    assert scripts.get_heads() == [migrations.known()[-1]]
    assert sorted(steps) == migrations.known() == [f"{number:04}" for number in range(1, len(steps) + 1)]


def test_postgresql_is_refused_until_the_administrator_migrates_it(postgres_url, monkeypatch, capsys):
    with pytest.raises(SettingsError, match="python -m app migrate"):
        connect(postgres_url)
    monkeypatch.setenv("TTS__DATABASE__URL", postgres_url)
    assert main(["migrate"]) == 0
    assert migrations.known()[-1] in capsys.readouterr().out
    assert main(["migrate"]) == 0
    assert "已是最新" in capsys.readouterr().out
    connect(postgres_url).dispose()


def test_a_database_of_a_later_version_is_refused(url):
    migrate(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(SettingsError, match="比程序新"):
        connect(url)
    with pytest.raises(SettingsError, match="比程序新"):
        migrate(url)


def test_many_may_migrate_at_once(url):
    everyone = Barrier(8)

    def together():
        everyone.wait()
        return migrate(url)

    with ThreadPoolExecutor(8) as pool:
        taken = [started.result() for started in [pool.submit(together) for _ in range(8)]]
    assert sorted(taken, key=len)[-1] == migrations.known()
    assert [steps for steps in taken if steps] == [migrations.known()]
    assert differences(url) == []


def test_many_may_open_a_new_file_at_once(tmp_path):
    def open_it(file, everyone):
        everyone.wait()
        _engine(f"sqlite:///{file}", 1).dispose()

    with ThreadPoolExecutor(8) as pool:
        for round_ in range(100):  # SQLite alone says "database is locked" in one round of twenty
            everyone = Barrier(8)
            opened = [pool.submit(open_it, tmp_path / f"{round_}.db", everyone) for _ in range(8)]
            assert [future.result() for future in opened] == [None] * 8


@pytest.fixture
def longer(tmp_path, monkeypatch):
    """A function that gives the code one more step, whose body it is handed."""

    def add(body):
        folder = shutil.copytree(migrations.FOLDER, tmp_path / "migrations")
        step = f"{len(migrations.known()) + 1:04}"
        (folder / "versions" / f"v{step}_more.py").write_text(
            f"from alembic import op\nrevision = {step!r}\ndown_revision = {migrations.known()[-1]!r}\n"
            f"def upgrade():\n    op.execute('CREATE TABLE more (id INTEGER)')\n    {body}\n"
        )
        monkeypatch.setattr(migrations, "FOLDER", folder)
        return step

    return add


def rows(file, statement):
    connection = sqlite3.connect(file)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def test_sqlite_is_copied_before_a_step(tmp_path, sqlite_url, longer):
    connect(sqlite_url).dispose()
    before = migrations.known()[-1]
    step = longer("op.execute(\"INSERT INTO revoked_tokens VALUES ('a', 1.0)\")")
    connect(sqlite_url).dispose()
    assert rows(tmp_path / "app.db", "SELECT jti FROM revoked_tokens") == [("a",)]
    assert rows(tmp_path / "app.db", "SELECT version_num FROM alembic_version") == [(step,)]
    copy = tmp_path / f"app.db.step{before}"
    assert rows(copy, "SELECT jti FROM revoked_tokens") == []
    assert rows(copy, "SELECT version_num FROM alembic_version") == [(before,)]
    assert copy.stat().st_mode & 0o777 == 0o600


def test_a_step_that_fails_leaves_the_database_as_it_was(url, longer):
    migrate(url)
    longer("raise RuntimeError('half way')")
    with pytest.raises(RuntimeError, match="half way"):
        migrate(url)
    engine = create_engine(url)
    assert not inspect(engine).has_table("more")
    assert migrations.step_of(engine) == migrations.known()[-2]
    engine.dispose()
