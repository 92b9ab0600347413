"""What the front end makes of a text. Knows Mandarin's units, knows nothing about tensors."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Phoneme:
    """One symbol of ``phonemes.SYMBOLS`` with its tone."""

    symbol: str
    tone: int
    """0 pause, 1–5 Mandarin tone, 6–8 English stress."""
    begin: int
    end: int
    """``[begin, end)`` of the caller's own text that this phoneme speaks."""


@dataclass(frozen=True)
class Token:
    """One syllable or English word, for people to look at."""

    begin: int
    end: int
    """Position in the caller's own text."""
    text: str
    """What is read, after normalisation: one Chinese character or an English word."""
    pinyin: str
    """Surface reading, tone digit last, ü as v (``lv4``, ``huar1``); an English word as it is written."""
    citation: str
    """The reading before tone sandhi."""
    rule: str
    """Which rule or source gave the reading."""


@dataclass(frozen=True)
class Notice:
    """Something in the text that is silent on purpose."""

    begin: int
    end: int
    text: str
    message: str
    """A Chinese sentence for the caller."""


@dataclass(frozen=True)
class Sentence:
    """A piece that is synthesised at once."""

    begin: int
    end: int
    """Sentences tile the caller's text."""
    normalized: str
    tokens: tuple[Token, ...]
    phonemes: tuple[Phoneme, ...]
    """Begins and ends with ``sil``; empty where nothing in the sentence is spoken."""


@dataclass(frozen=True)
class Reading:
    """A whole text, read."""

    text: str
    sentences: tuple[Sentence, ...]
    notices: tuple[Notice, ...]
