"""A file is replaced whole or not at all, and nothing is left beside it."""

import os
import subprocess
import sys
import threading

import pytest

from sound.files import replacing

GONE = 4_194_305  # beyond the largest process id


def write(path, data=b"new"):
    with replacing(path) as file:
        file.write(data)


def test_a_new_file_and_one_that_is_replaced_with_its_rights(tmp_path):
    path = tmp_path / "a.wav"
    write(path, b"one")
    path.chmod(0o640)
    write(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_what_breaks_off_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "a.wav"
    write(path, b"old")
    with pytest.raises(OSError, match="full"), replacing(path) as file:
        file.write(b"half")
        raise OSError("the disk is full")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_left_of_this_file_goes_and_all_else_stays(tmp_path):
    script = (
        "import os, pathlib, sys; from sound.files import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as file: os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "a.wav"
    subprocess.run([sys.executable, "-c", script, path], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    others = [tmp_path / f".b.wav.{GONE}.part", tmp_path / f".a.wav.{os.getppid()}.part", tmp_path / ".a.wav.x.part"]
    for other in others:
        other.touch()
    write(path)
    assert sorted(tmp_path.iterdir()) == sorted([path, *others])


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link.wav").symlink_to(tmp_path / "real.wav")
    write(tmp_path / "link.wav")
    assert (tmp_path / "real.wav").read_bytes() == b"new"
    assert (tmp_path / "link.wav").is_symlink()


def test_a_pipe_is_written_to(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    heard = []
    reader = threading.Thread(target=lambda: heard.append(path.read_bytes()))
    reader.start()
    write(path)
    reader.join(30)
    assert heard == [b"new"]
    assert path.is_fifo()
