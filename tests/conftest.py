"""Servers that any test may ask for; each is started once, by the first who asks."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.leaks import leaks
from tests.servers import Postgres, Redis

SEVERAL_PROCESSES = ("browser", "cluster", "end_to_end", "faults")
"""Folders whose tests play several programs against each other (a browser, nginx, databases, killed workers), on
machines that others may use at the same time."""


def pytest_addoption(parser):
    parser.addoption(
        "--long",
        action="store_true",
        help="ten times as many generated requests (tests/contract), and other examples of every property each time",
    )
    parser.addoption("--soak", type=float, default=0, metavar="MINUTES", help="tests/faults/test_soak.py for so long")


def pytest_collection_modifyitems(items):
    """Have a failed test of several processes run once more; it must pass then, and what failed is printed."""
    here = Path(__file__).parent
    for item in items:
        folders = item.path.parts[len(here.parts) :] if here in item.path.parents else ()
        if set(folders).intersection(SEVERAL_PROCESSES):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter):
    """Hide no failure behind a second run: each is a fault of the product or of the test, and worth the hunt."""
    for report in terminalreporter.stats.get("rerun", ()):
        terminalreporter.section(f"failed at first: {report.nodeid}")
        terminalreporter.line(report.longreprtext)


def pytest_configure(config):
    """Properties are tried on the same examples each time, and no example fails for having taken long."""
    is_same = not config.getoption("--long")
    calm = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "database": None}
    hypothesis_settings.register_profile("suite", derandomize=is_same, **calm)
    hypothesis_settings.load_profile("suite")


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
