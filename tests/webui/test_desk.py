"""Admission: how many at a time, how many wait, what happens past the deadline, who stays responsive."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest

from tests.webui.engine import Gate, SineEngine
from tts_engine.errors import DeadlineExceededError, EngineBusyError, InputError
from tts_engine.synthesizer import SynthesisOptions
from webui_page.desk import Desk


def test_fifty_at_once_are_served_or_refused_at_once(start):
    gate = Gate()
    with start(SineEngine(before_sentence=gate), concurrency=2, queue_size=8) as server:
        statuses = asyncio.run(ask_fifty(server.url, gate))
    assert statuses == Counter({200: 10, 503: 40})
    assert server.engine.most_at_once == 2
    assert len(server.engine.made) == 10


async def ask_fifty(url: str, gate: Gate) -> Counter[int]:
    """Whatever is answered before the gate opens has waited for no sentence, however slow the machine is."""
    limits = httpx.Limits(max_connections=60)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=100, limits=limits) as client:

        async def ask() -> int:
            answer = await client.post("/api/predict/", json={"data": ["你好"]})
            if answer.status_code == 503:
                assert answer.json()["code"] == "engine_busy"
                assert 1 <= int(answer.headers["retry-after"]) <= 60
            return answer.status_code

        tasks = [asyncio.create_task(ask()) for _ in range(50)]
        refused = 0
        for finished in asyncio.as_completed(tasks):
            assert await finished == 503
            refused += 1
            if refused == 40:
                break
        assert (await client.get("/api/health")).status_code == 200  # two at work, eight waiting
        assert (await client.get("/api/info")).status_code == 200
        gate.open()
        return Counter(await asyncio.gather(*tasks))


@pytest.mark.parametrize(("given", "status"), [("0", 504), ("60000", 200)])
def test_the_deadline_decides_whether_work_begins(start, given, status):
    with start() as server, server.client() as client:
        answer = client.post("/api/predict/", json={"data": ["你好"]}, headers={"x-deadline-ms": given})
        assert answer.status_code == status
        assert server.engine.made == (["你好"] if status == 200 else [])
        if status == 504:
            assert answer.json()["code"] == "deadline_exceeded"


@pytest.mark.parametrize("given", ["", "-1", "1.5", "x", "9" * 10, "１"])
def test_a_bad_deadline_is_a_bad_request(client, given):
    answer = client.post("/api/predict/", json={"data": ["你"]}, headers={"x-deadline-ms": given.encode()})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_deadline")


def run(work):
    return asyncio.run(work)


async def all_of(desk: Desk, text: str, deadline: float | None = None) -> list[str]:
    return [f"{p.number} {p.speech.progress:.2f}" async for p in desk.speak(text, SynthesisOptions(), deadline)]


def test_pieces_are_numbered():
    async def work() -> None:
        desk = Desk(SineEngine(), 1, 1)
        assert await all_of(desk, "一。。二。三") == ["1 0.33", "2 0.83", "3 1.00"]
        desk.close()

    run(work())


def test_a_deadline_in_the_middle_ends_the_work_at_once_and_keeps_the_place_until_the_sentence_ends():
    async def work() -> None:
        gate = Gate()
        engine = SineEngine(before_sentence=gate)
        desk = Desk(engine, 1, 1)
        loop = asyncio.get_running_loop()
        cut = asyncio.create_task(all_of(desk, "一。二。", loop.time() + 1000))
        await asyncio.to_thread(gate.arrived.acquire)
        real = loop.time
        loop.time = lambda: real() + 1000  # the deadline passes now, certainly in the middle of the first sentence
        with pytest.raises(DeadlineExceededError):
            await cut
        with pytest.raises(DeadlineExceededError):  # the sentence still runs
            await all_of(desk, "三。", loop.time() + 0.1)
        gate.open()
        assert await all_of(desk, "四。", loop.time() + 100) == ["1 1.00"]
        assert engine.made == ["一。", "四。"]
        desk.close()

    run(work())


def test_whoever_stops_waiting_leaves_the_queue():
    async def work() -> None:
        gate = Gate()
        desk = Desk(SineEngine(before_sentence=gate), 1, 1)
        first = asyncio.create_task(all_of(desk, "一。"))
        await asyncio.to_thread(gate.arrived.acquire)
        for _ in range(3):
            waiting = asyncio.create_task(all_of(desk, "二。"))
            await asyncio.sleep(0)
            with pytest.raises(EngineBusyError):
                await all_of(desk, "三。")
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        gate.open()
        assert await first == ["1 1.00"]
        assert await all_of(desk, "五。") == ["1 1.00"]
        desk.close()

    run(work())


def test_an_engine_that_raises_gives_its_place_back():
    def fail(text: str) -> None:
        raise ZeroDivisionError

    async def work() -> None:
        engine = SineEngine(before_sentence=fail)
        desk = Desk(engine, 1, 1)
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                await all_of(desk, "一。")
        engine.before_sentence = lambda text: None
        assert await all_of(desk, "一。") == ["1 1.00"]
        desk.close()

    run(work())


def test_a_text_that_takes_too_long_to_say_is_refused_and_its_place_is_free_again():
    engine = SineEngine()

    async def run() -> list[int]:
        desk = Desk(engine, 1, 1, max_spoken_s=0.5)
        made = []
        with pytest.raises(InputError, match="请分段发送"):
            async for piece in desk.speak("一二三。四五六。七八九。", SynthesisOptions()):
                made.append(len(piece.speech.samples))
        made += [len(piece.speech.samples) async for piece in desk.speak("一二三。四五。", SynthesisOptions())]
        desk.close()
        return made

    assert asyncio.run(asyncio.wait_for(run(), 120)) == [6615, 6615, 4410]
    assert engine.made == ["一二三。", "四五六。", "一二三。", "四五。"]
