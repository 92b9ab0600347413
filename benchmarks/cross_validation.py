"""Our reader on CPP's development split, every sentence read by one that was fitted on the other four fifths.

Three measures, by what else the reader may have seen of the fifth that it reads:

* ``shipped``: the weights of the ranker are of the other fifths; the tables are the product's, and they hold rows that
  were written after errors in these very sentences. Better than on unseen text.
* ``unseen``: none of those rows (they are marked, see ``tts_engine.frontend.data``) but the words that the other
  fifths ask for, since somebody who saw only these would have written them too. Whatever was looked up is looked up
  inside the folds, as the weights are fitted inside.
* ``bare``: none of those rows at all.

Outside the folds stay a few numbers: two penalties, the iterations, and what ``polyphones.trust`` adds for a
dictionary's word, which costs on this split what it gains elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from benchmarks.suites.suite import numbered
from tts_engine.frontend import sandhi
from tts_engine.frontend.contexts import Contexts
from tts_engine.frontend.data import seen, table
from tts_engine.frontend.polyphones import Polyphones, Weights
from tts_engine.frontend.readings import Readings, Rows, Syllable
from tts_engine.frontend.sandhi import Spoken
from tts_engine.training.polyphones import FOLDS, Example, Ranked, fit, folds, ranked, unfitted

WORDS = "words.tsv"


def shipped(data: Sequence[Example]) -> list[str]:
    """Citation readings by the whole reader, its ranker fitted on the other folds."""
    folded = Folded(data, table)
    answers = [""] * len(data)
    for left_out in range(FOLDS):
        readings = folded.reader({left_out})
        for index in folded.members(left_out):
            answers[index] = read(readings, data[index])
    return answers


@dataclass(frozen=True)
class Unseen:
    """Citation readings without what was written after seeing the sentence."""

    bare: list[str]
    found: list[str]
    """With the words that errors in the other folds ask for."""
    words: list[int]
    """How many these were, by fold."""


def unseen(data: Sequence[Example]) -> Unseen:
    """Read every fold by a reader that has seen nothing of it."""
    folded = Folded(data, without_seen())
    bare = [""] * len(data)
    found = [""] * len(data)
    counts = []
    for left_out in range(FOLDS):
        words = list(_asked_for(folded, left_out))
        counts.append(len(words))
        readings, with_words = (folded.reader({left_out}, without_seen(its)) for its in ((), words))
        for index in folded.members(left_out):
            bare[index] = found[index] = read(readings, data[index])
            if any(word in data[index].text for word, _ in words):
                found[index] = read(with_words, data[index])
    return Unseen(bare, found, counts)


def without_seen(words: Collection[Sequence[str]] = ()) -> Rows:
    """The tables without their marked rows, but with ``words``."""

    def rows(name: str) -> list[list[str]]:
        dropped = {tuple(row) for row in seen(name)} - {tuple(row) for row in words}
        return [row for row in table(name) if tuple(row) not in dropped]

    return rows


@dataclass(frozen=True)
class Folded:
    """Examples in folds, and readers that were fitted on some of the folds."""

    data: Sequence[Example]
    rows: Rows
    """Of the tables with which features are computed."""
    _fitted: dict[frozenset[int], Weights] = field(default_factory=dict)

    @cached_property
    def polyphones(self) -> Polyphones:
        return unfitted(Contexts.load())

    @cached_property
    def features(self) -> list[Ranked]:
        return ranked(self.data, self.polyphones, self.rows)

    @cached_property
    def fold(self) -> list[int]:
        numbers: list[int] = folds(len(self.data)).tolist()
        return numbers

    def members(self, fold: int) -> list[int]:
        """Indices of the examples in a fold."""
        return np.flatnonzero(np.array(self.fold) == fold).tolist()

    def reader(self, left_out: Collection[int], rows: Rows | None = None) -> Readings:
        """One whose ranker never saw the folds ``left_out``."""
        key = frozenset(left_out)
        if key not in self._fitted:
            self._fitted[key] = fit([one for one, its in zip(self.features, self.fold, strict=True) if its not in key])
        return Readings(replace(self.polyphones, weights=self._fitted[key]), rows or self.rows)


def _asked_for(folded: Folded, left_out: int) -> Iterator[list[str]]:
    """The marked words that would set right what goes wrong in the other folds when each is read as unseen."""
    wrong: list[Example] = []
    covered = [index for index, one in enumerate(folded.data) if any(_covers(row, one) for row in seen(WORDS))]
    for other in set(range(FOLDS)) - {left_out}:
        readings = folded.reader({left_out, other})
        examples = [folded.data[index] for index in covered if folded.fold[index] == other]
        wrong += [one for one in examples if numbered(read(readings, one)) != one.pinyin]
    yield from (row for row in seen(WORDS) if any(_covers(row, one) for one in wrong))


def _covers(row: Sequence[str], example: Example) -> bool:
    """Whether a word lies on the example's character and gives it the right reading."""
    word, pinyin = row
    syllables = enumerate(pinyin.split(" "))
    begins = [example.place - at for at, syllable in syllables if syllable == example.pinyin]
    return any(begin >= 0 and example.text.startswith(word, begin) for begin in begins)


def read(readings: Readings, example: Example) -> str:
    """The reading of the example's character; a merged 儿 is r5, as CPP writes it."""
    syllables = readings.read(example.text)
    syllable = syllables[example.place]
    if syllable is None:
        return ""
    merged = syllable.text == "儿" and example.place not in {one.first for one in _spoken(syllables)}
    return "r5" if merged else syllable.pinyin


def _spoken(syllables: Sequence[Syllable | None]) -> list[Spoken]:
    """The sentence after sandhi, which merges 儿."""
    return sandhi.apply([one or Syllable("，", "", "", -1) for one in syllables])
