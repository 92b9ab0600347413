"""The caller's characters → the characters that the rules know, with a position map.

Full-width letters and digits, ligatures, mathematical alphabets and accents fold to plain ones, traditional
characters to simplified ones (so that one set of rules and words fits both); silent characters
(emoji, decoration, control characters) leave with a notice; scripts that nobody here can read are refused by name.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass

from tts_engine.errors import UnreadableTextError
from tts_engine.frontend.conventions import Conventions
from tts_engine.frontend.data import table
from tts_engine.frontend.emoticons import Figure, figures
from tts_engine.frontend.reading import Notice

_LINE_ENDS = frozenset("\n\r\v\f\x85\u2028\u2029\x1c\x1d\x1e")
_KEPT = frozenset("₀₁₂₃₄₅₆₇₈₉²³⁰¹⁴⁵⁶⁷⁸⁹⁻ⁿ½⅓⅔¼¾⅕⅖⅗⅘⅙⅛⅜⅝⅞℃℉㎡㎥°′″™©®№…‥·～，：；！？（）［］｛｝、。")
_FULL_WIDTH_KEPT = frozenset("，：；！？（）［］｛｝")
_READ_SYMBOLS = frozenset("℃℉°→←↑↓№㎡㎥￥△♀♂") | {
    chr(code) for code in (*range(0x2460, 0x249C), *range(0x2776, 0x2780), *range(0x3220, 0x322A))
}
_SIMPLIFIED = {row[0]: row[1] for row in table("traditional.tsv")} | {"著": "着"}
_ESCAPED = re.compile(r"\\[nrt](?![A-Za-z])")
_ZEROS = frozenset("○◯")
_NUMERALS = frozenset("零〇○◯一二三四五六七八九")
_ZERO = "〇"
_REPEAT = "々"
_WROTE = re.compile(r"(?:[名巨专專编編译譯遗遺拙土显顯昭卓撰原所]|(?<![讨討谈談议議争爭评評])[论論])著$|[（(\[【]著$")
_WRITING = re.compile(
    r"名(?!著)|[称稱述者录錄]|作(?![业業])|[书書][立]|[于於][\d一二三四五六七八九十]|有[《多许許大论論书書小诗詩]|[《]"
)
"""著 that writes; elsewhere it is the 着 of traditional spelling: 看著, 沿著, 執著."""
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}\d?|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});")


@dataclass(frozen=True)
class Folded:
    """Text that the rules read; character ``i`` stands for ``[begins[i], ends[i])`` of the caller's text."""

    text: str
    begins: tuple[int, ...]
    ends: tuple[int, ...]


