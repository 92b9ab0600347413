"""``/jobs``: long texts in the background."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request

from app.access import caller, permit, requires
from app.body import parse
from app.errors import FieldError, JobNotFoundError
from app.longform.jobs import Asked
from app.longform.ledger import ACTIVE, JobRow
from app.longform.making import wish_of
from app.replies import reply
from app.routes.tts import allow_label
from app.schemas import JobPartReply, JobReply, JobRequest, JobsReply, check_text
from app.services import Services, services
from app.timestamps import Kind

blueprint = Blueprint("jobs", __name__)

_KEY = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,6}", re.ASCII)
_TYPES = {"srt": "application/x-subrip", "lrc": "text/plain; charset=utf-8"}


@blueprint.post("/jobs")
@requires("tts")
def submit() -> Response:
    """Begin a long text: 202; the same again, by its ``Idempotency-Key``: 200."""
    parts = services()
    wanted = parse(JobRequest, parts.settings.jobs.max_body_bytes)
    text = check_text(wanted.text, parts.settings.jobs.max_chars)
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise FieldError("Idempotency-Key", "应为 1 到 128 个可见的 ASCII 字符")
    if wanted.ssml and len(text) > parts.settings.jobs.part_chars:
        most = parts.settings.jobs.part_chars
        raise FieldError(
            "ssml", f"长文本会分段合成，SSML 在这里最多 {most} 个字符：请改用 /tts、/tts/stream 或文中标注"
        )
    allow_label(wanted)
    wish = wanted.wish(text)
    permit(wish.order)
    url = None if wanted.callback_url is None else parts.jobs.callbacks.check(wanted.callback_url)
    job, is_new = parts.jobs.submit(Asked(wish, caller().subject, key, url))
    answer = reply(_told(parts, job, 0), 202 if is_new else 200)
    answer.headers["Location"] = f"/jobs/{job.id}"
    return answer


@blueprint.get("/jobs")
@requires("tts")
def listed() -> Response:
    """The caller's own jobs, the newest first."""
    parts = services()
    jobs = [_told(parts, job, None) for job in parts.jobs.ledger.of(caller().subject)]
    return reply(JobsReply(jobs=jobs))


@blueprint.get("/jobs/<job_id>")
@requires("tts")
def progress(job_id: str) -> Response:
    """How far it is, and what can be played already."""
    parts = services()
    first = request.args.get("parts_from", "0")
    if not _NUMBER.fullmatch(first):
        raise FieldError("parts_from", "应为段的序号，从 0 开始")
    return reply(_told(parts, _own(parts, job_id), int(first)))


@blueprint.delete("/jobs/<job_id>")
@requires("tts")
def remove(job_id: str) -> Response:
    """Stop it where it runs, and delete it with its result."""
    if not services().jobs.remove(job_id, caller().subject):
        raise JobNotFoundError
    return Response(status=204)


@blueprint.get("/jobs/<job_id>/timestamps")
@requires("tts")
def timestamps(job_id: str) -> Response:
    """When what is heard, of all parts that are made."""
    parts = services()
    job = _own(parts, job_id)
    kind = request.args.get("format", "characters")
    kinds: dict[str, Kind] = {
        "characters": "characters",
        "sentences": "sentences",
        "srt": "srt",
        "lrc": "lrc",
    }
    if kind not in kinds:
        raise FieldError("format", f"只能是 {'、'.join(kinds)}")
    body: Iterator[str] = parts.jobs.captions(job, kinds[kind], parts.speech.library)
    response = Response(body, content_type=_TYPES.get(kind, "application/json"))
    response.headers["Cache-Control"] = "no-store"
    return response


def _own(parts: Services, job_id: str) -> JobRow:
    job = parts.jobs.find(job_id, caller().subject)
    if job is None:
        raise JobNotFoundError
    return job


def _told(parts: Services, job: JobRow, first: int | None) -> JobReply:
    """Args: first: number of the first part to tell of; None tells of none."""
    rows = parts.jobs.ledger.parts(job.id)
    made = sum(row.end - row.begin for row in rows if row.state != "pending")
    expires_s = parts.now() + parts.settings.storage.url_lifetime_s
    result: dict[str, Any] = {}
    if job.result:
        result = {"audio_url": _link(parts, job.result), "expires_at": _iso(expires_s), "duration_s": job.duration_s}
    return JobReply(
        id=job.id,
        state=job.state,
        progress=round(made / len(job.text), 4),
        characters=len(job.text),
        format=wish_of(job).format,  # type: ignore[arg-type]  # the schema let it in
        created_at=_iso(job.created_s),
        parts_total=len(rows),
        parts_done=sum(row.state != "pending" for row in rows),
        parts=None if first is None else [_part(parts, job, row) for row in rows[first:] if row.state == "done"],
        code=job.code or None,
        detail=job.detail or None,
        delete_at=None if job.state in ACTIVE else _iso(job.updated_s + parts.settings.jobs.lifetime_h * 3600),
        **result,
    )


def _part(parts: Services, job: JobRow, row: Any) -> JobPartReply:
    record = parts.speech.library.find(row.playable)
    return JobPartReply(
        number=row.number,
        begin=row.begin,
        end=row.end,
        duration_s=round(row.duration_s, 3),
        audio_url=None if record is None else _link(parts, record.name),
    )


def _link(parts: Services, name: str) -> str:
    link = parts.storage.url(name, parts.settings.storage.url_lifetime_s)
    return parts.settings.proxy.public_url + link if link.startswith("/") else link


def _iso(moment_s: float) -> str:
    return datetime.fromtimestamp(moment_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
