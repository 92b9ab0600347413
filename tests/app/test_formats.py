"""Every format at every sample rate, from the request to what a player plays, and the AI-content label in each file."""

import io

import numpy as np
import pytest

from sound import MEDIA_TYPES, read_label
from sound.formats import SAMPLE_RATES, rates_of
from tests.app.test_tts import fetch
from tests.sound.test_formats import peak_hertz, played

TEXT = "一二三四五六七八九十"  # a second of 220 Hz


def asked(client, auth, **body):
    answer = client.post("/tts", json={"text": TEXT, **body}, headers=auth)
    return answer.status_code, answer.get_json()


@pytest.mark.parametrize("rate", SAMPLE_RATES)
@pytest.mark.parametrize("format_", [name for name in MEDIA_TYPES if name != "pcm"])
def test_it_plays_as_long_and_as_high_as_it_was_spoken_and_carries_the_label(client, auth, format_, rate):
    status, body = asked(client, auth, format=format_, sample_rate=rate, timestamps=True)
    if rate not in rates_of(format_):
        assert (status, body["code"]) == (422, "invalid_field")
        return
    sound = fetch(client, body["audio_url"])
    assert sound.headers["Content-Type"] == MEDIA_TYPES[format_]
    heard, played_rate, seconds = played(sound.data)
    assert played_rate == (48_000 if format_ in ("ogg", "opus") else rate)
    assert seconds == pytest.approx(1.0, abs=3.1 * 1024 / rate if format_ in ("aac", "m4a") else 2 / rate)
    assert peak_hertz(heard[: int(seconds * played_rate)], played_rate) == pytest.approx(220.0, abs=3.0)
    assert 0.15 < np.abs(heard[played_rate // 4 : played_rate * 3 // 4]).max() < 0.45
    label = read_label(io.BytesIO(sound.data))
    assert (label.kind, label.producer, label.produce_id) == ("1", "private-tts", body["audio_url"].split("/")[-1][:32])
    assert (body["timestamps"][0]["begin_ms"], body["timestamps"][-1]["end_ms"]) == (0.0, 1000.0)


@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_pcm_is_the_samples_alone(client, auth, rate):
    _, body = asked(client, auth, format="pcm", sample_rate=rate)
    heard = np.frombuffer(fetch(client, body["audio_url"]).data, "<i2") / 32768
    assert len(heard) == pytest.approx(rate, abs=1)
    assert peak_hertz(heard, rate) == pytest.approx(220.0, abs=1.5)
