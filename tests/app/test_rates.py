"""Requests counted by several processes in one Redis, and what is left of the limits when it goes away."""

import time
from types import SimpleNamespace

import circuitbreaker
import pytest
from limits import parse

from app.rates import Counters
from app.services import services_of


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """On a machine that stalls Redis takes more than 0.2 s; what is counted here needs its every answer."""
    monkeypatch.setattr("app.rates._REDIS_TIMEOUT_S", 2.0)


def headers_of(app, subject):
    return {"Authorization": f"Bearer {services_of(app).tokens.issue(subject, {'tts', 'voices'}).text}"}


def statuses(apps, rounds, headers):
    return [app.test_client().get("/voices", headers=headers).status_code for _ in range(rounds) for app in apps]


def test_several_processes_count_together_and_exactly(make_app, redis_url):
    apps = [make_app(limits__storage_uri=redis_url, limits__per_subject="10/hour") for _ in range(3)]
    asked = statuses(apps, 6, headers_of(apps[0], "one"))
    assert asked == [200] * 10 + [429] * 8
    assert statuses(apps, 1, headers_of(apps[0], "two")) == [200] * 3


def test_in_memory_each_process_counts_for_itself(make_app):
    apps = [make_app(limits__per_subject="2/hour") for _ in range(2)]
    assert statuses(apps, 3, headers_of(apps[0], "one")) == [200] * 4 + [429] * 2


def test_a_redis_that_hangs_holds_nobody_and_one_that_comes_back_counts_again(
    make_app, redis_server, redis_url, monkeypatch, caplog
):
    clock = SimpleNamespace(now_s=100.0)
    monkeypatch.setattr(circuitbreaker, "monotonic", lambda: clock.now_s)
    app = make_app(limits__storage_uri=redis_url, limits__per_subject="4/hour")
    headers = headers_of(app, "one")
    assert statuses([app], 3, headers) == [200] * 3
    redis_server.freeze()
    try:
        assert statuses([app], 6, headers) == [200] * 4 + [429] * 2  # what it counts alone
    finally:
        redis_server.thaw()
    assert caplog.text.count("Redis is away") == 1  # one of all these questions was waited for
    clock.now_s += 2
    assert statuses([app], 1, headers) == [200]
    assert not Counters(redis_url).has_room(parse("4/hour"), "subject", "one")  # the fourth was counted in Redis


def test_counting_in_memory_starts_no_thread_and_forgets_what_is_over(monkeypatch):
    counters, item = Counters("memory://"), parse("5/second")
    memory = counters._own.storage
    memory.timer.join(60)
    started = []
    monkeypatch.setattr("threading.Thread.start", lambda thread: started.append(thread))
    for number in range(200):
        assert counters.hit(item, "address", str(number))
    assert len(memory.storage) == 200
    monkeypatch.setattr(memory, "_sweep_due_s", 0.0)
    monkeypatch.setattr("limits.storage.memory.time.time", lambda: time.monotonic() + 4e9)
    counters.hit(item, "address", "later")
    assert len(memory.storage) == 1
    assert started == []
