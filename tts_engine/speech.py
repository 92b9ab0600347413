"""A finished piece of sound, and when what is heard in it."""

from __future__ import annotations

from dataclasses import dataclass

from tts_engine.audio import FloatArray
from tts_engine.frontend import reading


@dataclass(frozen=True)
class Timing:
    """When a piece of the caller's text is heard."""

    begin_ms: int
    end_ms: int
    """From the start of the whole text's speech."""
    begin: int
    end: int
    """``[begin, end)`` in the caller's own text."""
    text: str


@dataclass(frozen=True)
class Speech:
    """A finished piece of sound."""

    samples: FloatArray
    """(S,) in [-1, 1]."""
    sample_rate: int
    """Hz."""
    timings: tuple[Timing, ...]
    warnings: tuple[reading.Notice, ...]
    """What in the text is silent on purpose."""
    synthesis_s: float
    """Seconds from when it was asked for until it was there, less those in which the caller did other things."""
    revision: str = ""
    """Of all that made it; empty where nobody asked."""
    progress: float = 1.0
    """How much of the text has been said with it, 0–1."""
    continues: bool = False
    """The sentence goes on in the next piece."""

    @property
    def duration_s(self) -> float:
        """Seconds of sound."""
        return len(self.samples) / self.sample_rate
