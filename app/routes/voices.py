"""``GET /voices``: which voices there are."""

from __future__ import annotations

from flask import Blueprint, Response

from app.access import requires
from app.replies import reply
from app.schemas import SpeedReply, VoiceReply, VoicesReply
from app.services import services
from sound import MEDIA_TYPES

blueprint = Blueprint("voices", __name__)


@blueprint.get("/voices")
@requires("voices", "tts")
def voices() -> Response:
    """As the engine tells, remembered for a few seconds."""
    info = services().catalogue.info()
    return reply(
        VoicesReply(
            voices=[VoiceReply(name=voice.name, title=voice.title, gender=voice.gender) for voice in info.voices],
            speed=SpeedReply(min=max(0.5, info.speed_min), max=min(2.0, info.speed_max)),
            formats=list(MEDIA_TYPES),
        )
    )
