"""Chinese characters → words, with jieba's dictionary and its model of unknown words.

The dictionary is read from jieba's package, never from its cache in the temporary folder, which anybody could have
written. Nothing changes after construction.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pkg_resources is deprecated; jieba 0.42.1 has invalid escape sequences
    import jieba

jieba.setLogLevel(logging.WARNING)


@dataclass(frozen=True)
class Word:
    """A word and where it begins in the characters that were cut."""

    text: str
    begin: int
    tag: str
    """jieba's part of speech of the word alone; empty for unknown words."""

    @property
    def end(self) -> int:
        """Position after the word."""
        return self.begin + len(self.text)


class Words:
    """Cuts Chinese text into words."""

    def __init__(self, added: dict[str, int], removed: frozenset[str]) -> None:
        """Read the dictionary.

        Args:
            added: words that jieba lacks, with a frequency.
            removed: entries of its dictionary that are no words.
        """
        self._tokenizer = jieba.Tokenizer()
        self._tags = _load(self._tokenizer, added, removed)

    def cut(self, text: str) -> list[Word]:
        """Words of ``text``, which they tile."""
        words = []
        begin = 0
        for word in self._tokenizer.cut(text, HMM=True):
            words.append(Word(word, begin, self._tags.get(word, "")))
            begin += len(word)
        return words


def _load(tokenizer: jieba.Tokenizer, added: dict[str, int], removed: frozenset[str]) -> dict[str, str]:
    """Fill the tokenizer as ``initialize`` would (a prefix has frequency 0); give the words' tags."""
    frequencies: dict[str, int] = {}
    tags: dict[str, str] = {}
    for line in (Path(jieba.__file__).parent / "dict.txt").read_text(encoding="utf-8").splitlines():
        word, frequency, tag = line.split(" ")
        if word not in removed:
            frequencies[word] = int(frequency)
            tags[word] = tag
    frequencies.update(added)
    total = sum(frequencies.values())
    for word in tuple(frequencies):
        for length in range(1, len(word)):
            frequencies.setdefault(word[:length], 0)
    tokenizer.FREQ, tokenizer.total, tokenizer.initialized = frequencies, total, True
    return tags
