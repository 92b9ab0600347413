"""``/openapi.json``: written from the schemas, so that it cannot say anything else than the code does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app import schemas
from app.errors import MEDIA_TYPE
from app.tencent import TextToVoice
from settings import Settings

_TEMPLATE = "#/components/schemas/{model}"
_WHY = {
    400: "请求体不是合法的 JSON 对象",
    401: "没有凭证，或凭证无效",
    403: "凭证没有这项权限，或链接的签名不对、已过期",
    404: "没有这个文件、声音或任务，或管理员没有启用这项功能",
    409: "克隆的声音已达上限，或 Idempotency-Key 已用于另一个请求",
    405: "不支持这种方法",
    413: "文本或请求体过长，回答里有上限",
    415: "Content-Type 不对：上传声音是 multipart/form-data，其余是 application/json",
    416: "请求的范围超出文件大小",
    422: "某个字段有误，回答里有字段名",
    429: "过于频繁，或当天字数已用完；请按 Retry-After 重试",
    500: "服务器内部错误",
    502: "语音引擎、音频存储或微信接口失败",
    503: "正忙或尚未就绪；请按 Retry-After 重试",
    504: "语音引擎超时",
    507: "服务器磁盘已满，只能播放已有的音频",
}
_COMMON = (401, 403, 429, 500, 503)
_BODY = (400, 413, 415, 422)


@dataclass(frozen=True)
class Call:
    """One operation, as the document tells it."""

    method: str
    path: str
    name: str
    summary: str
    description: str
    reply: type[BaseModel] | str
    """A schema, or the media type of what is not JSON."""
    errors: tuple[int, ...]
    body: type[BaseModel] | None = None
    status: int = 200
    is_open: bool = False
    """No credential is asked for."""
    parameters: list[dict[str, Any]] = field(default_factory=list)
    also: tuple[str, ...] = ()
    """Other media types of the answer."""
    is_openai: bool = False
    """Errors have OpenAI's shape."""


def document(settings: Settings) -> dict[str, Any]:
    """The OpenAPI 3.1 description of this proxy."""
    calls = _calls(settings) + (_tencent() if settings.compat.tencent else ())
    paths: dict[str, dict[str, Any]] = {}
    for call in calls:
        paths.setdefault(call.path, {})[call.method] = _operation(call)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "中文语音合成接口",
            "version": "1",
            "description": "发送一句话，得到可直接播放的音频链接。凭证放在 Authorization: Bearer 或 X-API-Key。",
        },
        "servers": [{"url": settings.proxy.public_url}],
        "paths": paths,
        "components": {
            "schemas": _schemas(calls),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "令牌（JWT）或 API 密钥"},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _calls(settings: Settings) -> tuple[Call, ...]:
    limit = settings.proxy.max_chars
    return (
        Call(
            "post",
            "/tts",
            "speak",
            "合成语音",
            f"文本最多 {limit} 个字符。说过的话直接取自缓存，不计用量。",
            schemas.SpeechReply,
            (*_BODY, *_COMMON, 404, 502, 504, 507),
            schemas.SpeechRequest,
        ),
        *_streams(settings),
        *_jobs(settings),
        Call(
            "post",
            "/auth/token",
            "token",
            "用 API 密钥换取令牌",
            "令牌短期有效，可以交给小程序；密钥只能留在自己的服务器上。",
            schemas.TokenReply,
            (*_BODY, *_COMMON),
            schemas.TokenRequest,
        ),
        Call(
            "post",
            "/auth/wechat",
            "wechat",
            "用 wx.login 的 code 换取令牌",
            "小程序直接调用，不需要密钥。没有设置 wechat.appid 时答 404；登录码无效或已用过时答 401，请重新 wx.login。",
            schemas.TokenReply,
            (*_BODY, *_COMMON, 404, 502),
            schemas.WeChatLoginRequest,
            is_open=True,
        ),
        Call(
            "post",
            "/auth/revoke",
            "revoke",
            "使令牌提前失效",
            "凭证就是要失效的令牌；everywhere 为 true 时，这个用户在所有设备上的令牌都失效。",
            schemas.RevokeReply,
            (*_BODY, *_COMMON),
            schemas.RevokeRequest,
        ),
        Call(
            "get",
            "/audit",
            "audit",
            "审计记录",
            "需要 admin 权限。密钥、令牌、声音的操作，按时间先后；命令行是 python -m app audit。",
            schemas.AuditPageReply,
            (*_COMMON, 422),
            parameters=_query(schemas.AuditQuery),
        ),
        Call(
            "post",
            "/voices",
            "clone",
            "克隆一个声音",
            "multipart/form-data：文件 clip 是录音，其余字段见下。要有本人同意的完整记录，否则答 422。"
            "同一段录音再发一次，得到同一个声音（200）。",
            schemas.ClonedVoiceReply,
            (*_BODY, *_COMMON, 404, 409, 502, 504),
            schemas.VoiceUpload,
            status=201,
        ),
        Call(
            "delete",
            "/voices/{voice_id}",
            "unclone",
            "删除自己克隆的声音",
            "录音、声音与用它合成的全部音频都会删除。202 表示已无人可用、其余随后删除。",
            schemas.VoiceDeletedReply,
            (*_COMMON, 404, 502, 504),
            parameters=[_parameter("voice_id", "path")],
        ),
        Call("get", "/voices", "voices", "有哪些音色", "", schemas.VoicesReply, (*_COMMON, 502, 504)),
        Call(
            "post",
            "/prewarm",
            "prewarm",
            "提前合成常用文本",
            "需要 admin 权限；由后台逐条合成，重复提交同一清单即可查看进度。",
            schemas.PrewarmReply,
            (*_BODY, *_COMMON, 404),
            schemas.PrewarmRequest,
        ),
        Call(
            "get",
            "/audio/{name}",
            "audio",
            "取音频",
            "链接由 POST /tts 给出，自带签名与到期时间；支持 Range 与 HEAD。",
            "audio/*",
            (403, 404, 416, 429, 500, 502),
            is_open=True,
            parameters=[_parameter("name", "path"), _parameter("expires", "query"), _parameter("signature", "query")],
        ),
        Call("get", "/healthz", "healthz", "进程是否存活", "", schemas.HealthReply, (500,), is_open=True),
        Call("get", "/readyz", "readyz", "各部分是否就绪", "", schemas.ReadyReply, (500, 503), is_open=True),
    )


