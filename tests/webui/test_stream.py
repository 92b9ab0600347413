"""POST /api/stream: frames, errors before and after the first byte, clients that leave."""

from __future__ import annotations

import json
import logging
import socket
import time

import httpx
import numpy as np
import pytest

from tests.webui.engine import CHAR_SAMPLES, RATE, Gate, SineEngine
from tts_engine.errors import SynthesisError
from webui_page.frames import parse_frames


def frames_of(client: httpx.Client, *values: object, **options: object) -> list[tuple[bytes, bytes]]:
    answer = client.post("/api/stream", json={"data": list(values)}, **options)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
    return list(parse_frames(answer.content))


def test_every_sentence_is_described_and_sent(client):
    frames = frames_of(client, "你好。★今天天气。再见", "female", 1.0)
    assert b"".join(kind for kind, _ in frames) == b"JJAJAJAZ"
    assert frames[-1] == (b"Z", b"")
    described = [json.loads(payload) for kind, payload in frames if kind == b"J"]
    assert described[0] == {"sample_rate": RATE, "encoding": "pcm_s16le"}
    assert [d["progress"] for d in described[1:]] == [0.2727, 0.8182, 1.0]
    assert [d["continues"] for d in described[1:]] == [False] * 3
    assert [len(payload) for kind, payload in frames if kind == b"A"] == [2 * n * CHAR_SAMPLES for n in (2, 4, 2)]
    timings = [timing for d in described[1:] for timing in d["timings"]]
    assert [t["begin_ms"] for t in timings] == [100 * n for n in range(8)]
    assert [t["begin"] for t in timings] == [0, 1, 4, 5, 6, 7, 9, 10]
    assert [w["begin"] for d in described[1:] for w in d["warnings"]] == [3]


def test_the_log_has_the_figures_of_the_whole_stream(client, caplog):
    with caplog.at_level(logging.INFO):
        frames_of(client, "一二。三四五。", headers={"x-request-id": "stream-1"})
    (line,) = [record.getMessage() for record in caplog.records if "stream-1" in record.getMessage()]
    assert line == "request=stream-1 path=/api/stream characters=7 duration_s=0.500 rtf=0.0400"


def test_the_audio_is_the_sine_that_the_engine_made(client):
    pcm = b"".join(payload for kind, payload in frames_of(client, "你好。今天") if kind == b"A")
    sine = 0.5 * np.sin(2 * np.pi * 220 * np.arange(2 * CHAR_SAMPLES) / RATE)
    expected = np.concatenate([sine, sine])
    assert np.abs(np.frombuffer(pcm, "<i2") / 32767 - expected).max() < 1 / 32767


def test_the_first_sentence_arrives_before_the_second_is_made(start):
    gate = Gate()
    engine = SineEngine(before_sentence=lambda text: gate(text) if text.startswith("后") else None)
    with start(engine) as server, server.client() as client:
        with client.stream("POST", "/api/stream", json={"data": ["先。后。"]}) as answer:
            chunks = answer.iter_raw()
            got = b""
            while len(got) < 2 * CHAR_SAMPLES:
                got += next(chunks)
            gate.open()
            kinds = [kind for kind, _ in parse_frames(got + b"".join(chunks))]
    assert kinds == [b"J", b"J", b"A", b"J", b"A", b"Z"]


def fail_at(word: str, error: Exception):
    def before(text: str) -> None:
        if text.startswith(word):
            raise error

    return before


@pytest.mark.parametrize(
    ("error", "code"), [(SynthesisError("networks"), "synthesis_failed"), (ZeroDivisionError("机密"), "internal")]
)
def test_an_error_in_the_middle_is_the_last_frame(start, error, code):
    with start(SineEngine(before_sentence=fail_at("坏", error))) as server, server.client() as client:
        frames = frames_of(client, "好。坏。", headers={"x-request-id": "mid"})
        assert b"".join(kind for kind, _ in frames) == b"JJAE"
        problem = json.loads(frames[-1][1])
        assert (problem["status"], problem["code"], problem["request_id"]) == (500, code, "mid")
        assert "networks" not in problem["detail"] and "机密" not in problem["detail"]


@pytest.mark.parametrize(
    ("error", "status"), [(SynthesisError("networks"), 500), (ZeroDivisionError("x"), 500), (MemoryError(), 500)]
)
def test_an_error_before_the_first_byte_is_a_status(start, error, status):
    with start(SineEngine(before_sentence=fail_at("坏", error))) as server, server.client() as client:
        answer = client.post("/api/stream", json={"data": ["坏。好。"]})
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert "networks" not in answer.text


@pytest.mark.parametrize("path", ["/api/stream", "/api/predict/"])
def test_the_work_of_a_client_that_left_stops_after_the_sentence(start, path):
    gate = Gate()
    with start(SineEngine(before_sentence=gate), concurrency=1) as server:
        body = json.dumps({"data": ["一。二。三。四。"]}).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            assert gate.arrived.acquire(timeout=100)
        with server.client() as client:  # the place is taken until the sentence ends
            waiting = client.post("/api/predict/", json={"data": ["你"]}, headers={"x-deadline-ms": "300"})
            assert waiting.status_code == 504
            gate.open()
            assert client.post("/api/predict/", json={"data": ["你"]}).status_code == 200
        assert server.engine.made == ["一。", "你"]
        assert server.engine.closed == 2
        assert server.engine.most_at_once == 1


@pytest.mark.parametrize(("given", "told"), [({}, "normal"), ({"x-priority": "LOW"}, "low")])
def test_the_engine_is_told_how_urgent_it_is_and_until_when(start, given, told):
    with start() as server, server.client() as client:
        before = time.monotonic()
        frames_of(client, "你好。", headers={"x-deadline-ms": "60000", **given})
        (terms,) = server.engine.terms
        assert terms.priority == told
        assert before + 59 < terms.deadline < time.monotonic() + 60
        assert terms.stop.is_set()  # it has ended


@pytest.mark.parametrize("given", ["", "urgent", "1"])
def test_a_bad_priority_is_a_bad_request(client, given):
    answer = client.post("/api/stream", json={"data": ["你"]}, headers={"x-priority": given})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_priority")
