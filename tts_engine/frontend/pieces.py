"""What travels between the stages: pieces of text to read, each with its place in the caller's text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How a piece is read."""

    HAN = "han"
    """One Chinese character."""
    ENGLISH = "english"
    """A word of Latin letters."""
    MARK = "mark"
    """A pause; ``text`` is what people see of it, ``pause`` is which."""
    SILENT = "silent"
    """White space, quotes: seen, not heard."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing to read (or to be silent about)."""

    text: str
    begin: int
    end: int
    """``[begin, end)`` of the caller's text."""
    kind: Kind
    pause: str = ""
    """A symbol of ``phonemes.PAUSES``; marks only."""
    rule: str = ""
    """The rule that wrote it; empty where the caller did."""
    ends_sentence: bool = False
    pinyin: str = ""
    """Reading that the author or the user's lexicon gave."""
    is_final: bool = False
    """Tone sandhi leaves ``pinyin`` alone."""
    shown: str = ""
    """What people see of it, where that is not ``text``."""
    sounds: tuple[tuple[str, int], ...] = ()
    """English phonemes that the author gave."""
    pause_ms: int | None = None
    """Length that the author gave a pause."""
