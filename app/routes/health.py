"""``/healthz``, ``/readyz``, ``/metrics``: for whoever restarts us, sends us requests, or watches us."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from flask import Blueprint, Response, abort, request
from sqlalchemy.exc import SQLAlchemyError

from app.errors import NotReadyError
from app.metrics import Level
from app.replies import reply
from app.schemas import HealthReply, ReadyReply
from app.services import Services, services
from app.storage import StorageError
from app.storage.fallback import FallbackStorage

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


@blueprint.get("/metrics")
def metrics() -> Response:
    """Prometheus's text format, for the addresses of ``proxy.metrics_allow``; to others there is no such page."""
    parts = services()
    if not _may_watch(parts.settings.proxy.metrics_allow, request.remote_addr):
        abort(404)
    response = Response(parts.metrics.text(_levels(parts)), content_type="text/plain; version=0.0.4; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response


def _may_watch(allowed: str, address: str | None) -> bool:
    try:
        asking = ipaddress.ip_address(address or "")
    except ValueError:  # a unix socket's peer may be anybody whom nginx lets through
        return False
    return any(
        asking in ipaddress.ip_network(part.strip(), strict=False) for part in allowed.split(",") if part.strip()
    )


def _levels(parts: Services) -> list[Level]:
    ledger = parts.jobs.ledger
    levels = [
        Level("tts_storage_bytes", "Bytes of indexed audio", _or_nan(parts.speech.library.total_bytes)),
        Level("tts_disk_free_bytes", "Room on the disk of the audio", parts.disk.free_bytes),
        Level("tts_disk_has_room", "1 while new audio may be made", lambda: float(parts.disk.has_room())),
        Level("tts_jobs_unfinished", "Long texts queued or under way", _or_nan(lambda: ledger.backlog()[0])),
        Level(
            "tts_jobs_idle_seconds", "How long nobody has worked on one of them", _or_nan(lambda: ledger.backlog()[1])
        ),
    ]
    store = parts.storage
    if isinstance(store, FallbackStorage):
        levels.append(Level("tts_storage_waiting", "Sounds waiting for the bucket", _or_nan(lambda: store.waiting)))
    return levels


def _or_nan(value: Callable[[], float]) -> Callable[[], float]:
    """A part that is away must not hide the others."""

    def ask() -> float:
        try:
            return value()
        except (StorageError, SQLAlchemyError):
            return float("nan")

    return ask
