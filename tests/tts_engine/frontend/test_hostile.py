"""No pattern of the rules backtracks without bound: 10,000 characters of anything in about half a second."""

import time

import pytest

from tts_engine.errors import InputError
from tts_engine.frontend import Conventions
from tts_engine.frontend.characters import fold
from tts_engine.frontend.normalization import normalize

LENGTH = 10_000
LONGEST_S = 6.0
"""Allows for a slow, shared machine; a quadratic pattern takes longer."""


@pytest.mark.parametrize(
    "unit",
    [
        "1", "1.", "1-", "1,111", "1/", "1:", "1 ", "-", "+1", "9x", "3×", "1e", "a", "a.", "a@",
        "a_", "a1", "A-1", "/a", "\\a", "C:\\", "http://", "www.", "<a ", "<b>", "</", "&#",
        "&amp;", "(^", "(=", "ʕ", ":)", "_", "T_", "²", "₂", "$", "¥1", "%", "℃", "°", "′", "″",
        '"', "2024-", "1.1.", "12:30-", "3′", "零", "〇", "○", "Ⅲ", "①", "第", "比分1-", "电话1", "密码a1",
        "VIII", "km/", "m·", "1m/", "1kg", "😀", "\u200d", "\n1. ", "（1）", "1万", "1块", "#", "@", "&",
        "*", "1*", "1**1", "~", "……",
    ],
)  # fmt: skip
def test_a_long_hostile_text_ends(unit):
    text = (unit * (LENGTH // len(unit) + 1))[:LENGTH]
    began = time.thread_time()
    try:
        folded, _ = fold(text, Conventions())
        pieces = normalize(folded, text, Conventions()).pieces
    except InputError:
        pieces = ()
    assert time.thread_time() - began < LONGEST_S
    assert all(0 <= piece.begin <= piece.end <= LENGTH for piece in pieces)
