"""Servers that any test may ask for; each is started once, by the first who asks."""

import pytest

from tests.leaks import leaks
from tests.servers import Postgres, Redis


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="ten times as many generated requests (tests/contract)")
    parser.addoption("--soak", type=float, default=0, metavar="MINUTES", help="tests/faults/test_soak.py for so long")


@pytest.fixture(autouse=True, scope="session")
def no_server_logs_what_is_private(tmp_path_factory):
    """When all tests are done and all servers ended: what they wrote is searched (``tests/app/conftest.py`` watches the
    proxies that run in the tests' own process)."""
    yield
    assert leaks(tmp_path_factory.getbasetemp()) == []


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    yield server.start()
    server.stop()


@pytest.fixture
def postgres_url(postgres):
    """An empty database."""
    return postgres.new_database()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server.start()
    server.stop()


@pytest.fixture
def redis_url(redis_server):
    """A Redis that holds nothing."""
    with redis_server.client() as client:
        client.flushall()
    return redis_server.url
