"""Rebuild ``words.trie`` from jieba's dictionary and ``phrases.trie`` from pypinyin's.

    python -m tts_engine.training.dictionaries

As Python objects the two take 130 MB and most of a second to load; as tries (marisa-trie) they are mapped into memory,
shared between processes, and ready at once. jieba 0.42.1 and pypinyin 0.55.0 are both under the MIT licence.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jieba  # type: ignore[import-untyped]
import marisa_trie  # type: ignore[import-not-found]  # a compiled module without types
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

from tts_engine.frontend.pinyin import numbered
from tts_engine.frontend.words import ENTRY

DATA = Path(__file__).parents[1] / "frontend" / "data"
_CITATIONS = {"一": "yi1", "不": "bu4"}
"""pypinyin's phrases write some of the sandhi of these two; ``sandhi.py`` knows more."""


def main() -> None:
    """Write both files."""
    marisa_trie.RecordTrie(ENTRY, words()).save(str(DATA / "words.trie"))
    pinyin = [*characters(), *phrases()]
    marisa_trie.BytesTrie((text, " ".join(readings).encode()) for text, readings in pinyin).save(
        str(DATA / "phrases.trie")
    )


def words() -> Iterator[tuple[str, tuple[int, bytes]]]:
    """Each word of jieba's dictionary with its count and part of speech."""
    text = Path(jieba.__file__).with_name("dict.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        word, count, tag = line.split(" ")
        yield word, (int(count), tag.encode("ascii"))


def characters() -> Iterator[tuple[str, list[str]]]:
    """Each character with all its readings, the commonest first."""
    for code, marked in PINYIN_DICT.items():
        found = list(dict.fromkeys(numbered(one) for one in marked.split(",") if one))
        if found:
            yield chr(code), found


def phrases() -> Iterator[tuple[str, list[str]]]:
    """Each phrase of two or more characters with one reading a character."""
    for phrase, marked in PHRASES_DICT.items():
        if len(phrase) > 1 and len(marked) == len(phrase):
            yield (
                phrase,
                [_CITATIONS.get(character) or numbered(its[0]) for character, its in zip(phrase, marked, strict=True)],
            )


if __name__ == "__main__":
    main()
