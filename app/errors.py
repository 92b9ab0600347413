"""Everything the proxy answers instead of success, and the one shape it has (RFC 9457).

ProxyError
├── RequestError                 the caller can fix it
│   ├── MalformedBodyError       400
│   ├── MediaTypeError           415
│   ├── BodyTooLargeError        413
│   ├── TextTooLongError         413
│   ├── FieldError               422
│   │   └── ConsentError         422
│   ├── TextRefusedError         422
│   ├── VoiceLimitError          409
│   ├── ConflictError            409
│   └── JobNotFoundError         404
├── CredentialError              401
│   ├── LoginCodeError           401
│   ├── LoginExpiredError        401
│   └── SignatureError           401
├── ScopeError                   403
├── BlockedError                 403
├── VoiceNotFoundError           404
├── FeatureOffError              404
├── RetryableError               passes by itself
│   ├── QuotaError               429
│   ├── RateError                429
│   ├── WeChatBusyError          429
│   ├── TooManyJobsError         429
│   ├── WeChatDownError          503
│   └── NotReadyError            503
├── WeChatError                  502
└── GatewayError                 502
    ├── EngineUnreachableError   502
    ├── EngineRefusedError       422 or 413, as the WebUI said
    ├── EngineBusyError          503
    ├── EngineTimeoutError       504
    └── EngineFullError          507

The store's errors (``app.storage``) and Flask's own are mapped in ``FOREIGN`` and ``respond``.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, g
from gunicorn.http.errors import ParseException
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestedRangeNotSatisfiable

from app.storage import AudioNotFoundError, LinkError, LinkExpiredError, StorageError, StorageFullError

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_INTERNAL = "服务器内部错误：请稍后重试；若仍失败，请把 request_id 告诉管理员。"


class ProxyError(Exception):
    """Base of all; ``status`` and ``code`` are the class's, ``str()`` is Chinese and ours to show."""

    status = 500
    code = "internal_error"

    def __init__(self, detail: str, **data: object) -> None:
        super().__init__(detail)
        self.data = data
        """Data of the case, shown beside the detail."""

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer beyond the usual ones."""
        return {}


class RequestError(ProxyError):
    """The caller can fix it by sending something else."""

    status = 400
    code = "bad_request"


class MalformedBodyError(RequestError):
    """The body is no JSON object."""

    code = "malformed_json"


class MediaTypeError(RequestError):
    """The body is not declared as JSON in UTF-8."""

    status = 415
    code = "unsupported_media_type"


class BodyTooLargeError(RequestError):
    """The body has more bytes than this route reads."""

    status = 413
    code = "body_too_large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"请求体过大：最多 {limit} 字节。", limit=limit)


class TextTooLongError(RequestError):
    """The text has more characters than one call accepts."""

    status = 413
    code = "text_too_long"

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(f"文本共 {length} 个字符，一次最多 {limit} 个：请分段发送。", length=length, limit=limit)


class ConflictError(RequestError):
    """Another request had this idempotency key."""

    status = 409
    code = "idempotency_conflict"

    def __init__(self) -> None:
        super().__init__("这个 Idempotency-Key 已用于另一个请求：请换一个。")


class JobNotFoundError(RequestError):
    """There is no such job of this caller."""

    status = 404
    code = "job_not_found"

    def __init__(self) -> None:
        super().__init__("没有这个任务：编号不对，或已删除、已过期。")


class FieldError(RequestError):
    """One field is missing, unknown or has a bad value."""

    status = 422
    code = "invalid_field"

    def __init__(self, name: str, why: str, code: str | None = None) -> None:
        super().__init__(f"字段 {name}：{why}。", field=name)
        self.code = code or type(self).code


class ConsentError(FieldError):
    """A voice was sent without a complete statement of its owner's consent."""

    code = "consent_required"


class TextRefusedError(RequestError):
    """What is to be said must not be; the text itself is named nowhere."""

    status = 422
    code = "text_refused"

    def __init__(self, reason: str) -> None:
        super().__init__("文本未通过内容安全检查：请修改后重试。", reason=reason)


