"""What the front end makes of a text. Knows Mandarin's units, knows nothing about tensors."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Prosody:
    """How a stretch of text is said, relative to the voice's own way."""

    speed: float = 1.0
    """Factor; 2.0 halves every duration."""
    pitch: float = 0.0
    """Semitones."""
    range: float = 1.0
    """Factor of the melody's excursions around the sentence's median pitch."""
    volume: float = 0.0
    """Decibels; ``-inf`` is silence."""

    def within(self, outer: Prosody) -> Prosody:
        """This one inside ``outer``: factors multiply, semitones and decibels add."""
        return Prosody(
            self.speed * outer.speed, self.pitch + outer.pitch, self.range * outer.range, self.volume + outer.volume
        )


NEUTRAL = Prosody()


@dataclass(frozen=True)
class Style:
    """Who says a sentence, and with which feeling; empty where the mark-up leaves it to the request."""

    voice: str = ""
    emotion: str = ""
    intensity: float = 1.0
    """0–1."""


PLAIN = Style()


@dataclass(frozen=True, slots=True)
class Phoneme:
    """One symbol of ``phonemes.SYMBOLS`` with its tone."""

    symbol: str
    tone: int
    """0 pause, 1–5 Mandarin tone, 6–8 English stress."""
    begin: int
    end: int
    """``[begin, end)`` of the caller's own text that this phoneme speaks."""
    prosody: Prosody = NEUTRAL
    pause_ms: int | None = None
    """Length that the author gave a pause; None leaves it to the voice."""


@dataclass(frozen=True, slots=True)
class Token:
    """One syllable or English word, for people to look at."""

    begin: int
    end: int
    """Position in the caller's own text."""
    text: str
    """What is read, after normalisation: one Chinese character or an English word."""
    pinyin: str
    """Surface reading, tone digit last, ü as v (``lv4``, ``huar1``); an English word as it is written."""
    citation: str
    """The reading before tone sandhi."""
    rule: str
    """Which rule or source gave the reading."""
    boundary: int = 0
    """Break after it: 0 none, 1 prosodic word, 2 prosodic phrase, 3 pause, 4 end of a sentence."""


@dataclass(frozen=True)
class Notice:
    """Something in the text that is silent on purpose."""

    begin: int
    end: int
    text: str
    message: str
    """A Chinese sentence for the caller."""


@dataclass(frozen=True)
class Sentence:
    """A piece that is synthesised at once."""

    begin: int
    end: int
    """Sentences tile the caller's text."""
    normalized: str
    tokens: tuple[Token, ...]
    phonemes: tuple[Phoneme, ...]
    """Begins and ends with ``sil``; empty where nothing in the sentence is spoken."""

    @property
    def mood(self) -> str:
        """``question``, ``exclamation`` or ``statement``."""
        last = self.phonemes[-2].symbol if len(self.phonemes) > 2 else ""
        return {"？": "question", "！": "exclamation"}.get(last, "statement")

    style: Style = PLAIN


@dataclass(frozen=True)
class Reading:
    """A whole text, read."""

    text: str
    sentences: tuple[Sentence, ...]
    notices: tuple[Notice, ...]
    lexicon: str = ""
    """Digest of the user's lexicon that was used."""