def _tencent() -> tuple[Call, ...]:
    told = (
        "签名为 TC3-HMAC-SHA256，密钥对见 keys tencent。与腾讯云一样总答 HTTP 200，出错时 Response.Error 里有错误码。"
    )
    return tuple(
        Call(
            "post",
            path,
            name,
            "腾讯云 TextToVoice",
            told,
            schemas.TencentReply,
            (500,),
            TextToVoice,
            is_open=True,
        )
        for path, name in (("/compat/tencent", "tencent"), ("/", "tencent_root"))
    )


def _jobs(settings: Settings) -> tuple[Call, ...]:
    limit, hours = settings.jobs.max_chars, settings.jobs.lifetime_h
    name = _parameter("job_id", "path")
    return (
        Call(
            "post",
            "/jobs",
            "submitJob",
            "后台合成长文本",
            f"文本最多 {limit} 个字符。带 Idempotency-Key 重发同样的请求得到同一个任务（200）。",
            schemas.JobReply,
            (*_BODY, *_COMMON, 404, 409, 502, 504, 507),
            schemas.JobRequest,
            status=202,
            parameters=[_optional("Idempotency-Key", "header")],
        ),
        Call("get", "/jobs", "jobs", "自己的任务", "最新的 100 个，不含各段。", schemas.JobsReply, (*_COMMON, 502)),
        Call(
            "get",
            "/jobs/{job_id}",
            "job",
            "任务的进度、各段与结果",
            f"合成好的段可先播放。结束 {hours} 小时后删除。",
            schemas.JobReply,
            (*_COMMON, 404, 422, 502),
            parameters=[name, _optional("parts_from", "query")],
        ),
        Call(
            "delete",
            "/jobs/{job_id}",
            "removeJob",
            "取消并删除任务",
            "",
            "",
            (*_COMMON, 404, 502),
            status=204,
            parameters=[name],
        ),
        Call(
            "get",
            "/jobs/{job_id}/timestamps",
            "jobTimestamps",
            "任务的时间戳与字幕",
            "format 为 characters（默认）、sentences、srt 或 lrc；未完成时为已合成的部分。",
            schemas.TimestampsReply,
            (*_COMMON, 404, 422),
            parameters=[name, _optional("format", "query")],
            also=("application/x-subrip", "text/plain"),
        ),
    )


def _optional(name: str, place: str) -> dict[str, Any]:
    return {**_parameter(name, place), "required": False}


