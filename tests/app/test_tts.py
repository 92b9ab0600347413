"""``POST /tts`` from the request to the sound, and everything that it refuses."""

import io
import json

import pytest
import soundfile
from sqlalchemy import text

from app.errors import EngineBusyError, EngineRefusedError, EngineTimeoutError, EngineUnreachableError, GatewayError

ORIGIN = "https://127.0.0.1:8443"


def fetch(client, url):
    assert url.startswith(ORIGIN + "/audio/")
    return client.get(url.removeprefix(ORIGIN))


def test_a_sentence_becomes_a_sound_of_the_right_length_and_type(client, auth):
    answer = client.post("/tts", json={"text": "今天天气", "format": "wav"}, headers=auth)
    body = answer.get_json()
    assert (answer.status_code, body["duration_s"], body["characters"], body["cached"]) == (200, 0.4, 4, False)
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert set(body) == {"audio_url", "expires_at", "duration_s", "characters", "cached", "format", "request_id"}
    sound = fetch(client, body["audio_url"])
    assert sound.headers["Content-Type"] == "audio/wav"
    assert soundfile.info(io.BytesIO(sound.data)).frames == 4 * 2205


def test_mp3_is_the_default_and_the_engine_gets_the_order_as_it_was_given(client, auth, gateway):
    body = client.post("/tts", json={"text": "你好", "speaker": "male", "speed": 1.2}, headers=auth).get_json()
    assert body["format"] == "mp3"
    assert fetch(client, body["audio_url"]).headers["Content-Type"] == "audio/mpeg"
    order, trip = gateway.orders[0]
    assert (order.text, order.speaker, order.speed) == ("你好", "male", 1.2)
    assert trip.request_id == body["request_id"]


def test_the_link_expires_when_the_answer_says_so(client, auth, clock):
    body = client.post("/tts", json={"text": "你好"}, headers=auth).get_json()
    assert body["expires_at"] == "2026-11-18T12:06:40Z"  # the clock stands at 11:06:40
    assert f"expires={int(clock.now_s) + 3600}" in body["audio_url"]
    clock.now_s += 3600
    expired = fetch(client, body["audio_url"])
    assert (expired.status_code, expired.get_json()["code"]) == (403, "link_expired")
    url = body["audio_url"].removeprefix("https://127.0.0.1:8443")
    part = client.get(url, headers={"Range": "bytes=0-1"})
    assert (part.status_code, part.mimetype) == (403, "application/problem+json")
    head = client.head(url)
    assert (head.status_code, head.data, head.mimetype) == (403, b"", "application/problem+json")


@pytest.mark.parametrize("value", ["vtt", 1, 0, None, [], {}, "true"])
def test_an_unknown_kind_of_timestamps_names_those_that_there_are(client, auth, value):
    answer = client.post("/tts", json={"text": "你好", "timestamps": value}, headers=auth)
    assert (answer.status_code, answer.get_json()["field"]) == (422, "timestamps")
    assert "true, false, characters, sentences, srt 或 lrc" in answer.get_json()["detail"]


def test_timestamps_and_warnings_come_when_there_are_any(client, auth, gateway):
    gateway.warnings = [{"begin": 1, "end": 2, "text": "😀", "message": "没有读出"}]
    body = client.post("/tts", json={"text": "好😀", "timestamps": True}, headers=auth).get_json()
    assert body["timestamps"][1] == {"begin_ms": 100.0, "end_ms": 200.0, "begin": 1, "end": 2, "text": "😀"}
    assert body["warnings"] == gateway.warnings


def test_the_second_request_is_served_from_the_cache_with_the_same_timings(client, auth, gateway):
    wanted = {"text": "你好", "timestamps": True}
    first, second = (client.post("/tts", json=wanted, headers=auth).get_json() for _ in range(2))
    assert (first["cached"], second["cached"], len(gateway.orders)) == (False, True, 1)
    for name in ("timestamps", "duration_s", "audio_url"):
        assert first[name] == second[name]


