"""POST /api/predict/ over a real uvicorn: values, refusals, files."""

from __future__ import annotations

import errno
import io
import json
import logging
import math
import threading
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

from sound import read_label
from tests.webui.engine import CHAR_S, CHAR_SAMPLES, RATE, SILENT, SineEngine
from tts_engine.frontend import ssml
from webui_page.frames import parse_frames
from webui_page.store import AudioStore


def predict(client: httpx.Client, *values: object, path: str = "/api/predict/", **options: object) -> httpx.Response:
    return client.post(path, json={"data": list(values)}, **options)


def speak(client: httpx.Client, *values: object) -> tuple[np.ndarray, int, dict]:
    answer = predict(client, *values)
    assert answer.status_code == 200, answer.text
    file, details = answer.json()["data"]
    sound, rate = soundfile.read(io.BytesIO(client.get(file["url"]).content))
    return sound, rate, details


@pytest.mark.parametrize("path", ["/api/predict/", "/api/predict"])
@pytest.mark.parametrize("values", [["你好"], ["你好", "male"], ["你好", "male", 1], ["你好", "male", 1.0, None]])
def test_one_to_four_values_make_a_tenth_of_a_second_per_character(client, path, values):
    answer = predict(client, *values, path=path)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"data", "duration"} and 0 <= body["duration"] < 5
    file, details = body["data"]
    assert details["duration_s"] == pytest.approx(2 * CHAR_S)
    sound, rate = soundfile.read(io.BytesIO(client.get(file["url"]).content))
    assert (rate, len(sound)) == (RATE, 2 * CHAR_SAMPLES)
    assert np.sqrt((sound**2).mean()) == pytest.approx(0.5 / math.sqrt(2), abs=0.01)


def test_sentences_become_one_sound_whose_timings_index_the_callers_text(client):
    text = "你好。今天★天气"
    sound, _, details = speak(client, text, "female", 1.0, None, {})
    assert len(sound) == 6 * CHAR_SAMPLES
    assert [t["text"] for t in details["timings"]] == list("你好今天天气")
    assert all(text[t["begin"] : t["end"]] == t["text"] for t in details["timings"])
    assert [(t["begin_ms"], t["end_ms"]) for t in details["timings"]] == [(100 * n, 100 * n + 100) for n in range(6)]
    assert details["warnings"] == [{"begin": 5, "end": 6, "text": SILENT, "message": "这个符号不发音。"}]
    assert (details["revision"], details["characters"], details["sample_rate"]) == ("sine-1", 8, RATE)
    assert details["real_time_factor"] == pytest.approx(0.02 / 0.6, abs=1e-4)


def test_speed_divides_the_duration(client):
    assert len(speak(client, "你好你好", "female", 2.0)[0]) == 2 * CHAR_SAMPLES


def test_the_file_is_described_as_gradio_does_without_a_path_of_the_server(client, server):
    file = predict(client, "你好").json()["data"][0]
    assert file["url"] == f"{server.url}/api/audio/{file['orig_name']}"
    assert file["path"] == file["orig_name"]
    assert file["mime_type"] == "audio/wav" and file["meta"] == {"_type": "gradio.FileData"}
    assert file["size"] == len(client.get(file["url"]).content)
    assert soundfile.info(io.BytesIO(client.get(file["url"]).content)).frames == 2 * CHAR_SAMPLES


def test_mp3_is_an_option(client):
    file, details = predict(client, "你好今天天气", "female", 1.0, None, {"format": "mp3"}).json()["data"]
    answer = client.get(file["url"])
    assert answer.headers["content-type"] == "audio/mpeg"
    assert soundfile.info(io.BytesIO(answer.content)).format == "MP3"
    assert len(soundfile.read(io.BytesIO(answer.content))[0]) / RATE == pytest.approx(details["duration_s"], abs=0.08)


@pytest.mark.parametrize("accept", ["application/octet-stream", "Application/Octet-Stream;q=1, application/json;q=0.5"])
def test_who_accepts_frames_gets_the_sound_itself_and_nothing_is_kept(client, server, accept):
    kept = set(server.directory.rglob("*.wav"))
    answer = predict(client, "你好", headers={"Accept": accept})
    assert answer.headers["content-type"] == "application/octet-stream"
    (_, described), (_, data), (_, end) = found = list(parse_frames(answer.content))
    assert [kind for kind, _ in found] == [b"J", b"A", b"Z"] and end == b""
    assert set(server.directory.rglob("*.wav")) == kept
    file, details = predict(client, "你好").json()["data"]
    measured = {"real_time_factor": 0}
    assert json.loads(described) | measured == details | measured
    sound, _ = soundfile.read(io.BytesIO(data))
    assert np.array_equal(sound, soundfile.read(io.BytesIO(client.get(file["url"]).content))[0])
    assert read_label(io.BytesIO(data)) is not None


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/application/octet-stream", ""])
def test_nobody_else_gets_frames(client, accept):
    assert predict(client, "你好", headers={"Accept": accept}).json()["data"][0]["url"]


