"""Tencent Cloud's ``TextToVoice`` (TTS, version 2019-08-23): its signature, its parameters, its voices, its errors.

Sources: docs cloud.tencent.com/document/product/1073/37995 (interface), /37991 (TC3-HMAC-SHA256), /92668 (voices); the
error codes are those of tencentcloud-sdk-python-tts 3.1.101. Knows nothing about Flask.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.auth import ApiKeys, Caller
from app.body import Text
from app.errors import CredentialError, SignatureError
from app.sealing import RootSecret

ACTION, VERSION, SERVICE = "TextToVoice", "2019-08-23", "tts"
FAST_VOICE = 200_000_000
"""``VoiceType`` of a cloned voice, whose id is ``FastVoiceType``."""

_PURPOSE = "tencent secret key"
_WINDOW_S = 300
"""A signature is as old as that, or as far ahead, at most."""
_AUTHORIZATION = re.compile(
    r"TC3-HMAC-SHA256 Credential=tts_([a-z0-9]{8})/([0-9]{4}-[0-9]{2}-[0-9]{2})/([a-z0-9]{1,20})/tc3_request, ?"
    r"SignedHeaders=([a-z0-9;-]{1,200}), ?Signature=([0-9a-f]{64})",
    re.ASCII,
)
_SPEEDS = ((-2.0, 0.6), (-1.0, 0.8), (0.0, 1.0), (1.0, 1.2), (2.0, 1.5), (6.0, 2.5))
"""``Speed`` and how fast that is, as the documentation gives it; straight lines between."""

_MALE = {1004, 1010, 1018, 1050}
_CHILD = {1015, 1016}
_STANDARD = {1001, 1002, 1003, 1005, 1007, 1008, 1009, 1017, 1051} | _MALE | _CHILD
_PREMIUM_MALE = {1013, 1014, 1020, 1021, 1024, 1029, 1030, 1031, 1040, 1053, 1054, 1056}
_PREMIUM = _STANDARD | _PREMIUM_MALE | set(range(1001, 1057)) - {1042, 1043, 1044, 1045, 1046, 1047, 1048, 1049}


class TextToVoice(BaseModel):
    """The parameters. Those without effect here are still checked, as the original does."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True, alias_generator=None
    )

    text: Text = Field(alias="Text")
    session_id: Text = Field(alias="SessionId", min_length=1, max_length=128)
    volume: float = Field(default=0.0, ge=-10, le=10, alias="Volume")
    speed: float = Field(default=0.0, ge=-2, le=6, alias="Speed")
    project_id: int = Field(default=0, ge=0, alias="ProjectId")
    model_type: int = Field(default=1, ge=0, le=1, alias="ModelType")
    voice_type: int = Field(default=0, ge=0, alias="VoiceType")
    fast_voice_type: Text | None = Field(default=None, max_length=64, alias="FastVoiceType")
    primary_language: Literal[1, 2] = Field(default=1, alias="PrimaryLanguage")
    sample_rate: Literal[8000, 16000, 24000] = Field(default=16000, alias="SampleRate")
    codec: Literal["wav", "mp3", "pcm"] = Field(default="wav", alias="Codec")
    enable_subtitle: bool = Field(default=False, alias="EnableSubtitle")
    segment_rate: Literal[0, 1, 2] = Field(default=0, alias="SegmentRate")
    emotion_category: Literal["", "neutral"] | None = Field(default=None, alias="EmotionCategory")
    emotion_intensity: int = Field(default=100, ge=50, le=200, alias="EmotionIntensity")


@dataclass(frozen=True)
class SignedRequest:
    """What the signature is over."""

    method: str
    paths: tuple[str, ...]
    """Under which it may have been signed: the SDKs sign ``/`` whatever they call."""
    query: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True)
class Signatures:
    """Checks TC3-HMAC-SHA256. Thread-safe.

    The secret key of an API key is derived from it and the root secret: a stolen database signs nothing.
    """

    keys: ApiKeys
    root: RootSecret
    now: Callable[[], float]

    def secret_key(self, key_id: str) -> str:
        """``SecretKey`` to the ``SecretId`` ``tts_<key id>``."""
        return self.root.digest(_PURPOSE, key_id)[:40]

    def verify(self, signed: SignedRequest) -> Caller:
        """Who signed.

        Raises:
            SignatureError: nobody that we know, too long ago, or something else.
        """
        match = _AUTHORIZATION.fullmatch(signed.headers.get("authorization", ""))
        if match is None:
            raise SignatureError("AuthFailure.InvalidAuthorization")
        key_id, date, service, names, signature = match.groups()
        moment = self._moment(signed.headers.get("x-tc-timestamp", ""), date)
        if service != SERVICE:
            raise SignatureError("AuthFailure.InvalidAuthorization")
        # compared before the key is looked up: who guesses ids cannot tell which there are
        if not any(
            hmac.compare_digest(self._signature(key_id, date, moment, digest), signature)
            for digest in _digests(signed, names.split(";"))
        ):
            raise SignatureError("AuthFailure.SignatureFailure")
        try:
            return self.keys.holder(key_id)
        except CredentialError as error:
            raise SignatureError("AuthFailure.SecretIdNotFound") from error

    def _moment(self, text: str, date: str) -> int:
        if not re.fullmatch(r"[0-9]{1,11}", text, re.ASCII):
            raise SignatureError("AuthFailure.InvalidAuthorization")
        moment = int(text)
        if abs(self.now() - moment) > _WINDOW_S:
            raise SignatureError("AuthFailure.SignatureExpire")
        if datetime.fromtimestamp(moment, UTC).date().isoformat() != date:
            raise SignatureError("AuthFailure.InvalidAuthorization")
        return moment

    def _signature(self, key_id: str, date: str, moment: int, digest: str) -> str:
        key = f"TC3{self.secret_key(key_id)}".encode()
        for word in (date, SERVICE, "tc3_request"):
            key = hmac.digest(key, word.encode(), hashlib.sha256)
        told = f"TC3-HMAC-SHA256\n{moment}\n{date}/{SERVICE}/tc3_request\n{digest}"
        return hmac.digest(key, told.encode(), hashlib.sha256).hex()


