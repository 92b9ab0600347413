"""A story as who says what, how: ``小红（开心）：你好！`` a line, an article, or SSML. Knows no engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tts_engine.checkpoint import NEUTRAL
from tts_engine.frontend.ssml import STYLES

NARRATOR = ""
"""The role of what nobody says."""
_LINE = re.compile(
    r"[ \t\u3000]*(?P<role>[^\s：:，,。！？!?（）()“”\"<>]{1,12})[ \t]*"
    r"(?:[（(](?P<feeling>[^（）()\n]{1,10})[）)])?[ \t]*(?:(?<![0-9])[：:]|[：:](?![0-9]))(?P<said>.*\S.*)"
)
_FEELINGS = {
    **STYLES,
    "开心": "happy", "快乐": "happy", "喜悦": "happy", "兴奋": "happy", "愤怒": "angry", "恼火": "angry",
    "难过": "sad", "伤心": "sad", "哭": "sad", "恐惧": "afraid", "惊恐": "afraid", "吃惊": "surprised",
    "惊奇": "surprised", "轻声": "gentle", "平静": NEUTRAL, "平常": NEUTRAL,
}  # fmt: skip
"""What authors write → the engine's name."""


@dataclass(frozen=True)
class Cue:
    """One line of one role."""

    role: str
    """``NARRATOR`` where none is named."""
    feeling: str
    """As it is written; empty where none is."""
    begin: int
    """Index into the story."""
    text: str
    """What is said."""
    is_ssml: bool = False

    @property
    def emotion(self) -> str | None:
        """The engine's name of the feeling; None where none is written or nobody knows it."""
        return _FEELINGS.get(self.feeling.lower())


def is_ssml(text: str) -> bool:
    """Whether a story is marked up as a whole."""
    return text.lstrip().startswith("<speak")


def parse(text: str) -> tuple[Cue, ...]:
    """Who says what, in order; every character that is not a role's name stands in a cue or is white space.

    It is a script when at least half of its lines, blank ones apart, name a role; else a colon is only a colon.
    """
    if is_ssml(text):
        return (Cue(NARRATOR, "", 0, text, is_ssml=True),)
    lines = [(begin, line) for begin, line in _lines(text) if line.strip()]
    found = [_LINE.fullmatch(line) for _, line in lines]
    is_script = 2 * sum(match is not None for match in found) >= len(lines) and any(found)
    return tuple(
        _spoken(begin, match) if match and is_script else Cue(NARRATOR, "", begin, line)
        for (begin, line), match in zip(lines, found, strict=True)
    )


def roles(cues: tuple[Cue, ...]) -> tuple[str, ...]:
    """Everybody who speaks, in order of appearance."""
    return tuple(dict.fromkeys(cue.role for cue in cues))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    begin = 0
    for line in text.splitlines(keepends=True):
        yield begin, line.rstrip("\r\n\u2028\u2029")
        begin += len(line)


def _spoken(begin: int, match: re.Match[str]) -> Cue:
    said = match["said"]
    skipped = len(said) - len(said.lstrip())
    return Cue(match["role"], (match["feeling"] or "").strip(), begin + match.start("said") + skipped, said.strip())
