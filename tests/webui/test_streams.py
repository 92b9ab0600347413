"""The end of the page's message stream, without a browser: what is answered when."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest

from webui_page import streams
from webui_page.streams import Streams

CLOSE = b'data: {"msg":"close_stream","event_id":null}\n\n'


class Inner:
    """A Gradio that sends given chunks on its stream, and takes every event."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.pushed = asyncio.Event()

    async def __call__(self, scope, receive, send):
        if scope["path"].endswith("/queue/join"):
            while (await receive()).get("more_body"):
                pass
            self.pushed.set()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for chunk in self.chunks if scope["path"].endswith("/queue/data") else ():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class Request:
    """One request to the middleware, and what came back of it."""

    def __init__(self, app: Streams, stop_event: asyncio.Event, path: str, query: str = "", body: bytes = b"") -> None:
        self.came: list[bytes] = []
        self.is_answered = asyncio.Event()
        self.is_closed = asyncio.Event()
        self.left = asyncio.Event()
        self._bodies = [body[:5], body[5:]]
        application = SimpleNamespace(stop_event=stop_event)
        scope = {"type": "http", "path": path, "query_string": query.encode(), "app": application}
        self.task = asyncio.create_task(app(scope, self.receive, self.send))

    async def receive(self):
        if self._bodies:
            return {"type": "http.request", "body": self._bodies.pop(0), "more_body": bool(self._bodies)}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        if message["type"] == "http.response.start":
            self.is_answered.set()
        else:
            self.came.append(message["body"])
            if message["body"] == CLOSE:
                self.is_closed.set()


class Client:
    def __init__(self, *chunks: bytes) -> None:
        self.inner = Inner(*chunks)
        self.app = Streams(self.inner)
        self.stop_event = asyncio.Event()

    def stream(self, session: str = "s") -> Request:
        return Request(self.app, self.stop_event, "/en/gradio_api/queue/data", f"session_hash={session}")

    def join(self, posted: object) -> Request:
        body = posted if isinstance(posted, bytes) else json.dumps(posted).encode()
        return Request(self.app, self.stop_event, "/gradio_api/queue/join", "", body)


def test_an_event_is_answered_when_the_page_has_let_go_of_the_ended_stream():
    async def run():
        client = Client(b'data: {"msg":"process_completed"}\n\n', CLOSE)
        stream = client.stream()
        await stream.is_closed.wait()
        late, other = client.join({"session_hash": "s"}), client.join({"session_hash": "another"})
        await other.task
        await client.inner.pushed.wait()
        assert not late.is_answered.is_set() and not stream.task.done()
        stream.left.set()
        await asyncio.gather(stream.task, late.task)
        assert late.is_answered.is_set() and stream.came == [*client.inner.chunks, b""]
        assert not client.app._ending

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_reader_who_never_lets_go_holds_nothing_up_for_long(monkeypatch):
    monkeypatch.setattr(streams, "PATIENCE_S", 0.05)

    async def run():
        client = Client(CLOSE)
        stream = client.stream()
        await stream.is_closed.wait()
        late = client.join({"session_hash": "s"})
        await asyncio.gather(stream.task, late.task)
        assert not client.app._ending

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_server_that_stops_ends_its_streams_at_once(monkeypatch):
    monkeypatch.setattr(streams, "PATIENCE_S", 1000)

    async def run():
        client = Client(CLOSE)
        stream = client.stream()
        await stream.is_closed.wait()
        client.stop_event.set()
        await stream.task

    asyncio.run(asyncio.wait_for(run(), 30))


@pytest.mark.parametrize("posted", [b"", b"{", b"\xff", [], {"session_hash": None}, {"session_hash": ["s"]}, "s"])
def test_what_is_no_event_waits_for_nothing(monkeypatch, posted):
    monkeypatch.setattr(streams, "PATIENCE_S", 1000)

    async def run():
        client = Client(CLOSE)
        stream = client.stream()
        await stream.is_closed.wait()
        await client.join(posted).task
        stream.left.set()
        await stream.task

    asyncio.run(asyncio.wait_for(run(), 30))


@pytest.mark.parametrize("value", ['"close_stream"', '{"msg":"close_stream"}', '"\\"close_stream\\""'])
def test_a_value_that_reads_like_the_end_is_none(monkeypatch, value):
    monkeypatch.setattr(streams, "PATIENCE_S", 1000)

    async def run():
        client = Client(b'data: {"msg":"process_generating","output":%s}\n\n' % value.encode())
        stream = client.stream()
        await stream.task
        assert len(stream.came) == 2 and not client.app._ending

    asyncio.run(asyncio.wait_for(run(), 30))
