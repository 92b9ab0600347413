"""Marks inside plain text: ``重(chong2)庆`` gives a reading, ``[pause:500ms]`` a pause.

A parenthesis is a mark only behind a Chinese character and where all in it is pinyin with a tone; any other stays
text. One bare letter (``方案(a1)``) counts as pinyin only where the character has that reading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_engine.errors import MarkError
from tts_engine.frontend.characters import is_han
from tts_engine.frontend.phrasebook import readings_of
from tts_engine.frontend.pinyin import split_tone
from tts_engine.frontend.script import Fixed, Override, Script, ScriptWriter, aligned, moved, syllables

MAX_PAUSE_MS = 10_000
"""Longest single pause."""
MAX_PAUSES_MS = 300_000
"""Longest sum of the given pauses of a text."""

Places = Sequence[tuple[int, int]]
"""``[begin, end)`` of each character."""

_MARK = re.compile(r"[(（](?P<pinyin>[^()（）\n]{1,60})[)）]|[\[［]pause\s*[:：](?P<pause>[^\]］\n]{0,24})[\]］]", re.I)
_FARTHEST = 64
"""Characters before a parenthesis that its syllables, two letters and a digit each, can belong to."""
_LENGTH = re.compile(r"\+?(\d{1,7}(?:\.\d{0,6})?|\.\d{1,6})\s*(ms|s)", re.I)


def parse(text: str) -> Script:
    """The script of a plain text.

    Raises:
        MarkError: a pause is written wrongly or too long.
    """
    if not any(opening in text for opening in "(（[［"):
        return Script(text, text)
    writer = ScriptWriter(text)
    if not write(writer, text, [(at, at + 1) for at in range(len(text))], 0):
        return Script(text, text)
    return writer.script()


def write(writer: ScriptWriter, text: str, places: Places, paused_ms: int) -> int:
    """Put ``text`` without its marks.

    Args:
        writer: takes it.
        text: a stretch without other mark-up.
        places: of each character of it in the source.
        paused_ms: given pauses so far.

    Returns:
        How many marks there were.

    Raises:
        MarkError: a pause is written wrongly or too long.
    """
    at = marks = 0
    for match in _MARK.finditer(text):
        if match["pause"] is not None:
            _put(writer, text, places, at, match.start())
            begin, end = places[match.start()][0], places[match.end() - 1][1]
            milliseconds = _pause(match, begin)
            paused_ms += milliseconds
            if paused_ms > MAX_PAUSES_MS:
                detail = f"停顿加起来超过 {MAX_PAUSES_MS // 1000} 秒，请减少。"
                raise MarkError(match[0], begin, detail)
            writer.fix(Fixed(pause_ms=milliseconds, rule="pause"), begin, end)
        else:
            overrides = _readings(text[max(at, match.start() - _FARTHEST) : match.start()], match["pinyin"])
            if overrides is None:
                continue
            _put(writer, text, places, at, match.start())
            writer.overrides.update(moved(overrides, writer.position))
        at = match.end()
        marks += 1
    _put(writer, text, places, at, len(text))
    return marks


def reading_at(text: str, at: int) -> tuple[int, tuple[str, ...]] | None:
    """Where the parenthesis that opens at ``at`` ends, and its syllables; None where it holds no pinyin."""
    match = _MARK.match(text, at)
    pinyin = syllables(match["pinyin"]) if match and match["pinyin"] else None
    return (match.end(), pinyin) if match and pinyin else None


def milliseconds_of(written: str) -> int | None:
    """``500ms``, ``1.5s`` in milliseconds; None where it is neither."""
    match = _LENGTH.fullmatch(written.strip())
    return None if match is None else round(float(match[1]) * (1000 if match[2].lower() == "s" else 1))


def _put(writer: ScriptWriter, text: str, places: Places, begin: int, end: int) -> None:
    for index in range(begin, end):
        writer.put(text[index], *places[index])


def _pause(match: re.Match[str], place: int) -> int:
    milliseconds = milliseconds_of(match["pause"])
    if milliseconds is None:
        raise MarkError(match[0], place, "应写成 [pause:500ms] 或 [pause:1.5s]。")
    if milliseconds > MAX_PAUSE_MS:
        raise MarkError(match[0], place, f"一处停顿最长 {MAX_PAUSE_MS // 1000} 秒。")
    return milliseconds


def _readings(before: str, written: str) -> dict[int, Override] | None:
    """Overrides for the last characters of ``before``, by their distance to its end."""
    pinyin = syllables(written)
    if pinyin is None:
        return None
    for length in range(min(2 * len(pinyin), len(before)), len(pinyin) - 1, -1):  # a merged 儿 has no syllable
        overrides = aligned(before[-length:], pinyin, "override", is_final=True)
        if overrides is not None:
            if len(pinyin) == 1 and len(split_tone(pinyin[0])[0]) == 1 and not _known(before[-1], pinyin[0]):
                return None
            return moved(overrides, -length)
    return None


def _known(character: str, pinyin: str) -> bool:
    bases = {split_tone(reading)[0] for reading in readings_of(character)}
    return is_han(character) and split_tone(pinyin)[0] in bases