def test_a_refusal_is_no_frame(client):
    answer = predict(client, "你好", "nobody", headers={"Accept": "application/octet-stream"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


REFUSED = [
    ([], 422, "bad_option"),
    (["你好", "female", 1.0, None, {}, 1], 422, "bad_option"),
    ([None], 422, "bad_option"),
    ([12], 422, "bad_option"),
    ([["你好"]], 422, "bad_option"),
    ([""], 422, "empty_text"),
    ([" \n\t　"], 422, "empty_text"),
    (["。。"], 422, "empty_text"),
    (["★"], 422, "empty_text"),
    (["你\x00好"], 422, "bad_input"),
    (["\x1b[31m"], 422, "bad_input"),
    (["\x00"], 422, "bad_input"),
    (["好" * 5001], 413, "text_too_long"),
    (["你好", "nobody"], 422, "unknown_voice"),
    (["你好", ""], 422, "unknown_voice"),
    (["你好", "x" * 10_000], 422, "unknown_voice"),
    (["你好", None], 422, "bad_option"),
    (["你好", 1], 422, "bad_option"),
    (["你好", "female", True], 422, "bad_option"),
    (["你好", "female", "1.0"], 422, "bad_option"),
    (["你好", "female", None], 422, "bad_option"),
    (["你好", "female", 0], 422, "bad_option"),
    (["你好", "female", -1], 422, "bad_option"),
    (["你好", "female", 0.49], 422, "bad_option"),
    (["你好", "female", 2.01], 422, "bad_option"),
    (["你好", "female", 10**400], 422, "bad_option"),
    (["你好", "female", 1.0, "data:audio/wav;base64,UklGRg=="], 422, "cloning_unavailable"),
    (["你好", "female", 1.0, "ref.wav"], 422, "bad_option"),
    (["你好", "female", 1.0, ""], 422, "bad_option"),
    (["你好", "female", 1.0, "data:audio/wav;base64,*"], 422, "bad_option"),
    (["你好", "female", 1.0, False], 422, "bad_option"),
    (["你好", "female", 1.0, {"path": "/etc/passwd"}], 422, "bad_option"),
    (["你好", "female", 1.0, None, {"emotion": "happy"}], 422, "emotion_unavailable"),
    (["你好", "female", 1.0, None, {"emotion": "neutral", "intensity": 1.5}], 422, "bad_option"),
    (["你好", "female", 1.0, None, {"intensity": True}], 422, "bad_option"),
    (["你好", "female", 1.0, None, None], 422, "bad_option"),
    (["你好", "female", 1.0, None, []], 422, "bad_option"),
    (["你好", "female", 1.0, None, {"format": "wma"}], 422, "bad_option"),
    (["你好", "female", 1.0, None, {"format": ["wav"]}], 422, "bad_option"),
    (["你好", "0.5*female+"], 422, "bad_option"),
    (["你好", "0.5*female+nobody"], 422, "unknown_voice"),
]


def assert_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    body = answer.json()
    assert set(body) == {"type", "title", "status", "detail", "code", "error", "request_id"}
    assert (body["status"], body["code"], body["error"]) == (status, code, body["detail"])
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["detail"].endswith("。") and "Traceback" not in answer.text and "/" + "root" not in answer.text


@pytest.mark.parametrize("route", ["/api/predict/", "/api/stream"])
@pytest.mark.parametrize(("values", "status", "code"), REFUSED)
def test_a_bad_value_is_refused_with_a_sentence_and_nothing_is_kept(client, server, route, values, status, code):
    before = sorted(Path(server.directory).rglob("*"))
    assert_problem(predict(client, *values, path=route), status, code)
    assert sorted(Path(server.directory).rglob("*")) == before


RAW = [
    (b"", 400, "malformed_json"),
    (b"{", 400, "malformed_json"),
    (b"\xff\xfe{\x00", 400, "malformed_json"),
    ("你好".encode("gbk"), 400, "malformed_json"),
    (b"[" * 20_000, 400, "malformed_json"),
    (b'{"data":' + b"[" * 1500 + b"]" * 1500 + b"}", 400, "malformed_json"),
    (b'{"data":["a"],"data":["b"]}', 400, "malformed_json"),
    (b'{"data":["a","female",1,null,{"format":"wav","format":"mp3"}]}', 400, "malformed_json"),
    (b'{"data":["a","female",' + b"1" * 5000 + b"]}", 400, "malformed_json"),
    (b'{"data":["a"]} x', 400, "malformed_json"),
    (b'["a"]', 422, "bad_option"),
    (b"null", 422, "bad_option"),
    (b"{}", 422, "bad_option"),
    (b'{"data":"a"}', 422, "bad_option"),
    (b'{"data":["a"],"fn_index":0}', 422, "bad_option"),
    (b'{"data":["a","female",NaN]}', 422, "bad_option"),
    (b'{"data":["a","female",1e999]}', 422, "bad_option"),
    (b'{"data":["\\ud800"]}', 422, "bad_input"),
    (b'{"data":["a\\udfffb"]}', 422, "bad_input"),
    (b'{"data":["a","\\ud800"]}', 422, "unknown_voice"),
    (b'{"data":["a","female",1,null,{"\\ud800":1}]}', 422, "bad_option"),
    (b'{"data":["' + b"a" * 200_000 + b'"]}', 413, "body_too_large"),
    (b'{"data":["' + b"a" * 100_000 + b'"]}', 413, "text_too_long"),
]


@pytest.mark.parametrize(("body", "status", "code"), RAW)
def test_a_bad_body_is_refused_with_a_sentence(client, body, status, code):
    answer = client.post("/api/predict/", content=body, headers={"content-type": "application/json"})
    assert_problem(answer, status, code)


def test_a_huge_body_is_refused_without_being_announced(client):
    answer = client.post(
        "/api/predict/", content=iter([b"a" * 65536] * 10), headers={"content-type": "application/json"}
    )
    assert_problem(answer, 413, "body_too_large")


def test_a_pair_of_surrogate_escapes_is_one_character(client):
    body = b'{"data":["\\ud842\\udfb7"]}'  # U+20BB7
    answer = client.post("/api/predict/", content=body, headers={"content-type": "application/json"})
    assert answer.json()["data"][1]["characters"] == 1
    assert answer.json()["data"][1]["duration_s"] == pytest.approx(CHAR_S)


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonp"])
def test_only_json_is_read(client, media_type):
    answer = client.post("/api/predict/", content=b'{"data":["a"]}', headers={"content-type": media_type})
    assert_problem(answer, 415, "bad_content_type")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/predict/", 405, "method_not_allowed"),
        ("PUT", "/api/stream", 405, "method_not_allowed"),
        ("DELETE", "/api/info", 405, "method_not_allowed"),
        ("GET", "/api/nothing", 404, "not_found"),
        ("GET", "/api/", 404, "not_found"),
        ("GET", "/api", 404, "not_found"),
        ("GET", "/api/openapi.json", 404, "not_found"),
        ("GET", "/api/audio/", 404, "audio_not_found"),
        ("GET", "/api/audio/" + "0" * 32 + ".wav", 404, "audio_not_found"),
        ("GET", "/api/audio/..%2f..%2fconfig.yaml", 404, "audio_not_found"),
        ("GET", "/api/audio/%2e%2e/%2e%2e/webui.py", 404, "audio_not_found"),
        ("GET", "/api/audio/" + "0" * 32 + ".wav%00", 404, "audio_not_found"),
        ("GET", "/api/audio/" + "0" * 32 + ".wav%0a", 404, "not_found"),
        ("GET", "/api/audio//etc/passwd", 404, "audio_not_found"),
    ],
)
def test_what_is_not_there_is_a_problem_too(client, method, path, status, code):
    answer = client.request(method, path)
    assert_problem(answer, status, code)
    assert ("allow" in answer.headers) == (status == 405)


