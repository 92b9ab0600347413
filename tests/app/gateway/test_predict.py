"""The gateway against a real server on loopback that answers as told: well, badly, slowly or not at all."""

import io
import json
import socket
import threading
import time
import wave
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from app.errors import (
    EngineBusyError,
    EngineFullError,
    EngineRefusedError,
    EngineTimeoutError,
    EngineUnreachableError,
    GatewayError,
)
from app.gateway import Order, Trip, predict
from app.gateway.predict import PredictGateway, same_origin
from app.gateway.streaming import pack
from settings import GatewaySettings

ORDER = Order("你好", "female", 1.2)
TRIP = Trip("request-0001", 100.0)
LIMIT_S = 60
"""Of whatever should be there at once: on a machine that stalls it is there later."""


def wav_of(frames=2205, rate=22050):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(np.arange(frames, dtype="<i2").tobytes())
    return buffer.getvalue()


def details_of(**changes):
    timing = {"begin_ms": 0, "end_ms": 50.0, "begin": 0, "end": 1, "text": "你"}
    details = {
        "duration_s": 0.1,
        "sample_rate": 22050,
        "timings": [timing],
        "warnings": [],
        "revision": "r1",
        "real_time_factor": 0.1,
        "characters": 2,
    }
    return details | changes


class Stub:
    """A WebUI whose every answer is a function of the handler."""

    def __init__(self, port=0):
        self.requests = []
        self.wav = wav_of()
        self.details = details_of()
        self.url = None
        self.predict = self.good_prediction
        self.audio = self.good_audio
        self.release = threading.Event()
        self.sockets = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                stub.sockets.append(self.connection)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stub.requests.append((self.path, dict(self.headers), json.loads(body)))
                stub.predict(self)

            def do_GET(self):
                stub.requests.append((self.path, dict(self.headers), None))
                stub.audio(self)

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass  # a client that gives up is what these tests are about

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        for connection in self.sockets:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def good_prediction(self, handler):
        url = self.url or f"{self.origin}/api/audio/abc.wav"
        audio = {"path": "/etc/passwd", "url": url, "orig_name": "a.wav", "meta": {"_type": "gradio.FileData"}}
        answer(handler, json.dumps({"data": [audio, self.details], "duration": 0.1}).encode())

    def good_audio(self, handler):
        answer(handler, self.wav, content_type="audio/wav")


def answer(handler, body, status=200, content_type="application/json", **headers):
    handler.send_response(status)
    handler.send_header("Content-Type", content_type)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def problem(status, code="unknown_voice", detail="没有这个音色。", **headers):
    body = json.dumps({"status": status, "code": code, "detail": detail}).encode()
    return lambda handler: answer(handler, body, status, "application/problem+json", **headers)


@pytest.fixture
def stub():
    made = Stub()
    yield made
    made.close()


@pytest.fixture
def connect(monkeypatch):
    """A function that makes a gateway to a stub, closed at the end; its times are so long that only a test that names
    one of its own meets it."""
    made = []
    monkeypatch.setattr(predict, "_QUICK_S", LIMIT_S)

    def make(stub, token=None, **changes):
        values = {"connect_timeout_s": 30.0, "read_timeout_s": 60.0, "deadline_s": 50.0, "queue_timeout_s": 0.0}
        settings = GatewaySettings(url=stub.origin, **(values | changes))
        made.append(PredictGateway(settings, token))
        return made[-1]

    yield make
    for gateway in made:
        gateway.close()


def test_a_sentence_is_asked_for_as_the_contract_says_and_its_sound_fetched(stub, connect):
    utterance = connect(stub, token="s3cret").synthesize(ORDER, TRIP)
    assert len(utterance.samples) == 2205
    assert (utterance.sample_rate, utterance.duration_s, utterance.revision) == (22050, 0.1, "r1")
    assert utterance.samples[100] == pytest.approx(100 / 32768, abs=1e-6)
    assert utterance.timings == [{"begin_ms": 0.0, "end_ms": 50.0, "begin": 0, "end": 1, "text": "你"}]
    (path, headers, body), (fetched, audio_headers, _) = stub.requests
    assert (path, body) == ("/api/predict/", {"data": ["你好", "female", 1.2, None, {"format": "wav"}]})
    assert (headers["X-Request-Id"], headers["Authorization"]) == ("request-0001", "Bearer s3cret")
    assert 0 < int(headers["X-Deadline-Ms"]) <= 50_000
    assert headers["X-Priority"] == "normal"
    assert (fetched, audio_headers["X-Request-Id"]) == ("/api/audio/abc.wav", "request-0001")


