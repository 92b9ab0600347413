"""``/api/voices``: list, hear, keep, mix, exchange and delete voices. The contract is docs/architecture.md."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from dataclasses import asdict
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tts_engine.clips import MAX_BYTES, Clip, read_clip
from tts_engine.engine import Ear
from tts_engine.errors import BadVoiceError, CloningUnavailableError, ConsentRequiredError, OptionError
from tts_engine.identity import Identity
from tts_engine.recent import Recent
from tts_engine.voices import MAX_FILE_BYTES, Consent, VoiceFile
from webui_page.problems import RefusalError
from webui_page.voices import PRIVATE, VoiceLibrary, heard, mixed_voice

router = APIRouter(redirect_slashes=False)

_BODY_TIMEOUT_S = 60
_FIELD_BYTES = 64 << 10
CLIPS_TOLD = 64
"""Clips whose speakers are remembered while the server runs: numbers, never sound."""
AT_ONCE = 2
"""Clips decoded and heard at the same time: each may take tens of megabytes and a core for a second."""
_OPERATOR = "operator"
_SUBJECT = re.compile(r"[A-Za-z0-9:._-]{1,64}", re.ASCII)
"""For whom the proxy acts."""


@router.get("/voices")
async def listed(request: Request) -> Response:
    """Every voice: the model's own, the operator's, and the proxy's users'."""
    engine, library = request.app.state.parts.desk.engine, _library(request)
    own = [{**asdict(voice), "kind": "model", "usable": True} for voice in engine.voices]
    kept = [
        {
            "name": voice.name,
            "title": voice.title,
            "gender": voice.gender,
            "kind": "private" if PRIVATE.fullmatch(voice.name) else "kept",
            "usable": voice.encoder == library.encoder,
            "provenance": voice.provenance,
            "median_f0_hz": voice.median_f0_hz,
            "consents": [consent.model_dump() for consent in voice.consents],
        }
        for voice in library.listed()
    ]
    return JSONResponse({"voices": [*own, *kept]})


@router.post("/voices")
async def add(request: Request) -> Response:
    """Keep the voice of a clip, with consent; or, as JSON, a mixture of voices."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        return await _add_mixture(request)
    listener, library = _listener(request), _library(request)
    async with _form(request, {"name", "title", "consent", "clip"}) as form:
        data = await _file(form, "clip", MAX_BYTES)
        consent = _consent(_text(form, "consent"), data)
        clip, identity = await _hear(request, data)
        voice = _checked(
            lambda: heard(_text(form, "name"), _text(form, "title"), identity, listener.name, consent, clip.duration_s)
        )
    new = await asyncio.to_thread(library.add, voice, consent.recorded_by)
    body = {"name": voice.name, "title": voice.title, "clip_sha256": consent.clip_sha256, "notices": clip.notices}
    return JSONResponse(body, 201 if new else 200)


@router.post("/voices-check")
async def check(request: Request) -> Response:
    """What a clip would give, without keeping anything."""
    _listener(request)
    async with _form(request, {"clip"}) as form:
        data = await _file(form, "clip", MAX_BYTES)
        clip, identity = await _hear(request, data)
    return JSONResponse(
        {
            "duration_s": round(clip.duration_s, 2),
            "notices": clip.notices,
            "median_f0_hz": round(identity.median_f0_hz, 1),
            "clip_sha256": hashlib.sha256(data).hexdigest(),
        }
    )


@router.post("/voices-import")
async def take_in(request: Request) -> Response:
    """Keep an exported voice."""
    library = _library(request)
    async with _form(request, {"file"}) as form:
        voice = VoiceFile.from_bytes(await _file(form, "file", MAX_FILE_BYTES))
    new = await asyncio.to_thread(library.add, voice, _OPERATOR, "import")
    return JSONResponse({"name": voice.name, "title": voice.title}, 201 if new else 200)


@router.get("/voices/{name}")
async def export(request: Request, name: str) -> Response:
    """A kept voice as a file."""
    return exported(_library(request).get(name))


@router.delete("/voices/{name}")
async def delete(request: Request, name: str) -> Response:
    """Forget a voice for good."""
    by = request.headers.get("x-subject", "")
    await asyncio.to_thread(_library(request).delete, name, by if _SUBJECT.fullmatch(by) else _OPERATOR)
    return Response(status_code=204)


@router.get("/voices-log")
async def log(request: Request) -> Response:
    """Who did what to which voice, and with whose consent."""
    return JSONResponse({"log": await asyncio.to_thread(_library(request).log)}, headers={"Cache-Control": "no-store"})


