"""The engine's HTTP routes, ``/api/*``: predict, stream, info, health, audio. The contract is docs/architecture.md."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import time
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import asdict, replace
from typing import Any, TypeVar

import numpy as np
from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sound import MEDIA_TYPES
from tts_engine.checkpoint import NEUTRAL
from tts_engine.errors import EmotionUnavailableError, EmptyTextError, TTSError
from tts_engine.frontend import ssml, view
from tts_engine.prosody import PITCH, RANGE, VOLUME
from tts_engine.recent import Recent
from tts_engine.scheduler import PRIORITIES
from webui_page import frames, problems, voice_routes
from webui_page.body import FORMATS, MAX_SPEED, MIN_SPEED, Call, Format, parse_call, parse_question
from webui_page.desk import Piece
from webui_page.parts import Parts
from webui_page.problems import RefusalError
from webui_page.utterance import Utterance, join

logger = logging.getLogger(__name__)
router = APIRouter(redirect_slashes=False)

_BODY_TIMEOUT_S = 30
_SEND_TIMEOUT_S = 30
_DEADLINE = re.compile(r"[0-9]{1,9}")

T = TypeVar("T")


def create_api(parts: Parts) -> FastAPI:
    """The application to mount at ``/api``."""
    api = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    api.state.parts = parts
    api.state.listening = asyncio.Semaphore(voice_routes.AT_ONCE)
    api.state.told = Recent(voice_routes.CLIPS_TOLD)
    api.include_router(router)
    api.include_router(voice_routes.router)
    api.add_exception_handler(TTSError, problems.answer_engine_error)
    api.add_exception_handler(RefusalError, problems.answer_refusal)
    api.add_exception_handler(OSError, problems.answer_full_disk)
    api.add_exception_handler(HTTPException, problems.answer_http_exception)
    return api


@router.post("/predict")
@router.post("/predict/")
async def predict(request: Request) -> Response:
    """Speak a text; answer where the sound is or, to who accepts frames, with the sound itself."""
    began = time.monotonic()
    parts: Parts = request.app.state.parts
    arrived = asyncio.get_running_loop().time()
    call = await _call(request)
    deadline = _deadline(request, arrived)
    speaking = parts.desk.speak(call.text, call.options, deadline, _priority(request))
    made = await _while_connected(request.receive, _collect(speaking))
    _log(request, call, made.duration_s, made.synthesis_s)
    details = {**made.details(), "revision": made.revision or parts.desk.engine.revision, "characters": len(call.text)}
    if _takes_frames(request):
        data = await asyncio.to_thread(parts.finish.file, made, call.format)
        return _framed(details, data)
    file, size = await asyncio.to_thread(_save, parts, made, call.format)
    answer = _file_data(request, file, size)
    return JSONResponse({"data": [answer, details], "duration": round(time.monotonic() - began, 3)})


@router.post("/stream")
@router.post("/stream/")
async def stream(request: Request) -> Response:
    """Speak a text piece by piece, as frames."""
    parts: Parts = request.app.state.parts
    arrived = asyncio.get_running_loop().time()
    call = await _call(request)
    deadline = _deadline(request, arrived)
    pieces = parts.desk.speak(call.text, call.options, deadline, _priority(request))
    try:
        first = await _while_connected(request.receive, _next(pieces))
    except StopAsyncIteration:
        raise EmptyTextError from None
    return _FrameResponse(request, call, first, pieces)


@router.get("/info")
async def info(request: Request) -> Response:
    """What this engine can do."""
    parts: Parts = request.app.state.parts
    engine = parts.desk.engine
    return JSONResponse(
        {
            "model": parts.settings.engine.model,
            "revision": engine.revision,
            "device": engine.device,
            "sample_rate": engine.sample_rate,
            "voices": [
                {"name": v.name, "title": v.title, "gender": v.gender}
                for voices in (engine.voices, parts.library.public())
                for v in voices
            ],
            "emotions": list(engine.emotions),
            "speed": {"min": MIN_SPEED, "max": MAX_SPEED},
            "pitch": dict(zip(("min", "max"), PITCH, strict=True)),
            "range": dict(zip(("min", "max"), RANGE, strict=True)),
            "volume": dict(zip(("min", "max"), VOLUME, strict=True)),
            "ssml": ssml.CAPABILITIES,
            "max_chars": parts.settings.webui.max_chars,
            "formats": list(FORMATS),
            "lexicon": asdict(engine.lexicon),
        }
    )


@router.post("/read")
@router.post("/read/")
async def read(request: Request) -> Response:
    """How a text is read: each syllable with its place and the readings that it could have."""
    parts: Parts = request.app.state.parts
    text, options = parse_question(await _body(request), parts.settings.webui.max_chars)
    reading = await parts.desk.read(text, options)
    return JSONResponse(view.described(reading), headers={"Cache-Control": "no-store"})


@router.get("/health")
async def health() -> Response:
    """The model is loaded, or this server would not be up."""
    return JSONResponse({"status": "ok"}, headers={"Cache-Control": "no-store"})


@router.api_route("/audio/{name:path}", methods=["GET", "HEAD"])
async def audio(request: Request, name: str) -> Response:
    """A file that ``predict`` made; Range and HEAD work as players need."""
    parts: Parts = request.app.state.parts
    path = await asyncio.to_thread(parts.store.find, name)
    if path is None:
        raise RefusalError(404, "audio_not_found", "没有这个音频，或已过期：请重新合成。")
    headers = {"Cache-Control": "private, no-transform", "Content-Disposition": "inline"}
    return FileResponse(path, headers=headers, media_type=MEDIA_TYPES[path.suffix[1:]])


async def _body(request: Request) -> bytes:
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            body = await request.body()
    except TimeoutError:
        raise RefusalError(408, "slow_body", "请求体没有及时到齐：请重试。", {"Connection": "close"}) from None
    media_type, _, _ = request.headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != "application/json":
        raise RefusalError(415, "bad_content_type", "请用 Content-Type: application/json 发送 JSON。")
    return body


async def _call(request: Request) -> Call:
    body = await _body(request)
    parts: Parts = request.app.state.parts
    call = parse_call(body, parts.settings.webui.max_chars)
    options = call.options
    feelings = (NEUTRAL, *parts.desk.engine.emotions)
    if options.emotion not in feelings:
        raise EmotionUnavailableError(options.emotion, feelings)
    speaker = parts.library.speaker(options.voice)  # before it waits for its turn
    if call.reference is not None:
        speaker = await voice_routes.told_by_clip(request, call.reference)
    return replace(call, options=replace(options, speaker=speaker))


def _deadline(request: Request, arrived: float) -> float | None:
    given = request.headers.get("x-deadline-ms")
    if given is None:
        return None
    if not _DEADLINE.fullmatch(given):
        raise RefusalError(400, "bad_deadline", "X-Deadline-Ms 应为剩余的毫秒数（非负整数）。")
    return arrived + int(given) / 1000


def _priority(request: Request) -> str:
    given = request.headers.get("x-priority", "normal").lower()
    if given not in PRIORITIES:
        raise RefusalError(400, "bad_priority", f"X-Priority 应为 {'、'.join(PRIORITIES)} 之一。")
    return given


async def _collect(speaking: AsyncGenerator[Piece, None]) -> Utterance:
    async with contextlib.aclosing(speaking) as pieces:
        return join([piece.speech async for piece in pieces])


async def _next(pieces: AsyncGenerator[Piece, None]) -> Piece:
    return await anext(pieces)


async def _while_connected(receive: Receive, work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, which is cancelled when the client goes.

    Raises:
        ClientDisconnect: nobody is there to take the result.
    """
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _takes_frames(request: Request) -> bool:
    accepted = request.headers.get("accept", "").lower().split(",")
    return any(media_type.partition(";")[0].strip() == frames.MEDIA_TYPE for media_type in accepted)