def framed(*frames):
    return b"".join(pack(kind, payload) for kind, payload in frames)


def in_frames(body):
    return lambda handler: answer(handler, body, content_type="application/octet-stream")


def whole_answer(stub):
    return framed((b"J", json.dumps(stub.details).encode()), (b"A", stub.wav), (b"Z", b""))


def test_a_sound_that_comes_along_is_not_fetched(stub, connect):
    named = connect(stub).synthesize(ORDER, TRIP)
    stub.requests.clear()
    stub.predict = in_frames(whole_answer(stub))
    along = connect(stub).synthesize(ORDER, TRIP)
    assert np.array_equal(along.samples, named.samples)
    assert replace(along, samples=named.samples) == named
    assert [path for path, _, _ in stub.requests] == ["/api/predict/"]
    assert stub.requests[0][1]["Accept"].startswith("application/octet-stream")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda whole: b"",
        lambda whole: whole[:-5],  # no end
        lambda whole: whole[:-1],
        lambda whole: whole[:300],
        lambda whole: whole + b"Z",
        lambda whole: whole[:-5] + framed((b"A", wav_of()), (b"Z", b"")),
        lambda whole: framed((b"Z", b"")),
        lambda whole: framed((b"A", wav_of()), (b"J", b"{}"), (b"Z", b"")),
        lambda whole: framed((b"J", b"[]"), (b"A", wav_of()), (b"Z", b"")),
        lambda whole: framed((b"J", b"{}"), (b"A", wav_of()), (b"Z", b"")),
        lambda whole: framed((b"J", json.dumps(details_of()).encode()), (b"A", b"RIFF"), (b"Z", b"")),
        lambda whole: b"A\xff\xff\xff\xff" + whole,
        lambda whole: b"?" + whole,
    ],
)
def test_an_answer_in_frames_that_does_not_fit_is_a_failure(stub, connect, spoil):
    stub.predict = in_frames(spoil(whole_answer(stub)))
    with pytest.raises(GatewayError):
        connect(stub).synthesize(ORDER, TRIP)
    assert len(stub.requests) == 1


def test_a_failure_told_in_a_frame_is_the_engines_own(stub, connect):
    told = {"status": 422, "code": "unknown_voice", "detail": "没有这个音色。"}
    stub.predict = in_frames(framed((b"E", json.dumps(told).encode())))
    with pytest.raises(EngineRefusedError) as caught:
        connect(stub).synthesize(ORDER, TRIP)
    assert caught.value.code == "unknown_voice"


def test_one_connection_serves_many_requests(stub, connect):
    gateway = connect(stub)
    for _ in range(5):
        gateway.synthesize(ORDER, TRIP)
    assert len(stub.sockets) == 1


def test_a_relative_url_is_of_the_same_origin(stub, connect):
    stub.url = "/api/audio/abc.wav?x=1"
    connect(stub).synthesize(ORDER, TRIP)
    assert stub.requests[1][0] == "/api/audio/abc.wav?x=1"


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://webui:80", "http://webui/a.wav"),
        ("http://webui", "http://webui:80/a.wav"),
        ("https://webui:443", "https://webui/a.wav"),
    ],
)
def test_a_default_port_may_be_named_or_not(base, url):
    assert same_origin(base, url) == f"{base}/a.wav"


