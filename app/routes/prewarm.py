"""``POST /prewarm``: frequent texts, made ahead of need by the worker."""

from __future__ import annotations

from flask import Blueprint, Response

from app.access import caller, permit, requires
from app.body import parse
from app.database import record
from app.replies import reply
from app.schemas import PrewarmReply, PrewarmRequest, check_text
from app.services import services

blueprint = Blueprint("prewarm", __name__)


@blueprint.post("/prewarm")
@requires("admin")
def prewarm() -> Response:
    """Put the texts on the list; the same list again tells how far it is. Nothing is put there unless all texts fit."""
    parts = services()
    wanted = parse(PrewarmRequest, parts.settings.proxy.max_prewarm_bytes)
    limit = parts.settings.proxy.max_chars
    wishes = [wanted.wish(check_text(text, limit, f"texts.{i}")) for i, text in enumerate(wanted.texts)]
    for wish in wishes:
        permit(wish.order)
    progress = parts.prewarm.ask(wishes)
    record(parts.engine, parts.now(), caller().subject, "prewarm", f"{len(wishes)} texts")
    told = PrewarmReply(ready=progress.ready, pending=progress.pending, failed=progress.failed)
    return reply(told, 202 if told.pending else 200)
