"""``/healthz`` and ``/readyz``: for whoever restarts us, and for whoever sends us requests."""

from __future__ import annotations

from flask import Blueprint, Response

from app.errors import NotReadyError
from app.replies import reply
from app.schemas import HealthReply, ReadyReply
from app.services import services

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """This process answers; nothing else is looked at."""
    return reply(HealthReply(status="ok"))


@blueprint.get("/readyz")
def readyz() -> Response:
    """Every part works, or 503 with the one that does not."""
    checks = services().readiness.checks()
    broken = [word for word in checks.values() if word != "ok"]
    if broken:
        raise NotReadyError(f"服务尚未就绪：{'；'.join(broken)}。", retry_after_s=5, checks=checks)
    return reply(ReadyReply(status="ok", checks=checks))
