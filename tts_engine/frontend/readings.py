"""Words → citation readings: own lexicon, then context rules, pypinyin's phrases, g2pM for the rest of the polyphones.

Sources: pypinyin (MIT) with its phrase dictionary; g2pM (Apache-2.0), a bi-LSTM in numpy trained on CPP.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass

from g2pM import G2pM  # type: ignore[import-untyped]
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

from tts_engine.frontend.data import table
from tts_engine.frontend.pinyin import PinyinError, numbered, syllable_phonemes
from tts_engine.frontend.words import Word, Words

_CONTEXT = 8
_LONGEST_PHRASE = 8
_REMOVED = "!"
_CITATIONS = {"一": "yi1", "不": "bu4"}
"""pypinyin's phrases write some of the sandhi of these two; ours comes later and knows more."""


@dataclass(frozen=True)
class Syllable:
    """One Chinese character with its citation reading."""

    text: str
    pinyin: str
    """Tone digit last, ü as v; empty where nobody knows a reading."""
    rule: str
    word: int
    """Index of its word in the phrase."""


@dataclass(frozen=True)
class _Rule:
    """In this context the character is read so."""

    left: re.Pattern[str]
    right: re.Pattern[str]
    pinyin: str


class Readings:
    """Reads runs of Chinese characters. Immutable, so any number of threads may share it."""

    def __init__(self) -> None:
        self._lexicon, removed = _lexicon()
        self._rules = _polyphone_rules()
        self._words = Words({word: 200 for word in self._lexicon if len(word) > 1}, removed)
        self._g2pm = _load_g2pm()

    def read(self, text: str) -> tuple[list[Word], list[Syllable]]:
        """Words of ``text`` and one syllable for each of its characters."""
        words = self._words.words(text)
        guesses: list[str] = []
        syllables: list[Syllable] = []
        for index, word in enumerate(words):
            known = self._word(text, word)
            for offset, character in enumerate(word.text):
                pinyin, rule = known[offset]
                if not pinyin:
                    guesses = guesses or self._guess(text)
                    pinyin, rule = guesses[word.begin + offset], "g2pm"
                syllables.append(Syllable(character, pinyin, rule if pinyin else "unknown", index))
        return words, syllables

    def word_ends(self, text: str) -> set[int]:
        """Positions in ``text`` where a word ends."""
        return {word.end for word in self._words.words(text)}

    def _word(self, text: str, word: Word) -> list[tuple[str, str]]:
        """Reading and source of each character; an empty reading asks for a guess from the sentence."""
        fitting = self._in_context(text, word.begin, word.text) if len(word.text) > 1 else None
        if fitting:
            return [(pinyin, "context") for pinyin in fitting.split(" ")]
        known: list[tuple[str, str]] = []
        while len(known) < len(word.text):
            at = len(known)
            known += self._phrase(word.text[at:]) or [self._character(text, word.begin + at)]
        return known

    def _phrase(self, text: str) -> list[tuple[str, str]]:
        """The longest known phrase of two or more characters at the start of ``text``."""
        for length in range(min(len(text), _LONGEST_PHRASE), 1, -1):
            phrase = text[:length]
            if phrase in self._lexicon:
                return [(pinyin, "lexicon") for pinyin in self._lexicon[phrase]]
            if phrase in PHRASES_DICT and len(PHRASES_DICT[phrase]) == length:
                spelled = zip(phrase, PHRASES_DICT[phrase], strict=True)
                return [(_CITATIONS.get(character) or numbered(marked[0]), "phrase") for character, marked in spelled]
        return []

    def _character(self, text: str, at: int) -> tuple[str, str]:
        character = text[at]
        fitting = self._in_context(text, at, character)
        if fitting:
            return fitting, "context"
        if character in self._lexicon:
            return self._lexicon[character][0], "lexicon"
        candidates = PINYIN_DICT.get(ord(character), "").split(",")
        if len(self._g2pm.cedict.get(character, ())) > 1:
            return "", ""
        return (numbered(candidates[0]), "character") if candidates[0] else ("", "")

    def _in_context(self, text: str, at: int, word: str) -> str | None:
        """What the context rules say of ``word`` at ``at``."""
        end = at + len(word)
        for rule in self._rules.get(word, ()):
            if rule.left.search(text[max(0, at - _CONTEXT) : at]) and rule.right.match(text[end : end + _CONTEXT]):
                return rule.pinyin
        return None

    def _guess(self, text: str) -> list[str]:
        """g2pM's reading of each character of the sentence, pypinyin's first where it has none."""
        guesses = []
        for character, guess in zip(text, self._g2pm(text, char_split=True), strict=True):
            guesses.append(numbered(guess) if _is_syllable(guess) else _first(character))
        return guesses


def _load_g2pm() -> G2pM:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # g2pM 0.1.2.5 leaves its four files to the garbage collector
        return G2pM()


def _first(character: str) -> str:
    first = PINYIN_DICT.get(ord(character), "").split(",")[0]
    return numbered(first) if first else ""


def _is_syllable(pinyin: str) -> bool:
    try:
        syllable_phonemes(pinyin)
    except PinyinError:
        return False
    return True


def _lexicon() -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    """Own readings, and the dictionary entries that are no words."""
    lexicon = {}
    removed = set()
    for word, pinyin in table("words.tsv"):
        if pinyin == _REMOVED:
            removed.add(word)
        else:
            lexicon[word] = tuple(pinyin.split(" "))
    for (word,) in table("neutral.tsv"):
        if word not in lexicon:
            lexicon[word] = _with_neutral_end(word)
    return lexicon, frozenset(removed)


def _with_neutral_end(word: str) -> tuple[str, ...]:
    spelled = PHRASES_DICT.get(word) or [[_first(character)] for character in word]
    readings = [numbered(syllable[0]) for syllable in spelled]
    return (*readings[:-1], readings[-1][:-1] + "5")


def _polyphone_rules() -> dict[str, tuple[_Rule, ...]]:
    rules: dict[str, list[_Rule]] = {}
    for word, left, right, pinyin in table("polyphones.tsv"):
        rule = _Rule(re.compile(f"(?:{left})$" if left else ""), re.compile(right), pinyin)
        rules.setdefault(word, []).append(rule)
    return {word: tuple(listed) for word, listed in rules.items()}
