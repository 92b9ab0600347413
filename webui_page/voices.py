"""Voices that the operator, or the proxy for its users, keeps: files in one folder, and a log of who did what to them.

Knows names, files and consent; knows nothing about HTTP. No recording is kept, only what was heard in it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from tts_engine.audio import FloatArray
from tts_engine.errors import BadVoiceError, ConsentRequiredError, UnknownVoiceError
from tts_engine.identity import Identity
from tts_engine.voices import Consent, VoiceFile, is_mixture, mix, parse_mixture
from webui_page.problems import RefusalError

logger = logging.getLogger(__name__)

PRIVATE = re.compile(r"voice-[0-9a-f]{32}", re.ASCII)
"""A voice of one of the proxy's users: the proxy knows whose; it is in no list but the operator's."""
MOST_VOICES = 10_000
_SUFFIX = ".voice.json"
_LOG = "audit.jsonl"


@dataclass
class VoiceLibrary:
    """Kept voices, in memory and on disk. Thread-safe."""

    folder: Path
    encoder: str
    """Of the model that is loaded: voices that another encoder heard are kept, but cannot be spoken with."""
    own: Mapping[str, FloatArray]
    """The model's own voices, whose names cannot be taken."""
    _voices: dict[str, VoiceFile] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, folder: Path, encoder: str, own: Mapping[str, FloatArray]) -> VoiceLibrary:
        """Read what is kept; a damaged file is named in the log and left where it is."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        library = cls(folder, encoder, own)
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            try:
                voice = VoiceFile.from_bytes(path.read_bytes())
            except (OSError, BadVoiceError) as error:
                logger.warning("voice file %s is left out: %s", path.name, error)
                continue
            if path.name == voice.name + _SUFFIX:
                library._voices[voice.name] = voice
        return library

    def listed(self) -> tuple[VoiceFile, ...]:
        """All of them, by name."""
        return tuple(self._voices[name] for name in sorted(self._voices))

    def public(self) -> tuple[VoiceFile, ...]:
        """Those that everybody may see and this model can speak with."""
        return tuple(v for v in self.listed() if not PRIVATE.fullmatch(v.name) and v.encoder == self.encoder)

    def get(self, name: str) -> VoiceFile:
        """One voice.

        Raises:
            RefusalError: 404, there is none of this name.
        """
        voice = self._voices.get(name)
        if voice is None:
            raise RefusalError(404, "unknown_voice", f"没有名为“{name[:64]}”的音色：可能已被删除。")
        return voice

    def add(self, voice: VoiceFile, by: str, action: str = "add") -> bool:
        """Keep a voice; False where this very voice is kept already.

        Raises:
            RefusalError: 409, another voice has the name; 507, the library is full.
            ConsentRequiredError: a clip went into it, and nobody agreed.
        """
        if voice.provenance.startswith("clip") and not voice.consents:
            raise ConsentRequiredError
        with self._lock:
            known = self._voices.get(voice.name)
            if voice.name in self.own or (known is not None and not _same_source(known, voice)):
                raise RefusalError(409, "voice_exists", f"已经有名为“{voice.name}”的音色：请换一个名字。")
            if known is not None:
                return False
            if len(self._voices) >= MOST_VOICES:
                raise RefusalError(507, "too_many_voices", f"已有 {MOST_VOICES} 个音色：请先删除不用的。")
            self._note(action, voice, by)
            _write(self.folder / (voice.name + _SUFFIX), voice.to_bytes())
            self._voices[voice.name] = voice
        return True

    def delete(self, name: str, by: str) -> None:
        """Forget a voice, its file included; the log keeps that it was.

        Raises:
            RefusalError: 404, there is none of this name.
        """
        with self._lock:
            voice = self.get(name)
            self._note("delete", voice, by)
            (self.folder / (name + _SUFFIX)).unlink(missing_ok=True)
            del self._voices[name]

    def spoken_with(self) -> dict[str, FloatArray]:
        """Name → what the acoustic model is told, of every voice that this model can speak with."""
        return {**self.own, **{v.name: v.identity().vector() for v in self.listed() if v.encoder == self.encoder}}

    def speaker(self, expression: str) -> tuple[float, ...] | None:
        """What the acoustic model is told for a voice or mixture; None where the model knows the name itself.

        Raises:
            UnknownVoiceError: a name in it is nobody's.
            OptionError: not written as a mixture is.
        """
        names = [part.name for part in parse_mixture(expression)] if is_mixture(expression) else [expression]
        if all(name in self.own for name in names):
            return None
        kept = self._voices.get(expression)
        if kept is not None and kept.encoder != self.encoder:
            raise BadVoiceError(f"音色“{expression}”是用另一个版本的模型做的：请用原录音重新添加。")
        try:
            return tuple(mix(expression, self.spoken_with()).tolist())
        except UnknownVoiceError as error:
            raise UnknownVoiceError(error.voice, (*self.own, *(v.name for v in self.public()))) from None

    def mixed(self, expression: str) -> FloatArray:
        """What the acoustic model is told for a mixture, to keep it under a name."""
        return mix(expression, self.spoken_with())

    def consents_of(self, expression: str) -> tuple[Consent, ...]:
        """Everybody whose clip went into a mixture, each once."""
        found: list[Consent] = []
        for part in parse_mixture(expression):
            kept = self._voices.get(part.name)
            found.extend(kept.consents if kept else ())
        return tuple(dict.fromkeys(found))

    def log(self) -> list[dict[str, object]]:
        """The audit log, oldest first."""
        path = self.folder / _LOG
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]

    def _note(self, action: str, voice: VoiceFile, by: str) -> None:
        """One line on disk before the thing is done: what was done and is not written is worse than the reverse."""
        row = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "action": action,
            "voice": voice.name,
            "by": by,
            "consents": [consent.model_dump() for consent in voice.consents],
        }
        handle = os.open(self.folder / _LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(handle, "ab") as file:
            file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _same_source(one: VoiceFile, other: VoiceFile) -> bool:
    """Whether both were made of the same recordings or parts: sent twice, not taken twice."""
    clips = [sorted(consent.clip_sha256 for consent in voice.consents) for voice in (one, other)]
    return clips[0] == clips[1] and one.provenance == other.provenance and one.encoder == other.encoder


def heard(name: str, title: str, identity: Identity, encoder: str, consent: Consent, seconds: float) -> VoiceFile:
    """The voice of a clip."""
    return VoiceFile(
        name=name,
        title=title,
        encoder=encoder,
        embedding=tuple(float(value) for value in identity.embedding),
        median_f0_hz=round(identity.median_f0_hz, 3),
        spread_st=round(min(identity.spread_st, 12.0), 4),
        formant_shift=round(max(-1.0, min(1.0, identity.formant_shift)), 5),
        provenance=f"clip {seconds:.1f} s",
        consents=(consent,),
    )


def mixed_voice(library: VoiceLibrary, name: str, title: str, expression: str, encoder: str) -> VoiceFile:
    """The voice of a mixture; the consents of its parts go with it.

    Raises:
        InputError: not written as a mixture is, a part is unknown, or the name is none.
    """
    identity = Identity.of_vector(library.mixed(expression))
    try:
        return VoiceFile(
            name=name,
            title=title,
            encoder=encoder,
            embedding=tuple(float(value) for value in identity.embedding),
            median_f0_hz=identity.median_f0_hz,
            spread_st=max(0.0, identity.spread_st),
            formant_shift=identity.formant_shift,
            provenance=f"mix {expression}"[:500],
            consents=library.consents_of(expression),
        )
    except ValidationError as error:
        fields = "、".join(sorted({str(row["loc"][0]) for row in error.errors()}))
        raise BadVoiceError(f"音色的这些字段不对：{fields}。名字用汉字、字母、数字、下划线或连字符。") from error


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, for this user alone."""
    partial = path.with_name(f".{secrets.token_hex(8)}.part")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
