"""A long text in pieces that can be spoken one by one. Knows text alone."""

from __future__ import annotations

import re

_SENTENCE = re.compile(r"[。！？!?；;…\n]+[”’」』）)】》\"']*\s*|[.]\s+")
_PAUSE = re.compile(r"[，,、：:]+\s*|\s+")
_MARK = re.compile(r"[(（][^()（）\n]{1,60}[)）]|[\[［]pause[^\]］\n]{0,26}[\]］]", re.IGNORECASE)
"""A reading or a pause that the author wrote; a cut inside would have it read out."""


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
    marks = [match.span() for match in _MARK.finditer(text, begin, limit + 64)]
    for pattern in (_SENTENCE, _PAUSE):
        ends = [match.end() for match in pattern.finditer(text, begin, limit)]
        ends = [end for end in ends if not _inside(end, marks)]
        if ends and ends[-1] > begin:
            return ends[-1]
    mark = _inside(limit, marks)
    return mark[0] if mark is not None and mark[0] > begin else limit


def _inside(position: int, marks: list[tuple[int, int]]) -> tuple[int, int] | None:
    return next(((begin, end) for begin, end in marks if begin < position < end), None)
