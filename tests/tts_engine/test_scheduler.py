"""Fair sharing: who comes when, who is refused, what is dropped; and that no result is ever swapped."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from tts_engine import scheduler as module
from tts_engine.errors import DeadlineExceededError, EngineBusyError
from tts_engine.scheduler import Inline, Scheduler, Terms


@pytest.fixture
def one():
    scheduler = Scheduler(1)
    yield scheduler
    scheduler.close()


class Clock:
    """Time that passes only where a test says so: a machine that stalls charges nobody for it."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock))
    return clock


class Held:
    """The only worker, kept busy until it is let go."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._go = threading.Event()
        begun = threading.Event()
        self.turn = scheduler.open(Terms())

        def work() -> None:
            begun.set()
            assert self._go.wait(120)

        self.done = self.turn.submit(work)
        assert begun.wait(120)

    def let_go(self) -> None:
        self._go.set()


def order_of(scheduler: Scheduler, clock: Clock, turns: list[tuple[str, Terms, int]]) -> str:
    """The names of the turns in the order in which their tasks were done, 2 ms each; all were queued before the first
    began."""
    held, heard = Held(scheduler), []

    def work(name: str) -> None:
        clock.now_s += 0.002
        heard.append(name)

    later = []
    for name, terms, tasks in turns:
        turn = scheduler.open(terms)
        later += [turn.submit(lambda name=name: work(name)) for _ in range(tasks)]
    held.let_go()
    for one in later:
        one.result()
    return "".join(heard)


def test_a_prompt_does_not_wait_for_an_article(one, clock):
    order = order_of(one, clock, [("a", Terms(), 50), ("p", Terms(), 2)])
    assert order.count("a") == 50
    assert order.rindex("p") < 10


def test_equal_turns_share_alike(one, clock):
    order = order_of(one, clock, [("a", Terms(), 20), ("b", Terms(), 20)])
    assert 9 <= order[:20].count("a") <= 11


def test_a_high_priority_goes_before_and_a_low_one_is_not_starved(one, clock):
    order = order_of(one, clock, [("l", Terms(priority="low"), 10), ("h", Terms(priority="high"), 40)])
    assert order.rindex("h") > order.index("l")  # something of the low one came in between
    assert order[:30].count("h") > 20


def test_tasks_of_a_turn_begin_in_their_order(one):
    turn, heard = one.open(Terms()), []
    for later in [turn.submit(lambda number=number: heard.append(number)) for number in range(100)]:
        later.result()
    assert heard == list(range(100))


def test_a_deadline_that_passed_is_refused_and_one_that_passes_ends_the_wait(one, clock):
    with pytest.raises(DeadlineExceededError):
        one.open(Terms(deadline=clock.now_s - 1))
    held = Held(one)
    turn = one.open(Terms(deadline=clock.now_s + 0.05))
    done = []
    later = turn.submit(lambda: done.append(1))
    with pytest.raises(DeadlineExceededError):
        later.result()
    clock.now_s += 0.05
    held.let_go()
    held.done.result()
    one.open(Terms()).submit(lambda: None).result()  # behind it
    assert done == []


def test_closing_a_turn_drops_what_has_not_begun_and_takes_nothing_more(one):
    held, done = Held(one), []
    turn = one.open(Terms())
    later = [turn.submit(lambda: done.append(1)) for _ in range(10)]
    assert one.waiting == 10
    turn.close()
    assert one.waiting == 0
    held.let_go()
    for dropped in [*later, turn.submit(lambda: done.append(1))]:
        with pytest.raises(CancelledError):
            dropped.result()
    assert done == []


def test_who_is_not_wanted_any_more_is_not_begun(one):
    held, done = Held(one), []
    terms = Terms()
    later = one.open(terms).submit(lambda: done.append(1))
    terms.stop.set()
    held.let_go()
    with pytest.raises(CancelledError):
        later.result()
    assert done == []


def test_there_is_a_bound_on_open_turns():
    scheduler = Scheduler(1, most_turns=2)
    first, _ = scheduler.open(Terms()), scheduler.open(Terms())
    with pytest.raises(EngineBusyError):
        scheduler.open(Terms())
    first.close()
    scheduler.open(Terms()).close()
    scheduler.close()


def test_a_failure_is_raised_where_the_result_is_asked_for_and_harms_nobody(one):
    turn = one.open(Terms())
    broken, fine = turn.submit(lambda: 1 // 0), turn.submit(lambda: 2)
    with pytest.raises(ZeroDivisionError):
        broken.result()
    assert fine.result() == 2


def test_a_task_that_times_out_by_itself_is_not_taken_for_a_deadline(one):
    def fail() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        one.open(Terms(deadline=time.monotonic() + 60)).submit(fail).result()


def test_alone_a_task_is_done_when_its_result_is_asked_for():
    done = []
    later = Inline().submit(lambda: done.append(1))
    assert done == [] and not later.done()
    later.result()
    assert done == [1]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_thousand_interleaved_requests_get_their_own_results(seed):
    """Of random size and priority, from 16 threads, a tenth of them given up half way."""
    rng = random.Random(seed)
    scheduler = Scheduler(3)
    requests = [
        (number, rng.randint(1, 12), rng.choice(["high", "normal", "low"]), rng.random() < 0.1)
        for number in range(1000)
    ]

    def ask(request: tuple[int, int, str, bool]) -> list[tuple[int, int]] | None:
        number, tasks, priority, gives_up = request
        turn = scheduler.open(Terms(priority=priority))
        try:
            later = [turn.submit(lambda part=part: (number, part)) for part in range(tasks)]
            if gives_up:
                return None
            return [one.result() for one in later]
        finally:
            turn.close()

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, requests))
    for (number, tasks, _, gives_up), answer in zip(requests, answers, strict=True):
        assert answer == (None if gives_up else [(number, part) for part in range(tasks)])
    assert scheduler.waiting == 0
    scheduler.close()
