"""A clock that jumps must not delete: what looks a day old may be a minute old."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

_log = logging.getLogger(__name__)

_TOLERANCE_S = 30.0
"""Time servers move a clock by less between two looks."""
_SETTLE_S = 600.0
"""For whoever set the clock wrong to set it right."""


class Steadiness:
    """Compares the clock on the wall with the one that cannot be set. Belongs to one thread."""

    def __init__(self, now: Callable[[], float], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._monotonic = monotonic
        self._offset_s = now() - monotonic()
        self._steady_from_s = float("-inf")

    def is_steady(self) -> bool:
        """Whether ages can be believed: the clock has not jumped for ten minutes."""
        offset_s = self._now() - self._monotonic()
        jump_s, self._offset_s = offset_s - self._offset_s, offset_s
        if abs(jump_s) > _TOLERANCE_S:
            _log.warning("the clock jumped by %.0f s: nothing is deleted by age for %.0f s", jump_s, _SETTLE_S)
            self._steady_from_s = self._monotonic() + _SETTLE_S
        return self._monotonic() >= self._steady_from_s
