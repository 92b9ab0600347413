"""Folded text → pieces to read: numbers, dates and symbols written out, marks turned into pauses.

One pass from left to right. At each character that is not Chinese the rules of ``rules.RULES`` are tried in order; the
first that fits writes what is read, and reading goes on behind it. What no rule wants is a word, a mark or silent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tts_engine.frontend.characters import Folded, is_han, silence
from tts_engine.frontend.conventions import Conventions
from tts_engine.frontend.english import cut_long
from tts_engine.frontend.pieces import Kind, Piece
from tts_engine.frontend.reading import Notice
from tts_engine.frontend.rules import RULES, Part

_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*")
_PAUSES = {
    "、": "、",
    "，": "，",
    ",": "，",
    "；": "；",
    ";": "；",
    "：": "；",
    ":": "；",
    "。": "。",
    ".": "。",
    "…": "。",
    "‥": "。",
    "？": "？",
    "?": "？",
    "！": "！",
    "!": "！",
    "—": "，",
    "–": "，",
    "―": "，",
    "‒": "，",
    "⸺": "，",
    "（": "，",
    "）": "，",
    "(": "，",
    ")": "，",
    "【": "，",
    "】": "，",
    "[": "，",
    "]": "，",
    "［": "，",
    "］": "，",
    "〔": "，",
    "〕": "，",
    "〖": "，",
    "〗": "，",
    "{": "，",
    "}": "，",
    "｛": "，",
    "｝": "，",
    "~": "，",
    "～": "，",
    "/": "、",
    "|": "，",
    "｡": "。",
    "､": "、",
    "\n": "。",
}
_ENDS = frozenset("。｡.…‥？?！!；;\n")
_QUIET = frozenset(" \"'“”‘’「」『』《》〈〉«»‹›＂＇·・-‐‑")
"""Quotation marks, title marks and spaces: part of the writing, without a sound and without a notice."""


@dataclass(frozen=True)
class Normalized:
    """What there is to read, in order, and what is silent."""

    pieces: tuple[Piece, ...]
    notices: tuple[Notice, ...]


def normalize(folded: Folded, source: str, conventions: Conventions) -> Normalized:
    """Write out everything that is not a word; ``source`` is the caller's own text."""
    pieces: list[Piece] = []
    notices: list[Notice] = []
    text = folded.text
    at = 0
    while at < len(text):
        if is_han(text[at]):
            pieces.append(_own(folded, at, Kind.HAN))
            at += 1
            continue
        end = _by_rule(folded, at, pieces, conventions) or _word(folded, at, pieces)
        if not end:
            end = _symbol(folded, at, pieces, notices, source)
        at = end
    return Normalized(tuple(pieces), tuple(notices))


def _own(folded: Folded, at: int, kind: Kind) -> Piece:
    character = folded.text[at]
    read = "零" if character == "〇" else character
    return Piece(read, folded.begins[at], folded.ends[at], kind)


def _by_rule(folded: Folded, at: int, pieces: list[Piece], conventions: Conventions) -> int:
    """Apply the first rule that fits at ``at``; give the position behind it, 0 where none fits."""
    for rule in RULES:
        match = rule.pattern.match(folded.text, at)
        if match is None or match.end() == at:
            continue
        parts = rule.read(match)
        if parts is None:
            continue
        spoken = [replace(part, text=conventions.said(part.text, rule.name)) for part in parts]
        written = [piece for part in spoken for piece in _written(folded, part, rule.name)]
        if _runs_together(folded.text, at, pieces, written, rule.name):
            pieces.append(Piece("", written[0].begin, written[0].begin, Kind.MARK, "、", rule.name))
        pieces.extend(written)
        return match.end()
    return 0


_NUMERALS = frozenset("零一二两三四五六七八九十百千幺")
_CALLED = frozenset(("mobile", "landline", "hotline"))
"""What is dialled stands by itself behind a name and a space."""


