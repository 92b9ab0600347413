"""A long text in pieces that can be spoken one by one. Knows text alone."""

from __future__ import annotations

import re

_SENTENCE = re.compile(r"[。！？!?；;…\n]+[”’」』）)】》\"']*\s*|[.]\s+")
_PAUSE = re.compile(r"[，,、：:]+\s*|\s+")


def split(text: str, size: int) -> list[tuple[int, int]]:
    """Begin and end of each piece; they tile the text, none is longer than ``size``.

    Cut after a sentence, where there is none after a pause, and where there is none either in the middle.
    """
    pieces, begin = [], 0
    while begin < len(text):
        end = len(text) if len(text) - begin <= size else _cut(text, begin, begin + size)
        pieces.append((begin, end))
        begin = end
    return pieces


def _cut(text: str, begin: int, limit: int) -> int:
    for pattern in (_SENTENCE, _PAUSE):
        ends = [match.end() for match in pattern.finditer(text, begin, limit)]
        if ends and ends[-1] > begin:
            return ends[-1]
    return limit
