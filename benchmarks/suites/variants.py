"""Generated variants of every row of the phenomena: other digits, names, units and carrier sentences.

Each row is a sentence in parts; a part is a string (``|`` between choices) or a slot of ``slots.py``. Expected readings
are composed from the parts. Written without looking at the front end's rules, and held apart from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

from benchmarks.suites.slots import Maker, compose
from benchmarks.suites.spoken import CARRIERS, PHRASES
from benchmarks.suites.suite import Case, SpokenCase, Suite, WrittenCase
from benchmarks.suites.written import ROWS

VARIANTS = 24
"""Of every row; rows whose parts allow fewer different sentences give what they can."""


def variants(_: Path) -> Suite:
    """All generated cases: the same on every run."""
    cases = (*written_cases(), *spoken_cases())
    return Suite("variants", 0.97, cases)


def written_cases() -> Iterator[Case]:
    for name, parts in ROWS:
        yield from _of_row(name, parts)


def spoken_cases() -> Iterator[Case]:
    """Every phrase in every carrier."""
    for phenomenon, phrase, expected in PHRASES:
        targets = tuple(tuple(_option(option) for option in target.split("|")) for target in expected.split(";"))
        yield from (SpokenCase(phenomenon, carrier.format(phrase), targets) for carrier in CARRIERS)


def _option(option: str) -> tuple[str, str]:
    word, _, pinyin = option.partition(":")
    return word, pinyin


def _of_row(name: str, parts: tuple[str | Maker, ...]) -> Iterator[Case]:
    phenomenon = name.split(".")[0]
    seen: set[str] = set()
    for seed in range(VARIANTS * 4):
        made = compose(parts, Random(f"{name}/{seed}"))
        if made.written not in seen:
            seen.add(made.written)
            yield WrittenCase(phenomenon, made.written, made.readings)
        if len(seen) == VARIANTS:
            return
