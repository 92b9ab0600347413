"""``GET /audit``: what was done to keys, tokens and voices, for the administrator."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, Response, request

from app.access import requires
from app.audit import Audit, Entry, Query
from app.body import validate
from app.replies import reply
from app.schemas import AuditPageReply, AuditQuery, AuditReply
from app.services import services

blueprint = Blueprint("audit", __name__)


@blueprint.get("/audit")
@requires("admin")
def audit() -> Response:
    """One page; ``next_after`` of the answer is ``after`` of the next call."""
    asked = validate(AuditQuery, request.args.to_dict())
    query = Query(_seconds(asked.since), _seconds(asked.until), asked.action, asked.actor)
    page = Audit(services().engine).page(query, asked.after, asked.limit)
    full = len(page) == asked.limit
    return reply(AuditPageReply(entries=[_line(entry) for entry in page], next_after=page[-1].id if full else None))


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _line(entry: Entry) -> AuditReply:
    at = datetime.fromtimestamp(entry.at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return AuditReply(
        id=entry.id, at=at, actor=entry.actor, action=entry.action, target=entry.target, detail=entry.detail
    )
