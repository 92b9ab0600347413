"""Speech while it is being made: what comes first, what ends it, what it costs."""

import io
import json
import struct

import av
import numpy as np
import pytest

from app.errors import EngineUnreachableError
from sound import decode_wav, read_label

TEXT = "今天天气很好。我们去公园。好吗？"
RATE = 22050


def frames(data):
    found, position = [], 0
    while position < len(data):
        kind, size = struct.unpack_from("<cI", data, position)
        found.append((kind.decode(), data[position + 5 : position + 5 + size]))
        position += 5 + size
    assert position == len(data)
    return found


def open_stream(client, auth, accept="*/*", **body):
    return client.post("/tts/stream", json={"text": TEXT} | body, headers={**auth, "Accept": accept}, buffered=False)


def used(services, subject="tester"):
    from sqlalchemy import select

    from app.database import Usage

    with services.engine.connect() as connection:
        return connection.execute(select(Usage.characters).where(Usage.subject == subject)).scalar() or 0


def played(data, format_=None):
    with av.open(io.BytesIO(data), format=format_) as container:
        rate = container.streams.audio[0].rate
        return sum(frame.samples for frame in container.decode(audio=0)) / rate


def test_frames_are_a_description_then_each_sentence_then_the_end(client, auth, services):
    answer = open_stream(client, auth)
    assert (answer.status_code, answer.content_type) == (200, "application/octet-stream")
    assert answer.headers["X-Accel-Buffering"] == "no"
    found = frames(b"".join(answer.response))
    answer.close()
    assert [kind for kind, _ in found] == ["J", "J", "A", "J", "A", "J", "A", "Z"]
    opening = json.loads(found[0][1])
    assert (opening["sample_rate"], opening["encoding"]) == (RATE, "pcm_s16le")
    assert opening["aigc"]["Label"] == "1"
    second = json.loads(found[3][1])
    assert [timing["text"] for timing in second["timings"]] == list("我们去公园。")
    assert second["timings"][0]["begin_ms"] == 700.0
    sound = np.frombuffer(b"".join(payload for kind, payload in found if kind == "A"), "<i2") / 32767
    ideal = 0.3 * np.sin(2 * np.pi * 220 * np.arange(len(sound)) / RATE)
    assert len(sound) == 2205 * len(TEXT)
    assert np.abs(sound - ideal).max() < 0.001  # no seam between the frames
    assert used(services) == len(TEXT)


def test_the_first_sentence_is_sent_before_the_second_is_made(client, auth, gateway):
    answer = open_stream(client, auth)
    parts = iter(answer.response)
    assert [next(parts)[:1], next(parts)[:1], next(parts)[:1]] == [b"J", b"J", b"A"]
    assert gateway.streams[0] == {"pieces": 1, "closed": False}
    answer.close()


def test_who_leaves_stops_the_engine_and_pays_for_what_was_spoken(client, auth, gateway, services):
    answer = open_stream(client, auth)
    parts = iter(answer.response)
    for _ in range(3):
        next(parts)
    answer.close()
    assert gateway.streams[0] == {"pieces": 1, "closed": True}
    assert used(services) == len("今天天气很好。")


def test_who_leaves_before_the_first_byte_stops_it_too(client, auth, gateway, services):
    open_stream(client, auth).close()
    assert gateway.streams[0]["closed"]
    assert used(services) == 0


@pytest.mark.parametrize("fails_at", [1, 2])
def test_a_failure_in_the_middle_is_a_frame_and_no_end(client, auth, gateway, services, fails_at):
    gateway.fails_at = fails_at
    answer = open_stream(client, auth)
    found = frames(b"".join(answer.response))
    answer.close()
    assert [kind for kind, _ in found][-1] == "E"
    problem = json.loads(found[-1][1])
    assert (problem["status"], problem["code"]) == (502, "engine_failed")
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert used(services) == (7 if fails_at == 1 else 13)


def test_a_failure_at_once_is_an_ordinary_error_and_costs_nothing(client, auth, gateway, services):
    client.post("/tts", json={"text": "好"}, headers=auth)
    gateway.failure = EngineUnreachableError()
    answer = open_stream(client, auth)
    assert (answer.status_code, answer.get_json()["code"]) == (502, "engine_unreachable")
    assert used(services) == 1