class _Writer:
    """Collects folded characters and notices of one text."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.characters: list[str] = []
        self.begins: list[int] = []
        self.ends: list[int] = []
        self.silent: list[tuple[int, int]] = []

    def put(self, text: str, begin: int, end: int) -> None:
        for character in text:
            self.characters.append(character)
            self.begins.append(begin)
            self.ends.append(end)

    def hush(self, begin: int, end: int) -> None:
        if self.silent and self.silent[-1][1] == begin:
            begin = self.silent.pop()[0]
        self.silent.append((begin, end))

    def extend(self, end: int) -> None:
        """A combining mark belongs to the letter before it."""
        if self.ends and self.ends[-1] == end - 1:
            self.ends[-1] = end
        else:
            self.hush(end - 1, end)


def fold(text: str, conventions: Conventions) -> tuple[Folded, tuple[Notice, ...]]:
    """Fold ``text`` and list what is silent in it.

    Raises:
        UnreadableTextError: a letter of a script other than Han, Latin and single Greek letters.
    """
    writer = _Writer(text)
    position = 0
    for figure in figures(text, conventions):
        while position < figure.begin:
            position = _fold_one(writer, position)
        if position == figure.begin:
            position = _put_figure(writer, figure)
    while position < len(text):
        position = _fold_one(writer, position)
    folded = Folded("".join(writer.characters), tuple(writer.begins), tuple(writer.ends))
    return folded, tuple(silence(text, begin, end) for begin, end in writer.silent)


def _put_figure(writer: _Writer, figure: Figure) -> int:
    if figure.said:
        writer.put(figure.said, figure.begin, figure.end)
    else:
        writer.hush(figure.begin, figure.end)
    return figure.end


def silence(text: str, begin: int, end: int) -> Notice:
    """The notice for silent characters ``text[begin:end]``."""
    shown = text[begin:end] if text[begin:end].isprintable() else _code_points(text[begin:end])
    return Notice(begin, end, text[begin:end], f"“{shown[:40]}”没有读音，已略过。")


def is_han(character: str) -> bool:
    """Whether a character is a Chinese character (〇 included)."""
    return "一" <= character <= "鿿" or character == _ZERO or _is_rare_han(ord(character))


def _is_rare_han(code: int) -> bool:
    return 0x3400 <= code <= 0x4DBF or 0x20000 <= code <= 0x323AF or 0xF900 <= code <= 0xFAFF


def _code_points(text: str) -> str:
    return " ".join(f"U+{ord(character):04X}" for character in text[:4])


def _fold_one(writer: _Writer, begin: int) -> int:
    """Fold the character at ``begin``; give the position after it."""
    text, character = writer.source, writer.source[begin]
    if character.isascii():
        return _fold_ascii(writer, begin)
    end = begin + 1
    category = unicodedata.category(character)
    if character in _ZEROS and _among_numerals(text, begin):
        writer.put(_ZERO, begin, end)
    elif character in _SIMPLIFIED:
        writer.put(_SIMPLIFIED[character] if character != "著" or _lasts(text, begin) else character, begin, end)
    elif is_han(character) or character in _KEPT or character in _READ_SYMBOLS:
        writer.put(unicodedata.normalize("NFKC", character) if "豈" <= character <= "龎" else character, begin, end)
    elif character in _LINE_ENDS or category[0] == "Z":
        writer.put("\n" if character in _LINE_ENDS else " ", begin, end)
    elif category[0] == "M" and not "\ufe00" <= character <= "\ufe0f":
        writer.extend(end)
    elif category[0] == "C" or category == "Mn":
        writer.hush(begin, end)
    elif category == "Nd":
        writer.put(str(unicodedata.digit(character)), begin, end)
    elif category == "Lm" and character == _REPEAT and writer.characters:
        writer.put(writer.characters[-1], begin, end)
    else:
        _fold_other(writer, begin, text)
    return end


def _lasts(text: str, at: int) -> bool:
    """Whether 著 is the 着 of traditional spelling."""
    return not _WROTE.search(text, max(0, at - 2), at + 1) and not _WRITING.match(text, at + 1)


def _among_numerals(text: str, at: int) -> bool:
    """二○二四: a circle between Chinese digits is a zero."""
    return at > 0 and text[at - 1] in _NUMERALS and (text[at + 1 : at + 2] or "年") in _NUMERALS | {"年", "号", "室"}


def _fold_ascii(writer: _Writer, begin: int) -> int:
    text, character = writer.source, writer.source[begin]
    if character == "&":
        entity = _ENTITY.match(text, begin)
        plain = html.unescape(entity[0]) if entity else ""
        if entity and len(plain) < len(entity[0]):
            return _fold_entity(writer, plain, begin, entity.end())
    if character == "\\" and _ESCAPED.match(text, begin):
        writer.put("\n", begin, begin + 2)
        return begin + 2
    if character in _LINE_ENDS:
        writer.put("\n", begin, begin + 1)
    elif character == "\t":
        writer.put(" ", begin, begin + 1)
    elif character < " " or character == "\x7f":
        writer.hush(begin, begin + 1)
    else:
        writer.put(character, begin, begin + 1)
    return begin + 1


def _fold_entity(writer: _Writer, plain: str, begin: int, end: int) -> int:
    """What an HTML entity stands for, in the place of the entity."""
    inner = _Writer(plain)
    position = 0
    while position < len(plain):
        position = _fold_one(inner, position)
    writer.put("".join(inner.characters), begin, end)
    if inner.silent:
        writer.hush(begin, end)
    return end


def _fold_other(writer: _Writer, begin: int, text: str) -> None:
    character = text[begin]
    plain = _plain(character)
    if plain is not None:
        writer.put(plain, begin, begin + 1)
    elif unicodedata.category(character)[0] == "L":
        refuse_word(text, begin)
    elif unicodedata.category(character) in ("So", "Sk", "No"):
        writer.hush(begin, begin + 1)
    else:
        writer.put(character, begin, begin + 1)


def _plain(character: str) -> str | None:
    """Compatibility form without accents, where that leaves readable characters."""
    if "！" <= character <= "～":
        return unicodedata.normalize("NFKC", character)
    if "Ͱ" <= character <= "Ͽ" or "Ⅰ" <= character <= "ⅿ" or unicodedata.category(character) == "Sm":
        return character
    plain = (
        "".join(part for part in unicodedata.normalize("NFKD", character) if unicodedata.category(part)[0] != "M")
        or character
    )
    plain = {"ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ı": "i", "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe",
             "đ": "d", "Đ": "D", "þ": "th", "ð": "th", "ə": "e"}.get(plain, plain)  # fmt: skip
    readable = all((part.isascii() and part.isprintable()) or is_han(part) for part in plain)
    return plain if readable else None


def refuse_word(text: str, begin: int) -> None:
    """Raise for the word that starts at ``begin``.

    Raises:
        UnreadableTextError: always.
    """
    end = begin
    while end < len(text) and _same_word(text[end]):
        end += 1
    end = max(end, begin + 1)
    raise UnreadableTextError(text[begin:end][:40], begin, end)


def _same_word(character: str) -> bool:
    return not character.isascii() and not is_han(character) and unicodedata.category(character)[0] in "LM"
