"""A key is looked up once as long as nobody writes, and never believed for longer, whoever writes."""

import os
import sqlite3
import time

import pytest
from sqlalchemy import create_engine, event

from app.auth import ApiKeys
from app.database import connect
from app.errors import CredentialError
from app.stamps import StampedRows, stamp_of


@pytest.fixture
def files(services):
    database = services.engine.url.database
    return database, f"{database}-wal"


@pytest.fixture
def settle(files):
    """The last write becomes one of a second ago, always of the same, so that nothing here waits or differs by time."""
    at_ns = time.time_ns() - 1_000_000_000

    def settled():
        for file in files:
            os.utime(file, ns=(0, at_ns))

    return settled


@pytest.fixture
def asked(services):
    """Every statement that is sent."""
    statements = []

    def note(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    event.listen(services.engine, "before_cursor_execute", note)
    yield statements
    event.remove(services.engine, "before_cursor_execute", note)


def test_while_nobody_writes_it_is_asked_for_once(services, key, asked, settle):
    services.keys.verify(key)  # writes that it was used
    settle()
    del asked[:]
    callers = {services.keys.verify(key) for _ in range(5)}
    assert len(callers) == 1
    assert len(asked) == 1


def test_what_another_process_revokes_is_refused_by_the_next_request(services, key, clock, settle, files):
    services.keys.verify(key)
    settle()
    services.keys.verify(key)
    other = connect(f"sqlite:///{files[0]}")
    assert ApiKeys(other, clock).revoke(key.split("_")[1])
    other.dispose()
    settle()  # even where that was long ago
    with pytest.raises(CredentialError):
        services.keys.verify(key)


def test_any_write_of_anybody_is_seen(services, key, asked, settle, files):
    services.keys.verify(key)
    settle()
    services.keys.verify(key)
    with sqlite3.connect(files[0]) as plain:
        plain.execute("UPDATE api_keys SET name = 'another'")
    plain.close()
    settle()
    del asked[:]
    services.keys.verify(key)
    assert len(asked) == 1


def test_what_was_written_a_moment_ago_is_always_asked_for(services, key, asked, settle, files):
    services.keys.verify(key)
    settle()
    written_ns = os.stat(files[1]).st_mtime_ns
    assert stamp_of(services.engine, lambda: written_ns + 19_000_000) is None
    assert stamp_of(services.engine, lambda: written_ns + 21_000_000) is not None
    ahead = time.time_ns() + 3_600_000_000_000
    os.utime(files[1], ns=(ahead, ahead))  # as after a clock that was set back
    assert stamp_of(services.engine) is None
    del asked[:]
    services.keys.verify(key)
    services.keys.verify(key)
    assert len(asked) == 2


def test_an_unknown_key_is_not_remembered_and_the_known_ones_are_bounded(services, settle):
    settle()
    rows, asked = StampedRows(), []
    for _ in range(2):
        assert rows.get(services.engine, "nobody", lambda: asked.append(1)) is None
    assert len(asked) == 2
    for number in range(1001):
        rows.get(services.engine, str(number), lambda: "row")
    assert len(rows._rows) == 1


def test_postgresql_is_asked_every_time():
    assert stamp_of(create_engine("postgresql+psycopg://nobody@127.0.0.1:9/none")) is None