def test_audio_answers_range_and_head(client):
    url = predict(client, "你好").json()["data"][0]["url"]
    whole = client.get(url)
    part = client.get(url, headers={"range": "bytes=0-1"})
    assert (part.status_code, part.content) == (206, b"RI")
    assert part.headers["content-range"] == f"bytes 0-1/{len(whole.content)}"
    tail = client.get(url, headers={"range": "bytes=-10"})
    assert tail.content == whole.content[-10:]
    head = client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))
    assert (whole.headers["content-type"], whole.headers["accept-ranges"]) == ("audio/wav", "bytes")
    beyond = client.get(url, headers={"range": "bytes=999999999-"})
    assert_problem(beyond, 416, "range_not_satisfiable")
    assert beyond.headers["content-range"] == f"bytes */{len(whole.content)}"
    assert_problem(client.get(url, headers={"range": "bytes=x"}), 400, "bad_request")


def test_info_says_what_there_is(client):
    assert client.get("/api/info").json() == {
        "model": "v23",
        "revision": "sine-1",
        "device": "cpu",
        "sample_rate": RATE,
        "voices": [
            {"name": "female", "title": "女声", "gender": "female"},
            {"name": "male", "title": "男声", "gender": "male"},
            {"name": "child", "title": "童声", "gender": "child"},
        ],
        "emotions": [],
        "speed": {"min": 0.5, "max": 2.0},
        "pitch": {"min": -12, "max": 12},
        "range": {"min": 0, "max": 2},
        "volume": {"min": -40, "max": 12},
        "ssml": ssml.CAPABILITIES,
        "max_chars": 5000,
        "formats": ["wav", "mp3", "m4a", "aac", "ogg", "opus", "flac", "pcm"],
        "lexicon": {"words": 0, "error": ""},
    }
    assert client.get("/api/health").json() == {"status": "ok"}