class VoiceLimitError(RequestError):
    """The subject has as many voices as it may."""

    status = 409
    code = "voice_limit"

    def __init__(self, limit: int) -> None:
        super().__init__(f"每个调用者最多 {limit} 个克隆的声音：请先删除不用的。", limit=limit)


class CredentialError(ProxyError):
    """No credential, or one that does not hold; why is said to the log only."""

    status = 401
    code = "unauthorized"

    def __init__(self, given: bool, wanted: str = "") -> None:
        """``wanted``: what to say to the holder of a good credential of the other kind."""
        super().__init__(
            wanted or "凭证无效或已过期：请重新取得令牌，或检查 API 密钥。"
            if given
            else "需要凭证：请带上 Authorization: Bearer <令牌或 API 密钥>，或 X-API-Key。"
        )
        self.given = given

    @property
    def headers(self) -> dict[str, str]:
        """RFC 6750: an error code only where something was tried."""
        challenge = 'Bearer realm="tts"'
        return {"WWW-Authenticate": f'{challenge}, error="invalid_token"' if self.given else challenge}


class ScopeError(ProxyError):
    """The credential is good, but not for this."""

    status = 403
    code = "insufficient_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(f"此凭证没有 {scope} 权限。", scope=scope)
        self.scope = scope

    @property
    def headers(self) -> dict[str, str]:
        """RFC 6750."""
        return {"WWW-Authenticate": f'Bearer realm="tts", error="insufficient_scope", scope="{self.scope}"'}


class LoginCodeError(CredentialError):
    """WeChat does not know the code, or it has been used."""

    code = "wechat_code_invalid"

    def __init__(self) -> None:
        Exception.__init__(self, "微信登录码无效、已过期或已用过：请重新调用 wx.login。")
        self.data, self.given = {}, True


class LoginExpiredError(CredentialError):
    """WeChat wants to have seen the user within two hours."""

    code = "wechat_login_expired"

    def __init__(self) -> None:
        Exception.__init__(self, "微信登录已久：请重新调用 wx.login 换取令牌。")
        self.data, self.given = {}, True


class SignatureError(CredentialError):
    """A request in Tencent Cloud's manner whose signature does not hold."""

    code = "bad_signature"

    def __init__(self, reason: str) -> None:
        Exception.__init__(self, "签名无效或已过期：请检查 SecretId、SecretKey 与本机时钟。")
        self.data, self.given = {}, True
        self.reason = reason
        """Tencent's code."""


class BlockedError(ProxyError):
    """This subject is let in no more, by us or by WeChat."""

    status = 403
    code = "subject_blocked"

    def __init__(self) -> None:
        super().__init__("此用户已被停用：如有疑问请联系管理员。")


class VoiceNotFoundError(ProxyError):
    """No such voice, or another's: who may not use it cannot tell which."""

    status = 404
    code = "voice_not_found"

    def __init__(self) -> None:
        super().__init__("没有这个声音，或无权使用它：可用的见 GET /voices。")


class FeatureOffError(ProxyError):
    """The administrator has not switched this on."""

    status = 404
    code = "feature_off"


class WeChatError(ProxyError):
    """WeChat refuses this service itself, or answers nonsense; which, is said to the log only."""

    status = 502
    code = "wechat_failed"

    def __init__(self) -> None:
        super().__init__("微信接口拒绝了本服务的请求：请联系管理员检查微信设置。")


class RetryableError(ProxyError):
    """Something that passes by itself; not raised as such."""

    def __init__(self, detail: str, retry_after_s: int, **data: object) -> None:
        super().__init__(detail, **data)
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        """When to try again."""
        return {"Retry-After": str(self.retry_after_s)}


class QuotaError(RetryableError):
    """The subject has used up its characters of the day."""

    status = 429
    code = "quota_exceeded"

    def __init__(self, limit: int, retry_after_s: int) -> None:
        super().__init__(f"今天的合成字数（{limit} 个字符）已用完：请在世界时零点后再试。", retry_after_s, limit=limit)


