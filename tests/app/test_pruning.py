"""Old audio goes, row and file together; what is in use stays."""

import os
import time

import pytest

from app import pruning
from app.gateway import Order
from app.services import services_of
from app.speech import Wish

MB = 1024 * 1024
HOUR_S = 3600


@pytest.fixture
def clock():
    """Real time at the start: files on disk carry it."""

    class Clock:
        now_s = time.time()

        def __call__(self):
            return self.now_s

    return Clock()


def speak(services, text):
    return services.speech.speak(Wish(Order(text, "female", 1.0), "wav"), "tester", "request-1")


def names(services):
    rows = {record.name for record in services.speech.library.least_recent()}
    assert rows == {file.name for file in services.storage.entries()}
    return rows


def stored_bytes(folder):
    return sum(path.stat().st_size for path in (folder / "audio").rglob("*") if path.is_file())


def test_what_nobody_used_for_long_goes_and_the_rest_stays(make_app, clock, tmp_path):
    services = services_of(make_app(storage__max_age_h=2))
    speak(services, "旧的")
    clock.now_s += 1.5 * HOUR_S
    speak(services, "新的")
    assert services.pruner.sweep().by_age == 0
    clock.now_s += 0.5 * HOUR_S + 301
    before = stored_bytes(tmp_path)
    swept = services.pruner.sweep()
    assert (swept.by_age, swept.bytes) == (1, before - stored_bytes(tmp_path))
    assert swept.bytes > 2 * 4410
    assert len(names(services)) == 1
    assert speak(services, "新的").cached is True
    assert speak(services, "旧的").cached is False


def test_a_use_keeps_it(make_app, clock):
    services = services_of(make_app(storage__max_age_h=2))
    speak(services, "常用")
    for _ in range(4):
        clock.now_s += 1.5 * HOUR_S
        assert speak(services, "常用").cached is True
        assert services.pruner.sweep().by_age == 0


def test_a_use_that_came_too_soon_to_be_written_still_keeps_its_link_open(make_app, clock):
    app = make_app(storage__max_age_h=1)
    services = services_of(app)
    speak(services, "刚用")
    clock.now_s += 299
    link = speak(services, "刚用").audio_url
    clock.now_s += 3599
    assert services.pruner.sweep().by_age == 0
    assert app.test_client().get(link).status_code == 200
    clock.now_s += 3
    assert services.pruner.sweep().by_age == 1


def test_above_the_total_the_least_recently_used_goes_first(make_app, clock, tmp_path):
    services = services_of(make_app(storage__max_total_mb=1))
    texts = ["一" * 100, "二" * 100, "三" * 100]  # 10 s of 16-bit sound each: 441,044 bytes
    for text in texts:
        speak(services, text)
        clock.now_s += 400
    assert speak(services, texts[0]).cached is True  # used again: now the youngest
    before = stored_bytes(tmp_path)
    swept = services.pruner.sweep()
    assert (swept.by_size, swept.bytes) == (1, before - stored_bytes(tmp_path))
    assert swept.bytes > 441_044
    assert [speak(services, text).cached for text in texts] == [True, False, True]


def test_what_must_go_while_its_link_may_be_in_use_is_said_to_the_log(make_app, caplog):
    services = services_of(make_app(storage__max_total_mb=1))
    for text in ("一" * 100, "二" * 100, "三" * 100):
        speak(services, text)
    assert services.pruner.sweep().by_size == 1
    assert "max_total_mb" in caplog.text


def test_many_batches_go_in_one_round(make_app, clock, monkeypatch):
    monkeypatch.setattr(pruning, "_BATCH", 5)
    services = services_of(make_app(storage__max_age_h=1))
    for number in range(12):
        services.speech.library.save(record_of(services, number))
    clock.now_s += 2 * HOUR_S
    assert services.pruner.sweep().by_age == 12
    assert names(services) == set()


def record_of(services, number):
    from app.library import Record

    name = f"{number:032x}.wav"
    services.storage.put(name, b"x", "audio/wav")
    return Record(f"{number:064x}", name, 1, 1.0, "[]", "[]")


def test_a_file_that_no_row_names_goes_when_it_is_old_enough_for_every_link(make_app, clock):
    services = services_of(make_app())
    speak(services, "有记录")
    services.storage.put("orphan.wav", b"x" * 10, "audio/wav")
    assert services.pruner.sweep().orphans == 0  # may be on its way to a row
    clock.now_s += 2 * HOUR_S + 60
    swept = services.pruner.sweep()
    assert (swept.orphans, swept.bytes) == (1, 10)
    assert len(names(services)) == 1


def test_nothing_else_in_the_folder_is_touched(make_app, clock, tmp_path):
    services = services_of(make_app())
    strange = tmp_path / "audio" / "README"
    strange.write_text("mine")
    os.utime(strange, (0, 0))
    clock.now_s += 100 * HOUR_S
    services.pruner.sweep()
    assert strange.read_text() == "mine"


def test_a_row_that_was_used_while_the_round_ran_stays(make_app, clock):
    services = services_of(make_app(storage__max_age_h=1))
    speak(services, "刚用")
    library = services.speech.library
    (stale,) = library.least_recent()
    clock.now_s += 2 * HOUR_S
    speak(services, "刚用")  # between the round's look and its hand
    assert library.forget(stale) is False
    assert services.pruner.sweep().by_age == 0
    assert len(names(services)) == 1


def test_what_was_pruned_between_look_and_use_is_a_miss(make_app, clock):
    services = services_of(make_app())
    speak(services, "消失")
    library = services.speech.library
    clock.now_s += 400
    (record,) = library.least_recent()

    class Racing(type(library)):
        def _touch(self, found):
            library.forget(record)
            return super()._touch(found)

    racing = Racing(library.engine, library.now, library.touch_interval_s)
    assert racing.find(record.key) is None


def test_two_rounds_at_once_remove_each_thing_once(make_app, clock):
    from concurrent.futures import ThreadPoolExecutor

    services = services_of(make_app(storage__max_age_h=1))
    for number in range(20):
        services.speech.library.save(record_of(services, number))
    clock.now_s += 2 * HOUR_S
    with ThreadPoolExecutor(3) as pool:
        rounds = [future.result() for future in [pool.submit(services.pruner.sweep) for _ in range(3)]]
    assert sum(swept.by_age for swept in rounds) == 20
    assert names(services) == set()
