"""``POST /tts``: a sentence in, a link to its sound out."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response, g

from app.access import caller, permit, requires
from app.body import parse
from app.replies import reply
from app.schemas import Silence, SpeechReply, SpeechRequest, Timing, check_text
from app.services import services

blueprint = Blueprint("tts", __name__)


@blueprint.post("/tts")
@requires("tts")
def speak() -> Response:
    """Speak ``text``; what was spoken before costs nothing."""
    parts = services()
    wanted = parse(SpeechRequest, parts.settings.proxy.max_body_bytes)
    text = check_text(wanted.text, parts.settings.proxy.max_chars)
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
            timestamps=[Timing(**timing) for timing in clip.timings] if wanted.timestamps else None,
            warnings=[Silence(**warning) for warning in clip.warnings] or None,
        )
    )