@pytest.mark.parametrize(
    ("base", "url"),
    [("http://webui:80", "https://webui:80/a.wav"), ("http://webui", "http://webui:443/a.wav")],
)
def test_a_default_port_is_that_of_its_own_scheme(base, url):
    with pytest.raises(GatewayError):
        same_origin(base, url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/a.wav",
        "http://example.com/a.wav",
        "https://127.0.0.1:{port}/a.wav",
        "//example.com/a.wav",
        "http://user@127.0.0.1:{port}/a.wav",
        "http://127.0.0.1:{port}@example.com/a.wav",
        "http://localhost:{port}/a.wav",
        "file:///etc/passwd",
        "http://127.0.0.1:{port}\\@example.com/a.wav",
        "http://127.0.0.1:{port}/a\r\nX: y",
        "http://[::1/a.wav",
        "http://127.0.0.1:99999/a.wav",
    ],
)
def test_a_sound_anywhere_else_is_never_fetched(stub, connect, url):
    stub.url = url.format(port=stub.port)
    with pytest.raises(GatewayError):
        connect(stub).synthesize(ORDER, TRIP)
    assert len(stub.requests) == 1


def test_the_base_is_kept_whatever_the_url_says():
    assert same_origin("http://a:1", "http://a:1/x?y=1") == "http://a:1/x?y=1"


@pytest.mark.parametrize(
    ("fault", "kind", "status"),
    [
        (problem(422), EngineRefusedError, 422),
        (problem(413, "text_too_long"), EngineRefusedError, 413),
        (problem(503, "engine_busy", Retry_After="9"), EngineBusyError, 503),
        (problem(503, "engine_busy", Retry_After="soon"), EngineBusyError, 503),
        (problem(504), EngineTimeoutError, 504),
        (problem(507, "storage_full"), EngineFullError, 507),
        (problem(500), GatewayError, 502),
        (problem(401), GatewayError, 502),
        (problem(404), GatewayError, 502),
        (problem(302, Location="http://127.0.0.1:1/"), GatewayError, 502),
        (problem(422, code="BAD CODE"), GatewayError, 502),
        (problem(422, detail=""), GatewayError, 502),
        (lambda h: answer(h, b"<html>", 422), GatewayError, 502),
        (lambda h: answer(h, b"<html>ok</html>", content_type="text/html"), GatewayError, 502),
        (lambda h: answer(h, b""), GatewayError, 502),
        (lambda h: answer(h, b"{"), GatewayError, 502),
        (lambda h: answer(h, b"[" * 50_000), GatewayError, 502),
        (lambda h: answer(h, b"[]"), GatewayError, 502),
        (lambda h: answer(h, b'{"data": []}'), GatewayError, 502),
        (lambda h: answer(h, b'{"data": [null, null]}'), GatewayError, 502),
        (lambda h: answer(h, b'{"data": [{"url": "/a"}, {"duration_s": NaN}]}'), GatewayError, 502),
    ],
)
def test_a_bad_prediction_becomes_the_right_error(stub, connect, fault, kind, status):
    stub.predict = fault
    with pytest.raises(GatewayError) as caught:
        connect(stub).synthesize(ORDER, TRIP)
    assert (type(caught.value), caught.value.status) == (kind, status)


def test_what_the_engine_says_to_a_bad_request_is_passed_on(stub, connect):
    stub.predict = problem(422, "unreadable_text", "第 1 个字符起的“ब”无法朗读。")
    with pytest.raises(EngineRefusedError, match="无法朗读") as caught:
        connect(stub).synthesize(ORDER, TRIP)
    assert caught.value.code == "unreadable_text"


@pytest.mark.parametrize(("given", "told"), [("9", 9), ("soon", 5), ("0", 1), ("-3", 5), ("99999", 5)])
def test_retry_after_is_passed_on_when_it_is_a_number(stub, connect, given, told):
    stub.predict = problem(503, "engine_busy", Retry_After=given)
    with pytest.raises(EngineBusyError) as caught:
        connect(stub).synthesize(ORDER, TRIP)
    assert caught.value.retry_after_s == told


