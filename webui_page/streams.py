"""How the page's stream of messages ends: by a handshake, so that no event is left that nobody listens to.

Gradio's page reads what its events have to say from one stream, ``/queue/data``. When the last event is over the server
says ``close_stream`` there and ends it; the page then notes that the stream is closed and opens another for its next
event. The two do not agree on the moment: an event that is posted to ``/queue/join`` after the server has ended the
stream, and answered before the page has read ``close_stream``, is taken by the page for one of the old stream's. No
other is opened and the event is never heard of again, the page waits for ever (seen with Gradio 6.31).

Here the end waits for the page, which lets go of the connection when it has read ``close_stream``, and the answers to
events that are posted meanwhile wait for that end. Only Gradio's protocol is used, none of its insides.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATIENCE_S = 10.0
"""For a client that does not let go; an event that it posts is answered as late as that."""
_CLOSE = "close_stream"


class Streams:
    """ASGI middleware, to be the innermost of a Gradio app; holds the streams that are ending, by session."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._ending: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through; only streams and new events are looked at."""
        path = scope["path"] if scope["type"] == "http" else ""
        if path.endswith("/queue/data"):
            await self._stream(scope, receive, send)
        elif path.endswith("/queue/join"):
            await self._join(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A stream whose end comes when its reader has let go of it."""
        session = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]
        stream = _Stream(receive, send)

        async def noting(message: Message) -> None:
            if _says_close(message):
                stream.is_ending = True
                self._ending[session].add(stream.ended)
            await stream.send(message)

        try:
            await self._app(scope, stream.receive, noting)
            if stream.is_ending:
                await stream.wait_until_left(scope["app"].stop_event)
                await send({"type": "http.response.body", "body": b""})
        finally:
            stream.ended.set()
            if stream.is_ending:
                self._ending[session].discard(stream.ended)
                if not self._ending[session]:
                    del self._ending[session]

    async def _join(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An event, whose answer waits for streams that the event came too late for."""
        body = bytearray()

        async def noting() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        async def waiting(message: Message) -> None:
            if message["type"] == "http.response.start" and self._ending:
                for ended in tuple(self._ending.get(_session(body), ())):
                    await ended.wait()
            await send(message)

        await self._app(scope, noting, waiting)


class _Stream:
    """One stream between Gradio, which ends it by itself, and its reader."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._left = asyncio.Event()
        self.ended = asyncio.Event()
        self.is_ending = False

    async def receive(self) -> Message:
        """What the reader sends; that it left is kept from Gradio at the end, which would drop newer events for it."""
        message = await self._receive()
        if self.is_ending and message["type"] == "http.disconnect":
            self._left.set()
            await self.ended.wait()
        return message

    async def send(self, message: Message) -> None:
        """Pass on what Gradio sends, but for the end."""
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["X-Accel-Buffering"] = "no"  # a buffering nginx would keep it back
        if not self.is_ending or message.get("more_body", False):
            await self._send(message)

    async def wait_until_left(self, stopping: asyncio.Event) -> None:
        """Wait for the reader to leave, for ``PATIENCE_S`` at most, or until the server stops."""
        waits = [asyncio.ensure_future(wait) for wait in (self._left.wait(), self._listen(), stopping.wait())]
        try:
            await asyncio.wait(waits, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _says_close(message: Message) -> bool:
    body: bytes = message.get("body", b"")
    if f'"{_CLOSE}"'.encode() not in body:
        return False
    said = json.loads(body.removeprefix(b"data:"))
    return isinstance(said, dict) and said.get("msg") == _CLOSE


def _session(body: bytes | bytearray) -> str:
    """The session that posted an event; empty for what is no event, which Gradio has refused."""
    try:
        posted = json.loads(body)
    except ValueError:
        return ""
    session = posted.get("session_hash") if isinstance(posted, dict) else ""
    return session if isinstance(session, str) else ""
