"""Frequent texts ahead of need: every one made once, whatever stops in between."""

import threading
from collections import Counter

import pytest

from app.errors import EngineRefusedError, EngineUnreachableError, GatewayError
from app.gateway import Order
from app.jobs import Progress, Task, prewarm_now, run_schedule, text_of, wish_of
from app.services import services_of
from app.speech import Wish


def wish(text):
    return Wish(Order(text, "female", 1.0), "mp3")


WISHES = [wish(text) for text in ("一", "二", "三", "二")]


@pytest.fixture
def prewarm(services):
    return services.prewarm


def test_a_wish_survives_being_written_down():
    kept = Wish(Order("“你好”\n😀", "male", 1.25), "wav", 16000)
    assert wish_of(text_of(kept)) == kept


def test_a_list_is_made_one_by_one_and_each_text_once(prewarm, gateway):
    assert prewarm.ask(WISHES) == Progress(0, 3, 0)
    assert [prewarm.make_next() for _ in range(4)] == [True, True, True, False]
    assert prewarm.progress() == Progress(3, 0, 0)
    assert sorted(order.text for order, _ in gateway.orders) == ["一", "三", "二"]


def test_asking_again_tells_how_far_it_is_and_adds_nothing(prewarm, gateway):
    prewarm.ask(WISHES)
    prewarm.make_next()
    assert prewarm.ask(WISHES) == Progress(1, 2, 0)
    while prewarm.make_next():
        pass
    assert prewarm.ask(WISHES) == Progress(3, 0, 0)
    assert len(gateway.orders) == 3


def test_another_process_goes_on_where_the_first_was_killed(prewarm, make_app, gateway):
    prewarm.ask(WISHES)
    prewarm.make_next()
    second = services_of(make_app()).prewarm
    while second.make_next():
        pass
    assert len(gateway.orders) == 3


def test_what_the_engine_refuses_is_failed_with_the_reason_and_the_rest_goes_on(prewarm, gateway, services):
    prewarm.ask(WISHES)
    gateway.failure = EngineRefusedError(422, "unreadable_text", "无法朗读")
    services.catalogue._info = gateway_info(gateway)
    prewarm.make_next()
    gateway.failure = None
    assert [prewarm.make_next() for _ in range(3)] == [True, True, False]
    assert prewarm.progress() == Progress(2, 0, 1)
    assert prewarm.ask(WISHES) == Progress(2, 1, 1)  # asked again, tried again
    assert prewarm.ask(WISHES) == Progress(2, 1, 1)  # and still told
    assert prewarm.make_next() is True
    assert prewarm.ask(WISHES) == Progress(3, 0, 0)


def test_who_asks_often_does_not_put_a_failing_text_before_the_others(prewarm, gateway, clock):
    prewarm.ask(WISHES)
    gateway.failure = GatewayError()
    for _ in range(15):
        clock.now_s += 1
        assert fails(prewarm)
        prewarm.ask(WISHES)
    assert Counter(order.text for order, _ in gateway.orders) == {"一": 5, "二": 5, "三": 5}
    assert prewarm.ask(WISHES) == Progress(0, 3, 3)


def fails(prewarm):
    try:
        prewarm.make_next()
    except GatewayError:
        return True
    return False


def gateway_info(gateway):
    failure, gateway.failure = gateway.failure, None
    info = gateway.info()
    gateway.failure = failure
    return info


def test_an_engine_that_is_away_leaves_everything_pending(prewarm, gateway):
    gateway.failure = EngineUnreachableError()
    assert prewarm.ask(WISHES) == Progress(0, 3, 0)
    with pytest.raises(EngineUnreachableError):
        prewarm.make_next()
    assert prewarm.progress() == Progress(0, 3, 0)


