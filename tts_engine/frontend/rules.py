"""The table of context rules that write out what is not a word."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tts_engine.frontend import numbers


@dataclass(frozen=True)
class Part:
    """What is read for ``[begin, end)`` of the folded text."""

    text: str
    begin: int
    end: int
    each: bool = False
    """Character ``i`` of ``text`` is character ``i`` of the span (digits read one by one)."""
    pause: str = ""
    """A pause after it that nobody wrote."""


Read = Callable[[re.Match[str]], Sequence[Part] | None]


@dataclass(frozen=True)
class Rule:
    """A pattern in its context and how it is read; ``read`` may decline."""

    name: str
    pattern: re.Pattern[str]
    read: Read


def _whole(match: re.Match[str], text: str) -> tuple[Part, ...]:
    return (Part(text, match.start(), match.end()),)


def _cardinal(match: re.Match[str]) -> tuple[Part, ...]:
    return _whole(match, numbers.number(match[0]))


RULES: tuple[Rule, ...] = (Rule("cardinal", re.compile(r"\d+(?:\.\d+)?"), _cardinal),)
