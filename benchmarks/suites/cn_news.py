"""CN-NewsTTS's development set: spans of news with the readings that are right and those that are wrong.

Data: CC BY 4.0, ``cn_news_dev.jsonl``. Scored on reading only: a positive reading occurs in what is said, no negative
one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.suites.suite import Suite, System, Verdict, bare, numbered


@dataclass(frozen=True)
class SpanCase:
    """One span in its sentence."""

    category: str
    text: str
    positive: tuple[str, ...]
    negative: tuple[str, ...]
    by_pinyin: bool

    def judge(self, system: System) -> Verdict | None:
        if self.by_pinyin:
            syllables = system.pronounce(self.text)
            if syllables is None:
                return None
            answer = "".join(numbered(syllable.pinyin) for syllable in syllables)
            occurs = answer.__contains__
        else:
            answer = system.normalize(self.text)
            said = bare(answer)
            occurs = lambda reading: bare(reading) in said  # noqa: E731  # two judges of one shape
        return Verdict(any(map(occurs, self.positive)), answer, any(map(occurs, self.negative)))


def cn_news(data: Path) -> Suite | None:
    """Every target of the development set."""
    file = data / "cn_news_dev.jsonl"
    if not file.exists():
        return None
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    cases = [_case(row["text"], target) for row in rows for target in row["targets"]]
    return Suite("cn-news dev", 0.97, tuple(cases))


def _case(text: str, target: dict) -> SpanCase:
    by_pinyin = "polyphone" in target["category"]
    return SpanCase(
        target["category"],
        text,
        tuple(target["positive_readings"]),
        tuple(target["negative_readings"]),
        by_pinyin,
    )
