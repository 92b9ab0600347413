"""What Prometheus reads, what log lines hold, and what neither ever tells."""

import io
import json
import logging
import re

import pytest

from app.errors import GatewayError
from app.logs import JsonFormatter

SECRET_TEXT = "这句话谁也不该在日志里看到"


def read(client, address="127.0.0.1"):
    answer = client.get("/metrics", environ_base={"REMOTE_ADDR": address})
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    lines = (line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


def test_the_numbers_are_those_of_the_requests(client, auth, gateway):
    for text in ("一二三", "一二三", "四五"):
        client.post("/tts", json={"text": text}, headers=auth)
    gateway.failure = GatewayError()
    client.post("/tts", json={"text": "六"}, headers=auth)
    client.post("/tts", json={"text": "七"})
    client.get(f"/nowhere/{SECRET_TEXT}")
    numbers = read(client)
    assert numbers['tts_requests_total{method="POST",route="/tts",status="200"}'] == 3
    assert numbers['tts_requests_total{method="POST",route="/tts",status="502"}'] == 1
    assert numbers['tts_requests_total{method="POST",route="/tts",status="401"}'] == 1
    assert numbers['tts_requests_total{method="GET",route="-",status="404"}'] == 1
    assert numbers['tts_request_seconds_count{route="/tts"}'] == 5
    assert numbers['tts_answers_total{cached="true"}'] == 1
    assert numbers['tts_characters_total{cached="false"}'] == 5
    assert numbers['tts_characters_total{cached="true"}'] == 3
    assert numbers["tts_engine_seconds_count"] == 2
    assert numbers["tts_sound_seconds_total"] == pytest.approx(0.5)
    assert numbers['tts_engine_failures_total{code="engine_failed"}'] == 1
    assert numbers["tts_engine_asking"] == 0
    assert numbers["tts_storage_bytes"] > 1000
    assert numbers["tts_disk_free_bytes"] > 0


def test_a_worker_that_does_not_run_is_seen(client, auth, clock):
    assert [read(client)[f"tts_jobs_{name}"] for name in ("unfinished", "idle_seconds")] == [0, 0]
    assert client.post("/jobs", json={"text": "没有人做"}, headers=auth).status_code == 202
    assert [read(client)[f"tts_jobs_{name}"] for name in ("unfinished", "idle_seconds")] == [1, 0]
    clock.now_s += 605
    assert [read(client)[f"tts_jobs_{name}"] for name in ("unfinished", "idle_seconds")] == [1, 600]


def test_inventing_methods_and_addresses_makes_no_new_series(client):
    for number in range(20):
        client.open(f"/x/{number}", method=f"METHOD{number}")
    assert len([name for name in read(client) if name.startswith("tts_requests_total")]) == 1


@pytest.mark.parametrize(
    ("allowed", "address", "status"),
    [
        ("127.0.0.1,::1", "127.0.0.1", 200),
        ("127.0.0.1,::1", "::1", 200),
        ("127.0.0.1,::1", "192.0.2.1", 404),
        ("10.0.0.0/8", "10.1.2.3", 200),
        ("10.0.0.0/8", "127.0.0.1", 404),
        ("", "127.0.0.1", 404),
        ("127.0.0.1", "", 404),
        ("127.0.0.1", "unix:", 404),
    ],
)
def test_only_the_addresses_that_are_named_may_read_them(make_app, allowed, address, status):
    client = make_app(proxy__metrics_allow=allowed).test_client()
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": address}).status_code == status


def test_a_database_that_is_away_hides_no_other_number(client, services, monkeypatch):
    services.engine.dispose()
    monkeypatch.setattr(services.engine, "connect", lambda: (_ for _ in ()).throw(_database_error()))
    numbers = read(client)
    assert str(numbers["tts_storage_bytes"]) == "nan"
    assert numbers["tts_disk_free_bytes"] > 0


def _database_error():
    from sqlalchemy.exc import OperationalError

    return OperationalError("SELECT 1", {}, Exception("gone"))


@pytest.fixture
def lines():
    """Every line that is logged, as the service would write it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
    root.setLevel(level)


def test_a_line_is_one_object_with_the_id_of_its_request_and_without_its_secrets(client, auth, key, gateway, lines):
    client.post("/tts", json={"text": SECRET_TEXT}, headers={**auth, "X-Request-Id": "trace-0001"})
    gateway.failure = GatewayError()
    client.post("/tts", json={"text": SECRET_TEXT + "二"}, headers={"X-API-Key": key, "X-Request-Id": "trace-0002"})
    client.post("/tts", json={"text": SECRET_TEXT, "nonsense": SECRET_TEXT}, headers=auth)
    client.post("/tts", json={"text": "x"}, headers={"X-API-Key": key[:-1] + "~", "X-Request-Id": "a b{}" * 9})
    told = lines()
    done = [line for line in told if "status" in line]
    assert [(line["request_id"], line["status"]) for line in done][:2] == [("trace-0001", 200), ("trace-0002", 502)]
    assert {line["route"] for line in done} == {"/tts"}
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{8,64}", line["request_id"]) for line in done)
    everything = json.dumps(told, ensure_ascii=False)
    for secret in (SECRET_TEXT, key, key[13:], auth["Authorization"][7:]):
        assert secret not in everything


def test_a_message_cannot_forge_a_line():
    record = logging.LogRecord("x", logging.INFO, "", 0, 'one\n{"level": "ERROR"}', (), None)
    assert len(JsonFormatter().format(record).splitlines()) == 1