def _framed(details: dict[str, Any], data: bytes) -> Response:
    described = json.dumps(details, ensure_ascii=False, allow_nan=False).encode()
    body = b"".join((frames.frame(frames.JSON, described), frames.frame(frames.AUDIO, data), frames.frame(frames.END)))
    return Response(body, media_type=frames.MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def _save(parts: Parts, made: Utterance, format: Format) -> tuple[str, int]:
    data = parts.finish.file(made, format)
    return parts.store.save(data, format).name, len(data)


def _file_data(request: Request, name: str, size: int) -> dict[str, object]:
    return {
        "path": name,  # callers fetch the URL; where the file lies is nobody's business
        "url": f"{request.url.scheme}://{request.headers['host']}/api/audio/{name}",
        "orig_name": name,
        "size": size,
        "mime_type": MEDIA_TYPES[name.rpartition(".")[2]],
        "meta": {"_type": "gradio.FileData"},
    }


def _log(request: Request, call: Call, duration_s: float, synthesis_s: float) -> None:
    logger.info(
        "request=%s path=%s characters=%d duration_s=%.3f rtf=%.4f",
        request.state.request_id,
        request.scope["path"],
        len(call.text),
        duration_s,
        synthesis_s / duration_s if duration_s else 0.0,
    )


class _FrameResponse(Response):
    """Sends pieces while they are made; a client that goes, or stops reading, ends the work."""

    media_type = frames.MEDIA_TYPE

    def __init__(self, request: Request, call: Call, first: Piece, rest: AsyncGenerator[Piece, None]) -> None:
        super().__init__(headers={"Cache-Control": "no-store"})
        del self.headers["content-length"]
        self._request = request
        self._call = call
        self._first = first
        self._rest = rest
        self._duration_s = self._synthesis_s = 0.0  # so far; the sound itself is not kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with contextlib.aclosing(self._rest):
            await _while_connected(receive, self._send_all(send))

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            await self._send(send, frames.JSON, self._opening())
            await self._send_piece(send, self._first)
            async for piece in self._rest:
                await self._send_piece(send, piece)
        except TTSError as error:
            payload = problems.problem_of(error).payload(self._request.state.request_id)
            await self._send(send, frames.ERROR, payload)
        else:
            await self._send(send, frames.END, b"")
            _log(self._request, self._call, self._duration_s, self._synthesis_s)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _opening(self) -> bytes:
        speech = self._first.speech
        opening = {"sample_rate": speech.sample_rate, "encoding": "pcm_s16le"}
        return json.dumps(opening).encode()

    async def _send_piece(self, send: Send, piece: Piece) -> None:
        speech = piece.speech
        described = {
            "timings": [asdict(timing) for timing in speech.timings],
            "warnings": [asdict(warning) for warning in speech.warnings],
            "progress": round(speech.progress, 4),
            "continues": speech.continues,
        }
        await self._send(send, frames.JSON, json.dumps(described, ensure_ascii=False).encode())
        pcm = (np.clip(speech.samples, -1.0, 1.0) * 32767.0).round().astype("<i2").tobytes()
        await self._send(send, frames.AUDIO, pcm)
        self._duration_s += len(speech.samples) / speech.sample_rate
        self._synthesis_s += speech.synthesis_s

    async def _send(self, send: Send, kind: bytes, payload: bytes) -> None:
        try:
            async with asyncio.timeout(_SEND_TIMEOUT_S):
                await send({"type": "http.response.body", "body": frames.frame(kind, payload), "more_body": True})
        except TimeoutError:
            raise ClientDisconnect from None  # it is there, but does not read
