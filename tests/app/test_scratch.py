"""Temporary folders of processes that are gone are removed; all others stay."""

import os
import subprocess
import sys
import time

import pytest

from app import scratch
from app.steadiness import Steadiness

GONE = 4_194_305  # beyond the largest process id


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_gone_when_its_block_ends(place):
    with scratch.folder("job") as path:
        (path / "sound").write_bytes(b"x")
        assert scratch.sweep([place]) == 0
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_goes_with_its_content(place):
    script = (
        "from app import scratch; import os\n"
        "with scratch.folder('job') as path: (path / 'sound').touch(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script], check=False, env=os.environ | {"TMPDIR": str(place)})
    assert len(list(place.iterdir())) == 1
    assert scratch.sweep([place]) == 1
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("name", [f"tts-job-{GONE}", f"other-job-{GONE}-abc", f"tts-job-{GONE}-a.b", "tts-job-x-abc"])
def test_what_has_another_name_is_somebody_elses(place, name):
    (place / name).mkdir()
    assert scratch.sweep([place]) == 0


def test_links_and_files_are_left_alone(place, tmp_path_factory):
    precious = tmp_path_factory.mktemp("precious")
    (precious / "file").touch()
    (place / f"tts-job-{GONE}-abc").symlink_to(precious)
    (place / f"tts-job-{GONE}-def").touch()
    assert scratch.sweep([place]) == 0
    assert (precious / "file").exists()


def test_what_a_living_process_has_not_touched_for_days_is_not_its_own(place):
    path = place / f"tts-job-{os.getpid()}-abc"
    path.mkdir()
    assert scratch.sweep([place]) == 0
    old_s = time.time() - 3 * 86_400
    os.utime(path, (old_s, old_s))
    assert scratch.sweep([place]) == 1


@pytest.mark.parametrize("jump_s", [-3600, 3600, 86_400])
def test_a_clock_that_jumped_is_not_believed_for_ten_minutes(jump_s):
    times = {"wall": 1_795_000_000.0, "mono": 50.0}
    steady = Steadiness(lambda: times["wall"], lambda: times["mono"])
    assert steady.is_steady()
    times["wall"] += 7200
    times["mono"] += 7200
    assert steady.is_steady()
    times["wall"] += jump_s
    assert not steady.is_steady()
    times["wall"] += 599
    times["mono"] += 599
    assert not steady.is_steady()
    times["mono"] += 2
    times["wall"] += 2
    assert steady.is_steady()
