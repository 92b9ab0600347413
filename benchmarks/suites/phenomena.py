"""``cases.tsv``: two examples of each of the phenomena that a Mandarin reader meets, with every accepted reading."""

from __future__ import annotations

from pathlib import Path

from benchmarks.suites.suite import Case, SpokenCase, Suite, WrittenCase


def examples(data: Path) -> Suite | None:
    """The rows that have one right answer in characters or in pinyin."""
    file = data / "cases.tsv"
    if not file.exists():
        return None
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    return Suite("cases", 1.0, tuple(_case(*row) for row in rows if row[1] in ("tn", "reading")))


def _case(phenomenon: str, kind: str, title: str, text: str, expected: str) -> Case:
    text = text.replace("\\n", "\n")
    if kind == "tn":
        return WrittenCase(phenomenon, text, tuple(expected.split("|")))
    targets = tuple(tuple(_option(option) for option in target.split("|")) for target in expected.split(";"))
    return SpokenCase(phenomenon, text, targets)


def _option(option: str) -> tuple[str, str]:
    word, _, pinyin = option.strip().partition(":")
    return word, pinyin
