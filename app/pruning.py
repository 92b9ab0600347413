"""Old audio goes: what nobody used for long, what is too much, and files that no row names."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass

from app.library import Library, Record
from app.storage import Storage

_log = logging.getLogger(__name__)

_BATCH = 200


@dataclass(frozen=True)
class Rules:
    """When audio goes."""

    max_age_s: float
    """Since its last use that was written down."""
    max_total_bytes: int
    orphan_age_s: float
    """A file without a row, since it was written."""
    url_lifetime_s: float
    """A link given out less than this ago still opens its file."""


@dataclass(frozen=True)
class Swept:
    """What a round removed."""

    by_age: int
    by_size: int
    orphans: int
    bytes: int
    """Freed, orphans included."""


@dataclass(frozen=True)
class Pruner:
    """Row first, file second: whatever stops between the two leaves an orphan, which a later round removes.

    Several may run at the same time; a row that was used meanwhile stays.
    """

    library: Library
    storage: Storage
    rules: Rules
    now: Callable[[], float]

    def sweep(self) -> Swept:
        """One round.

        Raises:
            StorageError: the store failed; what was removed until then stays removed.
        """
        aged, aged_bytes = self._sweep_old()
        large, large_bytes = self._sweep_excess()
        lost, lost_bytes = self._sweep_orphans()
        swept = Swept(aged, large, lost, aged_bytes + large_bytes + lost_bytes)
        if swept != Swept(0, 0, 0, 0):
            _log.info("pruned %s", swept)
        return swept

    def make_room(self, wanted_bytes: int) -> int:
        """Remove the least recently used sounds to which no link is open any more; returns the bytes freed."""
        freed = 0
        oldest_s = self.now() - self.rules.url_lifetime_s
        while freed < wanted_bytes and (batch := self.library.least_recent(oldest_s, _BATCH)):
            before = freed
            for record in batch:
                if freed < wanted_bytes and self._remove(record):
                    freed += record.size
            if freed == before:
                break
        return freed

    def _sweep_old(self) -> tuple[int, int]:
        oldest_s = self.now() - self.rules.max_age_s
        count = size = 0
        while batch := self.library.least_recent(oldest_s, _BATCH):
            removed = [record for record in batch if self._remove(record)]
            count, size = count + len(removed), size + sum(record.size for record in removed)
            if not removed:
                break  # all were used meanwhile
        return count, size

    def _sweep_excess(self) -> tuple[int, int]:
        excess = self.library.total_bytes() - self.rules.max_total_bytes
        count = size = 0
        while size < excess:
            removed = 0
            for record in self.library.least_recent(None, _BATCH):
                if size >= excess:
                    break
                if self._remove(record):
                    self._mention_recent(record)
                    removed, size = removed + 1, size + record.size
            count += removed
            if removed == 0:
                break
        return count, size

    def _sweep_orphans(self) -> tuple[int, int]:
        oldest_s = self.now() - self.rules.orphan_age_s
        old = (file for file in self.storage.entries() if file.modified_s < oldest_s)
        count = size = 0
        for files in iter(lambda: list(itertools.islice(old, _BATCH)), []):
            sizes = {file.name: file.size for file in files}
            for name in self.library.missing(list(sizes)):
                self.storage.delete(name)
                count, size = count + 1, size + sizes[name]
        return count, size

    def _remove(self, record: Record) -> bool:
        if not self.library.forget(record):
            return False
        self.storage.delete(record.name)
        return True

    def _mention_recent(self, record: Record) -> None:
        if self.now() - record.last_used_s < self.rules.url_lifetime_s:
            _log.warning("storage.max_total_mb is too small: removed a sound whose link may still be in use")
