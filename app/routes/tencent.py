"""``POST /compat/tencent``: Tencent Cloud's ``TextToVoice``, for clients that change only their address.

Tencent's SDKs know no path, so ``POST /`` is the same. As there, every answer is HTTP 200; the body says what is wrong.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass

import numpy as np
from flask import Blueprint, Response, g, request
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app.access import caller, permit, requires
from app.body import strict_json
from app.errors import FOREIGN, FieldError, ProxyError, SignatureError
from app.gateway import Order
from app.schemas import check_text
from app.services import services
from app.speech import Clip, Wish
from app.tencent import ACTION, FAST_VOICE, VERSION, TextToVoice, error_code, speaker_of, speed_of
from settings import reason
from sound import decode_wav, encode, labelled

blueprint = Blueprint("tencent", __name__)

_PEAK = 0.98


class ActionError(Exception):
    """A refusal that only Tencent's interface knows, named by Tencent's code."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True)
class _Spoken:
    audio: bytes
    clip: Clip


@blueprint.post("/compat/tencent")
@blueprint.post("/", endpoint="root")
@requires("tts")
def text_to_voice() -> Response:
    """Speak ``Text``."""
    asked = _parameters()
    wish = _wish(asked)
    permit(wish.order)
    spoken = _speak(wish, asked)
    subtitles = [
        {
            "Text": timing["text"],
            "BeginTime": round(timing["begin_ms"]),
            "EndTime": round(timing["end_ms"]),
            "BeginIndex": timing["begin"],
            "EndIndex": timing["end"],
            "Phoneme": None,
        }
        for timing in spoken.clip.timings
    ]
    return _answer(
        {
            "Audio": base64.b64encode(spoken.audio).decode(),
            "SessionId": asked.session_id,
            "Subtitles": subtitles if asked.enable_subtitle else [],
        }
    )


def _parameters() -> TextToVoice:
    action, version = request.headers.get("X-TC-Action"), request.headers.get("X-TC-Version")
    if action is None or version is None:
        raise ActionError("MissingParameter", "缺少请求头 X-TC-Action 或 X-TC-Version。")
    if action != ACTION:
        raise ActionError("InvalidAction", f"只支持 {ACTION}。")
    if version != VERSION:
        raise ActionError("NoSuchVersion", f"只支持版本 {VERSION}。")
    values = {name: value for name, value in strict_json(request.get_data()).items() if value is not None}
    try:
        asked = TextToVoice.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = "".join(c for c in str(first["loc"][0])[:40] if c.isalnum())
        if first["type"] in ("missing", "extra_forbidden"):
            code = "MissingParameter" if first["type"] == "missing" else "UnknownParameter"
            raise ActionError(code, f"参数 {name}：{reason(first)}。") from error
        if name.startswith("Emotion"):
            raise ActionError("UnsupportedOperation", f"参数 {name}：暂不支持这种情感。") from error
        raise FieldError(name, reason(first)) from error
    if asked.text.lstrip().lower().startswith("<speak"):
        raise ActionError("InvalidParameterValue.SSMLInvalid", "暂不支持 SSML：请发送纯文本。")
    return asked


def _wish(asked: TextToVoice) -> Wish:
    settings = services().settings
    text = check_text(asked.text, settings.proxy.max_chars, "Text")
    if asked.voice_type == FAST_VOICE:
        speaker = asked.fast_voice_type
    else:
        speaker = speaker_of(asked.voice_type, settings.compat.tencent_voices)
    if not speaker:
        raise FieldError("VoiceType", "没有与之对应的音色，可在 compat.tencent_voices 里指定")
    speed = speed_of(asked.speed)
    if not 0.5 <= speed <= 2.0:
        raise FieldError("Speed", "最多 4（2.0 倍）")
    codec = "wav" if asked.volume else asked.codec
    return Wish(Order(text, speaker, round(speed, 4)), codec, asked.sample_rate)


def _speak(wish: Wish, asked: TextToVoice) -> _Spoken:
    parts = services()
    clip = parts.speech.speak(wish, caller().subject, g.request_id)
    data = parts.storage.read(clip.name)
    if not asked.volume:
        return _Spoken(data, clip)
    samples, sample_rate = decode_wav(data)
    # a step is a decibel, up to where the loudest sample would be cut off
    peak = float(np.max(np.abs(samples), initial=1e-6))
    gain = min(10 ** (asked.volume / 20), max(1.0, _PEAK / peak))
    louder = encode((samples * gain).astype(np.float32), sample_rate, asked.codec, asked.sample_rate)
    label = parts.speech.labels.implicit(secrets.token_hex(16))
    return _Spoken(labelled(louder, asked.codec, label), clip)


def _answer(told: dict[str, object]) -> Response:
    text = json.dumps({"Response": {**told, "RequestId": g.get("request_id", "")}}, ensure_ascii=False)
    headers = {"Cache-Control": "no-store"}
    return Response(text.encode("utf-8", "replace"), 200, headers, content_type="application/json")


def _error(code: str, message: str) -> Response:
    return _answer({"Error": {"Code": code, "Message": message}})


@blueprint.errorhandler(ProxyError)
def _on_proxy_error(error: ProxyError) -> Response:
    if isinstance(error, SignatureError):
        g.credential_refused = True
        return _error(error.reason, str(error))
    field = error.data.get("field")
    return _error(error_code(error.code, error.status, None if field is None else str(field)), str(error))


@blueprint.errorhandler(ActionError)
def _on_action_error(error: ActionError) -> Response:
    return _error(error.code, str(error))


@blueprint.errorhandler(SQLAlchemyError)
def _on_database(_error_: SQLAlchemyError) -> Response:
    return _error("InternalError.FailAccessDatabase", "数据库暂时不可用：请稍后重试。")


def _on_foreign(error: Exception) -> Response:
    return _error("InternalError.InternalError", str(error))


for _kind in FOREIGN:
    blueprint.register_error_handler(_kind, _on_foreign)
