"""A reading that the visitor chooses, written into the text as ``重(chong2)庆``. Knows no Gradio."""

from __future__ import annotations

from dataclasses import dataclass

from tts_engine.errors import InputError
from tts_engine.frontend.characters import is_han
from tts_engine.frontend.inline import reading_at
from tts_engine.frontend.phrasebook import readings_of
from tts_engine.frontend.reading import Reading, Token

AUTOMATIC = ""
"""The choice that takes an override away."""

_RULE = "override"


@dataclass(frozen=True)
class _Mark:
    """The parenthesis that gives a token its reading."""

    begin: int
    end: int
    pinyin: tuple[str, ...]
    place: int
    """Of the token's syllable in ``pinyin``."""


def choices(token: Token, text: str) -> tuple[str, ...]:
    """What a token of ``text`` may be read as instead, the commonest first; nothing where there is no choice."""
    if token.end - token.begin != 1 or not is_han(text[token.begin]):
        return ()
    readings = readings_of(token.text)
    back = (AUTOMATIC,) if token.rule == _RULE else ()
    return (*readings, *back) if back or set(readings) - {token.pinyin} else ()


def overridden(reading: Reading, begin: object, pinyin: object) -> str:
    """The text of ``reading`` in which the character at ``begin`` is to be read ``pinyin``.

    Args:
        reading: of the text as it is.
        begin: index of the character, as a visitor sent it.
        pinyin: one of its ``choices``, as a visitor sent it.

    Raises:
        InputError: there is no such character, or it has no such reading.
    """
    tokens = [token for sentence in reading.sentences for token in sentence.tokens]
    for number, token in enumerate(tokens):
        if token.begin == begin and pinyin in choices(token, reading.text):
            return _written(reading.text, token.end, _mark(reading.text, tokens[number:]), str(pinyin))
    raise InputError("这个字没有所选的读音：请再按“这句话怎么读”，重新选择。")


def _mark(text: str, tokens: list[Token]) -> _Mark | None:
    """The mark that governs the first of ``tokens``; one mark may hold the readings of several characters."""
    if tokens[0].rule != _RULE:
        return None
    end, length = tokens[0].end, 1
    for token in tokens[1:]:
        if token.begin != end or token.rule != _RULE:
            break
        end, length = token.end, length + 1
    found = reading_at(text, end)
    return _Mark(end, found[0], found[1], len(found[1]) - length) if found and len(found[1]) >= length else None


def _written(text: str, end: int, mark: _Mark | None, pinyin: str) -> str:
    if mark is None:
        return f"{text[:end]}({pinyin}){text[end:]}" if pinyin != AUTOMATIC else text
    if pinyin == AUTOMATIC:
        return text[: mark.begin] + text[mark.end :]
    syllables = " ".join((*mark.pinyin[: mark.place], pinyin, *mark.pinyin[mark.place + 1 :]))
    return f"{text[: mark.begin]}({syllables}){text[mark.end :]}"


def holds(reading: Reading, begin: object, pinyin: object) -> bool:
    """Whether the character at ``begin`` is now read as chosen."""
    tokens = (token for sentence in reading.sentences for token in sentence.tokens)
    return pinyin == AUTOMATIC or any(token.begin == begin and token.pinyin == pinyin for token in tokens)