class WeChatBusyError(RetryableError):
    """WeChat limits how often one user may ask."""

    status = 429
    code = "wechat_busy"

    def __init__(self) -> None:
        super().__init__("微信限制了这个用户的频率：请在一分钟后重试。", 60)


class WeChatDownError(RetryableError):
    """WeChat does not answer in time, or says that it is busy."""

    status = 503
    code = "wechat_unavailable"

    def __init__(self) -> None:
        super().__init__("微信接口暂时不可用：请稍后重试。", 5)


class RateError(RetryableError):
    """Too many requests of one subject or from one address."""

    status = 429
    code = "rate_limited"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"请求过于频繁：请在 {retry_after_s} 秒后再试。", retry_after_s)


class TooManyJobsError(RetryableError):
    """The subject has as many unfinished long texts as may be."""

    status = 429
    code = "too_many_jobs"

    def __init__(self, limit: int) -> None:
        super().__init__(f"未完成的任务已有 {limit} 个：请等其中一个完成，或先取消。", 60, limit=limit)


class NotReadyError(RetryableError):
    """A part that this service needs does not work."""

    status = 503
    code = "not_ready"


class GatewayError(ProxyError):
    """The speech engine's answer cannot be used; what was wrong is said to the log only."""

    status = 502
    code = "engine_failed"

    def __init__(self, detail: str = "语音引擎的回答有误：请稍后重试。", **data: object) -> None:
        super().__init__(detail, **data)

    @property
    def headers(self) -> dict[str, str]:
        """Usually it passes by itself."""
        return {"Retry-After": "5"}


class EngineUnreachableError(GatewayError):
    """Nobody listens, or the connection broke."""

    code = "engine_unreachable"

    def __init__(self, retry_after_s: int = 5) -> None:
        super().__init__("语音引擎没有响应：它可能正在重启，请稍后重试。")
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        """A restart takes some seconds."""
        return {"Retry-After": str(self.retry_after_s)}


class EngineRefusedError(GatewayError):
    """The WebUI says that the request itself is bad; its sentence and code are passed on."""

    status = 422
    code = "bad_input"

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code

    @property
    def headers(self) -> dict[str, str]:
        """The same request would be refused again."""
        return {}


class EngineBusyError(GatewayError):
    """The queue is full, here or in the WebUI."""

    status = 503
    code = "engine_busy"

    def __init__(self, retry_after_s: int, position: int | None = None) -> None:
        data = {} if position is None else {"position": position}
        super().__init__(f"语音引擎正忙：请在 {retry_after_s} 秒后重试。", **data)
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        """When to try again."""
        return {"Retry-After": str(self.retry_after_s)}


class EngineTimeoutError(GatewayError):
    """No sound within the deadline."""

    status = 504
    code = "engine_timeout"

    def __init__(self) -> None:
        super().__init__("语音引擎未能在时限内完成：请缩短文本或稍后重试。")


class EngineFullError(GatewayError):
    """The WebUI has no room for the sound on its disk."""

    status = 507
    code = "engine_storage_full"

    def __init__(self) -> None:
        super().__init__("语音引擎的磁盘已满，暂时不能合成：请联系管理员清理磁盘。")

    @property
    def headers(self) -> dict[str, str]:
        """When to try again."""
        return {"Retry-After": "30"}


FOREIGN: dict[type[Exception], int] = {
    StorageError: 502,
    StorageFullError: 507,
    LinkError: 403,
    LinkExpiredError: 403,
    AudioNotFoundError: 404,
}
"""Errors of ``app.storage``, whose messages are ours, and their status."""

_HTTP = {
    400: ("bad_request", "请求格式有误。"),
    404: ("not_found", "没有这个地址：可用的接口见 /docs。"),
    405: ("method_not_allowed", "此地址不支持这种请求方法：支持的见回答的 Allow 头与 /docs。"),
    416: ("range_not_satisfiable", "请求的范围超出文件大小。"),
}


