"""A bucket, and the folder that stands in for it while it fails: what is made then is moved into the bucket later."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from circuitbreaker import CircuitBreaker  # type: ignore[import-untyped]

from app.storage import AudioNotFoundError, Storage, StorageError, StoredFile
from app.storage.local import LocalStorage
from sound import MEDIA_TYPES

_log = logging.getLogger(__name__)

_FAILURES = 3
_PAUSE_S = 30
_MOVED = ".moved"


class FallbackStorage:
    """``bucket`` while it works, else ``folder``. Thread-safe, also among processes that share the folder.

    A file in the folder is served from there, by this proxy. ``move`` copies it into the bucket and leaves a mark; from
    then on links lead to the bucket, and the file goes when the last link to it has expired.
    """

    def __init__(
        self, bucket: Storage, folder: LocalStorage, url_lifetime_s: float, now: Callable[[], float] = time.time
    ) -> None:
        self.bucket = bucket
        self._folder = folder
        self._url_lifetime_s = url_lifetime_s
        self._now = now
        self._circuit = CircuitBreaker(_FAILURES, _PAUSE_S, StorageError, "bucket")

    def put(self, name: str, data: bytes, media_type: str) -> None:
        """Into the bucket, or into the folder when the bucket does not take it."""
        if not self._succeeds(lambda: self.bucket.put(name, data, media_type)):
            self._folder.put(name, data, media_type)

    def put_file(self, name: str, path: Path, media_type: str) -> None:
        """As ``put``."""
        if not self._succeeds(lambda: self.bucket.put_file(name, path, media_type)):
            self._folder.put_file(name, path, media_type)

    def read(self, name: str) -> bytes:
        """From wherever it is."""
        try:
            return self._folder.read(name)
        except AudioNotFoundError:
            return self.bucket.read(name)

    def url(self, name: str, lifetime_s: int) -> str:
        """To the folder while the file is only there."""
        only_here = self._folder.exists(name) and not self._mark(name).exists()
        return (self._folder if only_here else self.bucket).url(name, lifetime_s)

    def exists(self, name: str) -> bool:
        """Whether it can be fetched; a bucket that does not answer has nothing, so that it is made again, here."""
        if self._folder.exists(name):
            return True
        found: list[bool] = []
        self._succeeds(lambda: found.append(self.bucket.exists(name)))
        return found == [True]

    def delete(self, name: str) -> None:
        """In both places."""
        self._folder.delete(name)
        self._mark(name).unlink(missing_ok=True)
        self.bucket.delete(name)

    def entries(self) -> Iterator[StoredFile]:
        """In both places."""
        yield from self._folder.entries()
        yield from self.bucket.entries()

    def move(self) -> int:
        """Copy what is only in the folder, and drop what was copied long ago; returns how many it copied.

        Raises:
            StorageError: the bucket does not take them yet.
        """
        copied = 0
        for file in list(self._folder.entries()):
            mark = self._mark(file.name)
            if not mark.exists():
                self._copy(file.name)
                mark.touch(mode=0o600)
                copied += 1
            elif mark.stat().st_mtime < self._now() - self._url_lifetime_s:
                self._folder.delete(file.name)
                mark.unlink(missing_ok=True)
        if copied:
            _log.info("moved %d sounds into the bucket", copied)
        return copied

    @property
    def waiting(self) -> int:
        """How many files are only in the folder."""
        return sum(not self._mark(file.name).exists() for file in self._folder.entries())

    def _copy(self, name: str) -> None:
        path = self._folder.folder / name
        self.bucket.put_file(name, path, MEDIA_TYPES[name.rpartition(".")[2]])

    def _succeeds(self, work: Callable[[], object]) -> bool:
        if self._circuit.opened:
            return False
        try:
            with self._circuit:
                work()
        except StorageError as error:
            _log.warning("the bucket failed, the folder stands in: %s", error)
            return False
        return True

    def _mark(self, name: str) -> Path:
        return self._folder.folder / f".{name}{_MOVED}"
