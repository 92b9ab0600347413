"""An engine that fails again and again is left alone; what it refuses is no failure."""

import threading
import time
from types import SimpleNamespace

import circuitbreaker
import pytest

from app.errors import EngineBusyError, EngineRefusedError, EngineTimeoutError, EngineUnreachableError, GatewayError
from app.gateway import Order, Trip
from app.gateway.breaker import BreakerGateway
from app.gateway.bulkhead import Bulkhead

ORDER, TRIP = Order("你好", "female", 1.0), Trip("request-1", 5.0)


def ask(guarded, count):
    raised = []
    for _ in range(count):
        with pytest.raises(GatewayError) as caught:
            guarded.synthesize(ORDER, TRIP)
        raised.append(type(caught.value))
    return raised


@pytest.mark.parametrize("failure", [GatewayError(), EngineUnreachableError(), EngineTimeoutError()])
def test_after_five_failures_the_engine_is_left_alone_and_tried_again_later(gateway, failure, monkeypatch):
    clock = SimpleNamespace(now_s=100.0)
    monkeypatch.setattr(circuitbreaker, "monotonic", lambda: clock.now_s)
    guarded = BreakerGateway(gateway, 5, 0.3)
    gateway.failure = failure
    ask(guarded, 5)
    assert guarded.is_open
    assert ask(guarded, 20) == [EngineUnreachableError] * 20
    assert len(gateway.orders) == 5
    clock.now_s += 0.35
    ask(guarded, 2)
    assert len(gateway.orders) == 6  # one try opened it anew
    gateway.failure = None
    clock.now_s += 0.35
    assert guarded.synthesize(ORDER, TRIP).duration_s == pytest.approx(0.2)
    assert not guarded.is_open


def test_the_answer_says_how_long(gateway):
    guarded = BreakerGateway(gateway, 1, 30)
    gateway.failure = GatewayError()
    ask(guarded, 1)
    with pytest.raises(EngineUnreachableError) as caught:
        guarded.synthesize(ORDER, TRIP)
    assert 25 <= int(caught.value.headers["Retry-After"]) <= 30


@pytest.mark.parametrize("failure", [EngineRefusedError(422, "bad_input", "不行"), EngineBusyError(2)])
def test_what_the_engine_refuses_is_no_failure(gateway, failure):
    guarded = BreakerGateway(gateway, 2, 30)
    gateway.failure = failure
    assert ask(guarded, 10) == [type(failure)] * 10
    assert len(gateway.orders) == 10


def test_calls_are_not_made_one_after_the_other(gateway):
    guarded = BreakerGateway(gateway, 5, 30)
    gateway.gate.clear()
    threads = [threading.Thread(target=guarded.synthesize, args=(ORDER, TRIP)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert gateway.begun.acquire(timeout=60)
    gateway.gate.set()
    for thread in threads:
        thread.join(60)


def test_the_refusal_of_a_full_queue_names_the_place_and_a_time():
    bulkhead = Bulkhead(1, 100.0)
    release, inside = threading.Event(), threading.Semaphore(0)

    def work():
        with bulkhead.slot():
            inside.release()
            release.wait(120)

    threads = [threading.Thread(target=work) for _ in range(2)]
    threads[0].start()
    assert inside.acquire(timeout=60)
    threads[1].start()
    deadline_s = time.monotonic() + 60
    while bulkhead.waiting < 1 and time.monotonic() < deadline_s:
        time.sleep(0.01)
    with pytest.raises(EngineBusyError) as caught, bulkhead.slot():
        pass
    assert caught.value.data == {"position": 2}
    assert caught.value.retry_after_s == 2
    release.set()
    for thread in threads:
        thread.join(60)
    assert bulkhead.waiting == 0


def test_a_caller_without_time_does_not_wait():
    bulkhead = Bulkhead(1, 100.0)
    begun_s = time.monotonic()
    with bulkhead.slot(), pytest.raises(EngineBusyError), bulkhead.slot(0.1):
        pass
    assert time.monotonic() - begun_s < 50
