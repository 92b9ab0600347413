"""Chinese characters → words, with jieba's dictionary and its model of unknown words.

The dictionary is read from jieba's package, never from its cache in the temporary folder, which anybody could have
written. Nothing changes after construction.
"""

from __future__ import annotations

import logging
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pkg_resources is deprecated; jieba 0.42.1 has invalid escape sequences
    import jieba  # type: ignore[import-untyped]

jieba.setLogLevel(logging.WARNING)


@dataclass(frozen=True)
class Word:
    """A word and where it begins in the characters that were cut."""

    text: str
    begin: int
    tag: str = ""
    """jieba's part of speech: ``n`` noun, ``v`` verb, ``nr`` name …; empty where its dictionary lacks the word."""

    @property
    def end(self) -> int:
        """Position after the word."""
        return self.begin + len(self.text)


class Words(jieba.Tokenizer):  # type: ignore[misc]  # jieba has no types
    """Cuts Chinese text into words. Unlike its parent it needs no entry for every prefix of every word."""

    def __init__(self, added: dict[str, int], removed: frozenset[str]) -> None:
        """Read the dictionary.

        Args:
            added: words that jieba lacks, with a frequency.
            removed: entries of its dictionary that are no words.
        """
        super().__init__()
        entries = _entries()
        counts = {word: count for word, (count, _) in entries.items()} | added
        self.FREQ = {word: count for word, count in counts.items() if word not in removed}
        self._tags = {word: tag for word, (_, tag) in entries.items()}
        self.total = sum(self.FREQ.values())
        self._longest: dict[str, int] = {}
        for word in self.FREQ:
            if len(word) > self._longest.get(word[0], 1):
                self._longest[word[0]] = len(word)
        self.initialized = True

    def words(self, text: str) -> list[Word]:
        """Words of ``text``, which they tile."""
        words = []
        begin = 0
        for word in self.cut(text, HMM=True):
            words.append(Word(word, begin, self._tags.get(word, "")))
            begin += len(word)
        return words

    def feet(self, word: str) -> list[int]:
        """Index of the foot of each syllable of a word: 展览|馆 [0, 0, 1], 小|老虎 [0, 1, 1]."""
        if len(word) > 2 and word[-1] == "儿":
            found = self.feet(word[:-1])
            return [*found, found[-1]]
        found = []
        while len(word) - len(found) > 2:
            length = self._foot(word[len(found) :])
            found += [found[-1] + 1 if found else 0] * length
        return found + [found[-1] + 1 if found else 0] * (len(word) - len(found))

    def _foot(self, rest: str) -> int:
        """Syllables of the first foot of three or more: words inside the word decide, else two."""
        count = self.FREQ.get
        if len(rest) == 3:
            return 1 if count(rest[1:], 0) > count(rest[:2], 0) else 2
        return 1 if rest[:2] not in self.FREQ and count(rest[1:3]) and len(rest) % 2 else 2

    def get_DAG(self, sentence: str) -> dict[int, list[int]]:  # noqa: N802  # jieba's name
        """Last positions of the dictionary words that begin at each position."""
        graph = {}
        for begin, first in enumerate(sentence):
            last = min(len(sentence), begin + self._longest.get(first, 1))
            ends = [end for end in range(begin, last) if sentence[begin : end + 1] in self.FREQ]
            graph[begin] = ends or [begin]
        return graph


def _entries() -> dict[str, tuple[int, str]]:
    text = (Path(jieba.__file__).parent / "dict.txt").read_text(encoding="utf-8")
    fields = (line.split(" ") for line in text.splitlines())
    return {word: (int(count), sys.intern(tag)) for word, count, tag in fields}
