"""The gateway of the official IndexTTS WebUI against a stand-in that refuses what the real one refuses."""

import threading
import time

import numpy as np
import pytest

from app.errors import EngineRefusedError, EngineTimeoutError, EngineUnreachableError, GatewayError
from app.gateway import Order, Trip
from app.gateway.indextts import IndexTTSGateway
from app.services import services_of
from settings import GatewaySettings
from tests.app.gateway.indextts_server import MODES, IndexTTS

TRIP = Trip("request-1", 100.0)
VERSIONS = ["2.0", "2-head", "2.5"]


@pytest.fixture
def server():
    with IndexTTS() as running:
        yield running


@pytest.fixture
def references(tmp_path):
    folder = tmp_path / "references"
    folder.mkdir()
    (folder / "female.wav").write_bytes(b"one recording")
    (folder / "小明.mp3").write_bytes(b"another recording")
    (folder / "notes.txt").write_bytes(b"no recording")
    return folder


@pytest.fixture
def connect(server, references):
    made = []

    def make(**changes):
        values = {"url": server.url, "references_dir": references, "deadline_s": 55.0, "concurrency": 8}
        made.append(IndexTTSGateway(GatewaySettings(**(values | changes))))
        return made[-1]

    yield make
    server.released.set()
    for gateway in made:
        gateway.close()


def speak(gateway, text="你好世界", speaker="female", speed=1.0, trip=TRIP):
    return gateway.synthesize(Order(text, speaker, speed), trip)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_in_every_language_speaks_with_its_own_defaults(server, connect, version, language):
    server.version, server.language = version, language
    made = speak(connect())
    assert (len(made.samples), made.sample_rate) == (pytest.approx(4 * 2205, abs=1), 22050)
    (call,) = server.calls
    assert call["text"] == "你好世界"
    assert call["emo_control_method"] == MODES[language][0]
    assert (call["emo_weight"], call["max_text_tokens_per_segment"], call["emo_random"]) == (0.65, 120, False)
    assert server.uploads[call["prompt"]["path"]] == b"one recording"
    assert not any("/run/" in path or "/api/" in path.replace("_api/", "") for path in server.paths)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_emotion_is_a_vector(server, connect, version):
    server.version = version
    speak(connect(), speaker="小明:sad")
    (call,) = server.calls
    assert call["emo_control_method"] == MODES["zh"][2]
    assert [call[f"vec{number}"] for number in range(1, 9)] == [0, 0, 0.8, 0, 0, 0, 0, 0]
    assert server.uploads[call["prompt"]["path"]] == b"another recording"


def test_an_emotion_of_the_order_is_the_same_vector_at_its_intensity(server, connect):
    order = Order("你好世界", "小明", 1.0, emotion="angry", intensity=0.5)
    connect().synthesize(order, TRIP)
    (call,) = server.calls
    assert call["emo_control_method"] == MODES["zh"][2]
    assert [call[f"vec{number}"] for number in range(1, 9)] == [0, 0.4, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"pitch": 2.0}, "invalid_field"),
        ({"ssml": True}, "invalid_field"),
        ({"seed": 7, "volume": -3.0}, "invalid_field"),
        ({"emotion": "bored"}, "emotion_unavailable"),
        ({"emotion": "sad", "speaker": "female:happy"}, "invalid_field"),
    ],
)
def test_what_it_cannot_do_is_refused_never_left_out(server, connect, changes, code):
    order = Order(**({"text": "你好世界", "speaker": "female", "speed": 1.0} | changes))
    with pytest.raises(EngineRefusedError) as refused:
        connect().synthesize(order, TRIP)
    assert (refused.value.status, refused.value.code) == (422, code)
    assert server.paths == []


def test_speed_is_a_duration_where_the_version_can(server, connect):
    made = speak(connect(), speed=2.0)
    assert server.calls[0]["duration_factor"] == 0.5
    assert made.duration_s == pytest.approx(0.2, abs=0.001)
    assert connect().info().speed_max == 2.0


@pytest.mark.parametrize("version", ["2.0", "2-head"])
def test_speed_is_refused_where_it_cannot(server, connect, version):
    server.version = version
    with pytest.raises(EngineRefusedError, match="语速"):
        speak(connect(), speed=1.5)
    assert (connect().info().speed_min, connect().info().speed_max) == (1.0, 1.0)
    assert server.calls == []


