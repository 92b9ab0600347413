"""The outermost layer around routes and page: request id, guard, size limit, security headers, last-resort errors."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import traceback
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui_page.attempts import Attempts
from webui_page.frames import ERROR, MEDIA_TYPE, frame
from webui_page.guard import Guard
from webui_page.problems import GENERIC, Problem, RefusalError, problem_of_status
from webui_page.problems import MEDIA_TYPE as PROBLEM_TYPE

logger = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")

_DRAIN_BYTES = 16 << 20
_DRAIN_TIMEOUT_S = 2

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    # Gradio's page needs inline scripts and compiles its own; no other host is ever contacted
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
}


class Border:
    """ASGI middleware; holds nothing of a request but who failed to log in."""

    def __init__(self, app: ASGIApp, guard: Guard, max_body_bytes: int, max_page_bytes: int) -> None:
        """Stand around ``app``.

        Args:
            app: routes and page.
            guard: who may pass.
            max_body_bytes: of a request to ``/api``.
            max_page_bytes: of any other, uploads of the page among them.
        """
        self._app = app
        self._guard = guard
        self._max_body_bytes = max_body_bytes
        self._max_page_bytes = max_page_bytes
        self._attempts = Attempts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or answer it here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # neither routes nor page speak WebSocket
            await send({"type": "websocket.close", "code": 1008})
            return
        request_id = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, request_id, is_api=scope["path"].startswith("/api"))
        try:
            self._admit(scope)
            most = self._max_body_bytes if answer.is_api else self._max_page_bytes
            limited = _limited(receive, Headers(scope=scope), most)
        except RefusalError as error:
            await _drain(receive)
            await answer.fail(error.problem, scope)
            return
        await self._run(scope, limited, answer)

    def _admit(self, scope: Scope) -> None:
        headers, address = Headers(scope=scope), (scope.get("client") or ("",))[0]
        shows_one = "authorization" in headers
        if shows_one:
            self._attempts.check(address)
        try:
            self._guard.check(scope["method"], scope["path"], headers)
        except RefusalError as error:
            if shows_one and error.problem.status == 401:
                logger.warning("wrong credential from %s", address)
                self._attempts.failed(address)
            raise

    async def _run(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        """The application behind us, whose every failure ends here."""
        request_id = answer.request_id
        try:
            await self._app(scope, receive, answer.send)
        except RefusalError as error:
            await answer.fail(error.problem, scope)
        except ClientDisconnect:
            logger.info("request=%s client left", request_id)
        except Exception as error:  # noqa: BLE001 - the server's outermost handler
            # frames without messages or values: either may hold the caller's text
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("request=%s failed with %s\n%s", request_id, type(error).__name__, frames)
            await answer.fail(Problem(500, "internal", GENERIC), scope)


@dataclass
class _Answer:
    """What has gone out to one client so far."""

    to_client: Send
    request_id: str
    is_api: bool
    media_type: str = ""
    is_started: bool = False
    is_replaced: bool = False

    async def send(self, message: Message) -> None:
        """Pass one message on, with our headers; a bare error page of ``/api`` becomes a problem document."""
        if self.is_replaced:
            return
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            self.media_type = headers.get("content-type", "")
            if self.is_api and message["status"] >= 400 and not self.media_type.startswith(PROBLEM_TYPE):
                await self._replace(message["status"], headers)
                return
            self._complete(headers)
            self.is_started = True
        await self.to_client(message)

    async def fail(self, problem: Problem, scope: Scope) -> None:
        """Say ``problem`` in the way that is still open: a status, an ``E`` frame, or a broken connection."""
        if not self.is_started:
            response = problem.response(self.request_id)
            await response(scope, _nothing, self.send)
        elif self.is_api and self.media_type == MEDIA_TYPE:
            payload = frame(ERROR, problem.payload(self.request_id))
            await self.to_client({"type": "http.response.body", "body": payload})

    async def _replace(self, status: int, headers: MutableHeaders) -> None:
        kept = {name: headers[name] for name in ("allow", "content-range", "retry-after") if name in headers}
        response = problem_of_status(status, kept).response(self.request_id)
        self._complete(response.headers)
        self.is_started = self.is_replaced = True
        await self.to_client({"type": "http.response.start", "status": status, "headers": response.raw_headers})
        await self.to_client({"type": "http.response.body", "body": bytes(response.body)})

    def _complete(self, headers: MutableHeaders) -> None:
        headers["X-Request-Id"] = self.request_id
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _limited(receive: Receive, headers: Headers, max_bytes: int) -> Receive:
    """``receive`` that refuses a body beyond ``max_bytes``, announced or not."""
    refusal = RefusalError(413, "body_too_large", f"请求体超过 {max_bytes} 字节：请缩短文本。", {"Connection": "close"})
    announced = headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced[:20]) > max_bytes:
        raise refusal
    received = 0

    async def receive_limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > max_bytes:
            if message.get("more_body", False):
                await _drain(receive)
            raise refusal
        return message

    return receive_limited


async def _drain(receive: Receive) -> None:
    """Take in what is still being sent: a connection closed on unread bytes would take our answer with it."""
    received = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_TIMEOUT_S):
            more = True
            while more and received < _DRAIN_BYTES:
                message = await receive()
                received += len(message.get("body", b""))
                more = message.get("more_body", False)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
