"""Where a long text may be cut so that its parts read as the whole does: speech begins before all of it is read.

Only between two Chinese sentences, 好。今, with at most line ends between: no rule, word or mark reaches across. A text
without such places is one part.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from tts_engine.frontend.characters import is_han
from tts_engine.frontend.phrasebook import readings_of
from tts_engine.frontend.reading import Notice, Sentence

PART = 2000
"""Characters of a part, at least."""
_BORDER = re.compile(r"(?<=[\u4e00-\u9fff][。！？])\n*(?=[\u4e00-\u9fff])")


@dataclass(frozen=True)
class Passage:
    """A text whose sentences are read when they are asked for."""

    text: str
    lexicon: str
    """Digest of the user's lexicon that is used."""
    sentences: Iterator[tuple[Sentence, tuple[Notice, ...]]]
    """Each with what is told with it of silent characters, its own or those of what follows."""


def parts(text: str) -> list[tuple[int, int]]:
    """``[begin, end)`` of each part; they tile ``text``."""
    borders = [0]
    match = _BORDER.search(text, PART)
    while match:
        borders.append(match.end())
        match = _BORDER.search(text, borders[-1] + PART)
    return list(zip(borders, [*borders[1:], len(text)], strict=True))


def is_readable(text: str) -> bool:
    """Whether a look at the characters alone shows that each can be read; where not, only reading tells."""
    letters = (character for character in set(text) if unicodedata.category(character)[0] == "L")
    return all(letter.isascii() or (is_han(letter) and readings_of(letter)) for letter in letters)