@pytest.mark.parametrize(
    "change",
    [{"text": "你好。"}, {"speaker": "male"}, {"speed": 1.01}, {"format": "wav"}, {"sample_rate": 16000}],
)
def test_whatever_changes_the_sound_is_made_anew(client, auth, gateway, change):
    for body in ({"text": "你好"}, {"text": "你好"} | change):
        assert client.post("/tts", json=body, headers=auth).get_json()["cached"] is False
    assert len(gateway.orders) == 2


def test_the_sample_rate_is_that_of_the_file(client, auth):
    body = client.post("/tts", json={"text": "你好", "format": "wav", "sample_rate": 8000}, headers=auth).get_json()
    info = soundfile.info(io.BytesIO(fetch(client, body["audio_url"]).data))
    assert (info.samplerate, info.frames) == (8000, 1600)


def json_of(**changes):
    return json.dumps({"text": "你好"} | changes).encode()


REFUSALS = [
    pytest.param(b"", 400, "malformed_json", id="empty body"),
    pytest.param(b"{", 400, "malformed_json", id="cut"),
    pytest.param(b"[" * 100_000, 413, "body_too_large", id="huge nesting"),
    pytest.param(b"[" * 20_000, 400, "malformed_json", id="nesting"),
    pytest.param(b'{"text":' * 5000, 400, "malformed_json", id="nested objects"),
    pytest.param(b'["text"]', 400, "malformed_json", id="no object"),
    pytest.param(b'"text"', 400, "malformed_json", id="a string"),
    pytest.param(b'{"text": "a", "text": "b"}', 400, "malformed_json", id="duplicate key"),
    pytest.param(b'{"text": "a", "speed": NaN}', 400, "malformed_json", id="NaN"),
    pytest.param(b'{"text": "a", "speed": Infinity}', 400, "malformed_json", id="Infinity"),
    pytest.param(b'{"text": "a", "speed": 1e999}', 422, "invalid_field", id="overflow"),
    pytest.param(b'{"text": "a", "speed": ' + b"9" * 5000 + b"}", 400, "malformed_json", id="5,000 digits"),
    pytest.param(b'{"text": "\xff"}', 400, "malformed_json", id="not UTF-8"),
    pytest.param(json.dumps({"text": "好"}).encode("utf-16"), 400, "malformed_json", id="UTF-16"),
    pytest.param(b'{"text": "\\ud800"}', 422, "invalid_field", id="lone surrogate"),
    pytest.param(b'{"text": "a", "speaker": "\\udfff"}', 422, "invalid_field", id="lone surrogate as speaker"),
    pytest.param(b'{"text": "a", "\\ud800": 1}', 422, "invalid_field", id="lone surrogate as a name"),
    pytest.param(b"{}", 422, "invalid_field", id="no text"),
    pytest.param(json_of(text=""), 422, "empty_text", id="empty"),
    pytest.param(json_of(text=" \n\u3000"), 422, "empty_text", id="white space"),
    pytest.param(json_of(text="a\x00b"), 422, "invalid_field", id="NUL"),
    pytest.param(json_of(text="a\x1b[0m"), 422, "invalid_field", id="escape"),
    pytest.param(json_of(text="a\x85"), 422, "invalid_field", id="C1 control"),
    pytest.param(json_of(text="好" * 1001), 413, "text_too_long", id="1,001 characters"),
    pytest.param(json.dumps({"text": "a" * 102_400}).encode(), 413, "body_too_large", id="100 kB"),
    pytest.param(json_of(text=None), 422, "invalid_field", id="null text"),
    pytest.param(json_of(text=1), 422, "invalid_field", id="number as text"),
    pytest.param(json_of(text=["a"]), 422, "invalid_field", id="list as text"),
    pytest.param(json_of(speaker=""), 422, "invalid_field", id="empty speaker"),
    pytest.param(json_of(speaker="a" * 65), 422, "invalid_field", id="long speaker"),
    pytest.param(json_of(speaker=7), 422, "invalid_field", id="number as speaker"),
    pytest.param(json_of(speed=0), 422, "invalid_field", id="speed 0"),
    pytest.param(json_of(speed=0.49), 422, "invalid_field", id="too slow"),
    pytest.param(json_of(speed=2.01), 422, "invalid_field", id="too fast"),
    pytest.param(json_of(speed=-1), 422, "invalid_field", id="backwards"),
    pytest.param(json_of(speed="1"), 422, "invalid_field", id="text as speed"),
    pytest.param(json_of(speed=True), 422, "invalid_field", id="true as speed"),
    pytest.param(json_of(speed=10**400), 422, "invalid_field", id="401 digits"),
    pytest.param(json_of(format="wma"), 422, "invalid_field", id="format"),
    pytest.param(json_of(format="../x"), 422, "invalid_field", id="path as format"),
    pytest.param(json_of(sample_rate=11000), 422, "invalid_field", id="sample rate"),
    pytest.param(json_of(format="opus", sample_rate=44100), 422, "invalid_field", id="rate of the format"),
    pytest.param(json_of(sample_rate=True), 422, "invalid_field", id="true as sample rate"),
    pytest.param(json_of(timestamps=1), 422, "invalid_field", id="number as flag"),
    pytest.param(json_of(emotion="Happy!"), 422, "invalid_field", id="emotion"),
    pytest.param(json_of(intensity=1.1), 422, "invalid_field", id="intensity"),
    pytest.param(json_of(pitch=13), 422, "invalid_field", id="pitch"),
    pytest.param(json_of(volume=13), 422, "invalid_field", id="volume"),
    pytest.param(json_of(seed=-1), 422, "invalid_field", id="seed"),
    pytest.param(json_of(ssml="yes"), 422, "invalid_field", id="ssml"),
    pytest.param(json_of(voice_id="x"), 422, "invalid_field", id="voice_id"),
]