def _streams(settings: Settings) -> tuple[Call, ...]:
    limit = settings.proxy.stream_max_chars
    failures = (*_BODY, *_COMMON, 404, 502, 504)
    return (
        Call(
            "post",
            "/tts/stream",
            "stream",
            "边合成边发送",
            f"文本最多 {limit} 个字符。帧：1 字节类型（J 是 JSON，A 音频，E 错误，Z 结束）、4 字节小端长度、内容。"
            "没有 Z 就断开的流是不完整的。Accept 为 audio/mpeg 等时是一段连续的音频。",
            "application/octet-stream",
            failures,
            schemas.StreamRequest,
            also=("audio/mpeg", "audio/wav", "audio/aac", "audio/ogg", "audio/flac", "audio/pcm"),
        ),
        Call(
            "post",
            "/v1/audio/speech",
            "openaiSpeech",
            "合成语音（OpenAI 兼容）",
            "与 OpenAI 的同名接口相同；错误也是 OpenAI 的格式。input 超过 POST /tts 的上限时边合成边发送。",
            "audio/mpeg",
            (*failures, 507),
            schemas.OpenAISpeechRequest,
            also=("audio/wav", "audio/aac", "audio/ogg", "audio/flac", "audio/pcm", "text/event-stream"),
            is_openai=True,
        ),
        _openai_list("/v1/models", "openaiModels", "模型列表（OpenAI 兼容）"),
        Call(
            "get",
            "/v1/models/{name}",
            "openaiModel",
            "一个模型（OpenAI 兼容）",
            "",
            schemas.OpenAIModelReply,
            (*_COMMON, 404),
            parameters=[_parameter("name", "path")],
            is_openai=True,
        ),
        Call(
            "get",
            "/v1/audio/voices",
            "openaiVoices",
            "voice 可用的名字",
            "",
            schemas.OpenAIVoicesReply,
            (*_COMMON, 502, 504),
            is_openai=True,
        ),
    )


def _openai_list(path: str, name: str, summary: str) -> Call:
    return Call("get", path, name, summary, "", schemas.OpenAIModelsReply, _COMMON, is_openai=True)


def _operation(call: Call) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": call.name,
        "summary": call.summary,
        "description": call.description,
        "security": [] if call.is_open else [{"bearer": []}, {"key": []}],
        "responses": _responses(call),
    }
    if call.parameters:
        operation["parameters"] = call.parameters
    if call.body is not None:
        required = any(info.is_required() for info in call.body.model_fields.values())
        content = _form(call.body) if call.name == "clone" else _json(call.body)
        operation["requestBody"] = {"required": required, "content": content}
    return operation


def _responses(call: Call) -> dict[str, Any]:
    if isinstance(call.reply, str):
        binary = {"schema": {"type": "string", "format": "binary"}}
        content: dict[str, Any] = {media_type: binary for media_type in (call.reply, *call.also) if media_type}
    else:
        content = _json(call.reply) | {media_type: {"schema": {"type": "string"}} for media_type in call.also}
    responses = {str(call.status): {"description": "成功", "content": content}}
    if call.name == "submitJob":
        responses["200"] = {"description": "这个请求此前提交过，是同一个任务", "content": content}
    if call.name == "prewarm":
        responses["202"] = {"description": "已列入，后台正在合成", "content": content}
    if call.name == "unclone":
        responses["202"] = {"description": "已无人可用，其余随后删除", "content": content}
    if call.name == "clone":
        responses["200"] = {"description": "这段录音此前上传过，是同一个声音", "content": content}
    if call.name == "audio":
        responses["206"] = {"description": "文件的一部分", "content": content}
    problem = {MEDIA_TYPE: {"schema": {"$ref": _TEMPLATE.format(model="ProblemReply")}}}
    if call.is_openai:
        problem = _json(schemas.OpenAIErrorReply)
    for status in sorted(call.errors):
        responses[str(status)] = {"description": _WHY[status], "content": problem}
    return responses


def _schemas(calls: tuple[Call, ...]) -> dict[str, Any]:
    models: list[tuple[type[BaseModel], Any]] = [
        (schemas.ProblemReply, "serialization"),
        (schemas.OpenAIErrorReply, "serialization"),
    ]
    for call in calls:
        if call.body is not None:
            models.append((call.body, "validation"))
        if not isinstance(call.reply, str):
            models.append((call.reply, "serialization"))
    _, definitions = models_json_schema(models, ref_template=_TEMPLATE)
    found: dict[str, Any] = definitions["$defs"]
    return found


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _TEMPLATE.format(model=model.__name__)}}}


def _form(model: type[BaseModel]) -> dict[str, Any]:
    return {"multipart/form-data": {"schema": {"$ref": _TEMPLATE.format(model=model.__name__)}}}


def _query(model: type[BaseModel]) -> list[dict[str, Any]]:
    """One parameter of the address for each field of ``model``; none of them is required."""
    parameters = []
    for name, schema in model.model_json_schema()["properties"].items():
        kept = {key: value for key, value in schema.items() if key not in ("title", "description")}
        description = schema.get("description", "")
        parameters.append({"name": name, "in": "query", "required": False, "description": description, "schema": kept})
    return parameters


def _parameter(name: str, place: str) -> dict[str, Any]:
    return {"name": name, "in": place, "required": True, "schema": {"type": "string"}}
