"""Whether sound that arrives in pieces can be played without a gap."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Listener:
    """Plays each piece as soon as it is there and those before it are over."""

    began: float = field(default_factory=time.perf_counter)
    first_s: float | None = None
    """From when it was asked for to the first sound."""
    gap_s: float = 0.0
    """Silence between pieces, in all."""
    heard_s: float = 0.0
    _ends: float = 0.0

    def hear(self, seconds: float) -> None:
        """A piece of so many seconds has arrived."""
        now = time.perf_counter() - self.began
        if self.first_s is None:
            self.first_s = self._ends = now
        self.gap_s += max(0.0, now - self._ends)
        self._ends = max(now, self._ends) + seconds
        self.heard_s += seconds
