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


@pytest.fixture
def processes(make_app, redis_url):
    """The parts of three proxies over one database, one store and one Redis, as in three processes."""
    return [services_of(make_app(limits__storage_uri=redis_url)).speech for _ in range(3)]


def test_the_same_text_asked_of_every_process_at_once_is_spoken_once(processes, gateway):
    gateway.gate.clear()
    calls = [partial(processes[number % 3].speak, WISH, "one", f"r{number}") for number in range(30)]
    threads, clips = in_threads(calls)
    assert gateway.begun.acquire(timeout=20)
    gateway.gate.set()
    for thread in threads:
        thread.join(30)
    assert len(gateway.orders) == 1
    assert len({clip.audio_url.partition("?")[0] for clip in clips}) == 1
    assert sorted(clip.cached for clip in clips) == [False] + [True] * 29


def test_a_failure_leaves_nothing_locked(processes, gateway):
    gateway.failure = GatewayError()
    with pytest.raises(GatewayError):
        processes[0].prepare(WISH, "r")
    gateway.failure = None
    begun_s = time.monotonic()
    assert processes[1].prepare(WISH, "r") is True
    assert time.monotonic() - begun_s < 3


def test_a_lease_lives_as_long_as_its_holder_works_and_ends_after_it_was_killed(redis_url, monkeypatch):
    monkeypatch.setattr("app.leases._LIFE_S", 0.6)
    one, two = RedisLeases(redis_url), RedisLeases(redis_url)
    with one.hold("x", 1), pytest.raises(TimeoutError), two.hold("x", 1.5):
        pass
    with two.hold("x", 1):
        pass
    lock = one._redis.lock("tts:lease:x", timeout=0.6)
    assert lock.acquire()  # a holder that is killed now never gives it back
    begun_s = time.monotonic()
    with two.hold("x", 5):
        assert time.monotonic() - begun_s < 3


def test_who_waits_too_long_gets_a_timeout_in_the_callers_words(processes):
    speech = processes[0]
    with speech.leases.hold(speech.key(WISH, "r1"), 1):
        hasty = replace(processes[1], terms=replace(speech.terms, wait_s=0.3))
        with pytest.raises(EngineTimeoutError):
            hasty.prepare(WISH, "r")


def test_without_redis_everybody_works_and_nobody_waits(redis_server, redis_url):
    leases = RedisLeases(redis_url)
    redis_server.freeze()
    try:
        begun_s = time.monotonic()
        for _ in range(3):
            with leases.hold("x", 20), leases.hold("x", 20):
                pass
        assert time.monotonic() - begun_s < 4
    finally:
        redis_server.thaw()


def test_one_process_needs_no_redis():
    assert isinstance(leases_in("memory://"), OwnProcess)