@pytest.mark.parametrize("speaker", ["nobody", "notes", "../female", "female:bored", "", ":sad", "female.wav"])
def test_an_unknown_speaker_is_refused_before_anything_is_sent(server, connect, speaker):
    with pytest.raises(EngineRefusedError, match="音色"):
        speak(connect(), speaker=speaker)
    assert server.paths == []


def test_the_voices_are_the_recordings_with_every_emotion(connect):
    names = [voice.name for voice in connect().info().voices]
    assert len(names) == 18
    assert {"female", "小明", "female:happy", "小明:calm"} <= set(names)


def test_another_recording_or_version_is_another_revision(server, connect, references):
    gateway = connect()
    first = gateway.info().revision
    assert gateway.info().revision == first == speak(gateway).revision
    (references / "female.wav").write_bytes(b"a better recording")
    second = gateway.info().revision
    server.version = "2.0"
    assert len({first, second, gateway.info().revision}) == 3


def test_a_recording_is_uploaded_once_and_again_after_a_failure(server, connect):
    gateway = connect()
    for _ in range(3):
        speak(gateway)
    assert server.paths.count("/gradio_api/upload") == 1
    server.uploads.clear()  # the WebUI's disk was cleaned
    with pytest.raises(GatewayError):
        speak(gateway)
    assert speak(gateway).duration_s == pytest.approx(0.4, abs=0.001)
    assert server.paths.count("/gradio_api/upload") == 2


@pytest.mark.parametrize("text", ["BOOM", "EMPTY"])
def test_a_model_that_fails_is_an_error_although_the_status_is_200(connect, text):
    with pytest.raises(GatewayError) as caught:
        speak(connect(), text)
    assert type(caught.value) is GatewayError


@pytest.mark.parametrize(
    ("fault", "error"), [("cut", GatewayError), ("html", GatewayError), ("elsewhere", GatewayError)]
)
def test_an_answer_that_is_none_is_an_error(server, connect, fault, error):
    server.fault = fault
    with pytest.raises(error):
        speak(connect())


def test_heartbeats_without_end_stop_at_the_deadline(server, connect):
    server.fault = "hang"
    begun_s = time.monotonic()
    with pytest.raises(EngineTimeoutError):
        speak(connect(), trip=Trip("r", 1.0))
    assert time.monotonic() - begun_s < 30


def test_a_model_that_takes_too_long_is_a_timeout(connect):
    begun_s = time.monotonic()
    with pytest.raises(EngineTimeoutError):
        speak(connect(), "SLOW9", trip=Trip("r", 1.0))
    assert time.monotonic() - begun_s < 30


def test_nobody_there_is_unreachable(connect):
    with pytest.raises(EngineUnreachableError):
        speak(connect(url="http://127.0.0.1:1"))
    assert not connect(url="http://127.0.0.1:1").is_healthy()


def test_without_a_recording_it_is_not_ready(connect, tmp_path):
    assert connect().is_healthy()
    assert not connect(references_dir=tmp_path / "none").is_healthy()


def test_everybody_gets_the_sound_of_his_own_text(connect):
    gateway, outcomes = connect(), {}

    def ask(length):
        outcomes[length] = speak(gateway, "字" * length, speaker=("female", "小明")[length % 2])

    threads = [threading.Thread(target=ask, args=(length,)) for length in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {length: round(made.duration_s, 2) for length, made in outcomes.items()} == {
        length: pytest.approx(0.1 * length, abs=0.01) for length in range(1, 9)
    }
    levels = {length: float(np.max(made.samples)) for length, made in outcomes.items()}
    assert len({levels[length] for length in (1, 3, 5, 7)} | {levels[length] for length in (2, 4, 6, 8)}) == 2


def test_it_serves_the_proxy(server, make_app, references, auth):
    app = make_app(gateway=None, gateway__kind="indextts", gateway__url=server.url, gateway__references_dir=references)
    told = app.test_client().post("/tts", json={"text": "你好", "speaker": "female:happy"}, headers=auth)
    assert told.status_code == 200
    assert server.calls[0]["text"] == "你好"
    assert server.calls[0]["vec1"] == 0.8
    assert services_of(app).gateway.is_healthy()
