"""The front end's tables. Lines that begin with ``#`` are comments, columns are divided by tabs."""

from __future__ import annotations

from importlib import resources


def table(name: str) -> list[list[str]]:
    """Rows of ``name``, a file of this package."""
    text = resources.files(__name__).joinpath(name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and line[0] != "#"]
