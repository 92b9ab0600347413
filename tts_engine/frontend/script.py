"""What an author wrote, taken apart: the text to read, where each character of it stands, and how it is to be read.

Inline marks, SSML and the user's lexicon all end here, so that the stages behind know one form.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tts_engine.frontend.characters import is_han
from tts_engine.frontend.pinyin import PinyinError, split_tone, syllable_phonemes
from tts_engine.frontend.reading import NEUTRAL, PLAIN, Notice, Prosody, Style

HOLD = "\ufffc"
"""Stands in ``Script.text`` for one ``Fixed``."""


@dataclass(frozen=True)
class Fixed:
    """Read instead of what is written: another text, given sounds, given syllables or a given pause."""

    text: str = ""
    """To be read as if it were written."""
    pinyin: tuple[str, ...] = ()
    sounds: tuple[tuple[str, int], ...] = ()
    """English phonemes with their stress."""
    pause_ms: int | None = None
    rule: str = ""


@dataclass(frozen=True)
class Override:
    """The reading of a character, or of a character and its 儿."""

    pinyin: str
    end: int
    is_final: bool
    """Tone sandhi leaves it alone."""
    rule: str


@dataclass(frozen=True)
class Script:
    """The text to read, ``text[i]`` standing at ``[begins[i], ends[i])`` of the caller's ``source``."""

    source: str
    text: str
    begins: tuple[int, ...] = ()
    """Empty where ``text`` is ``source``."""
    ends: tuple[int, ...] = ()
    fixed: Mapping[int, Fixed] = field(default_factory=dict)
    """By position in ``text``."""
    overrides: Mapping[int, Override] = field(default_factory=dict)
    prosodies: tuple[tuple[int, Prosody], ...] = ()
    """Each from its position on."""
    styles: tuple[tuple[int, Style], ...] = ()
    notices: tuple[Notice, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the text is the source and nothing is said of prosody."""
        return not self.begins and not self.prosodies and not self.styles

    def place(self, begin: int, end: int) -> tuple[int, int]:
        """``[begin, end)`` of ``text`` in the source."""
        if not self.begins:
            return begin, end
        if begin >= len(self.begins):
            return len(self.source), len(self.source)
        return self.begins[begin], self.ends[end - 1] if end > begin else self.begins[begin]

    def prosody(self, position: int) -> Prosody:
        """How the character at ``position`` is said."""
        index = bisect_right(self.prosodies, position, key=lambda entry: entry[0])
        return self.prosodies[index - 1][1] if index else NEUTRAL

    def style(self, position: int) -> Style:
        """Who says the character at ``position``."""
        index = bisect_right(self.styles, position, key=lambda entry: entry[0])
        return self.styles[index - 1][1] if index else PLAIN


class ScriptWriter:
    """Collects a ``Script`` from left to right."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.characters: list[str] = []
        self.begins: list[int] = []
        self.ends: list[int] = []
        self.fixed: dict[int, Fixed] = {}
        self.overrides: dict[int, Override] = {}
        self.prosodies: list[tuple[int, Prosody]] = []
        self.styles: list[tuple[int, Style]] = []
        self.notices: list[Notice] = []

    @property
    def position(self) -> int:
        """Where the next character goes."""
        return len(self.characters)

    def put(self, text: str, begin: int, end: int) -> None:
        """Characters that all stand at ``[begin, end)``, or one for each where there are as many."""
        each = len(text) == end - begin
        for offset, character in enumerate(text):
            self.characters.append(character)
            self.begins.append(begin + offset if each else begin)
            self.ends.append(begin + offset + 1 if each else end)

    def fix(self, fixed: Fixed, begin: int, end: int) -> None:
        """``fixed`` for ``[begin, end)`` of the source."""
        self.fixed[self.position] = fixed
        self.characters.append(HOLD)
        self.begins.append(begin)
        self.ends.append(end)

    def set_prosody(self, prosody: Prosody) -> None:
        """From here on."""
        if prosody != (self.prosodies[-1][1] if self.prosodies else NEUTRAL):
            self.prosodies.append((self.position, prosody))

    def set_style(self, style: Style) -> None:
        """From here on."""
        if style != (self.styles[-1][1] if self.styles else PLAIN):
            self.styles.append((self.position, style))

    def script(self) -> Script:
        """What was collected."""
        return Script(
            self.source,
            "".join(self.characters),
            tuple(self.begins),
            tuple(self.ends),
            self.fixed,
            self.overrides,
            tuple(self.prosodies),
            tuple(self.styles),
            tuple(self.notices),
        )


def syllables(written: str) -> tuple[str, ...] | None:
    """``chong2 qìng`` as (``chong2``, ``qing4``); None where a part is no syllable with a tone."""
    found = []
    for part in written.replace("'", " ").replace("-", " ").split():
        try:
            syllable_phonemes(part)
        except PinyinError:
            return None
        base, tone = split_tone(part)
        digits = [letter for letter in part if letter.isdigit()]
        marked = split_tone(part.rstrip("0123456789"))[1] < 5
        if len(digits) + marked != 1 or (digits and part[-1] not in "012345"):
            return None
        found.append(f"{base}{tone}")
    return tuple(found) or None


def aligned(characters: str, pinyin: tuple[str, ...], rule: str, is_final: bool) -> dict[int, Override] | None:
    """Overrides by index in ``characters``, which the syllables spell from the first to the last; None otherwise."""
    overrides = {}
    at = 0
    for syllable in pinyin:
        if at >= len(characters) or not is_han(characters[at]):
            return None
        erhua = syllable[:-1].endswith("r") and syllable[:-1] != "er"
        length = 2 if erhua and characters[at + 1 : at + 2] == "儿" else 1
        overrides[at] = Override(syllable, at + length, is_final, rule)
        at += length
    return overrides if at == len(characters) else None


def moved(overrides: Mapping[int, Override], offset: int) -> dict[int, Override]:
    """The same overrides ``offset`` characters later."""
    return {offset + at: replace(override, end=offset + override.end) for at, override in overrides.items()}