@pytest.mark.parametrize(("body", "status", "code"), REFUSALS)
def test_a_bad_request_is_refused_in_the_one_shape_and_leaves_nothing_behind(
    client, auth, gateway, stored, body, status, code
):
    answer = client.post("/tts", data=body, content_type="application/json", headers=auth)
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["status"] == status
    assert problem["error"] == problem["detail"]
    assert problem["type"] == f"urn:tts:error:{code}"
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert gateway.orders == []
    assert stored() == (0, 0)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("size", "status"), [(65_536, 200), (65_537, 413), (65_538, 413), (200_000, 413)])
def test_the_limit_of_a_body_is_exact_and_a_longer_one_is_never_cut(client, auth, size, status, chunked):
    body = json_of().ljust(size)  # what is beyond the limit is white space: cut there, it would pass
    how = {"input_stream": io.BytesIO(body), "environ_overrides": {"wsgi.input_terminated": True}}
    answer = client.post("/tts", content_type="application/json", headers=auth, **(how if chunked else {"data": body}))
    assert answer.status_code == status
    assert answer.get_json().get("limit") == (65_536 if status == 413 else None)


@pytest.mark.parametrize("name", ["mood", "tone", "voice", "文本"])
def test_an_unknown_field_is_named(client, auth, name):
    problem = client.post("/tts", json={"text": "a", name: 1}, headers=auth).get_json()
    assert (problem["field"], name in problem["detail"]) == (name, True)


def test_a_text_that_is_too_long_is_told_the_limit(client, auth):
    problem = client.post("/tts", json={"text": "好" * 1001}, headers=auth).get_json()
    assert (problem["limit"], problem["length"]) == (1000, 1001)
    assert client.post("/tts", json={"text": "好" * 1000}, headers=auth).status_code == 200


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "", "application/json; charset=gbk", "application/jsonp"],
)
def test_only_json_in_utf_8_is_read(client, auth, content_type):
    answer = client.post("/tts", data=json_of(), content_type=content_type, headers=auth)
    assert (answer.status_code, answer.get_json()["code"]) == (415, "unsupported_media_type")


def test_json_with_its_charset_is_read(client, auth):
    answer = client.post("/tts", data=json_of(), content_type="application/json; charset=UTF-8", headers=auth)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("failure", "status", "code", "retry_after"),
    [
        (EngineRefusedError(422, "unknown_voice", "没有名为“x”的音色。"), 422, "unknown_voice", None),
        (EngineRefusedError(413, "text_too_long", "过长。"), 413, "text_too_long", None),
        (EngineBusyError(7), 503, "engine_busy", "7"),
        (EngineTimeoutError(), 504, "engine_timeout", "5"),
        (EngineUnreachableError(), 502, "engine_unreachable", "5"),
        (GatewayError(), 502, "engine_failed", "5"),
    ],
)
def test_a_failure_of_the_engine_is_told_and_nothing_is_kept_or_charged(
    client, services, auth, gateway, stored, failure, status, code, retry_after
):
    services.catalogue.info()
    gateway.failure = failure
    answer = client.post("/tts", json={"text": "你好"}, headers=auth)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert answer.headers.get("Retry-After") == retry_after
    assert stored() == (0, 0)
    gateway.failure = None
    services.quota.charge("tester", 200_000)  # the whole day is still there


