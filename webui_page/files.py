"""Files for people: what the page made, samples of voices, kept voices. Behind the login of the page, not the token."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from sound import MEDIA_TYPES
from tts_engine.errors import TTSError
from tts_engine.synthesizer import SynthesisOptions
from webui_page.parts import Parts
from webui_page.problems import RefusalError, problem_of
from webui_page.utterance import join
from webui_page.voice_routes import exported

router = APIRouter(redirect_slashes=False)

PREFIX = "/page"
_SAMPLE = "你好，很高兴认识你。今天天气很好，我们一起去公园散步吧！"
_TYPES = {
    **MEDIA_TYPES,
    "zip": "application/zip",
    "srt": "application/x-subrip; charset=utf-8",
    "lrc": "text/plain; charset=utf-8",
    "json": "application/json",
}
_TITLE = re.compile(r"[\w -]{1,60}")


@dataclass
class Samples:
    """One short sound of each voice, made when it is first asked for. Belongs to one event loop."""

    parts: Parts
    _made: dict[str, Path] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def of(self, voice: str) -> Path:
        """The file with the sample of a voice or mixture.

        Raises:
            TTSError: there is no such voice, or no place at the desk.
        """
        engine = self.parts.desk.engine
        speaker = self.parts.library.speaker(voice)
        key = hashlib.sha256(repr((engine.revision, voice, speaker)).encode()).hexdigest()
        async with self._lock:  # who asks twice waits once
            path = self._made.get(key)
            if path is None or not await asyncio.to_thread(path.exists):
                options = SynthesisOptions(voice=voice, speaker=speaker)
                made = join([piece.speech async for piece in self.parts.desk.speak(_SAMPLE, options)])
                path = await asyncio.to_thread(self._save, made)
                self._made[key] = path
                if len(self._made) > 1000:
                    self._made.pop(next(iter(self._made)))
        return path

    def _save(self, made: object) -> Path:
        return self.parts.store.save(self.parts.finish.download(made, "mp3"), "mp3")  # type: ignore[arg-type]


def add_files(app: FastAPI, parts: Parts) -> None:
    """Serve them under ``PREFIX``."""
    app.state.parts, app.state.samples = parts, Samples(parts)
    app.include_router(router, prefix=PREFIX)


def address(path: Path, title: str = "") -> str:
    """Where a browser finds a file of the store; with a title, to take away under that name."""
    return f"{PREFIX}/files/{path.name}" + (f"?title={title}" if title else "")


@router.api_route("/files/{name}", methods=["GET", "HEAD"])
async def made(request: Request, name: str) -> Response:
    """A file that the page made."""
    parts: Parts = request.app.state.parts
    path = await asyncio.to_thread(parts.store.find, name)
    if path is None:
        return _problem(RefusalError(404, "audio_not_found", "没有这个文件，或已过期：请重新合成。"), request)
    return _file(path, request.query_params.get("title", ""))


@router.get("/samples/{voice}")
async def sample(request: Request, voice: str) -> Response:
    """How a voice sounds."""
    samples: Samples = request.app.state.samples
    try:
        return _file(await samples.of(voice), "")
    except TTSError as error:
        return problem_of(error).response(request.state.request_id)
    except RefusalError as error:
        return _problem(error, request)


@router.get("/voices/{name}")
async def voice(request: Request, name: str) -> Response:
    """A kept voice, to take away."""
    parts: Parts = request.app.state.parts
    try:
        return exported(parts.library.get(name))
    except RefusalError as error:
        return _problem(error, request)


def _file(path: Path, title: str) -> Response:
    suffix = path.suffix[1:]
    headers = {"Cache-Control": "private, no-transform"}
    name = f"{title}.{suffix}" if _TITLE.fullmatch(title) else None
    kind = "attachment" if name else "inline"
    return FileResponse(
        path, headers=headers, media_type=_TYPES[suffix], filename=name or path.name, content_disposition_type=kind
    )


def _problem(error: RefusalError, request: Request) -> Response:
    return error.problem.response(request.state.request_id)
