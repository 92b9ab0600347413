"""Polyphones of CPP's development split, by cross-validation of whatever was fitted on it.

``python -m benchmarks.polyphones [--data FOLDER]``; ``benchmarks.frontend`` calls it too. Each sentence is read by a
reader whose ranker never saw it: fitted on the other four fifths. Our reader has three lines, by what else of it saw
the sentence (``cross_validation.py``); "unseen" is the one to expect of other text. Figures: of all cases (micro), the
mean over characters (macro), and of the characters that show more than one reading alone, since one reading dominates
the rest. Two minutes for ours on one idle core.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from g2pM import G2pM
from pypinyin import Style, lazy_pinyin

from benchmarks.cross_validation import shipped, unseen
from benchmarks.suites.suite import numbered
from tts_engine.training.polyphones import FOLDS, Example, examples, folds

NAME = "CPP dev"
GOAL = 0.98


def pypinyin(data: Sequence[Example]) -> list[str]:
    """By pypinyin alone."""
    return [lazy_pinyin(one.text, Style.TONE3, neutral_tone_with_five=True, errors=list)[one.place] for one in data]


def g2pm(data: Sequence[Example]) -> list[str]:
    """By g2pM alone."""
    model = G2pM()
    return [model(one.text, char_split=True)[one.place] for one in data]


def majority(data: Sequence[Example]) -> list[str]:
    """By each character's commonest reading in the other folds."""
    fold = folds(len(data))
    counts: defaultdict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    for one, its in zip(data, fold.tolist(), strict=True):
        for other in range(FOLDS):
            if other != its:
                counts[other, one.text[one.place]][one.pinyin] += 1
    answers = []
    for one, its in zip(data, fold.tolist(), strict=True):
        commonest = counts[its, one.text[one.place]].most_common(1)
        answers.append(commonest[0][0] if commonest else "")
    return answers


def figures(data: Sequence[Example], answers: Sequence[str]) -> dict[str, float]:
    """Micro, macro, and of characters with several readings."""
    by_character: defaultdict[str, list[bool]] = defaultdict(list)
    readings: defaultdict[str, set[str]] = defaultdict(set)
    for one, answer in zip(data, answers, strict=True):
        by_character[one.text[one.place]].append(numbered(answer) == one.pinyin)
        readings[one.text[one.place]].add(one.pinyin)
    several = [right for character, rights in by_character.items() if len(readings[character]) > 1 for right in rights]
    return {
        "right": round(float(np.mean([right for rights in by_character.values() for right in rights])), 4),
        "macro": round(float(np.mean([np.mean(rights) for rights in by_character.values()])), 4),
        "several readings": round(float(np.mean(several)), 4),
    }


def _answers(data: Sequence[Example], only_ours: bool) -> Iterator[tuple[str, list[str]]]:
    """Every line and its answers."""
    yield "front end", shipped(data)
    ours = unseen(data)
    yield "unseen", ours.found
    yield "bare", ours.bare
    if not only_ours:
        yield from (("pypinyin", pypinyin(data)), ("g2pM", g2pm(data)), ("majority", majority(data)))


def measure(folder: Path, only_ours: bool = False) -> dict[str, object]:
    """Figures of every system, printed on the way.

    Args:
        folder: with ``dev.sent`` and ``dev.lb``.
        only_ours: leave out the libraries.
    """
    data = examples(folder)
    print(f"\n{NAME}: {len(data)} cases, {FOLDS}-fold, goal {GOAL:.1%}")
    results: dict[str, object] = {"goal": GOAL}
    for name, answers in _answers(data, only_ours):
        found = figures(data, answers)
        results[name] = found
        print(f"  {name:12}" + "".join(f"  {key} {rate:.2%}" for key, rate in found.items()), flush=True)
    return results


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "mandarin" / "cpp_dev"
    )
    parser.add_argument("--ours", action="store_true", help="our front end only")
    options = parser.parse_args()
    print(json.dumps(measure(options.data, options.ours), ensure_ascii=False))


if __name__ == "__main__":
    main()
