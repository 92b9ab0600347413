"""What callers send: bytes to a checked ``Call``. Positions of ``data`` are the contract and never shift."""

from __future__ import annotations

import base64
import binascii
import json
import math
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal

from tts_engine.checkpoint import NEUTRAL
from tts_engine.errors import EmptyTextError, InputError, OptionError, TextTooLongError
from tts_engine.prosody import INTENSITY, PITCH, RANGE, SPEED, VOLUME, checked, checked_seed
from tts_engine.synthesizer import SynthesisOptions
from webui_page.problems import RefusalError

Format = Literal["wav", "mp3", "m4a", "aac", "ogg", "opus", "flac", "pcm"]

FORMATS: tuple[Format, ...] = ("wav", "mp3", "m4a", "aac", "ogg", "opus", "flac", "pcm")
MIN_SPEED, MAX_SPEED = SPEED

OPTIONS = ("format", "emotion", "intensity", "pitch", "range", "volume", "seed", "ssml", "on_unsupported")
"""Keys of the fifth value."""

_DEFAULTS: tuple[Any, ...] = ("female", 1.0, None, {})
"""Speaker, speed, reference audio and options, where the caller leaves them out."""


@dataclass(frozen=True)
class Call:
    """One checked request for speech."""

    text: str
    options: SynthesisOptions
    format: Format
    reference: bytes | None = None
    """A clip whose voice is to be imitated."""


def parse_call(body: bytes, max_chars: int) -> Call:
    """The request that ``body`` holds.

    Raises:
        RefusalError: 400 where it is no JSON object.
        InputError: a value is missing, too many, of the wrong type or out of range.
    """
    document = _load(body)
    if not isinstance(document, dict) or set(document) != {"data"} or not isinstance(document["data"], list):
        raise OptionError("data", '请求体应为 {"data": [文本, 音色, 语速, 参考音频, 选项]}，没有别的键。')
    values = document["data"]
    if not 1 <= len(values) <= 1 + len(_DEFAULTS):
        raise OptionError("data", f"应有 1 到 {1 + len(_DEFAULTS)} 个值，收到 {len(values)} 个。")
    text, voice, speed, reference, options = [*values, *_DEFAULTS[len(values) - 1 :]]
    emotion, intensity = _checked_emotion(options)
    format = _checked_format(options)
    chosen = SynthesisOptions(
        _checked_voice(voice), checked_speed(speed), emotion=emotion, intensity=intensity, **_checked_manner(options)
    )
    return Call(checked_text(text, max_chars), chosen, format, _checked_reference(reference))


def checked_text(text: Any, max_chars: int) -> str:
    """``text`` unchanged.

    Raises:
        InputError: not a string, nothing in it, too long, or a character that is no text.
    """
    if not isinstance(text, str):
        raise OptionError("text", "应为字符串。")
    if len(text) > max_chars:
        raise TextTooLongError(len(text), max_chars)
    if not text.strip():
        raise EmptyTextError
    for position, char in enumerate(text):
        if unicodedata.category(char) == "Cc" and char not in "\t\n\r":
            raise InputError(f"第 {position + 1} 个字符是控制字符 U+{ord(char):04X}：请去掉后再试。")
        if unicodedata.category(char) == "Cs":
            raise InputError(f"第 {position + 1} 个字符是不成对的代理码位 U+{ord(char):04X}：请检查编码。")
    return text


def checked_speed(speed: Any) -> float:
    """``speed`` as a float.

    Raises:
        OptionError: not a number, or outside ``MIN_SPEED`` … ``MAX_SPEED``.
    """
    if isinstance(speed, bool) or not isinstance(speed, int | float):
        raise OptionError("speed", "应为数字。")
    if not MIN_SPEED <= speed <= MAX_SPEED or not math.isfinite(speed):
        raise OptionError("speed", f"应在 {MIN_SPEED} 到 {MAX_SPEED} 之间。")
    return float(speed)


def checked_markup(options: dict[str, Any]) -> dict[str, Any]:
    """``ssml`` and ``on_unsupported``, where given.

    Raises:
        OptionError: a value is not one of theirs.
    """
    if not isinstance(options.get("ssml", False), bool):
        raise OptionError("ssml", "应为 true 或 false。")
    if options.get("on_unsupported", "error") not in ("error", "warn"):
        raise OptionError("on_unsupported", "可用的有 error、warn。")
    return {key: options[key] for key in ("ssml", "on_unsupported") if key in options}


def _checked_manner(options: dict[str, Any]) -> dict[str, Any]:
    manner = checked_markup(options)
    for name, limits in (("pitch", PITCH), ("range", RANGE), ("volume", VOLUME)):
        if name in options:
            manner[name] = checked(name, options[name], limits)
    if "seed" in options:
        manner["seed"] = checked_seed(options["seed"])
    return manner


def _checked_voice(voice: Any) -> str:
    if not isinstance(voice, str):
        raise OptionError("speaker", "应为音色的名字（字符串）。")
    return voice


def _checked_reference(reference: Any) -> bytes | None:
    """A clip as ``data:audio/…;base64,…``; a path or an address is never followed."""
    if reference is None:
        return None
    head, comma, data = reference.partition(",") if isinstance(reference, str) else ("", "", "")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        raise OptionError("reference_audio", "参考音频应写成 data:audio/wav;base64,… 的形式。")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise OptionError("reference_audio", "参考音频的 base64 不完整。") from error


def _checked_emotion(options: Any) -> tuple[str, float]:
    if not isinstance(options, dict):
        raise OptionError("options", "应为对象。")
    emotion = options.get("emotion", NEUTRAL)
    if not isinstance(emotion, str):
        raise OptionError("emotion", "应为字符串。")
    return emotion, checked("intensity", options.get("intensity", 1.0), INTENSITY)


def _checked_format(options: Any) -> Format:
    if not isinstance(options, dict):
        raise OptionError("options", "应为对象。")
    for key in options:
        if key not in OPTIONS:
            raise OptionError("options", f"没有名为“{key[:40]}”的选项：可用的有 {'、'.join(OPTIONS)}。")
    chosen = options.get("format", "wav")
    for known in FORMATS:
        if chosen == known:
            return known
    raise OptionError("format", f"可用的有 {'、'.join(FORMATS)}。")


def parse_question(body: bytes, max_chars: int) -> tuple[str, SynthesisOptions]:
    """The text of ``/api/read`` and how it is marked up.

    Raises:
        RefusalError: 400 where it is no JSON object.
        InputError: a value is missing, unknown or of the wrong type.
    """
    document = _load(body)
    known = ("text", "ssml", "on_unsupported")
    if not isinstance(document, dict) or "text" not in document or set(document) - set(known):
        raise OptionError("text", f'请求体应为 {{"text": 文本}}，可用的键有 {"、".join(known)}。')
    return checked_text(document["text"], max_chars), SynthesisOptions(**checked_markup(document))


def _load(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise RefusalError(400, "malformed_json", "请求体不是合法的 JSON（UTF-8，键不重复，嵌套不过深）。") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found
