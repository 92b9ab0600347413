"""What pypinyin's dictionaries say of characters and phrases: citation readings, tone digit last, ü as v.

Kept in a trie that is mapped into memory (``tts_engine.training.dictionaries`` makes it), so that nothing is parsed at
the start.
"""

from __future__ import annotations

from functools import cache
from importlib import resources

import marisa_trie  # type: ignore[import-not-found]  # a compiled module without types

FILE = "phrases.trie"
LONGEST = 8
"""Most characters of a phrase that is looked for in running text."""


@cache
def _trie() -> marisa_trie.BytesTrie:
    with resources.as_file(resources.files(f"{__package__}.data").joinpath(FILE)) as path:
        return marisa_trie.BytesTrie().mmap(str(path))


def readings_of(character: str) -> tuple[str, ...]:
    """Every reading of a Chinese character, the commonest first; none of anything else."""
    return _found(character) if len(character) == 1 else ()


def phrase(text: str) -> tuple[str, ...]:
    """One reading for each character of a known phrase; empty where it is none."""
    return _found(text) if len(text) > 1 else ()


def is_phrase(text: str) -> bool:
    """Whether a phrase of two or more characters is known."""
    return len(text) > 1 and text in _trie()


def beginning(text: str) -> list[str]:
    """The known phrases of two or more characters with which ``text`` begins, the shortest first."""
    return [found for found in _trie().prefixes(text[:LONGEST]) if len(found) > 1]


def _found(text: str) -> tuple[str, ...]:
    stored = _trie().get(text)
    return tuple(stored[0].decode().split(" ")) if stored else ()
