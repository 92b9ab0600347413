"""Latin letters → ARPAbet: pronouncing dictionary, letter names, letter-to-sound rules. No word is dropped.

Source: the CMU Pronouncing Dictionary 0.7b (BSD-2-Clause, ``data/LICENSE.cmudict``); words that it lacks are read by a
network that was fitted on it (``letters.py``).
"""

from __future__ import annotations

import gzip
import re
from importlib import resources

from tts_engine.frontend.letters import Letters

STRESS_TONES = {"0": 6, "1": 7, "2": 8}
_CONSONANT_TONE = 6
_LONGEST_WORD = 24
_VOWELS = frozenset("aeiouy")

_LETTERS = {
    "a": "EY1", "b": "B IY1", "c": "S IY1", "d": "D IY1", "e": "IY1", "f": "EH1 F", "g": "JH IY1", "h": "EY1 CH",
    "i": "AY1", "j": "JH EY1", "k": "K EY1", "l": "EH1 L", "m": "EH1 M", "n": "EH1 N", "o": "OW1", "p": "P IY1",
    "q": "K Y UW1", "r": "AA1 R", "s": "EH1 S", "t": "T IY1", "u": "Y UW1", "v": "V IY1", "w": "D AH1 B AH0 L Y UW0",
    "x": "EH1 K S", "y": "W AY1", "z": "Z IY1",
}  # fmt: skip
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+(?:['’][a-z]+)*|[A-Z]")


class English:
    """Pronounces words of Latin letters. Immutable after construction."""

    def __init__(self) -> None:
        data = resources.files("tts_engine.frontend.data")
        self._words = _pairs(gzip.decompress(data.joinpath("english.tsv.gz").read_bytes()).decode("ascii"))
        own = data.joinpath("english_words.tsv").read_text(encoding="utf-8")
        self._exact = _pairs(own)
        self._letters = Letters.load()

    def pronounce(self, word: str) -> tuple[list[tuple[str, int]], str]:
        """Phonemes (symbol, tone) of ``word`` (letters and apostrophes) and the rule that gave them."""
        phones, rule = self._arpabet(word.replace("’", "'"))
        return [phoneme(phone) for phone in phones.split()], rule

    def _arpabet(self, word: str) -> tuple[str, str]:
        if word in self._exact:
            return self._exact[word], "english-own"
        if word.lower() in self._exact:
            return self._exact[word.lower()], "english-own"
        if len(word) == 1 or _is_acronym(word, self._words):
            return spell(word), "letters"
        known = self._known(word.lower())
        if known:
            return known, "english"
        parts = _PARTS.findall(word)
        if len(parts) > 1 and "".join(parts) == word:
            return " ".join(self._arpabet(part)[0] for part in parts), "english-parts"
        if word.isupper() and len(word) <= 5:
            return spell(word), "letters"
        return self.guess(word.lower()), "letter-to-sound"

    def _known(self, word: str) -> str:
        """Dictionary, with regular endings taken off."""
        if word in self._words:
            return self._words[word]
        for ending, pronounce in (("'s", _plural), ("s'", _plural), ("s", _plural), ("n't", _same), ("'", _same)):
            base = word.removesuffix(ending)
            if base != word and base in self._words:
                return pronounce(self._words[base])
        return ""

    def guess(self, word: str) -> str:
        """A word that no dictionary knows, by its letters."""
        return self._letters.pronounce("".join(filter(_LETTERS.__contains__, word))) or spell(word)


def spell(word: str) -> str:
    """Letter names of ``word``."""
    return " ".join(_LETTERS[letter] for letter in word.lower() if letter in _LETTERS)


def cut_long(word: str) -> list[str]:
    """A word without end (``aaaa…``) in lengths that a sentence can hold."""
    return [word[at : at + _LONGEST_WORD] for at in range(0, len(word), _LONGEST_WORD)]


def phoneme(phone: str) -> tuple[str, int]:
    """``EY1`` → ``("EY", 7)``."""
    if phone[-1] in STRESS_TONES:
        return phone[:-1], STRESS_TONES[phone[-1]]
    return phone, _CONSONANT_TONE


def _is_acronym(word: str, words: dict[str, str]) -> bool:
    """All capitals and no everyday word, or without any vowel."""
    letters = word.replace("'", "")
    if not _VOWELS & set(letters.lower()):
        return len(letters) <= 6 or letters.isupper()
    return letters.isupper() and 1 < len(letters) <= 4 and word.lower() not in _CAPITAL_WORDS


_CAPITAL_WORDS = frozenset(
    "key new the and you for not are all can yes no ok love best hot sale vip god good free red blue big day man sun "
    "fun out buy now win top open stop help home news star girl boy baby game play time live life word work team wow "
    "cool hello hi go on in at to by of is it we he she me my do so or if up".split()
) - {"vip", "hi", "it", "us"}


def _plural(phones: str) -> str:
    last = phones.rsplit(" ", 1)[-1]
    if last in ("S", "Z", "SH", "ZH", "CH", "JH"):
        return f"{phones} IH0 Z"
    return f"{phones} S" if last in ("P", "T", "K", "F", "TH") else f"{phones} Z"


def _same(phones: str) -> str:
    return phones


def _pairs(text: str) -> dict[str, str]:
    lines = (line.partition("\t") for line in text.splitlines() if line and line[0] != "#")
    return {key: value for key, _, value in lines}
