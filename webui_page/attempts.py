"""How often one address may show a wrong password or token. Knows addresses and times, knows no credentials."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from webui_page.problems import RefusalError

MOST = 10
"""Wrong ones within the window; then the address waits, with a right one too, or guessing would still pay."""
WINDOW_S = 60.0
_ADDRESSES = 10_000


class Attempts:
    """Failures of the last minute by address. Belongs to one event loop."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._failures: dict[str, list[float]] = {}

    def check(self, address: str) -> None:
        """Return when ``address`` may try.

        Raises:
            RefusalError: 429 with ``Retry-After``: it has failed too often.
        """
        recent = self._recent(address)
        if len(recent) >= MOST:
            wait_s = max(1, math.ceil(recent[0] + WINDOW_S - self._monotonic()))
            raise RefusalError(
                429, "rate_limited", f"登录失败太多次：请在 {wait_s} 秒后再试。", {"Retry-After": str(wait_s)}
            )

    def failed(self, address: str) -> None:
        """``address`` showed a wrong credential."""
        if len(self._failures) >= _ADDRESSES:
            self._failures = {known: times for known in self._failures if (times := self._recent(known))}
        self._failures[address] = [*self._recent(address), self._monotonic()]

    def _recent(self, address: str) -> list[float]:
        oldest = self._monotonic() - WINDOW_S
        return [at for at in self._failures.get(address, ()) if at > oldest]
