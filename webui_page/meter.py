"""What the engine has done lately: counts and times, never a text. Thread-safe; forgotten when the server ends."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

_KEPT = 5000
"""Works remembered; enough for the pictures, little memory."""
ABANDONED = "abandoned"
"""The caller went away; nobody's fault."""


@dataclass(frozen=True)
class Work:
    """One text that was spoken, or was not."""

    at: float
    """When it ended, seconds since the epoch."""
    characters: int
    duration_s: float
    """Of the sound that was made."""
    synthesis_s: float
    """That the engine worked."""
    code: str = ""
    """Of the error; empty where all went well. Its sentence is not kept: it may quote the caller's text."""

    @property
    def is_failed(self) -> bool:
        """Whether somebody should look at it."""
        return self.code not in ("", ABANDONED)


class Meter:
    """The latest works, the oldest first."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.began = clock()
        self._works: deque[Work] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()

    def note(self, characters: int, duration_s: float, synthesis_s: float, code: str = "") -> None:
        """Remember one work that ends now."""
        work = Work(self._clock(), characters, duration_s, synthesis_s, code)
        with self._lock:
            self._works.append(work)

    def works(self) -> tuple[Work, ...]:
        """What is remembered."""
        with self._lock:
            return tuple(self._works)

    def now(self) -> float:
        """Seconds since the epoch, by the clock of ``Work.at``."""
        return self._clock()
