"""A stop that is pressed before the page knows the number of what it stops.

Gradio's page learns the number of an event from the answer to ``/queue/join``. A stop before that asks ``/cancel`` for
the event ``null``: it is refused, and the work goes on under a page that says it has ended (seen with Gradio 6.31; on a
slow network a second is enough). Here the number is filled in, which the server knows as soon as it has given it, and
until a stop is carried out no other event of its session begins: "stopped" is said after the last word of what it
stopped. Only Gradio's protocol is used, none of its insides.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATIENCE_S = 10.0
"""For an event that is still on its way, and for a stop that is being carried out."""
_MOST = 1000
"""Unfinished events that are remembered: pages that were closed in the middle leave theirs behind."""
Button = tuple[str, int]
"""A session, and which of the page's functions."""


class Stops:
    """ASGI middleware of a Gradio app; belongs to one event loop."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._numbers: OrderedDict[Button, str] = OrderedDict()
        self._stopping: list[Button] = []
        self._changed = asyncio.Condition()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through; new events, their ends and stops are looked at."""
        path = scope["path"] if scope["type"] == "http" else ""
        if path.endswith("/queue/join"):
            await self._join(scope, receive, send)
        elif path.endswith("/queue/data"):
            await self._app(scope, receive, self._noting_ends(send))
        elif path.endswith("/cancel"):
            await self._cancel(scope, receive, send)
        elif path.endswith("/reset"):
            await self._reset(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _join(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An event; it waits for the stops of others, and its number is kept before the page hears it."""
        body = await _read(receive)
        button = _button(_parsed(body))
        await self._wait_until(lambda: not any(_is_sibling(button, other) for other in self._stopping))

        async def noting(message: Message) -> None:
            number = _parsed(message.get("body", b"")).get("event_id")
            if isinstance(number, str):
                await self._note(button, number)
            await send(message)

        await self._app(scope, _replayed(body, receive), noting)

    async def _cancel(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A stop; one without a number is given that of the button's unfinished event."""
        body = await _read(receive)
        asked = _parsed(body)
        button = _button(asked)
        self._stopping.append(button)
        try:
            if asked.get("event_id", "") is None:
                await self._wait_until(lambda: button in self._numbers)
                scope, body = _numbered(scope, asked, self._numbers.get(button))
            await self._app(scope, _replayed(body, receive), send)
        finally:
            self._stopping.remove(button)
            async with self._changed:
                self._changed.notify_all()

    async def _reset(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What the page asks after every stop; Gradio does nothing, but wants a number."""
        body = await _read(receive)
        asked = _parsed(body)
        if asked.get("event_id", "") is None:
            scope, body = _numbered(scope, asked, "")
        await self._app(scope, _replayed(body, receive), send)

    def _noting_ends(self, send: Send) -> Send:
        async def noting(message: Message) -> None:
            body: bytes = message.get("body", b"")
            if b'"process_completed"' in body:
                said = _parsed(body.removeprefix(b"data:"))
                if said.get("msg") == "process_completed":
                    self._forget(said.get("event_id"))
            await send(message)

        return noting

    async def _note(self, button: Button, number: str) -> None:
        async with self._changed:
            self._numbers[button] = number
            self._numbers.move_to_end(button)
            if len(self._numbers) > _MOST:
                self._numbers.popitem(last=False)
            self._changed.notify_all()

    def _forget(self, number: object) -> None:
        for button in [button for button, given in self._numbers.items() if given == number]:
            del self._numbers[button]

    async def _wait_until(self, holds: Callable[[], bool]) -> None:
        """For ``PATIENCE_S`` at most."""
        try:
            async with asyncio.timeout(PATIENCE_S), self._changed:
                await self._changed.wait_for(holds)
        except TimeoutError:
            return


async def _read(receive: Receive) -> bytes:
    """The whole body, or what came of it before the page left."""
    body = bytearray()
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return bytes(body)


def _numbered(scope: Scope, asked: dict[str, Any], number: str | None) -> tuple[Scope, bytes]:
    """A request, and its body with the number filled in."""
    body = json.dumps(asked | {"event_id": number}).encode()
    changed = {**scope, "headers": list(scope["headers"])}
    MutableHeaders(scope=changed)["Content-Length"] = str(len(body))
    return changed, body


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What gives ``body`` first, and then whatever comes."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return first.pop() if first else await receive()

    return replay


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _is_sibling(button: Button, other: Button) -> bool:
    return button[0] == other[0] != "" and button != other


def _button(asked: dict[str, Any]) -> Button:
    session, function = asked.get("session_hash"), asked.get("fn_index")
    return (session if isinstance(session, str) else "", function if isinstance(function, int) else -1)
