"""What the WebUI answers, checked: a reply that does not fit is the engine's failure, never a caller's sound."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.body import Text, strict_json
from app.errors import (
    EngineBusyError,
    EngineFullError,
    EngineRefusedError,
    EngineTimeoutError,
    GatewayError,
    MalformedBodyError,
)
from app.gateway import Info, Voice

_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_MAX_DETAIL = 500
_RETRY_AFTER = re.compile(r"[0-9]{1,3}", re.ASCII)

Revision = Annotated[Text, StringConstraints(min_length=1, max_length=128)]
Word = Annotated[Text, StringConstraints(max_length=2000)]
_Model = TypeVar("_Model", bound=BaseModel)


class Reply(BaseModel):
    """Strict in what it names; a newer WebUI may say more."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


class FileData(Reply):
    """Gradio's; ``path`` is another machine's business."""

    url: str = Field(min_length=1, max_length=2000)


class Timing(Reply):
    """When a stretch of the text is heard."""

    begin_ms: float = Field(ge=0)
    end_ms: float = Field(ge=0)
    begin: int = Field(ge=0)
    end: int = Field(ge=0)
    text: Word


class Silence(Reply):
    """What was not spoken."""

    begin: int = Field(ge=0)
    end: int = Field(ge=0)
    text: Word
    message: Word


class Details(Reply):
    """About one sound."""

    duration_s: float = Field(gt=0, le=3600)
    sample_rate: int = Field(ge=8000, le=192_000)
    timings: list[Timing]
    warnings: list[Silence]
    revision: Revision


class Prediction(Reply):
    """``POST /api/predict/``."""

    data: list[Any] = Field(min_length=2)


class SpeedRange(Reply):
    """Of ``GET /api/info``."""

    min: float
    max: float


class VoiceReply(Reply):
    """Of ``GET /api/info``."""

    name: Annotated[Text, StringConstraints(min_length=1, max_length=64)]
    title: Annotated[Text, StringConstraints(max_length=100)]
    gender: Annotated[Text, StringConstraints(max_length=20)]


class InfoReply(Reply):
    """``GET /api/info``."""

    revision: Revision
    voices: list[VoiceReply]
    speed: SpeedRange


def read_prediction(data: bytes) -> tuple[FileData, Details]:
    """The two halves of a prediction.

    Raises:
        GatewayError: it is no prediction.
    """
    audio, details = _as(Prediction, data).data[:2]
    return fit(FileData, audio), fit(Details, details)


def read_details(data: bytes) -> Details:
    """What is said about a sound that came along.

    Raises:
        GatewayError: nothing that fits.
    """
    return _as(Details, data)


def read_info(data: bytes) -> Info:
    """The engine's description of itself.

    Raises:
        GatewayError: it is none.
    """
    reply = _as(InfoReply, data)
    voices = tuple(Voice(voice.name, voice.title, voice.gender) for voice in reply.voices)
    return Info(reply.revision, voices, reply.speed.min, reply.speed.max)


def refusal(status: int, retry_after: str | None, body: bytes) -> GatewayError:
    """What an answer other than 200 means for our own caller."""
    if status in (413, 422):
        return _refused(status, body)
    if status == 503:
        return EngineBusyError(_seconds(retry_after))
    if status == 504:
        return EngineTimeoutError()
    if status == 507:
        return EngineFullError()
    # 401: our token is wrong; 404: this is no WebUI; 500: it failed. None of it is the caller's to fix
    return GatewayError()


def _refused(status: int, body: bytes) -> GatewayError:
    try:
        problem = strict_json(body)
    except MalformedBodyError:
        return GatewayError()
    code, detail = problem.get("code"), problem.get("detail")
    if not isinstance(code, str) or not _CODE.fullmatch(code) or not isinstance(detail, str) or not detail:
        return GatewayError()
    return EngineRefusedError(status, code, detail[:_MAX_DETAIL])


def _seconds(retry_after: str | None) -> int:
    if retry_after is None or not _RETRY_AFTER.fullmatch(retry_after.strip()):
        return 5
    return max(1, int(retry_after))


def _as(model: type[_Model], data: bytes) -> _Model:
    try:
        return fit(model, strict_json(data))
    except MalformedBodyError as error:
        raise GatewayError from error


def fit(model: type[_Model], value: object) -> _Model:
    """``value`` as ``model``.

    Raises:
        GatewayError: it does not fit.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise GatewayError from error
