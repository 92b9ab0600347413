"""Gunicorn's thread worker with bounds of its own, and with our one error shape.

``timeout`` does not bound a request of a thread worker, and a connection that sends a byte now and then holds a thread
for ever: here the headers, the TLS handshake included, and the whole request each have a deadline.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.http import errors as http_errors
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.workers.gthread import ThreadWorker

_STATUS: dict[type[Exception], tuple[int, str]] = {
    http_errors.LimitRequestLine: (414, "uri_too_long"),
    http_errors.LimitRequestHeaders: (431, "headers_too_large"),
    http_errors.UnsupportedTransferCoding: (501, "not_implemented"),
    http_errors.ExpectationFailed: (417, "expectation_failed"),
}
_DETAILS = {
    400: "请求不符合 HTTP 规范：请检查请求行、请求头与请求体的长度。",
    414: "地址过长：请把内容放进请求体。",
    417: "不支持这种 Expect 头：请去掉它，或用 100-continue。",
    431: "请求头过长或过多：请去掉不需要的请求头与 Cookie。",
    500: "服务器内部错误：请稍后重试。",
    501: "不支持这种 Transfer-Encoding：请用 Content-Length，或 chunked。",
}


_FIRST_BYTES = 128 * 1024
"""Of a file, sent with the head; fits the buffer of a unix socket, so that the kernel takes it whole."""
_DRAINED_BYTES = 64 * 1024
"""Of a body that nobody read; gunicorn's own bound."""
_LINGER_S = 2.0
_LINGER_BYTES = 16 * 1024 * 1024
"""How long, and for how much, a connection that is going to be closed waits for a client that still sends."""
_STREAMED = ("/tts/stream", "/v1/audio/speech")
"""Addresses whose answers are sent for minutes."""


