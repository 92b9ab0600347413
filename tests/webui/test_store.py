"""Made files: names, ages, what a killed process leaves behind."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from webui_page.store import AudioStore


@pytest.fixture
def store(tmp_path: Path) -> AudioStore:
    store = AudioStore(tmp_path / "webui", lifetime_s=3600)
    store.prepare()
    return store


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


def test_a_saved_file_is_found_by_its_random_name(store):
    first, second = store.save(b"one", "wav"), store.save(b"two", "mp3")
    assert first.name != second.name
    assert store.find(first.name).read_bytes() == b"one"
    assert store.find(second.name).read_bytes() == b"two"
    assert sorted(p.name for p in store.audio.iterdir()) == sorted([first.name, second.name])
    shown = store.save(b"three", "wav", store.gradio)
    assert shown.parent == store.gradio and store.find(shown.name) is None
    assert stat.S_IMODE(store.root.stat().st_mode) == stat.S_IMODE(store.audio.stat().st_mode) == 0o700
    assert stat.S_IMODE(first.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a.wav", "0" * 32, "0" * 32 + ".txt", "0" * 32 + ".wav\n"])
def test_no_other_name_is_looked_up(store, name):
    (store.audio / "a.wav").write_bytes(b"x")
    assert store.find(name) is None


def test_an_expired_file_is_gone_even_before_the_sweep(store):
    path = store.save(b"x", "wav")
    age(path, 3601)
    assert store.find(path.name) is None and path.exists()


def test_the_sweep_takes_what_is_old_and_leaves_the_rest(store):
    old, new = store.save(b"old", "wav"), store.save(b"new", "wav")
    age(old, 3601)
    leftovers = store.root / "gradio" / "ab12" / "sound.wav"  # of a process that was killed
    leftovers.parent.mkdir()
    leftovers.write_bytes(b"x")
    half = store.audio / ".new-xyz"
    half.write_bytes(b"half")
    for path in (leftovers, half):
        age(path, 7200)
    assert store.sweep() == 3
    age(leftovers.parent, 7200)
    assert store.sweep() == 0
    assert sorted(p.relative_to(store.root).as_posix() for p in store.root.rglob("*")) == sorted(
        ["audio", f"audio/{new.name}", "gradio"]
    )


def test_the_sweep_never_follows_a_link(store, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep.txt").write_text("keep")
    age(outside / "keep.txt", 7200)
    (store.root / "gradio" / "link").symlink_to(outside)
    (store.root / "gradio" / "file").symlink_to(outside / "keep.txt")
    age(store.root / "gradio" / "file", 7200)
    store.sweep()
    assert (outside / "keep.txt").read_text() == "keep"
    assert not (store.root / "gradio" / "file").is_symlink()


def test_beyond_the_limit_the_oldest_go_first(tmp_path):
    store = AudioStore(tmp_path, lifetime_s=3600, max_bytes=25)
    store.prepare()
    paths = [store.save(b"x" * 10, "wav") for _ in range(4)]
    for position, path in enumerate(paths):
        age(path, 100 - position)
    assert store.sweep() == 2
    assert [path.exists() for path in paths] == [False, False, True, True]


def test_a_failed_write_leaves_nothing(store, monkeypatch):
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        store.save(b"x", "wav")
    assert list(store.audio.iterdir()) == []
