"""A reading as HTML: every character with its pinyin over it. Knows tone marks and escaping, knows no Gradio."""

from __future__ import annotations

import re
import unicodedata
from html import escape

from tts_engine.frontend.reading import Notice, Reading, Token

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


def ruby(reading: Reading) -> str:
    """The whole text with readings over it, then what stays silent and why."""
    parts: list[str] = []
    for sentence in reading.sentences:
        position = sentence.begin
        for token in sentence.tokens:
            parts.append(escape(reading.text[position : max(position, token.begin)]))
            parts.append(_token(token, reading.text))
            position = max(position, token.end)
        parts.append(escape(reading.text[position : sentence.end]))
    body = "".join(parts).replace("\n", "<br>")
    return f'<p class="reading" lang="zh-CN">{body}</p>{_notices(reading.notices)}'


def _token(token: Token, text: str) -> str:
    said, wrote = token.text, text[token.begin : token.end]
    notes = [f"{wrote} 读作 {said}"] if wrote != said else []
    if token.pinyin != token.citation:
        notes.append(f"变调：{marked(token.citation)} → {marked(token.pinyin)}")
    attributes = f' class="changed" title="{escape("；".join(notes))}"' if notes else ""
    over = marked(token.pinyin)
    over = "" if over == said else f"<rp>(</rp><rt>{escape(over)}</rt><rp>)</rp>"
    return f"<ruby{attributes}>{escape(said)}{over}</ruby>"


def _notices(notices: tuple[Notice, ...]) -> str:
    if not notices:
        return ""
    lines = "".join(
        f"<li>第 {notice.begin + 1} 个字符“{escape(notice.text)}”：{escape(notice.message)}</li>" for notice in notices
    )
    return f'<ul class="notices" aria-label="不发音的符号">{lines}</ul>'
