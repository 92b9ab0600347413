"""The front end's tables. Lines that begin with ``#`` are comments, columns are divided by tabs.

A row whose last column is ``cpp`` was written because of the sentences of CPP's development split, most often after an
error in them. The front end reads with such rows as with any; ``benchmarks.cross_validation`` without.
"""

from __future__ import annotations

from importlib import resources

_SEEN = "cpp"


def table(name: str) -> list[list[str]]:
    """Rows of ``name``, a file of this package, without the mark of their origin."""
    return [row[:-1] if row[-1] == _SEEN else row for row in _rows(name)]


def seen(name: str) -> list[list[str]]:
    """The rows of ``name`` that carry the mark."""
    return [row[:-1] for row in _rows(name) if row[-1] == _SEEN]


def _rows(name: str) -> list[list[str]]:
    text = resources.files(__name__).joinpath(name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and line[0] != "#"]