@pytest.mark.parametrize(("given", "is_kept"), [("abc-1.2:3_X", True), ("a" * 64, True), ("a" * 65, False)])
def test_a_safe_request_id_comes_back(client, given, is_kept):
    for path in ("/api/health", "/api/nothing"):
        answer = client.get(path, headers={"x-request-id": given})
        assert (answer.headers["x-request-id"] == given) == is_kept


@pytest.mark.parametrize("given", ["", "a b", "a\tb", "<script>", "你".encode(), "a/b"])
def test_an_unsafe_request_id_is_replaced(client, given):
    found = client.get("/api/health", headers={"x-request-id": given}).headers["x-request-id"]
    assert len(found) == 16 and int(found, 16) >= 0


def test_two_threads_get_their_own_sounds(client, server):
    found = {}

    def ask(count: int) -> None:
        with server.client() as own:
            found[count] = len(speak(own, "好" * count)[0])

    threads = [threading.Thread(target=ask, args=(count,)) for count in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {count: count * CHAR_SAMPLES for count in range(1, 9)}


def test_the_log_has_figures_but_never_the_text(client, caplog):
    with caplog.at_level(logging.INFO):
        predict(client, "机密内容。", headers={"x-request-id": "log-1"})
        predict(client, "机密★\x00")
    lines = [record.getMessage() for record in caplog.records if "log-1" in record.getMessage()]
    assert lines == ["request=log-1 path=/api/predict/ characters=5 duration_s=0.400 rtf=0.0250"]
    assert "机密" not in caplog.text


def test_a_broken_engine_is_a_500_that_says_nothing_of_the_inside(start, caplog):
    def fail(text: str) -> None:
        raise ZeroDivisionError("".join(["sec", "ret of ", text]))  # in pieces: a traceback quotes this line

    with start(SineEngine(before_sentence=fail)) as server, server.client() as client:
        answer = predict(client, "机密")
        assert_problem(answer, 500, "internal")
        assert "secret" not in answer.text and "机密" not in answer.text
        server.engine.before_sentence = lambda text: None
        assert predict(client, "你好").status_code == 200
    assert "ZeroDivisionError" in caplog.text and "机密" not in caplog.text and "secret" not in caplog.text


def test_a_full_disk_is_507_and_over_when_there_is_room(start, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with start(SineEngine()) as server, server.client() as client:
        with monkeypatch.context() as patch:
            patch.setattr(AudioStore, "save", full)
            answer = predict(client, "你好")
            assert_problem(answer, 507, "storage_full")
            assert answer.headers["Retry-After"] == "30"
        assert predict(client, "你好").status_code == 200


def test_gradio_keeps_its_own_routes(client):
    config = client.get("/config").json()
    assert config["api_prefix"] == "/gradio_api" and config["version"].startswith("6.")
    assert client.get("/gradio_api/startup-events").status_code == 200
    assert "中文语音合成" in client.get("/").text


def test_gradio_serves_neither_source_nor_other_hosts(client):
    for path in ("webui.py", str(Path("webui.py").resolve()), "/etc/passwd", "https://example.com/", "config.yaml"):
        assert client.get(f"/gradio_api/file={path}").status_code in (403, 404)
    assert client.get("/openapi.json").status_code == 404
    assert client.get("/docs").status_code == 404


def test_how_a_text_is_read_is_told_with_the_readings_that_it_could_have(client):
    answer = client.post("/api/read", json={"text": "重要"})
    assert answer.status_code == 200
    first, _ = answer.json()["tokens"]
    assert (first["begin"], first["end"], first["text"], first["pinyin"]) == (0, 1, "重", "ma1")
    assert first["readings"][:2] == ["zhong4", "chong2"]
    assert_problem(client.post("/api/read", json={"text": "好", "x": 1}), 422, "bad_option")
    assert_problem(client.post("/api/read", json={"text": "好", "ssml": "yes"}), 422, "bad_option")


@pytest.mark.parametrize("options", [{"pitch": 13}, {"range": -1}, {"volume": "3"}, {"seed": 0.5}, {"ssml": 1}])
def test_a_manner_out_of_range_is_refused_by_its_name(client, options):
    (name,) = options
    answer = client.post("/api/predict/", json={"data": ["你好", "female", 1.0, None, options]})
    assert_problem(answer, 422, "bad_option")
    assert name in answer.json()["detail"]
