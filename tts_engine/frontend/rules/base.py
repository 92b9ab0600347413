"""What a rule is, and how its reading keeps the place of what it reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Match = re.Match[str]

NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,8}(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
"""A cardinal, with thousands commas, or a decimal."""
JOIN = r"\s?(?:[~～至到]|[-−–—]{1,2})\s?"
"""Between the ends of a range."""


@dataclass(frozen=True)
class Part:
    """What is read for ``[begin, end)`` of the folded text."""

    text: str
    begin: int
    end: int
    each: bool = False
    """Character ``i`` of ``text`` is character ``i`` of the span (digits read one by one)."""
    pause: str = ""
    """A pause behind it that nobody wrote."""


Read = Callable[[Match], Sequence[Part] | None]


@dataclass(frozen=True)
class Rule:
    """A pattern in its context and how it is read; ``read`` may decline with ``None``."""

    name: str
    pattern: re.Pattern[str]
    read: Read


def rule(name: str, pattern: str, read: Read) -> Rule:
    """A rule whose pattern is written without flags."""
    return Rule(name, re.compile(pattern, re.ASCII), read)


def whole(match: Match, text: str) -> tuple[Part, ...]:
    """One reading for all that matched."""
    return (Part(text, match.start(), match.end()),)


def group(match: Match, name: str, text: str) -> Part:
    """A reading for one named group."""
    return Part(text, match.start(name), match.end(name))


def each(match: Match, name: str | int, text: str, pause: str = "") -> Part:
    """A reading of a group character by character."""
    return Part(text, match.start(name), match.end(name), each=True, pause=pause)


def left(match: Match, length: int = 8) -> str:
    """The text before the match, without spaces at its end."""
    return match.string[max(0, match.start() - length) : match.start()].rstrip()


def right(match: Match, length: int = 8) -> str:
    """The text behind the match, without spaces at its beginning."""
    return match.string[match.end() : match.end() + length].lstrip()


def clause(match: Match) -> str:
    """The clause around the match, for words that decide from afar."""
    text = match.string
    begin = max((text.rfind(mark, max(0, match.start() - 40), match.start()) for mark in "。！？；\n"), default=-1) + 1
    ends = [text.find(mark, match.end(), match.end() + 40) for mark in "。！？；\n"]
    return text[max(begin, match.start() - 40) : min((end for end in ends if end >= 0), default=match.end() + 40)]
