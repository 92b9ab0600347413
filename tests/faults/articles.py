"""Long texts under faults: asked for, made by the worker, heard to the end."""

import io
import uuid

import soundfile

from tests.faults.installation import until
from tests.faults.proof import digest, heard

PART_CHARS = 20


def article(parts):
    """A text of so many parts, each its own sentence."""
    return "".join(f"{number:02d}{uuid.uuid4().hex[:8]}这一段说完了。" for number in range(parts))


def submit(site, text):
    """The job that was accepted, however often it had to be asked for; one text is one job."""
    headers = {"X-API-Key": site.key, "Idempotency-Key": uuid.uuid4().hex}
    body = {"text": text, "format": "flac"}

    def accepted():
        answer = site.request("POST", "/jobs", json=body, headers=headers)
        assert answer.status_code in (200, 202, 502, 503, 504), answer.text + site.told()
        assert answer.ok or int(answer.headers["Retry-After"]) >= 1
        return answer.json() if answer.ok else None

    return until(accepted, 120, "the job is accepted")["id"]


def told(site, job):
    """What is said of a job; None while nothing can be said."""
    answer = site.request("GET", f"/jobs/{job}")
    assert answer.status_code in (200, 502, 503, 504), answer.text
    return answer.json() if answer.ok else None


def parts_done(site, job):
    found = told(site, job)
    return found["parts_done"] if found else 0


def finished(site, job, limit_s=180):
    """The job when it is done."""

    def is_done():
        found = told(site, job)
        assert found is None or found["state"] in ("queued", "running", "done"), found
        return found if found and found["state"] == "done" else None

    return until(is_done, limit_s, lambda: f"the job is done: {told(site, job)}\n{site.told()}")


def assert_said(site, done, text):
    """Every part of ``text`` is heard once, in order, and nothing else."""
    answer = site.request("GET", done["audio_url"].removeprefix(site.url)) if site.url in done["audio_url"] else None
    data = answer.content if answer else site.fetch(done["audio_url"])
    samples, _ = soundfile.read(io.BytesIO(data), dtype="float32")
    expected = tuple(digest(text[part["begin"] : part["end"]]) for part in done["parts"])
    assert heard(samples) == expected
    assert "".join(text[part["begin"] : part["end"]] for part in done["parts"]) == text


def repeated(site, texts):
    """How many parts of ``texts`` the engine spoke more than once."""
    spoken = [text for text in site.spoken() if any(text in whole for whole in texts)]
    return len(spoken) - len(set(spoken))
