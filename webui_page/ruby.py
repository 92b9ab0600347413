"""A reading as HTML: every character with its pinyin over it, and what ``chooser.js`` offers when it is clicked.

Knows tone marks and escaping, knows no Gradio.
"""

from __future__ import annotations

import re
import unicodedata
from html import escape
from itertools import groupby
from pathlib import Path

from tts_engine.frontend.reading import Notice, Reading, Token
from webui_page.override import AUTOMATIC, choices
from webui_page.words import CHINESE, Words

CHOOSER = Path(__file__).with_name("chooser.js").read_text(encoding="utf-8")
"""Runs in the page; triggers ``choose`` with ``begin`` and ``pinyin``."""

_HINT = "点带虚线的字可以改它的读音；有底色的是按规则改写后的读法；彩色的拼音有变调。"

_COMBINING = "\u0304\u0301\u030c\u0300"
_SYLLABLE = re.compile(r"([a-zêü]+)([1-5])")


def marked(pinyin: str) -> str:
    """``ni3`` as ``nǐ``; what is no pinyin with a tone digit stays as it is.

    Source: GB/T 16159, placement of the tone mark: on a or e, on the o of ou, else on the last vowel.
    """
    found = _SYLLABLE.fullmatch(pinyin.lower().replace("v", "ü"))
    if not found:
        return pinyin
    letters, tone = found[1], int(found[2])
    if tone == 5:
        return letters
    at = _marked_letter(letters)
    return unicodedata.normalize("NFC", letters[: at + 1] + _COMBINING[tone - 1] + letters[at + 1 :])


def _marked_letter(letters: str) -> int:
    for vowel in ("a", "e", "ê", "ou"):
        if vowel in letters:
            return letters.index(vowel)
    vowels = [position for position, letter in enumerate(letters) if letter in "iouü"]
    if vowels:
        return vowels[-1]
    return 0  # m, n, ng


def ruby(reading: Reading, t: Words = CHINESE) -> str:
    """The whole text with readings over it, then what stays silent and why."""
    parts: list[str] = []
    for sentence in reading.sentences:
        position = sentence.begin
        for (begin, end), tokens in groupby(sentence.tokens, key=lambda token: (token.begin, token.end)):
            parts.append(escape(reading.text[position : max(position, begin)]))
            parts.append(_span(tuple(tokens), reading.text, t))
            position = max(position, end)
        parts.append(escape(reading.text[position : sentence.end]))
    body = "".join(parts).replace("\n", "<br>")
    return f'<p class="reading" lang="zh-CN">{body}</p><p class="hint">{t(_HINT)}</p>{_notices(reading.notices, t)}'


def _span(tokens: tuple[Token, ...], text: str, t: Words) -> str:
    """What is said for one stretch of the text."""
    said, wrote = "".join(token.text for token in tokens), text[tokens[0].begin : tokens[0].end]
    note = t("{wrote} 读作 {said}", wrote=wrote, said=said) if wrote != said else ""
    return "".join(_token(token, text, note, t) for token in tokens)


def _token(token: Token, text: str, note: str, t: Words) -> str:
    notes, kinds = [note] if note else [], ["rewritten"] if note else []
    if token.pinyin != token.citation:
        notes.append(t("变调：{before} → {after}", before=marked(token.citation), after=marked(token.pinyin)))
        kinds.append("changed")
    attributes = f' class="{" ".join(kinds)}" title="{escape("；".join(notes))}"' if notes else ""
    over = marked(token.pinyin)
    over = "" if over == token.text else f"<rp>(</rp><rt>{escape(over)}</rt><rp>)</rp>"
    return f"<ruby{attributes}{_offer(token, text, t)}>{escape(token.text)}{over}</ruby>"


def _offer(token: Token, text: str, t: Words) -> str:
    """Attributes of a character that may be read otherwise: ``value shown`` of each choice, ``|`` between them."""
    offered = [f"{pinyin} {marked(pinyin) if pinyin != AUTOMATIC else t('自动')}" for pinyin in choices(token, text)]
    if not offered:
        return ""
    joined = escape("|".join(offered))
    return f' role="button" tabindex="0" data-begin="{token.begin}" data-now="{token.pinyin}" data-readings="{joined}"'


def _notices(notices: tuple[Notice, ...], t: Words) -> str:
    if not notices:
        return ""
    lines = "".join(
        f"<li>{escape(t('第 {place} 个字符“{text}”：', place=row.begin + 1, text=row.text) + row.message)}</li>"
        for row in notices
    )
    return f'<ul class="notices" aria-label="{t("请留意的地方")}">{lines}</ul>'
