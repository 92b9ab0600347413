"""Cases, what a system answers, and when an answer is right."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Syllable:
    """A character (or two in merged erhua, or an English word) and its reading, tone digit last."""

    text: str
    pinyin: str


class System(Protocol):
    """Something that reads Chinese."""

    name: str

    def normalize(self, text: str) -> str:
        """What is said, in characters."""

    def pronounce(self, text: str) -> Sequence[Syllable] | None:
        """How it is said; ``None`` where the system does not know readings."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of one case."""

    right: bool
    answer: str
    negative: bool = False
    """A reading was heard that the suite calls wrong."""


class Case(Protocol):
    """One text and its judge."""

    category: str
    text: str

    def judge(self, system: System) -> Verdict | None:
        """Whether ``system`` reads it right; ``None`` where it cannot be asked."""


@dataclass(frozen=True)
class Suite:
    """Cases under one name, with the goal for our own front end."""

    name: str
    goal: float
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class WrittenCase:
    """The whole text written out equals one of the accepted readings, marks and spaces aside."""

    category: str
    text: str
    accepted: tuple[str, ...]

    def judge(self, system: System) -> Verdict:
        answer = system.normalize(self.text)
        return Verdict(bare(answer) in {bare(option) for option in self.accepted}, answer)


@dataclass(frozen=True)
class SpokenCase:
    """Each target word is somewhere read in one of its accepted ways."""

    category: str
    text: str
    targets: tuple[tuple[tuple[str, str], ...], ...]
    """For each target its options of (word, pinyin)."""

    def judge(self, system: System) -> Verdict | None:
        syllables = system.pronounce(self.text)
        if syllables is None:
            return None
        right = all(any(spoken(syllables, word, pinyin) for word, pinyin in options) for options in self.targets)
        return Verdict(right, " ".join(syllable.pinyin for syllable in syllables))


def spoken(syllables: Sequence[Syllable], word: str, pinyin: str) -> bool:
    """Whether ``word`` occurs with these syllables; an English word need only occur."""
    wanted: list[tuple[str, str]] = []
    for first in range(len(syllables)):
        stretch = syllables[first : first + len(pinyin.split())]
        if "".join(syllable.text for syllable in stretch) == word:
            wanted.append((" ".join(numbered(syllable.pinyin) for syllable in stretch), word))
    return any(word.isascii() or found == " ".join(map(numbered, pinyin.split())) for found, word in wanted)


def numbered(pinyin: str) -> str:
    """One spelling of ü: v."""
    return pinyin.lower().replace("u:", "v").replace("ü", "v")


def bare(text: str) -> str:
    """Compatibility forms folded; no marks, no spaces, no case."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text)).lower()
