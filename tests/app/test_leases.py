"""Several processes that are asked for the same at the same time, over a real Redis."""

import threading
import time
from dataclasses import replace
from functools import partial

import pytest

from app.errors import EngineTimeoutError, GatewayError
from app.gateway import Order
from app.leases import OwnProcess, RedisLeases, leases_in
from app.services import services_of
from app.speech import Wish
from tests.end_to_end.stack import until

WISH = Wish(Order("同一句话。", "female", 1.0), "mp3")


def in_threads(calls):
    """What each call returned or raised, in order."""
    outcomes = [None] * len(calls)

    def run(index, call):
        try:
            outcomes[index] = call()
        except (GatewayError, TimeoutError) as error:
            outcomes[index] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    return threads, outcomes


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """On a machine that stalls Redis takes more than 0.2 s; what is counted here needs its every answer."""
    monkeypatch.setattr("app.leases._TIMEOUT_S", 2.0)
    monkeypatch.setattr("app.rates._REDIS_TIMEOUT_S", 2.0)


@pytest.fixture
def processes(make_app, redis_url):
    """The parts of three proxies over one database, one store and one Redis, as in three processes."""
    return [services_of(make_app(limits__storage_uri=redis_url)).speech for _ in range(3)]


def test_the_same_text_asked_of_every_process_at_once_is_spoken_once(processes, gateway):
    gateway.gate.clear()
    calls = [partial(processes[number % 3].speak, WISH, "one", f"r{number}") for number in range(30)]
    threads, clips = in_threads(calls)
    assert gateway.begun.acquire(timeout=60)
    gateway.gate.set()
    for thread in threads:
        thread.join(60)
    assert len(gateway.orders) == 1
    assert len({clip.audio_url.partition("?")[0] for clip in clips}) == 1
    assert sorted(clip.cached for clip in clips) == [False] + [True] * 29


def test_a_failure_leaves_nothing_locked(processes, gateway, redis_server):
    gateway.failure = GatewayError()
    with pytest.raises(GatewayError):
        processes[0].prepare(WISH, "r")
    gateway.failure = None
    with redis_server.client() as redis:
        assert redis.keys("tts:lease:*") == []
    assert processes[1].prepare(WISH, "r") is True


def test_a_lease_lives_as_long_as_its_holder_works_and_ends_after_it_was_killed(redis_server, redis_url, monkeypatch):
    monkeypatch.setattr("app.leases._LIFE_S", 100.0)
    monkeypatch.setattr("app.leases._RENEWED_S", 0.05)
    one, two = RedisLeases(redis_url), RedisLeases(redis_url)
    with redis_server.client() as redis:
        with one.hold("x", 1):
            for _ in range(3):  # it has nearly ended, and is renewed
                redis.pexpire("tts:lease:x", 60_000)
                until(lambda: redis.pttl("tts:lease:x") > 90_000, 50, "the lease is renewed")
            with pytest.raises(TimeoutError), two.hold("x", 0.3):
                pass
        assert redis.exists("tts:lease:x") == 0
        with two.hold("x", 1):
            pass
        lock = one._redis.lock("tts:lease:x", timeout=0.6)
        assert lock.acquire()  # a holder that is killed now never gives it back
        with two.hold("x", 60):
            assert redis.pttl("tts:lease:x") > 0.6 * 1000  # ours, for the other had less


def test_who_waits_too_long_gets_a_timeout_in_the_callers_words(processes):
    speech = processes[0]
    with speech.leases.hold(speech.key(WISH, "r1"), 1):
        hasty = replace(processes[1], terms=replace(speech.terms, wait_s=0.3))
        with pytest.raises(EngineTimeoutError):
            hasty.prepare(WISH, "r")


def test_without_redis_everybody_works_and_nobody_waits(redis_server, redis_url, monkeypatch):
    monkeypatch.setattr("app.leases._TIMEOUT_S", 0.2)
    leases = RedisLeases(redis_url)
    redis_server.freeze()
    try:
        begun_s = time.monotonic()
        for _ in range(3):
            with leases.hold("x", 100), leases.hold("x", 100):
                pass
        assert time.monotonic() - begun_s < 50
    finally:
        redis_server.thaw()


def test_one_process_needs_no_redis():
    assert isinstance(leases_in("memory://"), OwnProcess)
