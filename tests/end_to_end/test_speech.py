"""The main job, spoken through the real servers: a sentence in, a sound out, over HTTPS."""

import io
import json
import ssl
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import numpy as np
import pytest
import requests
import soundfile

TEXT = "欢迎使用AI语音合成功能"


def sound(answer):
    samples, rate = soundfile.read(io.BytesIO(answer.content), dtype="float32")
    return samples, rate


def spoken(stack, **body):
    answer = stack.tts(**body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_sentence_becomes_an_mp3_behind_a_link(stack, bearer):
    answer = stack.tts(bearer, text=TEXT, speaker="female", speed=1.2)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["format"] == "mp3"
    assert body["characters"] == len(TEXT)
    assert urlsplit(body["audio_url"]).path.endswith(".mp3")
    fetched = stack.session.get(body["audio_url"], timeout=60)
    assert fetched.status_code == 200
    assert fetched.headers["Content-Type"] == "audio/mpeg"
    assert int(fetched.headers["Content-Length"]) == len(fetched.content)
    samples, rate = sound(fetched)
    assert rate == 22050
    assert len(samples) / rate == pytest.approx(body["duration_s"], abs=0.01)
    assert 1.2 < body["duration_s"] < 5.0  # twelve syllables, two of them letters, a fifth faster than usual
    loudness = np.sqrt(np.mean(samples[: len(samples) // 100 * 100].reshape(-1, 100) ** 2, axis=1))
    assert np.mean(loudness > 0.01) > 0.5


def test_timestamps_index_the_text_in_order_and_within_the_sound(stack):
    body = spoken(stack, text=TEXT, timestamps=True)
    times = body["timestamps"]
    assert [TEXT[time["begin"] : time["end"]] for time in times] == [time["text"] for time in times]
    assert set("欢迎使用语音合成功能") <= set("".join(time["text"] for time in times))
    begins = [time["begin_ms"] for time in times]
    assert begins == sorted(begins)
    assert times[-1]["end_ms"] <= body["duration_s"] * 1000 + 1


def test_what_was_spoken_is_not_spoken_again(stack):
    first = spoken(stack, text="第二次请求直接取缓存。")
    before = stack.syntheses()
    second = spoken(stack, text="第二次请求直接取缓存。")
    assert (first["cached"], second["cached"]) == (False, True)
    assert urlsplit(first["audio_url"]).path == urlsplit(second["audio_url"]).path
    assert stack.syntheses() == before


def test_many_at_once_are_one_synthesis(stack):
    before = stack.syntheses()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: spoken(stack, text="八个人同时说同一句话。"), range(8)))
    assert len({urlsplit(answer["audio_url"]).path for answer in answers}) == 1
    assert stack.syntheses() == before + 1


def test_speed_acts_on_the_duration(stack):
    slow, fast = (spoken(stack, text="语速会改变时长。", speed=speed)["duration_s"] for speed in (0.7, 1.4))
    assert slow / fast == pytest.approx(2.0, rel=0.2)


def test_every_voice_sounds_different(stack):
    names = [
        voice["name"] for voice in stack.request("GET", "/voices", headers={"X-API-Key": stack.key}).json()["voices"]
    ]
    assert {"female", "male", "child"} <= set(names)
    sounds = {
        stack.session.get(spoken(stack, text="你好。", speaker=name)["audio_url"], timeout=60).content for name in names
    }
    assert len(sounds) == len(names)


@pytest.mark.parametrize(("rate", "format_"), [(8000, "mp3"), (16000, "wav"), (48000, "mp3")])
def test_format_and_sample_rate_are_as_asked(stack, rate, format_):
    body = spoken(stack, text="采样率。", sample_rate=rate, format=format_)
    fetched = stack.session.get(body["audio_url"], timeout=60)
    assert fetched.headers["Content-Type"] == {"mp3": "audio/mpeg", "wav": "audio/wav"}[format_]
    samples, found = sound(fetched)
    assert found == rate
    assert len(samples) / found == pytest.approx(body["duration_s"], abs=0.02)


def test_links_answer_as_phones_ask(stack):
    url = spoken(stack, text="手机要分段取。")["audio_url"]
    whole = stack.session.get(url, timeout=60)
    size = len(whole.content)
    assert whole.headers["Accept-Ranges"] == "bytes"
    head = stack.session.head(url, timeout=60)
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, str(size), b"")
    probe = stack.session.get(url, headers={"Range": "bytes=0-1"}, timeout=60)
    assert (probe.status_code, probe.content) == (206, whole.content[:2])
    assert probe.headers["Content-Range"] == f"bytes 0-1/{size}"
    rest = stack.session.get(url, headers={"Range": f"bytes={size - 100}-"}, timeout=60)
    assert (rest.status_code, rest.content) == (206, whole.content[-100:])
    beyond = stack.session.get(url, headers={"Range": f"bytes={size}-"}, timeout=60)
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
    known = stack.session.get(url, headers={"If-None-Match": whole.headers["ETag"]}, timeout=60)
    assert (known.status_code, known.content) == (304, b"")


def frames(data):
    """Type and payload of each frame: one byte, a little-endian length, and what it holds."""
    while data:
        kind, length = data[:1], int.from_bytes(data[1:5], "little")
        yield kind, data[5 : 5 + length]
        data = data[5 + length :]


@pytest.mark.parametrize("encoding", [{"format": "pcm"}, {"format": "mp3"}])
def test_a_stream_of_the_real_engine_is_whole_and_timed(stack, encoding):
    text = "第一句话在这里。" + "第二句要长一些，说完才轮到下一句。" * 3 + "最后一句。"
    answer = stack.request(
        "POST", "/tts/stream", headers={"X-API-Key": stack.key}, json={"text": text, "timestamps": True, **encoding}
    )
    assert answer.status_code == 200, answer.text
    found = list(frames(answer.content))
    assert [found[0][0], found[-1]] == [b"J", (b"Z", b"")]
    assert {kind for kind, _ in found} == {b"J", b"A", b"Z"}
    sounds = [payload for kind, payload in found if kind == b"A"]
    told = [json.loads(payload) for kind, payload in found[1:] if kind == b"J"]
    assert len(sounds) == len(told) > 1
    timings = [timing for piece in told for timing in piece["timings"]]
    assert [text[timing["begin"] : timing["end"]] for timing in timings] == [timing["text"] for timing in timings]
    begins = [timing["begin_ms"] for timing in timings]
    assert begins == sorted(begins)
    if encoding["format"] == "pcm":
        seconds = sum(map(len, sounds)) / 2 / json.loads(found[0][1])["sample_rate"]
    else:
        seconds = sum(len(each[0]) / each[1] for each in (soundfile.read(io.BytesIO(data)) for data in sounds))
    assert timings[-1]["end_ms"] / 1000 <= seconds + 0.01
    assert seconds == pytest.approx(timings[-1]["end_ms"] / 1000, abs=1.0)


def test_prewarming_makes_texts_ahead_of_need(stack):
    done = stack.command("-m", "app", "prewarm", str(_list(stack)))
    assert done.count("已合成") == 2
    assert spoken(stack, text="一号线开往机场。")["cached"] is True
    again = stack.command("-m", "app", "prewarm", str(_list(stack)))
    assert again.count("已有") == 2


def _list(stack):
    path = stack.folder / "list.txt"
    path.write_text("# 常用\n一号线开往机场。\n\n二号线开往车站。\n", encoding="utf-8")
    return path


def test_health_and_documents_need_no_credential(stack):
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
        assert stack.request("GET", path).status_code == 200
    assert "/tts" in stack.request("GET", "/openapi.json").json()["paths"]


def test_only_a_client_that_trusts_the_certificate_connects(stack):
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{stack.url}/healthz", timeout=60)
    context = ssl.create_default_context(cafile=stack.folder / "tls_cert.pem")
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_the_command_line_speaks_without_servers(stack, tmp_path):
    stack.command("-m", "tts_engine", "今天天气很好。", "-o", str(tmp_path / "hello.wav"))
    samples, rate = soundfile.read(tmp_path / "hello.wav")
    assert rate == 22050
    assert 0.6 < len(samples) / rate < 4.0


def test_no_text_and_no_secret_is_logged(stack, bearer):
    stack.tts(bearer, text="这句话不该出现在日志里。")
    logs = stack.log("webui") + stack.log("proxy")
    for hidden in (
        "这句话不该",
        stack.key,
        bearer["Authorization"].split()[1],
        stack.secret.partition(":")[2],
        "signature=",
    ):
        assert hidden not in logs
