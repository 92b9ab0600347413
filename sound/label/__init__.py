"""The implicit AI-content label: metadata inside the file, as China's rules ask since 2025-09-01.

Rules: 《人工智能生成合成内容标识办法》 article 5 and GB 45438-2025 annex E (the seven fields); where they go in
a sound: TC260-PG-202510A. Writing replaces an earlier label, so a file never has two. Constant memory for any length.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from sound.formats import MEDIA_TYPES, SoundError
from sound.label import flac, id3, mp4, ogg, riff
from sound.label.bytes import LabelError

__all__ = ["Label", "LabelError", "content_number", "copy_labelled", "labelled", "read_label"]

_VALUE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{0,256}", re.ASCII)
"""Annex E: GB 18030's 0x21, 0x23–0x5B and 0x5D–0x7E, so neither space nor ``"`` nor a backslash."""


def content_number(data: bytes) -> str:
    """A ProduceID that says which content it is: the same bytes have the same number, so labelling adds no chance."""
    return hashlib.sha256(data).hexdigest()[:32]


@dataclass(frozen=True)
class Label:
    """The seven fields of annex E; all are strings, in the order in which they are written."""

    producer: str
    """ContentProducer: the code of who provides the service."""
    produce_id: str
    """ProduceID: his number of this very content."""
    kind: str = "1"
    """Label: 1 is, 2 may be, 3 is suspected to be AI-generated."""
    reserved1: str = ""
    """ReservedCode1: the producer's own proof of integrity, may be empty."""
    propagator: str | None = None
    """ContentPropagator; None: the producer, as note 1 has it for the first writing."""
    propagate_id: str | None = None
    """PropagateID; None: ``produce_id``."""
    reserved2: str = ""
    """ReservedCode2, may be empty."""

    def fields(self) -> dict[str, str]:
        """Names and values as in the standard."""
        return {
            "Label": self.kind,
            "ContentProducer": self.producer,
            "ProduceID": self.produce_id,
            "ReservedCode1": self.reserved1,
            "ContentPropagator": self.producer if self.propagator is None else self.propagator,
            "PropagateID": self.produce_id if self.propagate_id is None else self.propagate_id,
            "ReservedCode2": self.reserved2,
        }

    def text(self) -> str:
        """Plain JSON on one line, ASCII.

        Raises:
            LabelError: a value has a character that the standard does not allow, or more than 256.
        """
        fields = self.fields()
        for name, value in fields.items():
            if not _VALUE.fullmatch(value):
                raise LabelError(f"标识字段 {name} 只能用 ASCII 可见字符（空格、双引号、反斜杠除外），最多 256 个。")
        return json.dumps(fields, separators=(",", ":"))


class _Container(Protocol):
    def copy(self, source: BinaryIO, target: BinaryIO, text: str) -> None: ...

    def read(self, source: BinaryIO) -> str | None: ...


_CONTAINERS: dict[str, Any] = {
    "mp3": id3,
    "aac": id3,
    "wav": riff,
    "ogg": ogg,
    "opus": ogg,
    "flac": flac,
    "m4a": mp4,
}
"""By format; PCM has no place for a label."""


def copy_labelled(source: BinaryIO, target: BinaryIO, format: str, label: Label) -> None:
    """Write ``source`` to ``target`` with ``label`` in it, in the place of an earlier one; PCM is copied as it is.

    Args:
        source: a whole file, seekable.
        target: an empty file.
        format: a key of ``MEDIA_TYPES``.
        label: what to write.

    Raises:
        LabelError: the file is damaged, or the label has a value that cannot be.
    """
    if format not in MEDIA_TYPES:
        raise SoundError(f"不支持的音频格式：可用 {'、'.join(MEDIA_TYPES)}。")
    text = label.text()
    source.seek(0)
    if format == "pcm":
        while block := source.read(65_536):
            target.write(block)
        return
    _container(format).copy(source, target, text)


def labelled(data: bytes, format: str, label: Label) -> bytes:
    """As ``copy_labelled``, in memory."""
    target = io.BytesIO()
    copy_labelled(io.BytesIO(data), target, format, label)
    return target.getvalue()


def read_label(source: BinaryIO) -> Label | None:
    """The label in a file of any of our formats, whatever its name; None where there is none.

    Both forms are understood: the bare seven fields, and the same inside ``{"AIGC": …}``.

    Raises:
        LabelError: it is no audio file that we know, it is damaged, or what it has under ``AIGC`` is no label.
    """
    source.seek(0)
    format = _recognised(source.read(12))
    source.seek(0)
    text = _container(format).read(source)
    return None if text is None else _parsed(text)


def _container(format: str) -> _Container:
    found: _Container = _CONTAINERS[format]
    return found


def _recognised(head: bytes) -> str:
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"OggS":
        return "ogg"
    if head[:4] == b"fLaC":
        return "flac"
    if head[4:8] == b"ftyp":
        return "m4a"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0):
        return "mp3"
    raise LabelError("不认识的音频文件：可读 WAV、MP3、AAC、M4A、Ogg、FLAC。")


def _parsed(text: str) -> Label:
    try:
        found = json.loads(text)
        found = found.get("AIGC", found)
        values = {str(name): found[name] for name in found}
    except (ValueError, RecursionError, AttributeError, TypeError) as error:
        raise LabelError("文件里的 AIGC 标识不是合法的 JSON 对象。") from error
    if not all(isinstance(value, str) for value in values.values()) or "Label" not in values:
        raise LabelError("文件里的 AIGC 标识缺少 Label，或有不是字符串的字段。")
    return Label(
        producer=values.get("ContentProducer", ""),
        produce_id=values.get("ProduceID", ""),
        kind=values["Label"],
        reserved1=values.get("ReservedCode1", ""),
        propagator=values.get("ContentPropagator", ""),
        propagate_id=values.get("PropagateID", ""),
        reserved2=values.get("ReservedCode2", ""),
    )