@pytest.mark.parametrize(
    "path", ["/nope", "/tts/", "/audio", "/audio/a/b", "/%00", "/audio/..%2fapp.db", "//tts", "/audio//a.mp3"]
)
def test_an_unknown_address_is_404_in_the_one_shape(client, path):
    answer = client.get(path)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/tts", "POST"), ("DELETE", "/voices", "GET"), ("PATCH", "/tts", "POST"), ("POST", "/audio/a.mp3", "GET")],
)
def test_a_wrong_method_is_405_and_says_which_are_right(client, method, path, allowed):
    answer = client.open(path, method=method)
    assert (answer.status_code, answer.get_json()["code"]) == (405, "method_not_allowed")
    assert allowed in answer.headers["Allow"].split(", ")


@pytest.mark.parametrize(
    ("given", "kept"),
    [("client-id-42", True), ("short", False), ("a" * 65, False), ("a b c d e f", False), ("x\ty_______", False)],
)
def test_a_request_id_is_kept_only_when_it_is_harmless(client, given, kept):
    answered = client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert (answered == given) is kept


def test_an_unexpected_error_says_nothing_about_itself(make_app, gateway, auth, caplog):
    app = make_app()
    gateway.synthesize = lambda order, trip: 1 / 0
    answer = app.test_client().post("/tts", json={"text": "机密文本"}, headers=auth)
    problem = answer.get_json()
    assert (answer.status_code, problem["code"]) == (500, "internal_error")
    assert "ZeroDivisionError" not in answer.text
    assert "/" not in problem["detail"]
    assert problem["request_id"] in caplog.text
    assert "机密文本" not in caplog.text


def test_the_clients_retry_of_a_failure_works(client, auth, gateway, services):
    services.catalogue.info()
    gateway.failure = EngineUnreachableError()
    assert client.post("/tts", json={"text": "你好"}, headers=auth).status_code == 502
    gateway.failure = None
    assert client.post("/tts", json={"text": "你好"}, headers=auth).status_code == 200


def test_a_broken_database_is_503_and_says_nothing_about_itself(client, services, auth):
    with services.engine.begin() as connection:
        connection.execute(text("DROP TABLE revoked_tokens"))
    answer = client.post("/tts", json={"text": "你好"}, headers=auth)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "database_failed")
    assert answer.headers["Retry-After"] == "5"
    assert "revoked" not in answer.text


def test_a_failed_statement_is_logged_without_its_values(client, services, key, caplog):
    with services.engine.begin() as connection:
        connection.execute(text("DROP TABLE prewarm"))
    answer = client.post("/prewarm", json={"texts": ["机密文本"]}, headers={"X-API-Key": key})
    assert (answer.status_code, answer.get_json()["code"]) == (503, "database_failed")
    assert "INSERT INTO prewarm" in caplog.text
    assert "机密文本" not in caplog.text
    assert "\\u673a" not in caplog.text


def test_the_log_tells_who_and_how_long_and_never_what(client, auth, key, caplog):
    caplog.set_level("INFO")
    body = client.post("/tts", json={"text": "机密文本"}, headers=auth).get_json()
    fetch(client, body["audio_url"])
    client.post("/tts", json={"text": "机密文本"}, headers={"X-API-Key": key})
    assert f"{body['request_id']} POST /tts 200" in caplog.text
    assert f"{body['request_id']} spoke 4 characters, 0.40 s of sound" in caplog.text
    assert "GET /audio/<name> 200" in caplog.text
    for secret in ("机密文本", "signature", auth["Authorization"][7:], key):
        assert secret not in caplog.text
