"""The real ``openai`` package against the real proxy on a real port."""

import io
import threading

import av
import openai
import pytest
from werkzeug.serving import make_server

from app.errors import EngineUnreachableError
from sound import read_label


@pytest.fixture
def server(app):
    running = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/v1"
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def api(server, key):
    with openai.OpenAI(base_url=server, api_key=key, max_retries=0, timeout=100) as client:
        yield client


def seconds(data):
    with av.open(io.BytesIO(data)) as container:
        return sum(frame.samples for frame in container.decode(audio=0)) / container.streams.audio[0].rate


@pytest.mark.parametrize("format_", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_every_format(api, format_):
    answer = api.audio.speech.create(model="tts-1", voice="female", input="今天天气很好", response_format=format_)
    if format_ == "pcm":
        assert len(answer.content) == 2 * 24_000 * 0.6
        return
    assert seconds(answer.content) == pytest.approx(0.6, abs=0.15)
    assert read_label(io.BytesIO(answer.content)).kind == "1"
    assert int(answer.response.headers["Content-Length"]) == len(answer.content)


def test_what_was_said_before_comes_from_the_cache(api, gateway):
    for _ in range(2):
        api.audio.speech.create(model="v23", voice="male", input="你好", speed=1.5)
    (order, _), *more = gateway.orders
    assert (order.speaker, order.speed, more) == ("male", 1.5, [])


def test_names_of_theirs_are_voices_of_ours(api, gateway):
    answer = api.audio.speech.with_raw_response.create(model="tts-1", voice="onyx", input="你好")
    assert (gateway.orders[0][0].speaker, answer.headers["X-Voice"]) == ("male", "male")


def test_instructions_are_ignored_and_it_is_said(api):
    answer = api.audio.speech.with_raw_response.create(
        model="gpt-4o-mini-tts", voice="alloy", input="你好", instructions="Speak softly."
    )
    assert answer.headers["X-Ignored"] == "instructions"


def test_a_stream_is_the_file_in_parts(api, gateway):
    with api.audio.speech.with_streaming_response.create(
        model="tts-1", voice="female", input="一二三。四五六。", extra_body={"stream": True}
    ) as answer:
        data = b"".join(answer.iter_bytes())
        assert "Content-Length" not in answer.headers
    assert seconds(data) == pytest.approx(0.8, abs=0.15)
    assert gateway.streams == [{"pieces": 2, "closed": False}]


def test_events(api):
    with api.audio.speech.with_streaming_response.create(
        model="tts-1", voice="female", input="一二三。四五六。", stream_format="sse"
    ) as answer:
        lines = [line for line in answer.iter_lines() if line]
    assert all(line.startswith("data: {") for line in lines)
    assert "speech.audio.delta" in lines[0]
    assert "speech.audio.done" in lines[-1]


def test_a_long_text_is_streamed_without_asking(api, gateway):
    text = "一二三四五六七八九。" * 120
    assert seconds(api.audio.speech.create(model="tts-1", voice="female", input=text).content) > 119
    assert gateway.streams[0]["pieces"] == 120


def test_models_and_voices(api, server, key):
    assert [model.id for model in api.models.list()] == ["v23", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"]
    assert api.models.retrieve("tts-1").owned_by == "private-tts"
    voices = api.get("/audio/voices", cast_to=object)
    assert {"id": "female", "name": "女声"} in voices["voices"]


@pytest.mark.parametrize(
    ("changes", "error", "param"),
    [
        ({"input": ""}, openai.BadRequestError, "input"),
        ({"input": "一" * 4097}, openai.APIStatusError, None),
        ({"voice": "nobody-of-ours"}, None, None),
        ({"speed": 3.0}, openai.BadRequestError, "speed"),
        ({"response_format": "midi"}, openai.BadRequestError, "response_format"),
        ({"model": "whisper"}, openai.NotFoundError, "model"),
    ],
)
def test_errors_have_their_shape(api, changes, error, param):
    body = {"model": "tts-1", "voice": "female", "input": "你好"} | changes
    if error is None:
        api.audio.speech.create(**body)  # who the voice is, is the engine's to say
        return
    with pytest.raises(error) as raised:
        api.audio.speech.create(**body)
    assert raised.value.param == param
    assert raised.value.code
    assert raised.value.body["message"]


def test_a_bad_key_and_a_dead_engine(server, api, gateway):
    with openai.OpenAI(base_url=server, api_key="tts_live_none", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError):
            stranger.models.list()
    api.models.list()
    api.audio.speech.create(model="tts-1", voice="female", input="热身")
    gateway.failure = EngineUnreachableError()
    with pytest.raises(openai.InternalServerError) as raised:
        api.audio.speech.create(model="tts-1", voice="female", input="你好")
    assert raised.value.code == "engine_unreachable"


def test_an_unknown_model_is_404(api):
    with pytest.raises(openai.NotFoundError):
        api.models.retrieve("gpt-5")