@pytest.mark.parametrize(
    "change",
    [
        {"duration_s": 0.3},
        {"sample_rate": 16000},
        {"duration_s": "0.1"},
        {"revision": ""},
        {"revision": None},
        {"timings": [{"begin_ms": 0, "end_ms": 1, "begin": 0, "end": 3, "text": "x"}]},
        {"timings": [{"begin_ms": 0, "end_ms": 1, "begin": 2, "end": 1, "text": "x"}]},
        {"timings": [{"begin_ms": 0, "end_ms": 1, "begin": 0, "end": 1, "text": "\ud800"}]},
        {"warnings": [{"begin": -1, "end": 1, "text": "x", "message": "y"}]},
    ],
    ids=str,
)
def test_details_that_do_not_fit_the_sound_or_the_text_are_a_failure(stub, connect, change):
    stub.details = details_of(**change)
    with pytest.raises(GatewayError) as caught:
        connect(stub).synthesize(ORDER, TRIP)
    assert caught.value.status == 502


def cut(handler):
    handler.send_response(200)
    handler.send_header("Content-Length", "99999")
    handler.end_headers()
    handler.wfile.write(wav_of()[:300])
    handler.close_connection = True


@pytest.mark.parametrize(
    "fault",
    [
        cut,
        lambda h: answer(h, b"<html>404</html>"),
        lambda h: answer(h, b""),
        lambda h: answer(h, wav_of()[:100]),
        lambda h: answer(h, wav_of(frames=0)),
        lambda h: answer(h, b"RIFF\x00\x00\x00\x00WAVEgarbage"),
        lambda h: answer(h, b"not found", 404),
        lambda h: answer(h, wav_of(), 206),
    ],
)
def test_a_sound_that_is_none_is_a_failure(stub, connect, fault):
    stub.audio = fault
    with pytest.raises(GatewayError) as caught:
        connect(stub).synthesize(ORDER, TRIP)
    assert caught.value.status == 502


def test_a_sound_that_is_too_large_is_not_read_to_its_end(stub, connect):
    sent = []

    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        while len(sent) < 1000:
            handler.wfile.write(bytes(65_536))
            sent.append(65_536)

    stub.audio = endless
    with pytest.raises(GatewayError):
        connect(stub, max_audio_mb=1).synthesize(ORDER, TRIP)
    assert sum(sent) < 30_000_000  # what socket buffers swallow on top of 1 MB


def test_an_engine_that_says_nothing_is_a_timeout_within_the_deadline(stub, connect):
    stub.predict = lambda handler: stub.release.wait(2 * LIMIT_S)
    begun = time.monotonic()
    with pytest.raises(EngineTimeoutError):
        connect(stub).synthesize(ORDER, Trip("request-0001", 0.4))
    assert 0.3 < time.monotonic() - begun < 30  # the deadline of the settings is 50 s away


def test_an_engine_that_drips_is_cut_off_at_the_deadline(stub, connect):
    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        while not stub.release.wait(0.05):
            handler.wfile.write(b" ")

    stub.predict = drip
    begun = time.monotonic()
    with pytest.raises(EngineTimeoutError):
        connect(stub).synthesize(ORDER, Trip("request-0001", 0.5))
    assert time.monotonic() - begun < 30  # of 5,000 s that the body would take


def test_nobody_listening_is_unreachable_at_once(stub, connect):
    gateway = connect(stub)
    stub.close()
    begun = time.monotonic()
    with pytest.raises(EngineUnreachableError):  # and no timeout
        gateway.synthesize(ORDER, TRIP)
    assert time.monotonic() - begun < 30
    assert gateway.is_healthy() is False


def test_an_engine_that_dies_at_work_is_unreachable_and_one_that_comes_back_works_at_once(stub, connect, monkeypatch):
    monkeypatch.setattr(predict, "_STALE_S", -1.0)  # no failure counts as that of an idle connection
    gateway = connect(stub)
    gateway.synthesize(ORDER, TRIP)  # leaves a connection in the pool
    at_work = threading.Event()

    def die(handler):
        at_work.set()
        stub.release.wait(2 * LIMIT_S)

    stub.predict = die
    caught = []

    def ask():
        try:
            gateway.synthesize(ORDER, TRIP)
        except GatewayError as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    assert at_work.wait(LIMIT_S)
    stub.close()
    thread.join(LIMIT_S)
    assert [type(error) for error in caught] == [EngineUnreachableError]
    again = Stub(stub.port)
    try:
        assert gateway.synthesize(ORDER, TRIP).duration_s == 0.1
    finally:
        again.close()


