"""Numbers between English words are read in English: ``25 years old``, ``the 3rd``, ``$20``, ``in 1999``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_engine.frontend.rules.base import Match, Part, Rule, clause, left, right, rule, whole

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_CURRENCIES = {"$": "dollar", "€": "euro", "£": "pound"}
_LARGEST = 10**12
_ABBREVIATIONS = {
    "mr": "mister",
    "mrs": "missis",
    "ms": "miz",
    "dr": "doctor",
    "prof": "professor",
    "vs": "versus",
    "etc": "etcetera",
    "jan": "january",
    "feb": "february",
    "aug": "august",
    "sept": "september",
    "oct": "october",
    "nov": "november",
    "dec": "december",
}


def cardinal(value: int) -> str:
    """Words of a whole number below 10^12."""
    if value < 20:
        return _ONES[value]
    if value < 100:
        return _TENS[value // 10] + (f" {_ONES[value % 10]}" if value % 10 else "")
    size, name = next(scale for scale in _SCALES if value >= scale[0])
    rest = f" {cardinal(value % size)}" if value % size else ""
    return f"{cardinal(value // size)} {name}{rest}"


def ordinal(value: int) -> str:
    """Words of an ordinal: 23 → twenty third."""
    head, _, last = cardinal(value).rpartition(" ")
    last = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return f"{head} {last}".strip()


def number(text: str) -> str:
    """Words of a number, digit by digit behind the point, and of long digit strings."""
    whole_part, _, fraction = text.replace(",", "").partition(".")
    digits = " ".join(_ONES[int(digit)] for digit in fraction)
    spoken = (
        " ".join(_ONES[int(digit)] for digit in whole_part)
        if int(whole_part or 0) >= _LARGEST
        else cardinal(int(whole_part or 0))
    )
    return f"{spoken} point {digits}" if fraction else spoken


_PROSE = re.compile(
    r"\ba\s[a-z]{2}|\b(?:the|an|of|is|am|are|was|were|in|on|at|to|and|or|for|with|by|from|it|its|my|you|your|we|our|he|she|they|this|that|i|has|have|had|"
    r"will|can|old|than|about|only|per|over|under|up|down|costs?)\b",
    re.IGNORECASE,
)


_BETWEEN = re.compile(
    r"[A-Za-z']\s(?:in|at|for|of|to|about|only|than|over|the|my|by|from|until|is|are|least|every|after|within)$",
    re.IGNORECASE,
)
"""English words before a number that only English prose puts there."""


_WORDS = re.compile(r"(?<![\d.] )(?<![\dA-Za-z])[A-Za-z][a-z]{2,}(?![A-Z])")
"""Words of prose, not units behind a number nor acronyms."""


def in_english(match: Match) -> bool:
    """No Chinese character near, and English prose: small words, or a good many of any."""
    around = clause(match)
    if _BETWEEN.search(left(match, 24)) and re.match("[a-z]{3}", right(match)):
        return True
    if re.search(r"[㐀-鿿]", around):
        return False
    return bool(_PROSE.search(around)) or len(_WORDS.findall(around)) >= 4


def _number(match: Match) -> Sequence[Part] | None:
    if not in_english(match):
        return None
    text = match["n"]
    if re.fullmatch(r"1[1-9]\d\d|20[1-9]\d", text) and not match["c"] and not match["p"]:
        return whole(match, _spaced(match, _year(int(text))))
    spoken = number(text)
    if match["c"]:
        spoken += " " + _CURRENCIES[match["c"]] + ("" if text == "1" else "s")
    return whole(match, _spaced(match, spoken + (" percent" if match["p"] else "")))


def _spaced(match: Match, words: str) -> str:
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    return (" " if before.isalnum() else "") + words + (" " if after.isalpha() else "")


def _year(value: int) -> str:
    high, low = divmod(value, 100)
    return f"{cardinal(high)} {'hundred' if not low else f'o {cardinal(low)}' if low < 10 else cardinal(low)}"


def _ordinal(match: Match) -> Sequence[Part]:
    return whole(match, _spaced(match, ordinal(int(match["n"]))))


def _decade(match: Match) -> Sequence[Part] | None:
    """The 1990s: nineteen nineties."""
    if not in_english(match):
        return None
    words = _year(int(match["n"]))
    return whole(match, _spaced(match, f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"))


def _operator(match: Match) -> Sequence[Part] | None:
    """LTS + CUDA between English words."""
    return whole(match, {"+": " plus ", "=": " equals "}[match["s"]]) if in_english(match) else None


def _abbreviation(match: Match) -> Sequence[Part]:
    return whole(match, _ABBREVIATIONS[match["w"].lower()])


RULES: tuple[Rule, ...] = (
    rule("english-ordinal", r"(?<![\d.A-Za-z])(?P<n>\d{1,4})(?:st|nd|rd|th|ST|ND|RD|TH)(?![A-Za-z])", _ordinal),
    rule("english-number", r"(?<![\d.A-Za-z])(?P<n>1[1-9]\d0|20[1-9]0)['’]?s(?![A-Za-z])", _decade),
    rule("english-operator", r"(?<=[A-Za-z\d])\s?(?P<s>[+=])\s?(?=[A-Za-z\d])", _operator),
    rule(
        "english-number",
        r"(?<![\d.:/-])(?P<c>[$€£])?(?P<n>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?P<p>\s?%)?(?![\d:/-]|\.\d|[A-Z])",
        _number,
    ),
    rule("abbreviation", rf"(?<![A-Za-z])(?P<w>(?i:{'|'.join(_ABBREVIATIONS)}))\.(?=\s?[A-Za-z\d])", _abbreviation),
)
