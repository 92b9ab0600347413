"""Voices beside the model's own: one small file each, and mixtures written as ``0.7*female+0.3*child``.

A voice file says who speaks (what the speaker encoder heard), where it came from, who agreed to what, and a hash over
all of it. It holds no sound.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tts_engine.audio import FloatArray
from tts_engine.errors import BadVoiceError, OptionError, UnknownVoiceError
from tts_engine.identity import EMBEDDING, Identity

MAX_FILE_BYTES = 64 << 10
MAX_MIXED = 8
_NAME = r"^[A-Za-z0-9_\u4e00-\u9fff][A-Za-z0-9_\u4e00-\u9fff-]{0,63}$"
_MOMENT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$"
"""ISO 8601 with a zone."""
_TERM = re.compile(r"\s*(?:([0-9]{1,4}(?:\.[0-9]{1,6})?)\s*[*×]\s*)?([^*×+\s]{1,64})\s*")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Consent(_Strict):
    """Who agreed to what."""

    person: Annotated[str, Field(min_length=1, max_length=200)]
    """Whose voice it is."""
    purpose: Annotated[str, Field(min_length=1, max_length=2000)]
    """What it may be used for."""
    agreed_at: Annotated[str, Field(pattern=_MOMENT)]
    """When the person agreed."""
    statement: Annotated[str, Field(min_length=1, max_length=4000)]
    """The words that were agreed to."""
    recorded_at: Annotated[str, Field(pattern=_MOMENT)]
    """When this record was made."""
    recorded_by: Annotated[str, Field(min_length=1, max_length=200)]
    """Who sent it."""
    clip_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """Of the recording: the consent is for this one and no other."""


class VoiceFile(_Strict):
    """A voice as it is kept and exchanged."""

    format: Literal["indextts-voice"] = "indextts-voice"
    version: Literal[1] = 1
    name: Annotated[str, Field(pattern=_NAME)]
    """What callers send."""
    title: Annotated[str, Field(min_length=1, max_length=40)]
    """What people see."""
    gender: Literal["female", "male", "neutral"] = "neutral"
    encoder: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    """Of the speaker encoder that heard it."""
    embedding: Annotated[
        tuple[Annotated[float, Field(ge=-1, le=1)], ...], Field(min_length=EMBEDDING, max_length=EMBEDDING)
    ]
    median_f0_hz: Annotated[float, Field(ge=40, le=800)]
    spread_st: Annotated[float, Field(ge=0, le=12)]
    formant_shift: Annotated[float, Field(ge=-1, le=1)]
    provenance: Annotated[str, Field(max_length=500)]
    """Where it came from: a clip and its length, or a mixture and its parts."""
    consents: Annotated[tuple[Consent, ...], Field(max_length=64)] = ()
    """Of everybody whose clip went into it; empty only where no clip did."""

    def identity(self) -> Identity:
        """Who speaks."""
        vector = np.asarray(self.embedding, dtype=np.float32)
        return Identity(vector, self.median_f0_hz, self.spread_st, self.formant_shift)

    def to_bytes(self) -> bytes:
        """The file: JSON with a hash over everything else in it."""
        body = self.model_dump(mode="json")
        return json.dumps({**body, "sha256": _digest(body)}, ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> VoiceFile:
        """Read an exported file.

        Raises:
            BadVoiceError: too large, no voice file, or changed since it was written.
        """
        if len(data) > MAX_FILE_BYTES:
            raise BadVoiceError(f"音色文件超过 {MAX_FILE_BYTES >> 10} KB：请选择导出的 .voice.json 文件。")
        try:
            body = json.loads(data.decode("utf-8"))
            told = body.pop("sha256")
            voice = cls.model_validate(body)
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
            if isinstance(error, ValidationError):
                places = "、".join(sorted({".".join(str(part) for part in row["loc"]) for row in error.errors()}))
                raise BadVoiceError(f"音色文件的这些字段不对：{places[:200]}。请重新导出。") from error
            raise BadVoiceError("这不是音色文件：请选择导出的 .voice.json 文件。") from error
        if told != _digest(voice.model_dump(mode="json")):
            raise BadVoiceError("音色文件与它的校验和不符，可能被改过或没有传完：请重新导出。")
        return voice


def _digest(body: Mapping[str, object]) -> str:
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Part:
    """One voice of a mixture."""

    name: str
    weight: float
    """0–1; the weights of a mixture add up to 1."""


def parse_mixture(expression: str) -> tuple[Part, ...]:
    """``0.7*female+0.3*child`` → parts whose weights add up to 1; a bare name is a mixture of one.

    Raises:
        OptionError: not written so, too many parts, or no weight at all.
    """
    parts: list[Part] = []
    for term in expression.split("+"):
        match = _TERM.fullmatch(term)
        if match is None:
            raise OptionError("speaker", "混合音色请写成 0.7*female+0.3*child 这样。")
        parts.append(Part(match[2], float(match[1]) if match[1] else 1.0))
    total = sum(part.weight for part in parts)
    if len(parts) > MAX_MIXED or not total > 0:
        raise OptionError("speaker", f"混合音色最多 {MAX_MIXED} 个，权重之和要大于 0。")
    return tuple(Part(part.name, part.weight / total) for part in parts)


def is_mixture(expression: str) -> bool:
    """Whether it is written as more than a name."""
    return any(mark in expression for mark in "+*×")


def mix(expression: str, known: Mapping[str, FloatArray]) -> FloatArray:
    """What the acoustic model is told for a voice or a mixture of voices, (E,).

    Raises:
        UnknownVoiceError: a name that is not known.
        OptionError: not written as a mixture is.
    """
    if expression in known:
        return known[expression]
    if not is_mixture(expression):
        raise UnknownVoiceError(expression, tuple(known))
    total: FloatArray | None = None
    for part in parse_mixture(expression):
        if part.name not in known:
            raise UnknownVoiceError(part.name, tuple(known))
        share = np.float32(part.weight) * known[part.name]
        total = share if total is None else total + share
    if total is None:
        raise OptionError("speaker", "混合音色里没有音色。")
    return total.astype(np.float32)