async def _add_mixture(request: Request) -> Response:
    listener, library = _listener(request), _library(request)
    try:
        body = json.loads((await request.body()).decode("utf-8"))
        name, title, mixture = (body[key] for key in ("name", "title", "mixture"))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise OptionError("voice", '混合音色请发送 {"name", "title", "mixture": "0.7*female+0.3*child"}。') from error
    if not all(isinstance(value, str) for value in (name, title, mixture)):
        raise OptionError("voice", "name、title、mixture 应为字符串。")
    voice = mixed_voice(library, name, title, mixture, listener.name)
    new = await asyncio.to_thread(library.add, voice, _OPERATOR, "mix")
    return JSONResponse({"name": name, "title": title}, 201 if new else 200)


def exported(voice: VoiceFile) -> Response:
    """``voice`` as a file to take away, under its own name."""
    name = quote(f"{voice.name}.voice.json")  # RFC 6266: names may be Chinese, headers may not
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}", "Cache-Control": "no-store"}
    return Response(voice.to_bytes(), media_type="application/json", headers=headers)


def _checked(make: Any) -> VoiceFile:
    try:
        voice: VoiceFile = make()
    except ValidationError as error:
        fields = "、".join(sorted({str(row["loc"][0]) for row in error.errors()}))
        raise BadVoiceError(f"音色的这些字段不对：{fields}。名字用汉字、字母、数字、下划线或连字符。") from error
    return voice


def _library(request: Request) -> VoiceLibrary:
    library: VoiceLibrary = request.app.state.parts.library
    return library


def _listener(request: Request) -> Ear:
    listener: Ear | None = request.app.state.parts.desk.engine.listener
    if listener is None:
        raise CloningUnavailableError
    return listener


async def _hear(request: Request, data: bytes) -> tuple[Clip, Identity]:
    listener = _listener(request)
    places: asyncio.Semaphore = request.app.state.listening
    async with places:
        clip = await asyncio.to_thread(read_clip, data)
        return clip, await asyncio.to_thread(listener.listen, clip.samples)


async def told_by_clip(request: Request, data: bytes) -> tuple[float, ...]:
    """What the acoustic model is told of the speaker of an uploaded clip.

    Raises:
        CloningUnavailableError: the model cannot clone.
        BadClipError: no voice can be copied from it.
    """
    told: Recent[tuple[float, ...]] = request.app.state.told
    key = hashlib.sha256(data).digest()  # a caller sends his clip with every request
    known = told.find(key)
    if known is not None:
        return known
    _, identity = await _hear(request, data)
    return told.keep(key, identity.told)


def _form(request: Request, names: set[str]) -> _Form:
    return _Form(request, names)


class _Form:
    """A multipart body with exactly these parts; its temporary files are gone afterwards."""

    def __init__(self, request: Request, names: set[str]) -> None:
        self._request = request
        self._names = names
        self._form: FormData | None = None

    async def __aenter__(self) -> FormData:
        if not self._request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            raise RefusalError(415, "bad_content_type", "请用 multipart/form-data 发送录音。")
        try:
            async with asyncio.timeout(_BODY_TIMEOUT_S):
                self._form = await self._request.form(max_files=1, max_fields=8, max_part_size=_FIELD_BYTES)
        except TimeoutError:
            raise RefusalError(408, "slow_body", "请求体没有及时到齐：请重试。", {"Connection": "close"}) from None
        if set(self._form) != self._names or len(self._form.multi_items()) != len(self._names):
            await self._form.close()
            raise OptionError("form", f"表单应有且只有：{'、'.join(sorted(self._names))}。")
        return self._form

    async def __aexit__(self, *_: object) -> None:
        if self._form is not None:
            await self._form.close()


def _text(form: FormData, name: str) -> str:
    value = form[name]
    if not isinstance(value, str):
        raise OptionError(name, "应为文字。")
    return value


async def _file(form: FormData, name: str, most: int) -> bytes:
    value = form[name]
    if not isinstance(value, UploadFile):
        raise OptionError(name, "应为文件。")
    return await value.read(most + 1)  # one more than allowed, so that too much is seen as that


def _consent(text: str, clip: bytes) -> Consent:
    try:
        consent = Consent.model_validate_json(text)
    except ValidationError as error:
        raise ConsentRequiredError from error
    if consent.clip_sha256 != hashlib.sha256(clip).hexdigest():
        raise RefusalError(422, "consent_mismatch", "授权记录对应的是另一段录音：请重新提交录音与授权。")
    return consent
