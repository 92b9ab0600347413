"""Marks inside plain text: ``重(chong2)庆`` gives a reading, ``[pause:500ms]`` a pause.

A parenthesis is a mark only behind a Chinese character and where all in it is pinyin with a tone; any other stays
text. One bare letter (``方案(a1)``) counts as pinyin only where the character has that reading. What looks like a
mistyped reading (``重(chong9)庆``) stays text and is told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_engine.errors import MarkError
from tts_engine.frontend.characters import is_han
from tts_engine.frontend.phrasebook import readings_of
from tts_engine.frontend.pinyin import NEUTRAL, PinyinError, split_tone, syllable_phonemes
from tts_engine.frontend.reading import Notice
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
        return Script(text, text, notices=tuple(writer.notices))
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
                if _is_mistyped(text[max(at, match.start() - _FARTHEST) : match.start()], match["pinyin"]):
                    writer.notices.append(_mistyped(match[0], places[match.start()][0], places[match.end() - 1][1]))
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


def _mistyped(written: str, begin: int, end: int) -> Notice:
    rule = "读音是带声调（1–5）的音节，一字一个，如 重(chong2)庆"
    return Notice(begin, end, written, f"“{written[:40]}”像是读音，但不是，已按文字读出：{rule}。")


def _is_mistyped(before: str, written: str) -> bool:
    """Whether an author meant a reading: syllables with a tone or their number wrong, or a letter off a known one."""
    parts = _PART.findall(written.lower())
    hosts = before[-len(parts) :] if parts else ""
    if len("".join(map("".join, parts))) != len(re.sub(r"[\s'-]", "", written)) or not hosts or not is_han(hosts[-1]):
        return False
    bases = [split_tone(letters)[0] for letters, _ in parts]
    if all(len(base) > 1 and _is_syllable(base) for base in bases):
        toned = any(digits for _, digits in parts) or any(split_tone(letters)[1] < NEUTRAL for letters, _ in parts)
        return toned or (len(hosts) == len(parts) and all(map(_has_base, hosts, bases)))
    near = len(hosts) == len(parts) and all(len(digits) == 1 for _, digits in parts)
    return near and all(
        any(_is_near(base, one) for one in _bases(host)) for host, base in zip(hosts, bases, strict=True)
    )


_PART = re.compile(r"([a-zü:\u0300-\u030cāáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜ]+)(\d*)")


def _is_syllable(base: str) -> bool:
    try:
        syllable_phonemes(base)
    except PinyinError:
        return False
    return True


def _bases(character: str) -> set[str]:
    return {split_tone(reading)[0] for reading in readings_of(character)} if is_han(character) else set()


def _has_base(character: str, base: str) -> bool:
    return base in _bases(character)


def _is_near(written: str, meant: str) -> bool:
    """Whether one letter is wrong, missing, too many or two are swapped."""
    if len(written) < 2 or abs(len(written) - len(meant)) > 1:
        return False
    same = next((at for at, pair in enumerate(zip(written, meant, strict=False)) if pair[0] != pair[1]), len(meant))
    rest, other = written[same:], meant[same:]
    swapped = rest[:2] == other[1::-1] and rest[2:] == other[2:]
    return swapped or rest[1:] == other[1:] or rest[1:] == other or rest == other[1:]


def _known(character: str, pinyin: str) -> bool:
    return _has_base(character, split_tone(pinyin)[0])
