"""``POST /tts``: a sentence in, a link to its sound out; ``POST /tts/stream``: the sound while it is being made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, g, request

from app.access import caller, permit, requires
from app.body import parse
from app.database import record
from app.errors import FieldError
from app.replies import reply
from app.schemas import Format, Silence, SpeechReply, SpeechRequest, StreamRequest, Timing, Voicing, check_text
from app.services import services
from app.speech import Clip
from app.streams import Stream
from app.timestamps import Captions, kind_of
from sound import MEDIA_TYPES
from sound.formats import STREAMABLE

blueprint = Blueprint("tts", __name__)

FRAMES = "application/octet-stream"
_PLAIN: dict[str, Format] = {
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/aac": "aac",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/pcm": "pcm",
}
"""What ``Accept`` may ask for instead of frames."""


@blueprint.post("/tts")
@requires("tts")
def speak() -> Response:
    """Speak ``text``; what was spoken before costs nothing."""
    parts = services()
    wanted = parse(SpeechRequest, parts.settings.proxy.max_body_bytes)
    text = check_text(wanted.text, parts.settings.proxy.max_chars)
    allow_label(wanted)
    wish = wanted.wish(text)
    permit(wish.order)
    clip = parts.speech.speak(wish, caller().subject, g.request_id)
    return reply(
        SpeechReply(
            audio_url=clip.audio_url,
            expires_at=datetime.fromtimestamp(clip.expires_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            duration_s=round(clip.duration_s, 3),
            characters=len(text),
            cached=clip.cached,
            format=wanted.format,
            request_id=g.request_id,
            warnings=[Silence(**warning) for warning in clip.warnings] or None,
            **_times(wanted, text, clip),
        )
    )


@blueprint.post("/tts/stream")
@requires("tts")
def stream() -> Response:
    """Speak ``text`` a sentence at a time, as frames or, where ``Accept`` names an audio type, as one growing file."""
    parts = services()
    wanted = parse(StreamRequest, parts.settings.proxy.max_body_bytes)
    text = check_text(wanted.text, parts.settings.proxy.stream_max_chars)
    allow_label(wanted)
    plain = _plain_format(wanted)
    # frames go to an interface, which shows the label; a file can be kept, and is heard to be labelled
    asked = "explicit_label" in wanted.model_fields_set
    explicit = wanted.explicit_label and (asked or plain is not None)
    wish = wanted.wish_for(text, plain or wanted.format or "pcm", explicit)
    permit(wish.order)
    begun = parts.streams.begin(wish, caller().subject, g.request_id)
    if plain is None:
        body = parts.streams.frames(begun, Captions(text, kind_of(wanted.timestamps)))
    else:
        body = parts.streams.file(begun)
    return streamed(begun, body, FRAMES if plain is None else MEDIA_TYPES[plain])


def streamed(begun: Stream, body: Iterator[bytes], media_type: str) -> Response:
    """An answer that grows, which nothing on its way may hold back; when it ends, or the client goes, the work does."""
    response = Response(body, content_type=media_type)
    response.call_on_close(begun.close)
    response.headers["X-Accel-Buffering"] = "no"
    response.headers["Cache-Control"] = "no-store, no-transform"
    return response


def allow_label(wanted: Voicing) -> None:
    """Return when the caller may have what he asks; who goes without the explicit label is audited.

    Raises:
        FieldError: the settings allow nobody to go without.
    """
    parts = services()
    if wanted.explicit_label or parts.settings.label.explicit == "none":
        return
    if not parts.settings.label.callers_may_omit:
        raise FieldError("explicit_label", "本服务不提供没有显式 AI 标识的文件")
    record(parts.engine, parts.now(), caller().subject, "explicit_label.omit", g.request_id)


def _plain_format(wanted: StreamRequest) -> Format | None:
    """The format of the growing file; None: frames."""
    best = request.accept_mimetypes.best_match([FRAMES, *_PLAIN], FRAMES)
    if best == FRAMES:
        return None
    format = wanted.format or _PLAIN[best]
    if format not in STREAMABLE:
        raise FieldError("format", f"{format} 不能边合成边发送：可用 {'、'.join(STREAMABLE)}")
    if not request.accept_mimetypes[MEDIA_TYPES[format]]:
        raise FieldError("format", "与 Accept 不一致")
    return format


def _times(wanted: SpeechRequest, text: str, clip: Clip) -> dict[str, Any]:
    kind = kind_of(wanted.timestamps)
    if kind == "characters":
        return {"timestamps": [Timing(**timing) for timing in clip.timings]}
    found = Captions(text, kind).of(clip.timings)
    if "sentences" in found:
        return {"timestamps": [Timing(**line) for line in found["sentences"]]}
    return found