def _runs_together(text: str, at: int, before: list[Piece], written: list[Piece], rule: str) -> bool:
    """Whether two numbers would be heard as one: 周五14:30, SpO2 98%; 高三5班 is one name."""
    last = next((piece for piece in reversed(before) if piece.text.strip()), None)
    if last is None or not written or last.kind is not Kind.HAN:
        return False
    if rule in _CALLED and text[at - 1] == " ":
        return True
    numbers = last.text in _NUMERALS and written[0].text in _NUMERALS and last.pause == ""
    return numbers and not (last.rule == rule == "cardinal") and not re.match(r"\d{1,2}班", text[at : at + 3])


def _written(folded: Folded, part: Part, rule: str) -> list[Piece]:
    """Pieces of one part: a Chinese character each, an English word each, a pause each."""
    pieces = []
    begins, ends = folded.begins, folded.ends
    each = part.each and len(part.text) == part.end - part.begin
    at = 0
    while at < len(part.text):
        word = _WORD.match(part.text, at)
        length = len(word[0]) if word else 1
        first, last = (part.begin + at, part.begin + at + length) if each else (part.begin, part.end)
        piece_text = part.text[at : at + length]
        kind = Kind.ENGLISH if word else Kind.HAN if is_han(piece_text) else Kind.MARK
        pause = _PAUSES.get(piece_text, "") if kind is Kind.MARK else ""
        if kind is Kind.MARK and not pause:
            kind = Kind.SILENT
        pieces.append(Piece(piece_text, begins[first], ends[last - 1], kind, pause, rule))
        at += length
    if part.pause:
        pieces.append(Piece("", begins[part.end - 1], ends[part.end - 1], Kind.MARK, part.pause, rule))
    return pieces


def _word(folded: Folded, at: int, pieces: list[Piece]) -> int:
    match = _WORD.match(folded.text, at)
    if match is None:
        return 0
    begin = at
    for part in cut_long(match[0]):
        end = begin + len(part)
        kind = Kind.ENGLISH if any(letter.isalpha() for letter in part) else Kind.SILENT
        pieces.append(Piece(part, folded.begins[begin], folded.ends[end - 1], kind))
        begin = end
    return match.end()


def _symbol(folded: Folded, at: int, pieces: list[Piece], notices: list[Notice], source: str) -> int:
    """A mark, a quiet sign, or something that has no sound."""
    character = folded.text[at]
    begin, end = folded.begins[at], folded.ends[at]
    if character in _PAUSES:
        pieces.append(Piece(character, begin, end, Kind.MARK, _PAUSES[character], "", _ends_sentence(folded.text, at)))
    elif character == " ":
        pieces.append(_space(folded, at))
    else:
        written = "" if character == "-" and not _joins_letters(folded.text, at) else character
        pieces.append(Piece(written, begin, end, Kind.SILENT))
        if character not in _QUIET:
            notices.append(silence(source, begin, end))
            pieces[-1] = Piece("", begin, end, Kind.SILENT)
    return at + 1


def _joins_letters(text: str, at: int) -> bool:
    around = text[max(0, at - 1) : at] + text[at + 1 : at + 2]
    return len(around) == 2 and around.isascii() and around.isalpha()


def _ends_sentence(text: str, at: int) -> bool:
    """A full stop ends a sentence only before white space, the end, a quote or Chinese."""
    if text[at] not in _ENDS:
        return False
    after = text[at + 1 : at + 2]
    return text[at] not in ".!?;" or not after.isalnum() or is_han(after)


def _space(folded: Folded, at: int) -> Piece:
    """A space between two stretches of Chinese of two or more characters each is a short pause; others are silent."""
    text = folded.text
    before, after = text[max(0, at - 2) : at], text[at + 1 : at + 3]
    stretches = len(before) == 2 and len(after) == 2 and all(map(is_han, before + after))
    begin, end = folded.begins[at], folded.ends[at]
    if stretches:
        return Piece(" ", begin, end, Kind.MARK, "、")
    chinese = (not before or is_han(before[-1])) or (not after or is_han(after[0]))
    return Piece("" if chinese else " ", begin, end, Kind.SILENT)
