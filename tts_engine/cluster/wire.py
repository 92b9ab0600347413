"""What travels between who asks and a replica: a call as JSON, an answer as frames; nothing that can run code.

A frame is type (1 byte), length (u32 little-endian), payload: ``J`` describes a piece, ``A`` is its sound, ``E`` an
error, ``Z`` the end. An answer without ``E`` or ``Z`` is broken.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tts_engine import errors
from tts_engine.errors import SynthesisError, TTSError
from tts_engine.frontend.reading import Notice
from tts_engine.scheduler import PRIORITIES
from tts_engine.speech import Speech, Timing
from tts_engine.synthesizer import SynthesisOptions

SPEAK = "/v1/speak"
INFO = "/v1/info"
LISTEN = "/v1/listen"
LEXICON_WANTED = 428
"""The replica has not yet seen these words: ask again with them."""

PIECE, SOUND, ERROR, END = b"J", b"A", b"E", b"Z"
_HEADER = struct.Struct("<cI")
_LONGEST_FRAME = 1 << 28


class WireError(SynthesisError):
    """An answer is cut off or is not ours; asking again helps."""

    code = "cluster_broken"


@dataclass(frozen=True)
class Call:
    """One request."""

    text: str
    options: SynthesisOptions = field(default_factory=SynthesisOptions)
    left_s: float | None = None
    """Seconds until the deadline."""
    priority: str = "normal"
    lexicon: str = ""
    """Digest of the caller's own words; empty for none."""
    words: str | None = None
    """The lexicon itself, where the replica wanted it."""
    skip: int = 0
    """Pieces that the caller has already, from an answer that broke off."""
    revision: str = ""
    """Of the pieces that the caller has."""

    def encode(self) -> bytes:
        """As JSON; any text survives, lone surrogates too."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> Call:
        """The call of a JSON document.

        Raises:
            WireError: it is not one.
        """
        try:
            fields = json.loads(data)
            options = fields.pop("options")
            if options["speaker"] is not None:
                options["speaker"] = tuple(float(value) for value in options["speaker"])
            call = cls(options=SynthesisOptions(**options), **fields)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise WireError("集群收到的请求不完整或版本不同：请让各处运行同一版本。") from error
        if call.priority not in PRIORITIES or not isinstance(call.text, str) or call.skip < 0:
            raise WireError("集群收到的请求不完整或版本不同：请让各处运行同一版本。")
        return call


def frame(kind: bytes, payload: bytes = b"") -> bytes:
    """One frame as it travels."""
    return _HEADER.pack(kind, len(payload)) + payload


def piece_frames(speech: Speech) -> bytes:
    """A piece as its two frames."""
    described = {name: value for name, value in vars(speech).items() if name not in ("samples", "timings", "warnings")}
    described["timings"] = [asdict(timing) for timing in speech.timings]
    described["warnings"] = [asdict(notice) for notice in speech.warnings]
    sound = np.ascontiguousarray(speech.samples, dtype="<f4").tobytes()
    return frame(PIECE, json.dumps(described).encode()) + frame(SOUND, sound)


def error_frame(error: TTSError) -> bytes:
    """An error with all that its receiver may ask it."""
    return frame(ERROR, json.dumps([type(error).__name__, str(error), vars(error)]).encode())


def read_frames(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Type and payload of each frame, as they arrive in chunks of any size.

    Raises:
        WireError: the answer ends without its end, or a frame is too large to be true.
    """
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= _HEADER.size:
            kind, length = _HEADER.unpack_from(buffer)
            if length > _LONGEST_FRAME:
                raise WireError("集群的回答不对：请检查 engine.cluster_urls 指向的是不是语音集群。")
            if len(buffer) < _HEADER.size + length:
                break
            yield kind, bytes(buffer[_HEADER.size : _HEADER.size + length])
            if kind in (END, ERROR):
                return
            del buffer[: _HEADER.size + length]
    raise WireError("集群的回答中断了：请重试。")


def read_pieces(chunks: Iterable[bytes]) -> Iterator[Speech]:
    """The pieces of an answer.

    Raises:
        TTSError: the one that the replica sent, or ``WireError``.
    """
    described: dict[str, Any] = {}
    for kind, payload in read_frames(chunks):
        if kind == ERROR:
            raise _error(payload)
        if kind == PIECE:
            described = _document(payload)
        elif kind == SOUND:
            yield _speech(described, payload)


def _document(payload: bytes) -> dict[str, Any]:
    try:
        document = json.loads(payload)
    except ValueError as error:
        raise WireError("集群的回答不对：请让各处运行同一版本。") from error
    if not isinstance(document, dict):
        raise WireError("集群的回答不对：请让各处运行同一版本。")
    return document


def _speech(described: dict[str, Any], sound: bytes) -> Speech:
    try:
        described["timings"] = tuple(Timing(**row) for row in described["timings"])
        described["warnings"] = tuple(Notice(**row) for row in described["warnings"])
        return Speech(samples=np.frombuffer(sound, dtype="<f4").astype(np.float32), **described)
    except (KeyError, TypeError, ValueError) as error:
        raise WireError("集群的回答不对：请让各处运行同一版本。") from error


def _error(payload: bytes) -> TTSError:
    """The error as it was raised there; of an unknown kind, a ``SynthesisError`` with its sentence."""
    try:
        name, sentence, fields = json.loads(payload)
        known = getattr(errors, name, WireError if name == "WireError" else SynthesisError)
        kind = known if isinstance(known, type) and issubclass(known, TTSError) else SynthesisError
        error: TTSError = kind.__new__(kind, sentence)
        error.args = (sentence,)
        vars(error).update({key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()})
    except (ValueError, TypeError) as wrong:
        return WireError(f"集群的回答不对（{type(wrong).__name__}）：请让各处运行同一版本。")
    return error
