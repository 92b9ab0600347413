"""A finished file takes its place at once: whoever reads it meets the old one or the new one, never half of one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_PART = re.compile(r"\.(.+)\.([0-9]{1,10})\.part", re.ASCII | re.DOTALL)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """What is written appears at ``path`` when the block ends well, and nowhere when it does not.

    The temporary file lies beside it and names its process, so that those of a killed one are removed by the next who
    writes this file. A device or a pipe is written to directly; a link stays one.

    Raises:
        OSError: it cannot be written.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as direct:
            yield direct
        return
    path = path.resolve()
    _sweep(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            if path.exists():
                os.fchmod(file.fileno(), path.stat().st_mode & 0o777)
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _sweep(path: Path) -> None:
    """Remove what processes that are gone left of this file."""
    for left in path.parent.glob(".*.part"):
        match = _PART.fullmatch(left.name)
        if match and match[1] == path.name and not Path(f"/proc/{match[2]}").exists():
            left.unlink(missing_ok=True)
