"""``/voices``: which voices there are, and cloning one with its owner's consent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from app.access import caller, requires
from app.body import validate
from app.errors import BodyTooLargeError, ConsentError, FieldError, MediaTypeError, VoiceNotFoundError
from app.replies import reply
from app.schemas import (
    ClonedVoiceReply,
    SpeedReply,
    VoiceDeletedReply,
    VoiceReply,
    VoicesReply,
    VoiceUpload,
)
from app.services import services
from app.voices import OwnedVoice, Upload
from sound import MEDIA_TYPES

blueprint = Blueprint("voices", __name__)

_MB = 1024 * 1024
_FIELDS_BYTES = 32_768
"""Of everything in the form but the recording."""
_BUFFER_BYTES = 262_144
"""Werkzeug counts its own read buffer of 64 KiB as memory of a form."""
_MAX_PARTS = 12
_SKEW_S = 300
"""A phone's clock may be ahead that much."""
_MAGIC = (
    (re.compile(rb"RIFF.{4}WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"fLaC"), "audio/flac"),
    (re.compile(rb"OggS"), "audio/ogg"),
    (re.compile(rb".{4}ftyp", re.DOTALL), "audio/mp4"),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), "audio/aac"),
    (re.compile(rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]"), "audio/mpeg"),
)


@blueprint.get("/voices")
@requires("voices", "tts")
def voices() -> Response:
    """As the engine tells, remembered for a few seconds; and the caller's own."""
    parts = services()
    info = parts.catalogue.info()
    everybodys = [voice for voice in info.voices if not voice.name.startswith("voice-")]
    return reply(
        VoicesReply(
            voices=[VoiceReply(name=voice.name, title=voice.title, gender=voice.gender) for voice in everybodys],
            cloned=[_cloned(voice) for voice in parts.voices.of(caller().subject)],
            speed=SpeedReply(min=max(0.5, info.speed_min), max=min(2.0, info.speed_max)),
            formats=list(MEDIA_TYPES),
        )
    )


@blueprint.post("/voices")
@requires("voices")
def upload() -> Response:
    """Clone a voice from a recording whose owner agreed; sent twice, the same voice."""
    parts = services()
    fields, clip = _form(parts.settings.cloning.max_clip_mb * _MB)
    told = _consent(fields, parts.now())
    wanted = Upload(
        title=told.title,
        data=clip,
        media_type=_media_type(clip),
        person=told.consent_person,
        purpose=told.consent_purpose,
        agreed_at=told.consent_agreed_at,
        statement=told.consent_statement,
    )
    voice, is_new = parts.voices.add(wanted, caller().subject, g.request_id)
    return reply(_cloned(voice), 201 if is_new else 200)


@blueprint.delete("/voices/<voice_id>")
@requires("voices")
def remove(voice_id: str) -> Response:
    """Delete a voice of one's own, with every sound that was made with it."""
    if not re.fullmatch(r"voice-[0-9a-f]{32}", voice_id):
        raise VoiceNotFoundError
    done = services().voices.delete(voice_id, caller().subject, g.request_id)
    return reply(VoiceDeletedReply(state="deleted" if done else "deleting"), 200 if done else 202)


def _cloned(voice: OwnedVoice) -> ClonedVoiceReply:
    created_at = datetime.fromtimestamp(voice.created_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return ClonedVoiceReply(voice_id=voice.voice, title=voice.title, created_at=created_at, owned=voice.is_owner)


def _form(max_clip_bytes: int) -> tuple[dict[str, str], bytes]:
    """The fields and the recording of a multipart body that holds each name once.

    Raises:
        RequestError: by its subclasses 413, 415 or 422.
    """
    if request.mimetype != "multipart/form-data":
        raise MediaTypeError(
            "请求体应为表单：请用 multipart/form-data 上传（小程序用 wx.uploadFile，文件字段名为 clip）。"
        )
    request.max_content_length = max_clip_bytes + _FIELDS_BYTES
    request.max_form_memory_size = _BUFFER_BYTES
    request.max_form_parts = _MAX_PARTS
    try:
        form, files = request.form, request.files
    except RequestEntityTooLarge as error:
        raise BodyTooLargeError(max_clip_bytes) from error
    try:
        _check_names([name for name, _ in (*form.items(multi=True), *files.items(multi=True))])
        if set(files) != {"clip"}:
            raise FieldError("clip", "应有且只有这一个文件，内容为录音")
        data = files["clip"].stream.read(max_clip_bytes + 1)
    finally:
        for _, file in files.items(multi=True):
            file.close()
    if len(data) > max_clip_bytes:
        raise BodyTooLargeError(max_clip_bytes)
    return form.to_dict(), data


def _check_names(names: Sequence[str | None]) -> None:
    """Each name once; Werkzeug names a part without a name None."""
    for name in names:
        if not name:
            raise FieldError("（名称）", "表单的每一部分都要有名称")
        if names.count(name) > 1:
            raise FieldError(name[:40] if name.isidentifier() else "（名称）", "只能出现一次")


def _consent(fields: Mapping[str, str], now: float) -> VoiceUpload:
    """The checked fields.

    Raises:
        ConsentError: part of the statement of consent is missing, empty or cannot be.
        FieldError: another field does not fit.
    """
    try:
        told = validate(VoiceUpload, dict(fields))
        if told.consent_agreed_at.timestamp() > now + _SKEW_S:
            raise FieldError("consent_agreed_at", "不能晚于现在")
    except FieldError as error:
        name = str(error.data["field"])
        if name.startswith("consent_"):
            raise ConsentError(name, f"克隆声音需要本人同意的完整记录；{_why(error)}") from error
        raise
    return told


def _why(error: FieldError) -> str:
    return str(error).partition("：")[2].rstrip("。")


def _media_type(clip: bytes) -> str:
    for pattern, media_type in _MAGIC:
        if pattern.match(clip):
            return media_type
    raise FieldError("clip", "不是能识别的录音：请上传 wav、mp3、flac、ogg 或 m4a", code="bad_clip")
