"""Health, readiness, voices, and the API's own description."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.errors import EngineUnreachableError
from app.readiness import Readiness
from app.services import services_of


def test_the_process_is_alive_whatever_else_is_broken(client, gateway):
    gateway.healthy = False
    assert client.get("/healthz").get_json() == {"status": "ok"}


def test_ready_means_every_part(client):
    answer = client.get("/readyz")
    checks = {"engine": "ok", "database": "ok", "storage": "ok", "disk": "ok"}
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok", "checks": checks})


def test_what_is_not_ready_is_named_with_503_and_when_to_come_back(client, gateway):
    gateway.healthy = False
    answer = client.get("/readyz")
    problem = answer.get_json()
    assert (answer.status_code, problem["code"], answer.headers["Retry-After"]) == (503, "not_ready", "5")
    assert problem["checks"] == {"engine": "语音引擎没有就绪", "database": "ok", "storage": "ok", "disk": "ok"}
    assert "语音引擎没有就绪" in problem["detail"]


def test_a_full_disk_is_not_ready(make_app):
    app = make_app(proxy__min_free_mb=1_000_000)
    assert app.test_client().get("/readyz").get_json()["checks"]["disk"] == "磁盘空间不足"


def test_many_who_ask_look_once_a_second(services):
    now_s = [10.0]
    looked = []

    class Counting(Readiness):
        def _look(self):
            looked.append(1)
            return super()._look()

    readiness = Counting(services.readiness._parts, lambda: now_s[0])
    for after_s in (0, 0.5, 0.9, 1.0, 1.1):
        now_s[0] = 10.0 + after_s
        readiness.checks()
    assert len(looked) == 2


def test_a_part_that_hangs_holds_one_who_asks_and_not_everybody(services, gateway):
    now_s = [10.0]
    readiness = Readiness(services.readiness._parts, lambda: now_s[0])
    readiness.checks()
    asked, answer = threading.Event(), threading.Event()

    def hang():
        asked.set()
        return not answer.wait(120)

    gateway.is_healthy = hang
    now_s[0] += 5
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(readiness.checks)
        assert asked.wait(120)
        assert readiness.checks()["engine"] == "ok"  # as it last was
        answer.set()
        assert first.result()["engine"] == "语音引擎没有就绪"
    assert readiness.checks()["engine"] == "语音引擎没有就绪"


def test_voices_are_the_engines(client, auth):
    body = client.get("/voices", headers=auth).get_json()
    assert body == {
        "voices": [
            {"name": "female", "title": "女声", "gender": "female"},
            {"name": "male", "title": "男声", "gender": "male"},
        ],
        "speed": {"min": 0.5, "max": 2.0},
        "formats": ["mp3", "wav", "m4a", "aac", "ogg", "opus", "flac", "pcm"],
        "cloned": [],
    }


def test_voices_of_an_engine_that_never_answered_are_502(client, auth, gateway):
    gateway.failure = EngineUnreachableError()
    answer = client.get("/voices", headers=auth)
    assert (answer.status_code, answer.get_json()["code"]) == (502, "engine_unreachable")


@pytest.fixture
def api(client):
    return client.get("/openapi.json").get_json()


def test_the_description_has_every_route_and_no_other(app, api):
    served = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = {(path, method) for path, item in api["paths"].items() for method in item}
    assert served - described == {("/openapi.json", "get"), ("/docs", "get"), ("/metrics", "get")}
    assert described <= served


def test_every_reference_leads_somewhere(api):
    found = set(re.findall(r"#/components/schemas/(\w+)", str(api)))
    assert found == set(api["components"]["schemas"])
    assert {"SpeechRequest", "SpeechReply", "ProblemReply", "Timing"} <= found


def test_every_error_is_declared_as_problem_json(api):
    for path, item in api["paths"].items():
        kind = "application/json" if path.startswith("/v1/") else "application/problem+json"  # as OpenAI's clients want
        for call in item.values():
            for status, response in call["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == [kind]
                else:
                    assert "application/problem+json" not in response["content"]


def test_the_bounds_in_the_description_are_those_of_the_code(api):
    fields = api["components"]["schemas"]["SpeechRequest"]["properties"]
    assert (fields["speed"]["minimum"], fields["speed"]["maximum"], fields["speed"]["default"]) == (0.5, 2.0, 1.0)
    assert fields["format"]["enum"] == ["mp3", "wav", "m4a", "aac", "ogg", "opus", "flac", "pcm"]
    assert fields["sample_rate"]["anyOf"][0]["enum"] == [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000]
    assert api["components"]["schemas"]["SpeechRequest"]["additionalProperties"] is False
    assert api["openapi"] == "3.1.0"


def test_answers_are_as_described(client, auth, api):
    answer = client.post("/tts", json={"text": "你好", "timestamps": True}, headers=auth).get_json()
    schema = api["components"]["schemas"]["SpeechReply"]
    assert set(answer) <= set(schema["properties"])
    assert set(schema["required"]) <= set(answer)
    problem = client.post("/tts", json={}, headers=auth).get_json()
    assert set(api["components"]["schemas"]["ProblemReply"]["required"]) <= set(problem)


def test_the_page_is_complete_in_itself(client, api):
    answer = client.get("/docs")
    page = answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!/openapi\.json|#)""", page)
    assert "<script" not in page
    assert "@import" not in page
    for path in api["paths"]:
        assert f"<code>{path}</code>" in page
    assert "默认 <code>1.0</code>" in page
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_the_style_is_the_one_that_the_policy_allows(client):
    import base64
    import hashlib

    answer = client.get("/docs")
    style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in answer.headers["Content-Security-Policy"]


def test_every_answer_has_an_id_and_forbids_guessing_its_type(client):
    for path in ("/healthz", "/docs", "/nope", "/openapi.json"):
        headers = client.get(path).headers
        assert re.fullmatch(r"[0-9a-f]{32}", headers["X-Request-Id"])
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_parts_are_those_of_this_app(app, services):
    assert services_of(app) is services