class HonestClose:
    """An application whose answer says so when the connection will not live on.

    Gunicorn reads at most 64 KiB of a body that the application left unread, such as that of a refused upload, and then
    closes; but its answer has promised to keep the connection, and the next request on it would get no answer at all.
    """

    def __init__(self, application: Callable[..., Any]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """As WSGI has it."""

        def start(*given: Any) -> Any:
            if _is_unread(environ["wsgi.input"].reader):
                start_response.__self__.force_close()  # type: ignore[attr-defined]  # the method of gunicorn's answer
            return start_response(*given)

        return self._application(environ, start)


def _is_unread(reader: Any) -> bool:
    """More is left than gunicorn would read; of a chunked body nobody knows how much."""
    if isinstance(reader, ChunkedReader):
        return reader.parser is not None
    return isinstance(reader, LengthReader) and reader.length > _DRAINED_BYTES


class JoinedSocket:
    """Sends an answer's head together with the beginning of its body, in one call of the kernel.

    Gunicorn sends them one after the other: a worker that is killed between the two leaves the client half an answer,
    which nginx cannot ask for again, since it has passed on the head.
    """

    def __init__(self, plain: Any) -> None:
        self.plain = plain
        self._head: bytes | None = None
        self._is_body = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def sendall(self, data: bytes) -> None:
        """Keep the first call's ``data``, which is the head, for the second."""
        if self._is_body:
            self.plain.sendall(data)
        elif self._head is None:
            self._head = data
        else:
            self._is_body = True
            self.plain.sendall(self._head + data)

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> None:
        """As ``socket.sendfile``, for a file of known length."""
        first = os.pread(file.fileno(), _FIRST_BYTES if count is None else min(count, _FIRST_BYTES), offset)
        self.sendall(first)
        left = None if count is None else count - len(first)
        if left != 0:
            self.plain.sendfile(file, offset=offset + len(first), count=left)

    def flush(self) -> None:
        """Send the head of an answer without a body."""
        if self._head is not None and not self._is_body:
            self._is_body = True
            self.plain.sendall(self._head)


class BoundedWorker(ThreadWorker):
    """A ``ThreadWorker`` that cuts connections whose time is over."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock = threading.Lock()
        self._deadlines: dict[Any, float] = {}
        """Connection to the monotonic time at which it is cut."""
        self._header_timeout_s = float(os.environ.get("TTS_HEADER_TIMEOUT_S", "10"))
        self._request_timeout_s = float(os.environ.get("TTS_REQUEST_TIMEOUT_S", "55"))
        self._stream_timeout_s = float(os.environ.get("TTS_STREAM_TIMEOUT_S", "300"))

    def load_wsgi(self) -> None:
        """The application, which closes honestly."""
        super().load_wsgi()
        self.wsgi: Any = HonestClose(self.wsgi)

    def handle(self, conn: Any) -> Any:
        """One request of a connection, on a thread of the pool."""
        self._bound(conn, self._header_timeout_s)
        conn.is_read_out = False
        try:
            keep = super().handle(conn)
            if keep is False:
                _part(conn)
            return keep
        finally:
            with self._lock:
                self._deadlines.pop(conn, None)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """The headers are here; body and answer have the rest of the time."""
        self._bound(conn, self._stream_timeout_s if req.path in _STREAMED else self._request_timeout_s)
        plain = conn.sock
        conn.sock = joined = JoinedSocket(plain)
        try:
            keep = super().handle_request(req, conn)
            joined.flush()
            if not keep:
                conn.is_read_out = self._reads_out(req, conn)
            return keep
        finally:
            conn.sock = plain

    def _reads_out(self, req: Any, conn: Any) -> bool:
        """Let the client finish sending: who is cut in the middle of it never reads the answer.

        Gunicorn closes after 64 KiB; the kernel then resets the connection, and the answer is lost with it.

        Returns:
            Whether that was the end of the body.

        Source: RFC 9112, section 9.6.
        """
        self._bound(conn, _LINGER_S)
        left = _LINGER_BYTES
        try:
            while left > 0 and (data := req.body.read(_DRAINED_BYTES)):
                left -= len(data)
        except (OSError, http_errors.ParseException) as error:
            self.log.debug("the rest of a body that nobody wants: %s", error)
            return False
        return left > 0

    def notify(self) -> None:
        """Called about once a second by the worker's main loop."""
        super().notify()
        now = time.monotonic()
        with self._lock:
            late = [conn for conn, deadline in self._deadlines.items() if deadline < now]
        for conn in late:
            _cut(getattr(conn.sock, "plain", conn.sock))

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """What is no HTTP is answered in the shape of all other errors, without repeating what was sent."""
        if isinstance(exc, ssl.SSLError):
            self.log.debug("TLS failed: %s", exc)
            return
        status, code = _status(exc)
        if status == 500:
            self.log.exception("error handling request")
        try:
            util.write(client, _answer(status, code))
        except OSError:
            self.log.debug("failed to send an error answer")

    def _bound(self, conn: Any, seconds: float) -> None:
        with self._lock:
            self._deadlines[conn] = time.monotonic() + seconds


def _part(conn: Any) -> None:
    """End a connection on a thread of the pool, so that gunicorn finds nothing more to wait for.

    It waits until the client closes too, up to two seconds for each connection, on the main loop, where everybody else
    waits with it: twenty clients who merely stay would stop the service for most of a minute.
    """
    if not conn.is_read_out:
        _drain(conn.sock)
    _cut(conn.sock)


def _drain(sock: socket.socket) -> None:
    """Half-close, and take what still comes of a request that could not be read; as the plain socket, TLS or not."""
    deadline, left = time.monotonic() + _LINGER_S, _DRAINED_BYTES
    try:
        socket.socket.shutdown(sock, socket.SHUT_WR)
        while left > 0 and (remaining := deadline - time.monotonic()) > 0:
            sock.settimeout(remaining)
            data = socket.socket.recv(sock, 4096)
            if not data:
                return
            left -= len(data)
    except OSError:  # gone, or silent for too long
        return


def _cut(sock: socket.socket) -> None:
    try:
        # the plain method: that of an SSLSocket drops its state, which another thread is reading through
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:  # gone by itself
        return


def _status(exc: BaseException) -> tuple[int, str]:
    for kind, found in _STATUS.items():
        if isinstance(exc, kind):
            return found
    return (400, "bad_request") if isinstance(exc, http_errors.ParseException) else (500, "internal_error")


def _answer(status: int, code: str) -> bytes:
    reason, detail, request_id = HTTPStatus(status).phrase, _DETAILS[status], secrets.token_hex(16)
    problem = {
        "type": f"urn:tts:error:{code}",
        "title": reason,
        "status": status,
        "detail": detail,
        "code": code,
        "error": detail,
        "request_id": request_id,
    }
    body = json.dumps(problem).encode() + b"\n"
    head = (
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n"
        f"X-Request-Id: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
