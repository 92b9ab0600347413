"""Temporary folders that name their process, so that those of a killed one are found and removed."""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_log = logging.getLogger(__name__)

_NAME = re.compile(r"tts-[a-z]+-([0-9]{1,10})-[A-Za-z0-9_]+", re.ASCII)
_MAX_AGE_S = 2 * 86_400
"""Nothing is written for so long: the number was given to another process meanwhile. Longer than any job may take."""


@contextmanager
def folder(what: str) -> Iterator[Path]:
    """A private temporary folder, gone when the block ends; ``what`` is one word of letters."""
    with tempfile.TemporaryDirectory(prefix=prefix(what)) as path:
        yield Path(path)


def prefix(what: str) -> str:
    """How the name of a temporary folder of this process begins."""
    return f"tts-{what}-{os.getpid()}-"


def sweep(places: Sequence[Path] = ()) -> int:
    """Remove what processes of this user left behind that are gone; returns how many folders went.

    Args:
        places: where to look; unless given the system's folder for temporary files, and the one in memory that
            ``app/gunicorn.conf.py`` uses.
    """
    removed = 0
    places = places or (Path(tempfile.gettempdir()), Path("/dev/shm"))  # noqa: S108 (looked at, not written to)
    for path in (path for place in places for path in place.glob("tts-*")):
        match = _NAME.fullmatch(path.name)
        if match and _is_left(path, int(match[1])):
            shutil.rmtree(path, ignore_errors=True)
            removed += 1
    if removed:
        _log.info("removed %d temporary folders of processes that are gone", removed)
    return removed


def _is_left(path: Path, process: int) -> bool:
    try:
        status = path.lstat()
        if status.st_uid != os.getuid() or path.is_symlink() or not path.is_dir():
            return False
        return not _is_alive(process) or _newest_s(path) < time.time() - _MAX_AGE_S
    except FileNotFoundError:  # removed by itself meanwhile
        return False


def _is_alive(process: int) -> bool:
    return Path(f"/proc/{process}").exists()


def _newest_s(path: Path) -> float:
    return max(entry.lstat().st_mtime for entry in (path, *path.rglob("*")))