def test_a_connection_that_was_closed_while_idle_costs_no_request(stub, connect, monkeypatch):
    monkeypatch.setattr(predict, "_STALE_S", LIMIT_S)  # however slow this machine is
    gateway = connect(stub)
    gateway.synthesize(ORDER, TRIP)

    def slam(handler):  # as a server does whose keep-alive time ran out while our request was on its way
        stub.predict = stub.good_prediction
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    stub.predict = slam
    assert gateway.synthesize(ORDER, TRIP).duration_s == 0.1


def test_more_than_the_bulkhead_holds_is_refused_at_once(stub, connect):
    gateway = connect(stub, concurrency=1, queue_timeout_s=50.0)
    begun = threading.Semaphore(0)

    def wait(handler):
        begun.release()
        stub.release.wait(2 * LIMIT_S)
        stub.good_prediction(handler)

    stub.predict = wait
    threads = [threading.Thread(target=gateway.synthesize, args=(ORDER, TRIP)) for _ in range(2)]
    threads[0].start()
    assert begun.acquire(timeout=LIMIT_S)
    threads[1].start()  # waits for its turn
    started = time.monotonic()
    while gateway._bulkhead.waiting < 1 and time.monotonic() - started < LIMIT_S:
        time.sleep(0.01)
    started = time.monotonic()
    with pytest.raises(EngineBusyError):
        gateway.synthesize(ORDER, TRIP)
    assert time.monotonic() - started < 30  # its turn would be waited for longer
    stub.release.set()
    for thread in threads:
        thread.join(LIMIT_S)
    assert gateway.synthesize(ORDER, TRIP).duration_s == 0.1  # every slot came back


def test_a_turn_that_does_not_come_in_time_is_a_refusal(stub, connect):
    gateway = connect(stub, concurrency=1, queue_timeout_s=0.1)
    begun = threading.Event()

    def wait(handler):
        begun.set()
        stub.release.wait(2 * LIMIT_S)
        stub.good_prediction(handler)

    stub.predict = wait
    thread = threading.Thread(target=gateway.synthesize, args=(ORDER, TRIP))
    thread.start()
    assert begun.wait(LIMIT_S)
    with pytest.raises(EngineBusyError):
        gateway.synthesize(ORDER, TRIP)
    stub.release.set()
    thread.join(LIMIT_S)


def info_of(**changes):
    voice = {"name": "female", "title": "女声", "gender": "female"}
    info = {"model": "v23", "revision": "r7", "voices": [voice], "speed": {"min": 0.5, "max": 2}, "emotions": []}
    return json.dumps(info | changes).encode()


def test_info_names_revision_voices_and_speeds(stub, connect):
    stub.audio = lambda handler: answer(handler, info_of())
    info = connect(stub).info()
    assert stub.requests[0][0] == "/api/info"
    assert (info.revision, info.voices[0].title, info.speed_min, info.speed_max) == ("r7", "女声", 0.5, 2.0)


@pytest.mark.parametrize("change", [{"revision": 7}, {"voices": [{}]}, {"speed": None}, {"revision": ""}], ids=str)
def test_info_that_is_none_is_a_failure(stub, connect, change):
    stub.audio = lambda handler: answer(handler, info_of(**change))
    with pytest.raises(GatewayError):
        connect(stub).info()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False), (500, False)])
def test_health_is_a_status(stub, connect, status, healthy):
    stub.audio = lambda handler: answer(handler, b'{"status": "ok"}', status)
    assert connect(stub).is_healthy() is healthy


def test_no_cookie_is_kept(stub, connect):
    stub.audio = lambda handler: answer(handler, stub.wav, Set_Cookie="a=b; Path=/")
    gateway = connect(stub)
    for _ in range(2):
        gateway.synthesize(ORDER, TRIP)
    assert all("Cookie" not in headers for _, headers, _ in stub.requests)
