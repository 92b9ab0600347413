"""One error shape for ``/api/*``: RFC 9457 problem details from our own errors and from Starlette's."""

from __future__ import annotations

import errno
import http
import json
import logging
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from tts_engine.errors import (
    CheckpointError,
    DeadlineExceededError,
    EngineBusyError,
    InputError,
    SynthesisError,
    TextTooLongError,
    TTSError,
)

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

STATUSES: dict[type[TTSError], int] = {
    TTSError: 500,
    InputError: 422,
    TextTooLongError: 413,
    CheckpointError: 503,
    SynthesisError: 500,
    EngineBusyError: 503,
    DeadlineExceededError: 504,
}
"""The nearest ancestor in this table decides."""

_OWN_SENTENCES = (InputError, EngineBusyError, DeadlineExceededError)
"""Errors whose sentence is written for the caller; the others' is for the log."""

GENERIC = "服务内部错误，已记录：请稍后重试，仍不行请把 request_id 告诉管理员。"

_SENTENCES = {
    404: ("not_found", "没有这个地址：请对照接口文档检查路径。"),
    405: ("method_not_allowed", "这个地址不支持该请求方法。"),
    416: ("range_not_satisfiable", "请求的字节范围超出了文件。"),
}


class RefusalError(Exception):
    """The request itself is refused, before the engine is asked; becomes ``problem``."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.problem = Problem(status, code, detail, headers or {})


@dataclass(frozen=True)
class Problem:
    """What went wrong, for the caller."""

    status: int
    """HTTP status."""
    code: str
    """Stable and machine-readable."""
    detail: str
    """A Chinese sentence that says what to do."""
    headers: dict[str, str] = field(default_factory=dict)

    def payload(self, request_id: str) -> bytes:
        """The problem document, as UTF-8 JSON; lone surrogates come out as escapes."""
        document = {
            "type": "about:blank",
            "title": http.HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "error": self.detail,
            "request_id": request_id,
        }
        return json.dumps(document, ensure_ascii=False).encode("utf-8", errors="backslashreplace")

    def response(self, request_id: str) -> Response:
        """The whole answer."""
        headers = {"Cache-Control": "no-store", **self.headers}
        return Response(self.payload(request_id), self.status, headers, MEDIA_TYPE)


def problem_of(error: TTSError) -> Problem:
    """The engine's error, as a caller may see it."""
    status = next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)
    detail = str(error) if isinstance(error, _OWN_SENTENCES) else GENERIC
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, EngineBusyError) else {}
    return Problem(status, error.code, detail, headers)


def problem_of_status(status: int, headers: dict[str, str] | None = None) -> Problem:
    """A problem for a status that Starlette chose."""
    code, detail = _SENTENCES.get(status, ("internal", GENERIC) if status >= 500 else ("bad_request", "请求格式有误。"))
    return Problem(status, code, detail, headers or {})


async def answer_engine_error(request: Request, error: Exception) -> Response:
    """Exception handler for ``TTSError``."""
    if not isinstance(error, TTSError):
        raise error
    return problem_of(error).response(request.state.request_id)


async def answer_refusal(request: Request, error: Exception) -> Response:
    """Exception handler for ``RefusalError``."""
    if not isinstance(error, RefusalError):
        raise error
    return error.problem.response(request.state.request_id)


async def answer_full_disk(request: Request, error: Exception) -> Response:
    """Exception handler for ``OSError``: a disk without room is 507, all else remains an error of the server's own."""
    if not isinstance(error, OSError) or error.errno not in (errno.ENOSPC, errno.EDQUOT):
        raise error
    logger.error("request=%s the disk is full: %s", request.state.request_id, error.strerror)
    detail = "语音服务的磁盘已满，存不下新的声音：请管理员清理或扩容后重试。"
    return Problem(507, "storage_full", detail, {"Retry-After": "30"}).response(request.state.request_id)


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """Exception handler for Starlette's own: no such path, wrong method."""
    if not isinstance(error, HTTPException):
        raise error
    return problem_of_status(error.status_code, dict(error.headers or {})).response(request.state.request_id)
