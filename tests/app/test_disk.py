"""A disk that fills up: old audio goes first, then nothing new is made, and what there is keeps playing."""

import pytest

from app.disk import DiskGuard
from app.services import services_of
from app.storage import StorageError, StorageFullError

MB = 1024 * 1024


class Disk:
    """So many bytes are free; pruning frees some."""

    def __init__(self, monkeypatch, free):
        self.free = free
        self.asked = []
        self.prunable = 0
        monkeypatch.setattr("app.disk.shutil.disk_usage", lambda place: type("Usage", (), {"free": self.free}))

    def make_room(self, wanted):
        self.asked.append(wanted)
        freed, self.prunable = self.prunable, 0
        self.free += freed
        return freed


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch, 10 * MB)


@pytest.fixture
def monotonic(clock):
    clock.now_s = 0.0
    return clock


def test_old_audio_goes_before_anything_is_refused(disk, monotonic, tmp_path):
    guard = DiskGuard(tmp_path, 12 * MB, disk.make_room, monotonic)
    disk.prunable = 5 * MB
    guard.check()
    assert disk.asked == [2 * MB]
    disk.free = 11 * MB
    monotonic.now_s = 2.0
    with pytest.raises(StorageFullError):
        guard.check()
    assert len(disk.asked) == 1  # pruning is not tried at every request
    disk.prunable = 5 * MB
    monotonic.now_s = 60.0
    guard.check()


def test_room_that_comes_back_is_seen_within_a_second(disk, monotonic, tmp_path):
    guard = DiskGuard(tmp_path, 12 * MB, disk.make_room, monotonic)
    with pytest.raises(StorageFullError):
        guard.check()
    disk.free = 20 * MB
    with pytest.raises(StorageFullError):
        guard.check()
    monotonic.now_s = 1.1
    guard.check()


def test_a_store_that_cannot_be_pruned_and_a_disk_that_cannot_be_seen_are_no_room(monkeypatch, monotonic, tmp_path):
    def fails(*_):
        raise StorageError("broken")

    assert not DiskGuard(tmp_path, 10**18, fails, monotonic).has_room()
    assert not DiskGuard(tmp_path / "gone", 1, lambda wanted: 0, monotonic).has_room()


def test_a_full_disk_is_507_for_what_is_new_and_200_for_what_there_is(make_app, auth, monkeypatch, gateway):
    app = make_app()
    client = app.test_client()
    assert client.post("/tts", json={"text": "旧的"}, headers=auth).status_code == 200
    guard = services_of(app).disk
    monkeypatch.setattr(guard, "_min_free_bytes", 10**18)
    monkeypatch.setattr(guard, "_looked_s", float("-inf"))
    answer = client.post("/tts", json={"text": "新的"}, headers=auth)
    assert (answer.status_code, answer.get_json()["code"]) == (507, "storage_full")
    assert len(gateway.orders) == 1
    again = client.post("/tts", json={"text": "旧的"}, headers=auth)
    assert (again.status_code, again.get_json()["cached"]) == (200, True)  # its link is open: it was not pruned
    assert services_of(app).quota.charge("tester", services_of(app).quota.per_day - 2)  # nothing was charged


def test_room_is_made_of_what_no_link_opens(make_app, auth, clock):
    app = make_app()
    client, services = app.test_client(), services_of(app)
    for text in ("一", "二", "三"):
        client.post("/tts", json={"text": text, "format": "wav"}, headers=auth)
    assert services.pruner.make_room(1) == 0
    clock.now_s += 3700
    auth = {"Authorization": f"Bearer {services.tokens.issue('tester', {'tts'}).text}"}
    client.post("/tts", json={"text": "三", "format": "wav"}, headers=auth)
    freed = services.pruner.make_room(1)
    assert freed > 4000
    assert services.pruner.make_room(10**9) == pytest.approx(freed, abs=300)
    assert services.pruner.make_room(10**9) == 0  # the third was used a moment ago
