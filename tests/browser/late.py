"""A slow network on demand: what the server says comes after whatever the page asks next."""

from __future__ import annotations

import asyncio
import threading

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class LateEnd:
    """ASGI middleware, once armed, for the next stream that says ``close_stream``: the page hears it too late."""

    MOST_S = 3.0
    """How late the end comes at most: a cure may keep the answer back until the end has come."""
    READ_S = 0.5
    """For the page to read the answer."""

    armed = threading.Event()
    held = threading.Event()
    """Set while the end is on its way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._joined: asyncio.Event | None = None
        self._answered = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")

        async def late(message: Message) -> None:
            if b'{"msg":"close_stream"' in message.get("body", b"") and self.armed.is_set():
                self.armed.clear()
                await self._hold()
            await send(message)

        async def noting(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._answered.set()

        if path.endswith("/queue/join") and self._joined is not None:
            self._joined.set()
            await self._app(scope, receive, noting)
        else:
            await self._app(scope, receive, late if path.endswith("/queue/data") else send)

    async def _hold(self) -> None:
        self._joined = asyncio.Event()
        self._answered.clear()
        self.held.set()
        await asyncio.wait_for(self._joined.wait(), 60)
        try:
            await asyncio.wait_for(self._answered.wait(), self.MOST_S)
            await asyncio.sleep(self.READ_S)
        except TimeoutError:
            pass
        self._joined = None


class LateNumber:
    """ASGI middleware, once armed, for the next event: its number is told only after a stop was asked for."""

    armed = threading.Event()

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._asked = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")

        async def late(message: Message) -> None:
            await asyncio.wait_for(self._asked.wait(), 60)
            await send(message)

        if path.endswith("/cancel"):
            self._asked.set()
        is_late = path.endswith("/queue/join") and self.armed.is_set()
        if is_late:
            self.armed.clear()
        await self._app(scope, receive, late if is_late else send)