@dataclass(frozen=True)
class Problem:
    """What is wrong, before it is an HTTP answer."""

    status: int
    code: str
    detail: str
    data: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, request_id: str) -> dict[str, Any]:
        """RFC 9457, with ``error`` for clients of the first published version of this API."""
        return {
            **self.data,
            "type": f"urn:tts:error:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "error": self.detail,
            "request_id": request_id,
        }


def respond(problem: Problem) -> Response:
    """The HTTP answer; never kept by a cache."""
    text = json.dumps(problem.body(g.get("request_id", "")), ensure_ascii=False) + "\n"
    # "replace": the engine's own words may hold a lone surrogate
    response = Response(text.encode("utf-8", "replace"), problem.status, problem.headers, content_type=MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def problem_of(error: ProxyError) -> Problem:
    """``error`` as it is shown."""
    return Problem(error.status, error.code, str(error), error.data, error.headers)


def register(app: Flask) -> None:
    """Answer every failure of ``app`` in the one shape."""
    app.register_error_handler(ProxyError, _on_proxy_error)
    app.register_error_handler(HTTPException, _on_http)
    app.register_error_handler(SQLAlchemyError, _on_database)
    app.register_error_handler(ParseException, _on_broken_body)
    for kind in FOREIGN:
        app.register_error_handler(kind, _on_foreign)
    app.register_error_handler(Exception, _on_unexpected)


def answer_of(error: Exception) -> Response:
    """What ``error`` is answered with, for routes that say it in another shape."""
    if isinstance(error, ProxyError):
        return _on_proxy_error(error)
    if isinstance(error, HTTPException):
        return _on_http(error)
    if isinstance(error, SQLAlchemyError):
        return _on_database(error)
    if isinstance(error, ParseException):
        return _on_broken_body(error)
    return _on_foreign(error)


def _on_proxy_error(error: ProxyError) -> Response:
    if error.status >= 500:
        _log.warning("%s %s: %s", g.get("request_id", "-"), error.code, error.__cause__ or error)
    return respond(problem_of(error))


def _on_foreign(error: Exception) -> Response:
    status = next(FOREIGN[kind] for kind in type(error).__mro__ if kind in FOREIGN)
    if status >= 500:
        _log.error("%s storage failed", g.get("request_id", "-"), exc_info=error)
    headers = {502: {"Retry-After": "5"}, 507: {"Retry-After": "30"}}.get(status, {})
    return respond(Problem(status, getattr(error, "code", "storage_failed"), str(error), headers=headers))


def _on_http(error: HTTPException) -> Response:
    status = error.code or 500
    code, detail = _HTTP.get(status, ("bad_request", "请求有误。") if status < 500 else ("internal_error", _INTERNAL))
    return respond(Problem(status, code, detail, headers=_kept_headers(error)))


def _on_broken_body(_: ParseException) -> Response:
    """The server reads a chunked body only when a route asks for it, and finds then that it is none."""
    return respond(Problem(400, "bad_request", "请求体的分块传输格式有误：请检查 Transfer-Encoding: chunked 的编码。"))


def _kept_headers(error: HTTPException) -> dict[str, str]:
    if isinstance(error, MethodNotAllowed):
        return {"Allow": ", ".join(sorted(error.valid_methods or []))}
    if isinstance(error, RequestedRangeNotSatisfiable):
        return {"Content-Range": f"{error.units} */{error.length}"}
    return {}


def _on_database(error: SQLAlchemyError) -> Response:
    _log.error("%s database failed", g.get("request_id", "-"), exc_info=error)
    return respond(Problem(503, "database_failed", "数据库暂时不可用：请稍后重试。", headers={"Retry-After": "5"}))


def _on_unexpected(error: Exception) -> Response:
    """The outermost handler: the log gets the traceback, the caller a number to name."""
    _log.error("%s unexpected error", g.get("request_id", "-"), exc_info=error)
    return respond(Problem(500, "internal_error", _INTERNAL))