def test_as_many_streams_as_may_then_503_and_a_place_is_given_back(make_app, gateway):
    from app.auth import NewKey
    from app.services import services_of

    app = make_app(proxy__threads=2)
    key = services_of(app).keys.create(NewKey("test", ("tts",)))[1]
    client, headers = app.test_client(), {"X-API-Key": key}
    first = open_stream(client, headers)
    second = open_stream(client, headers)
    assert (second.status_code, second.headers["Retry-After"]) == (503, "5")
    first.close()
    third = open_stream(client, headers)
    assert third.status_code == 200
    third.close()


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        ("audio/mpeg", "mp3"),
        ("audio/wav", "wav"),
        ("audio/aac", "aac"),
        ("audio/ogg", "ogg"),
        ("audio/flac", "flac"),
        ("audio/pcm", "pcm"),
    ],
)
def test_plain_audio_by_accept(client, auth, accept, format_):
    answer = open_stream(client, auth, accept, explicit_label=True)
    data = b"".join(answer.response)
    answer.close()
    assert answer.content_type == accept
    if format_ == "pcm":
        assert len(data) == 2 * 2205 * len(TEXT)
        return
    assert played(data) == pytest.approx(0.1 * len(TEXT), abs=0.25)
    assert read_label(io.BytesIO(data)).kind == "1"


@pytest.mark.parametrize("format_", ["mp3", "wav", "m4a"])
def test_other_formats_in_frames_are_one_whole_labelled_file_a_sentence(client, auth, format_):
    answer = open_stream(client, auth, format=format_)
    sounds = [payload for kind, payload in frames(b"".join(answer.response)) if kind == "A"]
    answer.close()
    assert [played(sound) for sound in sounds] == pytest.approx([0.7, 0.6, 0.3], abs=0.06)
    assert len({read_label(io.BytesIO(sound)).produce_id for sound in sounds}) == 3


def test_a_sentence_that_comes_in_parts_is_sent_on_in_parts(client, auth, gateway):
    gateway.piece_characters = 3
    answer = open_stream(client, auth)
    found = frames(b"".join(answer.response))
    answer.close()
    told = [json.loads(payload) for kind, payload in found if kind == "J"][1:]
    assert [part.get("continues", False) for part in told] == [True, False, True, False, False]
    assert [timing["text"] for part in told for timing in part["timings"]] == list(TEXT)
    assert sum(len(payload) for kind, payload in found if kind == "A") == 2 * 2205 * len(TEXT)


def test_with_captions_or_as_files_it_is_put_together(client, auth, gateway):
    gateway.piece_characters = 3
    for body in ({"format": "mp3"}, {"timestamps": "srt"}):
        answer = open_stream(client, auth, **body)
        found = frames(b"".join(answer.response))
        answer.close()
        told = [json.loads(payload) for kind, payload in found if kind == "J"][1:]
        assert ["".join(timing["text"] for timing in part["timings"]) for part in told] == [
            "今天天气很好。",
            "我们去公园。",
            "好吗？",
        ]
        assert not any("continues" in part for part in told)


def test_a_label_at_the_end_does_not_keep_the_first_sound_back(make_app, gateway):
    from app.auth import NewKey
    from app.services import services_of

    app = make_app(label__explicit="rhythm", label__position="end")
    key = services_of(app).keys.create(NewKey("test", ("tts",)))[1]
    answer = open_stream(app.test_client(), {"X-API-Key": key}, "audio/pcm")
    parts = iter(answer.response)
    first = next(parts)
    assert gateway.streams[0]["pieces"] == 1
    sound = first + b"".join(parts)
    answer.close()
    assert len(sound) - 2 * 2205 * len(TEXT) == pytest.approx(2 * 1.4 * RATE, abs=2 * 0.1 * RATE)


def test_captions_come_with_their_sentence(client, auth):
    answer = open_stream(client, auth, timestamps="srt")
    told = [json.loads(payload) for kind, payload in frames(b"".join(answer.response)) if kind == "J"][1:]
    answer.close()
    assert "".join(part["subtitles"] for part in told) == (
        "1\n00:00:00,000 --> 00:00:00,700\n今天天气很好。\n\n"
        "2\n00:00:00,700 --> 00:00:01,300\n我们去公园。\n\n"
        "3\n00:00:01,300 --> 00:00:01,600\n好吗？\n\n"
    )


