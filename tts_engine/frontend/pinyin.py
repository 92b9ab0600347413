"""Pinyin syllables → phonemes of the inventory.

Accepts what dictionaries and people write: ``zhong1``, ``lv4`` ``lü4`` ``lu:4``, ``huar1`` (merged erhua), ``zhōng``,
``hng5``. A syllable without a tone is neutral (5).

Source: Hanyu Pinyin orthography, GB/T 16159-2012; spelling rules of y, w, iou, uei, uen as in the scheme of 1958.
"""

from __future__ import annotations

import unicodedata

from tts_engine.frontend.phonemes import ERHUA, FINALS, INITIALS

NEUTRAL = 5

_TONE_MARKS = {"\u0304": 1, "\u0301": 2, "\u030c": 3, "\u0300": 4}
_CIRCUMFLEX = "\u0302"
_DIAERESIS = "\u0308"
_LONGEST_FIRST = sorted(INITIALS, key=len, reverse=True)
_FINALS = frozenset(FINALS)

# written without an initial → final; the rest of the zero-initial syllables are finals as they stand
_ZERO_INITIAL = {
    "yi": "i", "ya": "ia", "yo": "io", "ye": "ie", "yao": "iao", "you": "iou", "yan": "ian", "yin": "in",
    "yang": "iang", "ying": "ing", "yong": "iong", "yai": "ia", "yu": "v", "yue": "ve", "yuan": "van", "yun": "vn",
    "wu": "u", "wa": "ua", "wo": "uo", "wai": "uai", "wei": "uei", "wan": "uan", "wen": "uen", "wang": "uang",
    "weng": "ueng", "wong": "ueng", "n": "en", "eh": "ê",
}  # fmt: skip
_SHORT_FINALS = {"iu": "iou", "ui": "uei", "un": "uen", "ue": "ve", "ueng": "ong"}
_AFTER_JQX = {"u": "v", "ue": "ve", "uan": "van", "un": "vn"}
_INTERJECTIONS = {"hng": ("h", "ng"), "hm": ("h", "m")}


class PinyinError(ValueError):
    """A string is no pinyin syllable."""


def syllable_phonemes(pinyin: str) -> list[tuple[str, int]]:
    """Split one syllable: ``huar1`` → ``[("h", 1), ("ua", 1), ("rr", 1)]``.

    Raises:
        PinyinError: not a syllable of Mandarin.
    """
    base, tone = split_tone(pinyin)
    erhua = base.endswith("r") and base != "er" and len(base) > 1
    initial, final = _initial_final(base[:-1] if erhua else base, pinyin)
    symbols = [initial] if initial else []
    return [(symbol, tone) for symbol in [*symbols, final, *([ERHUA] if erhua else [])]]


def spelled(initial: str, final: str) -> str:
    """How an initial, or none, and a final are written: ``("l", "iou")`` → ``liu``, ``("", "v")`` → ``yu``.

    Without a tone; what Mandarin has no syllable for is written side by side.
    """
    if not initial:
        written = (base for base, meant in _ZERO_INITIAL.items() if meant == final and len(base) > 1)
        return next(written, final)
    rests = ("i", "iu", "ui", "un", *(_AFTER_JQX if initial in ("j", "q", "x") else ()))
    return initial + next((rest for rest in rests if _written_in_full(initial, rest) == final), final)


def split_tone(pinyin: str) -> tuple[str, int]:
    """Base letters (ü as v, lower case) and tone 1–5 of a syllable with a tone digit, a tone mark or neither."""
    tone = NEUTRAL
    letters: list[str] = []
    for letter in unicodedata.normalize("NFD", pinyin.strip().lower()):
        if letter in _TONE_MARKS:
            tone = _TONE_MARKS[letter]
        elif letter == _DIAERESIS or letter == ":":
            letters[-1:] = ["v"]
        elif letter == _CIRCUMFLEX:
            letters[-1:] = ["ê"]
        elif letter in "012345":
            tone = int(letter) or NEUTRAL
        else:
            letters.append(letter)
    return "".join(letters), tone


def numbered(pinyin: str) -> str:
    """One spelling for every input spelling: ``lǜ`` → ``lv4``, ``ma`` → ``ma5``."""
    base, tone = split_tone(pinyin)
    return f"{base}{tone}"


def _initial_final(base: str, pinyin: str) -> tuple[str, str]:
    if base in _INTERJECTIONS:
        return _INTERJECTIONS[base]
    if base in _ZERO_INITIAL:
        return "", _ZERO_INITIAL[base]
    if base in _FINALS and base[0] in "aeoêmn":
        return "", base
    initial = next((symbol for symbol in _LONGEST_FIRST if base.startswith(symbol)), "")
    final = _written_in_full(initial, base[len(initial) :])
    if not initial or final not in _FINALS:
        raise PinyinError(f"“{pinyin[:20]}”不是普通话音节。")
    return initial, final


def _written_in_full(initial: str, rest: str) -> str:
    if initial in ("j", "q", "x") and rest in _AFTER_JQX:
        return _AFTER_JQX[rest]
    if rest == "i" and initial in ("z", "c", "s"):
        return "ii"
    if rest == "i" and initial in ("zh", "ch", "sh", "r"):
        return "iii"
    return _SHORT_FINALS.get(rest, rest)