def test_a_text_at_which_the_engine_fails_goes_to_the_end_and_fails_in_the_end(prewarm, gateway, clock):
    prewarm.ask([wish("毒"), wish("药")])
    speak = gateway.synthesize

    def synthesize(order, trip):
        if order.text == "毒":
            raise GatewayError
        return speak(order, trip)

    gateway.synthesize = synthesize
    outcomes = []
    for _ in range(7):
        clock.now_s += 1
        try:
            outcomes.append(prewarm.make_next())
        except GatewayError:
            outcomes.append("failed")
    assert sorted(map(str, outcomes)) == ["False", "True"] + ["failed"] * 5
    assert outcomes.index(True) <= 1  # the other one did not wait for it
    assert prewarm.progress() == Progress(1, 0, 1)


def test_settled_items_are_forgotten_after_a_month_and_pending_ones_never(prewarm, clock):
    prewarm.ask(WISHES)
    prewarm.make_next()
    clock.now_s += 31 * 86_400
    assert prewarm.forget_old() == 1
    assert prewarm.progress() == Progress(0, 2, 0)


def test_a_run_by_hand_resumes(services, gateway):
    first = prewarm_now(services.speech, WISHES)
    assert [next(first)[1] for _ in range(2)] == ["made", "made"]
    first.close()  # interrupted
    assert [outcome for _, outcome in prewarm_now(services.speech, WISHES)] == ["ready", "ready", "made"]
    assert len(gateway.orders) == 3


def test_prewarmed_audio_is_what_a_request_then_gets_without_a_charge(client, prewarm, auth, gateway):
    prewarm.ask([wish("你好")])
    prewarm.make_next()
    body = client.post("/tts", json={"text": "你好"}, headers=auth).get_json()
    assert (body["cached"], len(gateway.orders)) == (True, 1)


def test_the_route_takes_a_list_and_tells_how_far_it_is(client, key, prewarm):
    headers = {"X-API-Key": key}
    answer = client.post("/prewarm", json={"texts": ["一", "二", "一"]}, headers=headers)
    assert (answer.status_code, answer.get_json()) == (202, {"ready": 0, "pending": 2, "failed": 0})
    while prewarm.make_next():
        pass
    answer = client.post("/prewarm", json={"texts": ["一", "二", "一"]}, headers=headers)
    assert (answer.status_code, answer.get_json()) == (200, {"ready": 2, "pending": 0, "failed": 0})


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"texts": []}, 422, "invalid_field"),
        ({"texts": ["一"] * 5001}, 422, "invalid_field"),
        ({"texts": ["一", ""]}, 422, "empty_text"),
        ({"texts": ["一", "\x07"]}, 422, "invalid_field"),
        ({"texts": ["一", "好" * 1001]}, 413, "text_too_long"),
        ({"texts": ["一", 2]}, 422, "invalid_field"),
        ({"texts": "一"}, 422, "invalid_field"),
        ({"texts": ["一"], "speed": 3}, 422, "invalid_field"),
        ({"texts": ["一"], "text": "二"}, 422, "invalid_field"),
        ({}, 422, "invalid_field"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bad_list_is_refused_whole(client, key, prewarm, body, status, code):
    answer = client.post("/prewarm", json=body, headers={"X-API-Key": key})
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert prewarm.progress() == Progress(0, 0, 0)


def test_the_schedule_does_its_tasks_makes_what_is_pending_and_stops(prewarm, gateway):
    prewarm.ask(WISHES)
    stop, done = threading.Event(), []
    task = Task("count", 3600.0, lambda: done.append(1))

    class StopWhenMade:
        def make_next(self):
            busy = prewarm.make_next()
            if not busy:
                stop.set()
            return busy

    run_schedule([task], StopWhenMade(), stop)
    assert (len(done), prewarm.progress()) == (1, Progress(3, 0, 0))


def test_the_schedule_rests_while_the_engine_is_away(prewarm, gateway):
    prewarm.ask(WISHES)
    gateway.failure = EngineUnreachableError()
    stop, asked = threading.Event(), []

    class Counting:
        def make_next(self):
            asked.append(1)
            stop.set()
            return prewarm.make_next()

    run_schedule([], Counting(), stop)
    assert (len(asked), prewarm.progress().pending) == (1, 3)
