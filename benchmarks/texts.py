"""Texts to speak: as long as wanted, no two sentences alike, so that nothing is remembered from the one before."""

from __future__ import annotations

_DIGITS = "一二三四五六七八九"


def sentence(number: int) -> str:
    """Fifty-odd characters that differ from those of every other number."""
    room = "".join(_DIGITS[int(digit) - 1] if digit != "0" else "零" for digit in str(number))
    return (
        f"今天上午我们在{room}号会议室讨论了下个月的工作安排，大家一致认为应该先把最重要的事情做好，"
        "然后再考虑其他的问题。"
    )


def article(characters: int, first: int) -> str:
    """``characters`` of sentences that begin with number ``first``."""
    text, number = "", first
    while len(text) < characters:
        text += sentence(number)
        number += 1
    return text[: characters - 1] + "。"
