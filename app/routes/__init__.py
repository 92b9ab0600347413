"""The proxy's addresses, one module a resource."""

from __future__ import annotations

from flask import Flask

from app.routes import audio, audit, auth, documentation, health, jobs, openai, prewarm, tencent, tts, voices
from app.services import services_of


def register(app: Flask) -> None:
    """Give ``app`` every route."""
    for module in (tts, jobs, openai, prewarm, auth, audit, voices, audio, health, documentation):
        app.register_blueprint(module.blueprint)
    if services_of(app).settings.compat.tencent:
        app.register_blueprint(tencent.blueprint)
