"""Stops and the events that they are for, without a browser: who waits for whom, and which number is filled in."""

from __future__ import annotations

import asyncio
import json

import pytest

from webui_page import stops
from webui_page.stops import Stops


class Inner:
    """A Gradio that numbers events, and notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []
        self.stream = asyncio.Queue()
        self.may_stop = asyncio.Event()
        self.may_stop.set()

    async def __call__(self, scope, receive, send):
        kind = scope["path"].rpartition("/")[2]
        body = b""
        while kind != "data":
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                break
        if kind in ("cancel", "reset"):
            await self.may_stop.wait()
            assert dict(scope["headers"])[b"content-length"] == str(len(body)).encode()
        self.asked.append((kind, body))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if kind == "data":
            while chunk := await self.stream.get():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        answer = json.dumps({"event_id": f"n{len(self.asked)}"}).encode() if kind == "join" else b""
        await send({"type": "http.response.body", "body": answer})

    def stopped(self) -> list[object]:
        return [json.loads(body)["event_id"] for kind, body in self.asked if kind == "cancel"]


class Client:
    def __init__(self) -> None:
        self.inner = Inner()
        self.app = Stops(self.inner)

    def ask(self, path: str, posted: object) -> asyncio.Task:
        body = posted if isinstance(posted, bytes) else json.dumps(posted).encode()
        parts = [body[:7], body[7:]]

        async def receive():
            return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

        async def send(_message):
            return

        headers = [(b"content-length", str(len(body)).encode())]
        scope = {"type": "http", "path": f"/en/gradio_api/{path}", "headers": headers}
        return asyncio.create_task(self.app(scope, receive, send))

    def join(self, function: int = 1, session: str = "s") -> asyncio.Task:
        return self.ask("queue/join", {"session_hash": session, "fn_index": function, "data": []})

    def stop(self, number: str | None = None, function: int = 1, session: str = "s") -> asyncio.Task:
        return self.ask("cancel", {"event_id": number, "session_hash": session, "fn_index": function})


def run(test) -> None:
    asyncio.run(asyncio.wait_for(test(), 30))


def test_a_stop_without_a_number_is_given_that_of_the_buttons_event(monkeypatch):
    monkeypatch.setattr(stops, "PATIENCE_S", 1000)

    async def test():
        client = Client()
        await client.join(2)
        await client.join(1)
        await client.join(1, "another")
        await client.stop()
        assert client.inner.stopped() == ["n2"]
        await client.stop("known")
        assert client.inner.stopped() == ["n2", "known"]

    run(test)


def test_a_stop_that_overtakes_its_event_waits_for_it(monkeypatch):
    monkeypatch.setattr(stops, "PATIENCE_S", 1000)

    async def test():
        client = Client()
        stop = client.stop()
        await client.join(1, "another")
        assert not stop.done()
        await client.join()
        await stop
        assert client.inner.stopped() == ["n2"]

    run(test)


def test_an_event_that_is_over_is_not_stopped_for_its_successor(monkeypatch):
    monkeypatch.setattr(stops, "PATIENCE_S", 1000)

    async def test():
        client = Client()
        stream = client.ask("queue/data", b"")
        await client.join()
        number = f"n{len(client.inner.asked)}"
        for said in ({"msg": "process_completed", "event_id": number}, {"msg": "x", "o": '"process_completed"'}, None):
            client.inner.stream.put_nowait(f"data: {json.dumps(said)}\n\n".encode() if said else b"")
        await stream
        assert not client.app._numbers
        stop = client.stop()
        await client.join()
        await stop
        assert client.inner.stopped() == [f"n{len(client.inner.asked) - 1}"]

    run(test)


def test_no_other_event_of_the_session_begins_until_the_stop_is_carried_out(monkeypatch):
    monkeypatch.setattr(stops, "PATIENCE_S", 1000)

    async def test():
        client = Client()
        client.inner.may_stop.clear()
        await client.join()
        stop, said, again = client.stop("n1"), client.join(2), client.join(1)
        await client.join(2, "another")
        await again
        assert not said.done() and not stop.done()
        client.inner.may_stop.set()
        await asyncio.gather(stop, said)
        assert [kind for kind, _ in client.inner.asked][-2:] == ["cancel", "join"]

    run(test)


def test_what_the_page_asks_after_a_stop_without_a_number_is_no_error():
    async def test():
        client = Client()
        await client.ask("reset", {"event_id": None})
        await client.ask("reset", {"event_id": "n1"})
        assert [json.loads(body)["event_id"] for _, body in client.inner.asked] == ["", "n1"]

    run(test)


def test_what_never_comes_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(stops, "PATIENCE_S", 0.05)

    async def test():
        client = Client()
        await client.stop()
        assert client.inner.stopped() == [None]

    run(test)


@pytest.mark.parametrize("posted", [b"", b"{", b"\xff", [], {"session_hash": 5, "fn_index": "1"}, "s", {}])
def test_what_is_no_event_and_no_stop_is_left_to_gradio(monkeypatch, posted):
    monkeypatch.setattr(stops, "PATIENCE_S", 1000)

    async def test():
        client = Client()
        await asyncio.gather(client.ask("cancel", posted), client.ask("queue/join", posted))
        assert [kind for kind, _ in client.inner.asked] == ["cancel", "join"]

    run(test)


def test_no_more_than_so_many_events_are_remembered(monkeypatch):
    monkeypatch.setattr(stops, "_MOST", 3)

    async def test():
        client = Client()
        for number in range(5):
            await client.join(number)
        assert [function for _, function in client.app._numbers] == [2, 3, 4]

    run(test)
