"""``/api/voices`` around a listener that hears the median pitch, and nothing else."""

import asyncio
import hashlib
import io
import json
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from tests.tts_engine.test_clips import speech
from tests.tts_engine.test_voices import CONSENT, voice
from tests.webui.engine import SineEngine
from tests.webui.serving import Server
from tts_engine.identity import EMBEDDING, Identity
from tts_engine.recent import Recent
from webui_page import voice_routes

NAME = "voice-" + "0f" * 16


class PitchListener:
    name = "0123456789abcdef"

    def listen(self, samples):
        embedding = np.zeros(EMBEDDING, np.float32)
        embedding[0] = 1.0
        return Identity(embedding, 170.0, 2.0, 0.0)


@pytest.fixture
def served(start):
    engine = SineEngine()
    engine.listener = PitchListener()
    engine.speakers = {
        name: np.full(EMBEDDING + 3, value, np.float32) for name, value in (("female", 0.5), ("child", 0.0))
    }
    with start(engine) as server, server.client() as client:
        yield client


def clip():
    buffer = io.BytesIO()
    soundfile.write(buffer, speech(), 22050, format="WAV")
    return buffer.getvalue()


def form(data, name=NAME, **changes):
    consent = CONSENT.model_dump() | {"clip_sha256": hashlib.sha256(data).hexdigest()} | changes
    return {"data": {"name": name, "title": "我", "consent": json.dumps(consent)}, "files": {"clip": ("a.wav", data)}}


def test_a_clip_with_consent_becomes_a_voice_that_can_be_spoken_with_and_deleted(served):
    data = clip()
    answer = served.post("/api/voices", **form(data))
    assert answer.status_code == 201, answer.text
    assert answer.json()["clip_sha256"] == hashlib.sha256(data).hexdigest()
    assert served.post("/api/voices", **form(data)).status_code == 200  # sent twice
    listed = {row["name"]: row for row in served.get("/api/voices").json()["voices"]}
    assert listed[NAME]["kind"] == "private"
    assert NAME not in {row["name"] for row in served.get("/api/info").json()["voices"]}
    assert served.post("/api/predict/", json={"data": ["你好", NAME]}).status_code == 200
    assert served.delete(f"/api/voices/{NAME}").status_code == 204
    assert served.delete(f"/api/voices/{NAME}").status_code == 404
    assert served.post("/api/predict/", json={"data": ["你好", NAME]}).json()["code"] == "unknown_voice"
    log = served.get("/api/voices-log").json()["log"]
    assert [(row["action"], row["by"]) for row in log] == [("add", CONSENT.recorded_by), ("delete", "operator")]
    assert log[0]["consents"][0]["person"] == CONSENT.person


@pytest.mark.parametrize(
    ("told", "by"), [("key:abcd2345", "key:abcd2345"), ("", "operator"), ('a"b', "operator"), ("x" * 65, "operator")]
)
def test_the_log_says_for_whom_a_voice_was_deleted(served, told, by):
    assert served.post("/api/voices", **form(clip())).status_code == 201
    assert served.delete(f"/api/voices/{NAME}", headers={"X-Subject": told}).status_code == 204
    assert served.get("/api/voices-log").json()["log"][-1]["by"] == by


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"person": ""}, 422, "consent_required"),
        ({"agreed_at": "gestern"}, 422, "consent_required"),
        ({"clip_sha256": "1" * 64}, 422, "consent_mismatch"),
        ({"name": "../up"}, 422, "bad_voice"),
        ({"name": "female"}, 409, "voice_exists"),
    ],
)
def test_a_voice_without_right_is_not_kept(served, change, status, code):
    answer = served.post("/api/voices", **form(clip(), **change))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert [row["kind"] for row in served.get("/api/voices").json()["voices"]] == ["model"] * 3
    assert served.get("/api/voices-log").json()["log"] == []


def test_another_clip_does_not_take_a_name(served):
    other = clip()[:-2000]
    assert served.post("/api/voices", **form(clip(), "我")).status_code == 201
    assert served.post("/api/voices", **form(other, "我")).json()["code"] == "voice_exists"


def test_a_bad_clip_is_a_sentence(served):
    answer = served.post("/api/voices", **form(b"not sound"))
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_clip")


def test_voices_are_mixed_exported_and_imported(served):
    mixture = {"name": "半", "title": "一半", "mixture": "0.5*female+0.5*child"}
    assert served.post("/api/voices", json=mixture).status_code == 201
    exported = served.get("/api/voices/半")
    for where in ("/api", "/page"):  # under its own name: RFC 6266, as headers hold no Chinese
        named = served.get(f"{where}/voices/半").headers["content-disposition"]
        assert named == "attachment; filename*=UTF-8''%E5%8D%8A.voice.json"
    assert served.delete("/api/voices/半").status_code == 204
    answer = served.post("/api/voices-import", files={"file": ("v.json", exported.content)})
    assert answer.status_code == 201
    assert served.get("/api/voices/半").content == exported.content
    assert "半" in {row["name"] for row in served.get("/api/info").json()["voices"]}
    changed = exported.content.replace(b'"title": "', b'"title": "x')
    assert served.post("/api/voices-import", files={"file": ("v.json", changed)}).json()["code"] == "bad_voice"


def test_a_kept_voice_is_there_after_a_restart(tmp_path):
    folder = tmp_path / "web-voices"
    folder.mkdir()
    (folder / "我的声音.voice.json").write_bytes(voice().to_bytes())
    (folder / "damaged.voice.json").write_bytes(b"{")
    engine = SineEngine()
    engine.listener = PitchListener()
    with Server(engine, tmp_path / "web") as server, server.client() as client:
        assert client.post("/api/predict/", json={"data": ["你好", "我的声音"]}).status_code == 200


def test_a_model_that_cannot_clone_says_so(client):
    answer = client.post("/api/voices", **form(clip()[:20_000]))
    assert answer.json()["code"] == "cloning_unavailable"


def test_a_clip_that_comes_again_is_heard_once(monkeypatch):
    heard = []

    async def hear(_request, data):
        heard.append(data)
        return None, SimpleNamespace(told=(float(len(data)),))

    monkeypatch.setattr(voice_routes, "_hear", hear)
    request = SimpleNamespace(app=SimpleNamespace(state=SimpleNamespace(told=Recent(voice_routes.CLIPS_TOLD))))
    told = [asyncio.run(voice_routes.told_by_clip(request, clip)) for clip in (b"one", b"other", b"one")]
    assert told == [(3.0,), (5.0,), (3.0,)]
    assert heard == [b"one", b"other"]
