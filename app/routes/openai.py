"""``/v1/…``: what OpenAI's client libraries expect of a speech service; errors too have their shape.

Source: OpenAI's API reference, "Create speech" and "List models"; ``/v1/audio/voices`` as Kokoro-FastAPI has it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, g, request
from gunicorn.http.errors import ParseException
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException

from app.access import caller, permit, requires
from app.body import parse
from app.errors import FOREIGN, FieldError, ProxyError, answer_of
from app.gateway import Order
from app.routes.tts import streamed
from app.schemas import OpenAISpeechRequest, check_text
from app.services import Services, services
from app.speech import Wish
from app.streams import Stream
from sound import MEDIA_TYPES

blueprint = Blueprint("openai", __name__, url_prefix="/v1")

_MAX_CHARS = 4096
"""Of OpenAI's own ``input``."""
_PCM_RATE = 24_000
"""Hz; theirs, which a file without a header cannot say."""
_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""Names that clients have built in; all are the engine's one model."""
_VOICES = {
    "alloy": "female",
    "ash": "male",
    "ballad": "male",
    "coral": "female",
    "echo": "male",
    "fable": "child",
    "marin": "female",
    "cedar": "male",
    "nova": "female",
    "onyx": "male",
    "sage": "female",
    "shimmer": "female",
    "verse": "male",
}
"""OpenAI's names, for clients that cannot be told others; a voice of ours with the same name comes first."""
_KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


@blueprint.post("/audio/speech")
@requires("tts")
def speech() -> Response:
    """``input`` spoken, as the bytes of a file; a stream of them for a long text or when asked for."""
    parts = services()
    wanted = parse(OpenAISpeechRequest, parts.settings.proxy.max_body_bytes)
    text = check_text(wanted.input, _MAX_CHARS, "input")
    if wanted.model not in _known_models(parts):
        raise FieldError("model", f"没有这个模型：可用 {'、'.join(_known_models(parts))}", code="model_not_found")
    voice = _voice(parts, wanted.voice if isinstance(wanted.voice, str) else wanted.voice.id)
    rate = _PCM_RATE if wanted.response_format == "pcm" else None
    wish = Wish(Order(text, voice, float(wanted.speed)), wanted.response_format, rate)
    permit(wish.order)
    if wanted.stream or wanted.stream_format == "sse" or len(text) > parts.settings.proxy.max_chars:
        response = _streamed(parts, wish, wanted.stream_format)
    else:
        response = _whole(parts, wish)
    response.headers["X-Voice"] = voice
    if wanted.instructions:
        response.headers["X-Ignored"] = "instructions"
    return response


@blueprint.get("/models")
@requires("tts", "voices")
def models() -> Response:
    """The engine's model, also under OpenAI's names."""
    return _listed([_model(name) for name in _known_models(services())])


@blueprint.get("/models/<name>")
@requires("tts", "voices")
def model(name: str) -> Response:
    """One of them."""
    if name not in _known_models(services()):
        return _refusal(404, "model_not_found", "没有这个模型：可用的见 /v1/models。", "model")
    return _json(_model(name))


@blueprint.get("/audio/voices")
@requires("tts", "voices")
def voices() -> Response:
    """Names for ``voice``."""
    found = services().catalogue.info().voices
    return _json({"voices": [{"id": voice.name, "name": voice.title} for voice in found]})


def _whole(parts: Services, wish: Wish) -> Response:
    """From the cache where it is there, with its exact length."""
    clip = parts.speech.speak(wish, caller().subject, g.request_id)
    response = Response(parts.storage.read(clip.name), content_type=MEDIA_TYPES[wish.format])
    response.headers["Cache-Control"] = "no-store"
    return response


def _streamed(parts: Services, wish: Wish, stream_format: str | None) -> Response:
    begun = parts.streams.begin(wish, caller().subject, g.request_id)
    if stream_format == "sse":
        return streamed(begun, _events(parts, begun), "text/event-stream")
    return streamed(begun, parts.streams.file(begun), MEDIA_TYPES[wish.format])


def _events(parts: Services, begun: Stream) -> Iterator[bytes]:
    for data in parts.streams.file(begun):
        yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()})
    characters = len(begun.wish.order.text)
    usage = {"input_tokens": characters, "output_tokens": 0, "total_tokens": characters}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(value: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def _known_models(parts: Services) -> tuple[str, ...]:
    return (parts.settings.engine.model, *_MODELS)


def _voice(parts: Services, asked: str) -> str:
    known = {voice.name for voice in parts.catalogue.info().voices}
    return asked if asked in known else _VOICES.get(asked, asked)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "private-tts"}


def _listed(values: list[dict[str, Any]]) -> Response:
    return _json({"object": "list", "data": values})


def _json(value: dict[str, Any], status: int = 200) -> Response:
    text = json.dumps(value, ensure_ascii=False) + "\n"
    response = Response(text.encode("utf-8", "replace"), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _refusal(status: int, code: str, detail: str, param: str | None = None) -> Response:
    kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
    return _json({"error": {"message": detail, "type": kind, "param": param, "code": code}}, status)


def _in_their_shape(error: Exception) -> Response:
    """The answer that the rest of this proxy would give, said as OpenAI says it: bad values are 400 there."""
    answer = answer_of(error)
    problem = json.loads(answer.get_data())
    status = 400 if answer.status_code == 422 else answer.status_code
    status = 404 if problem["code"] == "model_not_found" else status
    translated = _refusal(status, problem["code"], problem["detail"], problem.get("field"))
    for name in ("Retry-After", "WWW-Authenticate", "Allow"):
        if name in answer.headers:
            translated.headers[name] = answer.headers[name]
    if request.method == "HEAD":
        translated.set_data(b"")
    return translated


for _kind in (ProxyError, HTTPException, SQLAlchemyError, ParseException, *FOREIGN):
    blueprint.register_error_handler(_kind, _in_their_shape)
