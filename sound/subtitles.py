"""When each sentence is heard, as SRT and LRC. Knows text and times, knows nothing about sound."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_END = re.compile(r"[。！？!?；;…\n\r]+[”’」』）)】》\"']*|[.]+(?=\s)")
"""What ends a sentence, closing quotation marks included; a full stop only before a space: 12.5 goes on."""
_PAUSE = re.compile(r"[，,、：:—\s]+")
"""Where a line that is too long may be broken."""
_LONGEST = 30
"""Characters of one line on a phone; a longer sentence is broken at a comma."""


@dataclass(frozen=True)
class Word:
    """When one stretch of the text is heard."""

    begin_ms: float
    end_ms: float
    begin: int
    """Index into the text."""
    end: int


@dataclass(frozen=True)
class Line:
    """One sentence, or a part of a long one."""

    begin_ms: float
    end_ms: float
    begin: int
    """Index into the text."""
    end: int
    text: str
    """The text between the two, as it was written."""


def sentences(text: str, words: Iterable[Word]) -> Iterator[Line]:
    """One line for each sentence of which something is heard; the lines hold every word once, in order.

    Args:
        text: the whole text.
        words: in the order in which they are heard.
    """
    yield from _lines(text, words, [match.end() for match in _END.finditer(text)])


def captions(text: str, words: Iterable[Word], longest: int = _LONGEST) -> Iterator[Line]:
    """As ``sentences``, with long ones broken at pauses so that they fit on a screen."""
    ends = {match.end() for match in _END.finditer(text)}
    begin = 0
    for end in [*sorted(ends), len(text)]:
        while end - begin > longest:
            pauses = [m.end() for m in _PAUSE.finditer(text, begin + 1, end) if m.end() < end]
            fitting = [at for at in pauses if at - begin <= longest]
            at = fitting[-1] if fitting else (pauses[0] if pauses else end)
            if at >= end:
                break
            ends.add(at)
            begin = at
        begin = end
    yield from _lines(text, words, sorted(ends))


def srt(lines: Iterable[Line]) -> str:
    """SubRip; an empty string without lines."""
    return "".join(srt_cue(number, line) for number, line in enumerate(lines, 1))


def srt_cue(number: int, line: Line) -> str:
    """One cue; ``number`` counts from 1."""
    times = f"{_srt_time(line.begin_ms)} --> {_srt_time(line.end_ms)}"
    # an empty line would end the cue, and an arrow would look like the times of another
    return f"{number}\n{times}\n{_one_line(line.text).replace('-->', '→')}\n\n"


def lrc(lines: Iterable[Line]) -> str:
    """LRC lyrics, hundredths of a second."""
    return "".join(lrc_line(line) for line in lines)


def lrc_line(line: Line) -> str:
    """One line; brackets in the text become full-width, for they would be read as times."""
    hundredths = round(line.begin_ms / 10)
    stamp = f"[{hundredths // 6000:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}]"
    return f"{stamp}{_one_line(line.text).replace('[', '［').replace(']', '］')}\n"


def _lines(text: str, words: Iterable[Word], ends: list[int]) -> Iterator[Line]:
    ends = [*ends, len(text)]
    place = begin = 0
    group: list[Word] = []
    for word in words:
        while place < len(ends) - 1 and word.begin >= ends[place]:
            if group:
                yield _line(text, group, begin, ends[place])
                group = []
            begin = ends[place]
            place += 1
        group.append(word)
    if group:
        yield _line(text, group, begin, ends[place])


def _line(text: str, group: list[Word], begin: int, end: int) -> Line:
    end = max(end, group[-1].end)
    inner = text[begin:end]
    begin += len(inner) - len(inner.lstrip())
    return Line(group[0].begin_ms, max(word.end_ms for word in group), begin, end, text[begin:end].rstrip())


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _srt_time(ms: float) -> str:
    whole = round(ms)
    return f"{whole // 3_600_000:02d}:{whole // 60_000 % 60:02d}:{whole // 1000 % 60:02d},{whole % 1000:03d}"
