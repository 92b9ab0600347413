"""Chinese characters → words, with jieba's dictionary and its model of unknown words.

jieba's dictionary is kept in a trie that is mapped into memory (``tts_engine.training.dictionaries`` makes it); its
cache in the temporary folder, which anybody could have written, is never read. Nothing changes after construction.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources

import marisa_trie  # type: ignore[import-not-found]  # a compiled module without types

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pkg_resources is deprecated; jieba 0.42.1 has invalid escape sequences
    import jieba  # type: ignore[import-untyped]

jieba.setLogLevel(logging.WARNING)

FILE = "words.trie"
ENTRY = "<I4s"
"""Of a word in the trie: its count and its part of speech, filled with zeros."""
_PARTICLES = frozenset("地的得了着")
_LONGEST = 16
"""Characters of jieba's longest word."""
_TOTAL = 60_101_967
"""Sum of the counts in jieba's dictionary."""
_LIFTED = 200
"""Least count of a word whose readings are known."""


@dataclass(frozen=True, slots=True)
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


class Frequencies:
    """Counts of words: jieba's, with some added and some removed. What of a dictionary jieba asks for."""

    def __init__(
        self, added: Mapping[str, int], removed: frozenset[str], lifted: Collection[str] = frozenset()
    ) -> None:
        """Map the trie."""
        self._removed = removed
        with resources.as_file(resources.files(f"{__package__}.data").joinpath(FILE)) as path:
            self._trie = marisa_trie.RecordTrie(ENTRY).mmap(str(path))
        known: dict[str, int] = {
            word: found[0][0] for word in {*added, *removed, *lifted} if (found := self._trie.get(word))
        }
        self._added = {word: max(known.get(word, 0), _LIFTED) for word in lifted} | dict(added)
        self.total = _TOTAL - sum(known.values()) + sum(self._added.values())
        self._longest: dict[str, int] = {}
        for word in self._added:
            self._longest[word[0]] = max(len(word), self._longest.get(word[0], 1))

    def get(self, word: str, default: int = 0) -> int:
        """The count of a word."""
        if word in self._added:
            return self._added[word]
        found = self._trie.get(word)
        return found[0][0] if found and word not in self._removed else default

    def __contains__(self, word: str) -> bool:
        return word in self._added or (word in self._trie and word not in self._removed)

    def items(self) -> Iterator[tuple[str, int]]:
        """Every word of jieba's with the count that its dictionary gives it."""
        yield from ((word, count) for word, (count, _) in self._trie.items() if word not in self._removed)

    def tag(self, word: str) -> str:
        """The part of speech of a word of jieba's."""
        found = self._trie.get(word)
        return found[0][1].rstrip(b"\0").decode("ascii") if found else ""

    def beginning(self, text: str) -> list[int]:
        """Lengths of the words with which ``text`` begins, the shortest first."""
        lengths = {len(word) for word in self._trie.prefixes(text) if word not in self._removed}
        most = min(len(text), self._longest.get(text[:1], 0))
        lengths.update(length for length in range(1, most + 1) if text[:length] in self._added)
        return sorted(lengths)


class Words(jieba.Tokenizer):  # type: ignore[misc]  # jieba has no types
    """Cuts Chinese text into words. Unlike its parent it needs no entry for every prefix of every word."""

    def __init__(
        self, added: Mapping[str, int], removed: frozenset[str], lifted: Collection[str] = frozenset()
    ) -> None:
        """Map the dictionary.

        Args:
            added: words with a frequency instead of jieba's.
            removed: entries of its dictionary that are no words.
            lifted: words that are at least so common that they stay in one piece.
        """
        super().__init__()
        self.FREQ = Frequencies(added, removed, lifted)
        self.total = self.FREQ.total
        self.initialized = True

    def words(self, text: str) -> list[Word]:
        """Words of ``text``, which they tile."""
        words = []
        begin = 0
        for word in self._parted(text):
            words.append(Word(word, begin, self.FREQ.tag(word)))
            begin += len(word)
        return words

    def _parted(self, text: str) -> Iterator[str]:
        """Words as jieba cuts them, a particle off the head of what its model of unknown words joined: 地|笑."""
        for word in self.cut(text, HMM=True):
            if len(word) > 1 and word[0] in _PARTICLES and word not in self.FREQ:
                yield word[0]
                yield word[1:]
            else:
                yield word

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
        for begin in range(len(sentence)):
            lengths = self.FREQ.beginning(sentence[begin : begin + _LONGEST])
            graph[begin] = [begin + length - 1 for length in lengths] or [begin]
        return graph
