"""The disk is full, the clock jumps, WeChat is away, files are damaged: one proxy under load, seen through nginx."""

import shutil
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from sound import decode_wav
from tests.faults.articles import article, assert_said, finished, parts_done, submit
from tests.faults.installation import RESTART_S, until, wait_s
from tests.faults.load import recovers, under_load
from tests.faults.proof import digest, heard

DAY_S = 86_400


@contextmanager
def filled(folder, free_bytes):
    """A disk with so little room left."""
    if not folder.is_mount():
        pytest.skip("a disk of its own can only be mounted by root")
    ballast = folder / "ballast"
    try:
        with ballast.open("wb") as file:
            file.truncate(0)
            while (room := shutil.disk_usage(folder).free - free_bytes) > 0:
                file.write(b"\0" * min(room, 1 << 20))
                file.flush()
    except OSError:  # others write as well: it is as full as can be
        pass
    try:
        yield
    finally:
        ballast.unlink()


@pytest.mark.parametrize("free_kb", [2048, 0])
def test_a_disk_that_is_full(single, free_kb):
    text = article(8)
    with under_load(single) as load:
        known = {"text": f"磁盘满之前说过的{free_kb}。", "format": "wav"}
        assert single.request("POST", "/tts", json=known).status_code == 200
        job = submit(single, text)
        with filled(single.folder, free_kb * 1024):
            until(lambda: load.codes() & {"storage_full", "database_failed"}, 60, load.summary)
            for _ in range(10):  # what is there is still given out
                again = single.request("POST", "/tts", json=known)
                assert (again.status_code, again.json().get("cached")) == (200, True), again.text
                sound = single.request("GET", again.json()["audio_url"].removeprefix(single.url)).content
                assert heard(decode_wav(sound)[0]) == (digest(known["text"]),)
        recovers(load)
    assert load.codes() <= {"storage_full", "database_failed"}
    assert single.processes["worker"].poll() is None
    assert_said(single, finished(single, job), text)


@pytest.fixture
def movable_clock(single):
    """Proxy and worker whose wall clock is moved by writing into a file."""
    clock = single.folder / "clock"
    clock.write_text("0")
    path = f"{single.environ['PYTHONPATH']}:{Path(__file__).with_name('clock')}"
    faked = {"PYTHONPATH": path, "MOVED_CLOCK": str(clock)}
    for change in (faked, {}):
        single.stop("proxy0")
        single.stop("worker")
        single.start_proxy(0, **change)
        single.start_worker(0, **change)
        if change:
            yield lambda seconds: clock.write_text(str(seconds))


def test_a_clock_that_jumps(single, movable_clock):
    def worker_noticed():
        return b"the clock jumped" in (single.folder / "worker.log").read_bytes()

    before, during = article(6), article(12)
    finished_before = finished(single, submit(single, before))
    with under_load(single) as load:
        job = submit(single, during)
        until(lambda: parts_done(single, job) >= 2, 180, single.told)
        for seconds in (3 * DAY_S, -3 * DAY_S, 0):
            movable_clock(seconds)
            load.answers(40)
            if seconds < 0:  # the worker looks every two seconds, which two quick jumps may miss
                until(worker_noticed, 180, single.told)
        recovers(load)
    assert load.errors == []
    assert_said(single, finished(single, job), during)
    kept = finished(single, finished_before["id"])  # a day is what an ended job is kept
    assert_said(single, kept, before)


def test_wechat_that_hangs_then_answers_nonsense_holds_nobody_else_up(single):
    def log_in():
        return single.request("POST", "/auth/wechat", json={"code": single.wechat.code()})

    assert log_in().status_code == 200
    with under_load(single) as load:
        answers = []
        single.wechat.gate = threading.Event()
        callers = [threading.Thread(target=lambda: answers.append(log_in())) for _ in range(12)]
        for caller in callers:
            caller.start()
        load.answers()
        for caller in callers:
            caller.join(120)
        single.wechat.gate.set()
        single.wechat.gate = None
        single.wechat.answers = [(500, b"<html>")] * 3
        answers += [log_in() for _ in range(3)]
        until(lambda: log_in().status_code == 200, 60, "logins work again")
        recovers(load)
    assert load.errors == []
    assert len(answers) == 15
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "wechat_unavailable")
        assert int(answer.headers["Retry-After"]) >= 1


def test_sounds_that_are_damaged_are_made_again(single):
    texts = [f"要坏掉的第{number}句。" for number in range(3)]

    def asked(text):
        answer = single.request("POST", "/tts", json={"text": text, "format": "wav"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    names = [asked(text)["audio_url"].partition("?")[0].rpartition("/")[2] for text in texts]
    single.stop("proxy0")
    for name, kept in zip(names, (0, 100, 16_000), strict=True):
        path = single.folder / "audio" / name
        path.write_bytes(path.read_bytes()[:kept])
    (single.folder / "audio" / ".0123456789abcdef.part").write_bytes(b"half")
    single.start_proxy()
    for text in texts:
        told = asked(text)
        sound = single.request("GET", told["audio_url"].removeprefix(single.url)).content
        assert heard(decode_wav(sound)[0]) == (digest(text),)
        assert told["cached"] is False
        assert asked(text)["cached"] is True


def test_a_database_whose_last_writes_are_half_there(single):
    """A machine that lost its power: the end of the write-ahead log is torn off."""
    text = article(6)
    job = submit(single, text)
    until(lambda: parts_done(single, job) >= 1, 180, single.told)
    with under_load(single) as load:
        single.kill("worker")
        single.kill("proxy0")
        log = single.folder / "app.db-wal"
        if log.exists():
            log.write_bytes(log.read_bytes()[: log.stat().st_size * 9 // 10])
        wait_s(RESTART_S)
        single.start_proxy()
        single.start_worker()
        recovers(load)
    found = single.request("GET", f"/jobs/{job}")
    assert found.status_code == 200
    assert_said(single, finished(single, job), text)
