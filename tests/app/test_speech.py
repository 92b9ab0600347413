"""The use case: one synthesis for any number who ask, and a cache that never lies."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from app.errors import EngineTimeoutError, EngineUnreachableError, QuotaError
from app.flight import SingleFlight
from app.gateway import Order
from app.services import services_of
from app.speech import Wish, cache_key
from app.storage import StorageError


def wish(text="你好", **changes):
    return Wish(Order(**{"text": text, "speaker": "female", "speed": 1.0} | changes), "wav")


def together(count, work):
    """``work`` on ``count`` threads at once."""
    pool = ThreadPoolExecutor(count)
    futures = [pool.submit(work) for _ in range(count)]
    pool.shutdown(wait=False)
    return futures


def finish(futures):
    """What they returned, and what they raised."""
    errors = [future.exception(timeout=120) for future in futures]
    return [future.result() for future in futures if future.exception() is None], [e for e in errors if e]


@pytest.fixture
def speech(services):
    return services.speech


def test_a_hundred_who_ask_the_same_get_one_synthesis(speech, gateway, stored):
    gateway.gate.clear()
    futures = together(100, lambda: speech.speak(wish(), "tester", "request-1"))
    assert gateway.begun.acquire(timeout=60)
    gateway.gate.set()
    clips, errors = finish(futures)
    assert errors == []
    assert len(gateway.orders) == 1
    assert len({clip.audio_url for clip in clips}) == 1
    assert sum(not clip.cached for clip in clips) == 1
    assert stored() == (1, 1)


def test_who_comes_just_after_the_flight_landed_finds_the_sound_and_is_not_charged(speech, gateway, services):
    key = speech.key(wish(), "r1")
    looks = []

    class LateLook(type(speech.library)):
        def find(self, key):
            looks.append(key)
            return None if len(looks) == 1 else super().find(key)  # the row appears after the first look

    speech.speak(wish(), "other", "request-1")
    library = LateLook(speech.library.engine, speech.library.now, speech.library.touch_interval_s)
    clip = replace(speech, library=library).speak(wish(), "tester", "request-2")
    assert (looks, clip.cached, len(gateway.orders)) == ([key, key], True, 1)
    services.quota.charge("tester", 200_000)


def test_only_the_one_who_started_it_pays(speech, gateway, services):
    gateway.gate.clear()
    futures = together(20, lambda: speech.speak(wish("一二三"), "tester", "request-1"))
    assert gateway.begun.acquire(timeout=60)
    gateway.gate.set()
    _, errors = finish(futures)
    assert errors == []
    with pytest.raises(QuotaError):
        services.quota.charge("tester", 200_000 - 2)
    services.quota.charge("tester", 200_000 - 3)


def test_a_failure_reaches_everybody_who_waits_and_is_then_forgotten(speech, gateway, stored):
    speech.catalogue.info()
    gateway.gate.clear()
    gateway.failure = EngineUnreachableError()
    futures = together(30, lambda: speech.speak(wish(), "tester", "request-1"))
    assert gateway.begun.acquire(timeout=60)
    gateway.gate.set()
    clips, errors = finish(futures)
    assert (clips, len(errors)) == ([], 30)
    assert {type(error) for error in errors} == {EngineUnreachableError}
    assert stored() == (0, 0)
    gateway.failure = None
    assert speech.speak(wish(), "tester", "request-2").duration_s == 0.2


def test_different_orders_do_not_wait_for_each_other(speech, gateway):
    gateway.gate.clear()
    first = together(1, lambda: speech.speak(wish("一"), "tester", "request-1"))
    second = together(1, lambda: speech.speak(wish("二"), "tester", "request-2"))
    assert gateway.begun.acquire(timeout=60)
    assert gateway.begun.acquire(timeout=60)
    gateway.gate.set()
    finish(first + second)
    assert len(gateway.orders) == 2


def test_who_waits_too_long_for_another_gets_a_timeout():
    flight = SingleFlight()
    begun, release = threading.Event(), threading.Event()

    def work():
        begun.set()
        release.wait(120)
        return 1

    futures = together(1, lambda: flight.run("k", work, 1.0))
    assert begun.wait(60)
    with pytest.raises(TimeoutError):
        flight.run("k", lambda: 2, 0.01)
    release.set()
    results, _ = finish(futures)
    assert [landing.value for landing in results] == [1]
    assert flight.run("k", lambda: 3, 1.0).value == 3


def test_a_wait_that_ends_is_a_timeout_of_the_engine(make_app, gateway, auth):
    app = make_app(proxy__request_timeout_s=5, gateway__deadline_s=2, gateway__queue_timeout_s=0)
    terms = services_of(app).speech.terms
    assert (terms.deadline_s, terms.wait_s) == (2.0, 4)
    speech = services_of(app).speech

    def late(key, work, timeout_s):
        raise TimeoutError

    object.__setattr__(speech.flight, "run", late)
    with pytest.raises(EngineTimeoutError):
        speech.speak(wish(), "tester", "request-1")


def test_a_file_that_vanished_is_made_again_and_the_row_follows(speech, gateway, services, stored):
    first = speech.speak(wish(), "tester", "request-1")
    for file in list(services.storage.entries()):
        services.storage.delete(file.name)
    second = speech.speak(wish(), "tester", "request-2")
    assert (second.cached, len(gateway.orders)) == (False, 2)
    assert first.audio_url != second.audio_url
    assert stored() == (1, 1)
    assert speech.speak(wish(), "tester", "request-3").cached is True


def test_a_new_revision_of_the_engine_never_serves_the_old_sound(speech, gateway):
    speech.speak(wish(), "tester", "request-1")
    gateway.revision = "r2"
    speech.catalogue.learn("r2")
    assert speech.speak(wish(), "tester", "request-2").cached is False
    assert speech.speak(wish(), "tester", "request-3").cached is True


def test_a_sound_made_by_a_newer_engine_than_we_knew_is_kept_under_its_own_revision(speech, gateway):
    speech.catalogue.info()
    gateway.revision = "r2"  # restarted between our question and its answer
    assert speech.speak(wish(), "tester", "request-1").cached is False
    assert speech.find(speech.key(wish(), "r1")) is None
    assert speech.speak(wish(), "tester", "request-2").cached is True


def test_while_the_engine_is_away_what_was_spoken_still_plays(make_app, gateway):
    speech = services_of(make_app(gateway__info_lifetime_s=0)).speech
    speech.speak(wish(), "tester", "request-1")
    gateway.failure = EngineUnreachableError()
    assert speech.speak(wish(), "tester", "request-2").cached is True
    with pytest.raises(EngineUnreachableError):
        speech.speak(wish("别的"), "tester", "request-3")


class FullDisk:
    def __init__(self):
        self.names = []

    def put(self, name, data, media_type):
        self.names.append(name)
        raise StorageError("音频未能写入磁盘。")

    def exists(self, name):
        return name in self.names


def test_bytes_are_stored_before_the_row_so_a_full_disk_leaves_no_row(make_app, gateway):
    services = services_of(make_app(storage=FullDisk()))
    with pytest.raises(StorageError):
        services.speech.speak(wish(), "tester", "request-1")
    assert services.speech.library.least_recent() == []
    services.quota.charge("tester", 200_000)  # paid back


def test_a_full_disk_is_502_in_the_one_shape(make_app, auth):
    client = make_app(storage=FullDisk()).test_client()
    answer = client.post("/tts", json={"text": "你好"}, headers=auth)
    assert (answer.status_code, answer.get_json()["code"]) == (502, "storage_failed")


class Bucket:
    """A store elsewhere: absolute links, and every question counts."""

    def __init__(self):
        self.files = {}
        self.asked = 0

    def put(self, name, data, media_type):
        self.files[name] = data

    def exists(self, name):
        self.asked += 1
        return name in self.files

    def url(self, name, lifetime_s):
        return f"https://bucket.example/{name}?t={lifetime_s}"


def test_a_bucket_gives_its_own_links_and_is_not_asked_at_every_hit(make_app, gateway):
    bucket = Bucket()
    services = services_of(make_app(storage=bucket))
    clips = [services.speech.speak(wish(), "tester", "request-1") for _ in range(5)]
    assert clips[0].audio_url == f"https://bucket.example/{next(iter(bucket.files))}?t=3600"
    assert (bucket.asked, len(gateway.orders)) == (0, 1)
    assert services.links == ()


def test_a_use_is_written_at_most_once_in_the_interval(speech, clock):
    speech.speak(wish(), "tester", "request-1")
    made_s = clock.now_s
    clock.now_s += 299
    speech.speak(wish(), "tester", "request-2")
    assert speech.library.least_recent()[0].last_used_s == made_s
    clock.now_s += 1
    speech.speak(wish(), "tester", "request-3")
    assert speech.library.least_recent()[0].last_used_s == made_s + 300


BASE = wish()
OTHERS = [
    Wish(BASE.order, "mp3"),
    Wish(BASE.order, "wav", 16000),
    wish("你好 "),
    wish(speaker="male"),
    wish(speed=1.0000001),
]


@pytest.mark.parametrize("other", OTHERS, ids=repr)
def test_the_key_tells_everything_apart_that_changes_the_sound(other):
    assert cache_key(BASE, "r1") != cache_key(other, "r1")


def test_the_key_depends_on_the_revision_and_on_nothing_else():
    assert cache_key(BASE, "r1") != cache_key(BASE, "r2")
    assert cache_key(BASE, "r1") == cache_key(wish(speed=1), "r1")
    assert len(cache_key(BASE, "r1")) == 64