def speed_of(value: float) -> float:
    """How fast ``Speed`` is, 1.0 being normal."""
    for (low, slow), (high, fast) in pairwise(_SPEEDS):
        if value <= high:
            return slow + (value - low) / (high - low) * (fast - slow)
    return _SPEEDS[-1][1]


def speaker_of(voice_type: int, overrides: str) -> str | None:
    """The voice that stands for ``VoiceType``; None: there is none such.

    Args:
        voice_type: 0 is the default; 1001… are the standard voices, 101001… the premium ones of the same names.
        overrides: ``VoiceType=speaker,…``, as in the settings.
    """
    given = dict(pair.split("=", 1) for pair in overrides.split(",") if pair)
    if str(voice_type) in given:
        return given[str(voice_type)]
    number = voice_type - 100_000 if 101_000 < voice_type < 102_000 else voice_type
    known = _PREMIUM if number != voice_type else _STANDARD
    if voice_type != 0 and number not in known:
        return None
    if number in _CHILD:
        return "child"
    return "male" if number in _MALE or (number != voice_type and number in _PREMIUM_MALE) else "female"


def _digests(signed: SignedRequest, names: list[str]) -> list[str]:
    """SHA-256 of every canonical request that the client may mean."""
    if not {"content-type", "host"} <= set(names) or names != sorted(set(names)):
        raise SignatureError("AuthFailure.InvalidAuthorization")
    if any(name not in signed.headers for name in names):
        raise SignatureError("AuthFailure.SignatureFailure")
    payload = hashlib.sha256(signed.body).hexdigest()
    digests = []
    for path in signed.paths:
        for case in (str.lower, str):  # the documentation says lower case, the SDKs sign values as they are
            lines = "".join(f"{name}:{case(signed.headers[name].strip())}\n" for name in names)
            told = "\n".join((signed.method, path, signed.query, lines, ";".join(names), payload))
            digests.append(hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest())
    return digests


_FIELDS = {
    "Text": "InvalidParameterValue.Text",
    "SessionId": "InvalidParameterValue.SessionId",
    "Volume": "InvalidParameterValue.Volume",
    "Speed": "InvalidParameterValue.Speed",
    "ModelType": "InvalidParameterValue.ModelType",
    "VoiceType": "InvalidParameterValue.VoiceType",
    "FastVoiceType": "InvalidParameterValue.VoiceType",
    "PrimaryLanguage": "InvalidParameterValue.PrimaryLanguage",
    "SampleRate": "InvalidParameterValue.SampleRate",
    "Codec": "InvalidParameterValue.Codec",
}
_CODES = {
    "empty_text": "InvalidParameterValue.TextEmpty",
    "text_too_long": "UnsupportedOperation.TextTooLong",
    "text_refused": "InvalidParameterValue.InvalidText",
    "voice_not_found": "InvalidParameterValue.VoiceType",
    "unknown_voice": "InvalidParameterValue.VoiceType",
    "bad_input": "InvalidParameterValue.InvalidText",
    "insufficient_scope": "AuthFailure.UnauthorizedOperation",
    "rate_limited": "RequestLimitExceeded",
    "quota_exceeded": "UnsupportedOperation.PkgExhausted",
    "body_too_large": "RequestSizeLimitExceeded",
    "malformed_json": "InvalidParameter",
    "unsupported_media_type": "InvalidParameter",
    "engine_busy": "InternalError.NoResource",
    "not_ready": "InternalError.NoResource",
    "engine_unreachable": "InternalError.NoResource",
    "database_failed": "InternalError.FailAccessDatabase",
}


def error_code(code: str, status: int, field: str | None = None) -> str:
    """Tencent's name for one of our errors."""
    if code == "invalid_field" and field is not None:
        return _FIELDS.get(field, "InvalidParameterValue" if field.isidentifier() else "UnknownParameter")
    if code in _CODES:
        return _CODES[code]
    return "InvalidParameterValue.InvalidText" if status == 422 else "InternalError.InternalError"
