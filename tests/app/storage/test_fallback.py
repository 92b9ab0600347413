"""A proxy on a bucket that fails in every way: each caller still gets his own sound, and the bucket gets it later."""

import os
import time

import circuitbreaker
import pytest
import requests

from app.services import services_of
from app.storage import StorageError
from app.storage.fallback import FallbackStorage
from sound import decode_wav
from tests.app.storage.cos_server import CosServer


@pytest.fixture
def cos():
    with CosServer() as server:
        yield server


@pytest.fixture
def app(make_app, cos):
    return make_app(
        storage__kind="cos",
        storage__cos_region="ap-guangzhou",
        storage__cos_bucket="voice-1250000000",
        storage__cos_secret_id=cos.secret_id,
        storage__cos_secret_key=cos.secret_key,
        storage__cos_endpoint=cos.domain,
        storage__cos_scheme="http",
        label__explicit="none",
        cache__verify_interval_s=0,
    )


@pytest.fixture
def storage(app):
    return services_of(app).storage


def speak(client, auth, text):
    answer = client.post("/tts", json={"text": text, "format": "wav"}, headers=auth)
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()


def seconds_of(client, told):
    """The length of the sound behind a link, which tells how many characters it speaks."""
    url = told["audio_url"]
    data = requests.get(url, timeout=20).content if "127.0.0.1:8443" not in url else client.get(url[22:]).data
    samples, sample_rate = decode_wav(data)
    return round(len(samples) / sample_rate, 3)


@pytest.mark.parametrize("fault", ["InternalError", "AccessDenied", "cut", "hang", "garbage", "ServiceUnavailable"])
def test_while_the_bucket_fails_the_folder_stands_in_and_nobody_waits_long(
    app, client, auth, cos, storage, fault, monkeypatch
):
    monkeypatch.setattr(circuitbreaker, "monotonic", lambda: 100.0)  # left alone for five seconds that never pass
    cos.fault = fault
    slowest_s = 0.0
    for length in range(1, 7):
        begun_s = time.monotonic()
        told = speak(client, auth, "字" * length)
        slowest_s = max(slowest_s, time.monotonic() - begun_s)
        assert seconds_of(client, told) == pytest.approx(0.1 * length)
    assert slowest_s < 25  # who hangs does so for 30 s
    assert len([request for request in cos.requests if request[0] == "PUT"]) <= 3  # then it is left alone
    assert storage.waiting == 6
    assert cos.objects == {}
    with pytest.raises(StorageError):
        storage.move()
    cos.fault = ""
    assert storage.move() == 6
    assert len(cos.objects) == 6
    assert storage.waiting == 0


def test_a_link_to_the_folder_opens_until_it_expires_and_new_ones_lead_to_the_bucket(app, client, auth, cos, storage):
    cos.fault = "InternalError"
    first = speak(client, auth, "一二三")
    cos.fault = ""
    storage.move()
    second = speak(client, auth, "一二三")
    assert (first["cached"], second["cached"]) == (False, True)
    assert cos.domain in second["audio_url"]
    assert seconds_of(client, first) == seconds_of(client, second) == pytest.approx(0.3)
    storage.move()
    assert seconds_of(client, first) == pytest.approx(0.3)
    for mark in storage._folder.folder.glob("*.moved"):
        os.utime(mark, (1, 1))
    storage.move()
    assert list(storage._folder.folder.iterdir()) == []
    assert seconds_of(client, second) == pytest.approx(0.3)


def test_what_was_in_the_bucket_is_made_again_while_the_bucket_is_away(app, client, auth, cos):
    assert cos.domain in speak(client, auth, "一二三")["audio_url"]
    cos.fault = "cut"
    told = speak(client, auth, "一二三")
    assert told["cached"] is False
    assert seconds_of(client, told) == pytest.approx(0.3)
    cos.fault = ""
    assert speak(client, auth, "一二三")["cached"] is True


def test_pruning_goes_through_both_places(app, client, auth, cos, storage):
    speak(client, auth, "在云上")
    cos.fault = "InternalError"
    speak(client, auth, "在本机")
    cos.fault = ""
    names = [file.name for file in storage.entries()]
    assert len(names) == 2
    for name in names:
        storage.delete(name)
    assert list(storage.entries()) == []


def test_without_the_fallback_a_failure_is_said(make_app, cos, auth):
    app = make_app(
        storage__kind="cos",
        storage__cos_endpoint=cos.domain,
        storage__cos_bucket="voice-1250000000",
        storage__cos_secret_id=cos.secret_id,
        storage__cos_secret_key=cos.secret_key,
        storage__cos_scheme="http",
        storage__cos_fallback="false",
    )
    cos.fault = "AccessDenied"
    assert not isinstance(services_of(app).storage, FallbackStorage)
    answer = app.test_client().post("/tts", json={"text": "一"}, headers=auth)
    assert (answer.status_code, answer.get_json()["code"]) == (502, "storage_failed")
