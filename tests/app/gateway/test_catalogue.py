"""What the engine is, remembered; while it is away, as it last was."""

import threading

import pytest

from app.errors import EngineUnreachableError
from app.gateway import Info
from app.gateway.catalogue import Catalogue


class Engine:
    def __init__(self):
        self.asked = 0
        self.revision = "r1"
        self.failure = None

    def info(self):
        self.asked += 1
        if self.failure:
            raise self.failure
        return Info(self.revision, (), 0.5, 2.0)


class Monotonic:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def monotonic():
    return Monotonic()


@pytest.fixture
def catalogue(engine, monotonic):
    return Catalogue(engine, lifetime_s=5.0, monotonic=monotonic)


def test_the_engine_is_asked_once_in_a_lifetime(catalogue, engine, monotonic):
    for after_s, asked in ((0, 1), (4.9, 1), (5.0, 2), (5.1, 2)):
        monotonic.now_s = 100.0 + after_s
        assert catalogue.info().revision == "r1"
        assert engine.asked == asked


def test_a_new_revision_is_seen_after_the_lifetime(catalogue, engine, monotonic):
    catalogue.info()
    engine.revision = "r2"
    assert catalogue.info().revision == "r1"
    monotonic.now_s += 5
    assert catalogue.info().revision == "r2"


def test_a_revision_learned_from_a_reply_is_asked_about_at_once(catalogue, engine):
    catalogue.info()
    catalogue.learn("r1")
    catalogue.info()
    assert engine.asked == 1
    engine.revision = "r2"
    catalogue.learn("r2")
    assert catalogue.info().revision == "r2"


def test_while_the_engine_is_away_it_is_what_it_last_was(catalogue, engine, monotonic):
    catalogue.info()
    engine.failure = EngineUnreachableError()
    monotonic.now_s += 60
    assert catalogue.info().revision == "r1"
    assert catalogue.info().revision == "r1"
    assert engine.asked == 2  # and is not asked again at every request
    engine.failure, engine.revision = None, "r2"
    monotonic.now_s += 5
    assert catalogue.info().revision == "r2"


def test_an_engine_that_never_answered_is_a_failure_that_is_not_repeated_at_every_request(catalogue, engine, monotonic):
    engine.failure = EngineUnreachableError()
    for _ in range(3):
        with pytest.raises(EngineUnreachableError):
            catalogue.info()
    assert engine.asked == 1
    monotonic.now_s += 1
    engine.failure = None
    assert catalogue.info().revision == "r1"


def test_many_who_come_first_ask_once(catalogue, engine):
    barrier = threading.Barrier(8)
    seen = []

    def ask():
        barrier.wait()
        seen.append(catalogue.info().revision)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (seen, engine.asked) == (["r1"] * 8, 1)