@pytest.mark.parametrize(
    ("accept", "body"),
    [("audio/mpeg", {"format": "m4a"}), ("audio/mpeg", {"format": "wav"}), ("*/*", {"timestamps": "vtt"})],
)
def test_what_does_not_fit_together_is_refused(client, auth, gateway, accept, body):
    answer = open_stream(client, auth, accept, **body)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_field")
    assert gateway.streams == []


def test_the_explicit_label_is_in_files_and_not_in_frames(make_app, gateway):
    from app.auth import NewKey
    from app.services import services_of

    app = make_app(label__explicit="rhythm", label__position="start")
    key = services_of(app).keys.create(NewKey("test", ("tts",)))[1]
    client, headers = app.test_client(), {"X-API-Key": key}
    plain = open_stream(client, headers, "audio/pcm")
    framed = open_stream(client, headers)
    asked = open_stream(client, headers, explicit_label=True)
    lengths = [
        len(b"".join(plain.response)),
        sum(len(payload) for kind, payload in frames(b"".join(framed.response)) if kind == "A"),
    ]
    found = frames(b"".join(asked.response))
    for answer in (plain, framed, asked):
        answer.close()
    assert lengths[1] == 2 * 2205 * len(TEXT)
    assert lengths[0] - lengths[1] == pytest.approx(2 * 1.4 * RATE, abs=2 * 0.1 * RATE)
    assert json.loads(found[1][1])["timings"][0]["begin_ms"] == pytest.approx(1400, abs=100)


def test_timestamps_of_a_whole_sound(client, auth):
    def speak(timestamps):
        return client.post("/tts", json={"text": TEXT, "timestamps": timestamps}, headers=auth).get_json()

    assert len(speak(True)["timestamps"]) == len(speak("characters")["timestamps"]) == len(TEXT)
    assert [line["text"] for line in speak("sentences")["timestamps"]] == ["今天天气很好。", "我们去公园。", "好吗？"]
    assert speak("lrc")["subtitles"] == "[00:00.00]今天天气很好。\n[00:00.70]我们去公园。\n[00:01.30]好吗？\n"
    assert "timestamps" not in speak("srt")


def test_the_explicit_label_lengthens_the_file_is_part_of_the_key_and_may_be_left_out(make_app, gateway):
    from app.auth import NewKey
    from app.services import services_of

    app = make_app(label__explicit="rhythm")
    key = services_of(app).keys.create(NewKey("test", ("tts",)))[1]
    client, headers = app.test_client(), {"X-API-Key": key}

    def speak(**body):
        answer = client.post("/tts", json={"text": "你好", "format": "wav"} | body, headers=headers)
        return answer.get_json()

    heard, silent = speak(), speak(explicit_label=False)
    assert heard["duration_s"] == pytest.approx(0.2 + 1.4, abs=0.1)
    assert silent["duration_s"] == 0.2
    assert not silent["cached"]
    path = heard["audio_url"].partition("8443")[2]
    samples, rate = decode_wav(client.get(path).get_data())
    assert len(samples) / rate == pytest.approx(heard["duration_s"], abs=0.001)
    other = make_app(label__explicit="rhythm", label__callers_may_omit=False).test_client()
    refused = other.post("/tts", json={"text": "你好", "explicit_label": False}, headers=headers)
    assert refused.status_code == 422


def test_a_spoken_notice_is_spoken_once_at_the_pace_of_the_standard(make_app, gateway):
    from app.auth import NewKey
    from app.services import services_of

    app = make_app(label__explicit="speech")
    key = services_of(app).keys.create(NewKey("test", ("tts",)))[1]
    client, headers = app.test_client(), {"X-API-Key": key}
    for text in ("你好", "再见"):
        answer = client.post("/tts", json={"text": text}, headers=headers).get_json()
        # the stand-in ignores speed; the label begins with a whole MP3 frame of 26 ms
        assert answer["duration_s"] == pytest.approx(0.2 + 0.3 + 1.0 + 0.013, abs=0.0135)
    notices = [order for order, _ in gateway.orders if order.text == "本音频由人工智能合成"]
    assert [order.speed for order in notices] == [1.0, 0.5]  # 600 characters a minute, down to 140 where it can
