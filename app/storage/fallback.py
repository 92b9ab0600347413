"""A bucket, and the folder that stands in for it while it fails: what is made then is moved into the bucket later."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from circuitbreaker import CircuitBreaker  # type: ignore[import-untyped]

from app.storage import AudioNotFoundError, Storage, StorageError, StoredFile, write_failure
from app.storage.local import LocalStorage
from sound import MEDIA_TYPES

_log = logging.getLogger(__name__)

_FAILURES = 3
_PAUSE_S = 5
"""Between two tries of one caller, for whom a bucket that hangs costs some seconds; the others do not wait."""
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
        self._trying = threading.Lock()

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

    def size(self, name: str) -> int | None:
        """Of what can be fetched; a bucket that does not answer has nothing, so that it is made again, here."""
        here = self._folder.size(name)
        if here is not None:
            return here
        found: list[int | None] = [None]
        self._succeeds(lambda: found.append(self.bucket.size(name)))
        return found[-1]

    def exists(self, name: str) -> bool:
        """As ``size``."""
        return self.size(name) is not None

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
            StorageError: the bucket does not take them yet, or the folder fails.
        """
        try:
            copied = sum(self._move(file.name) for file in list(self._folder.entries()))
            self._drop_lonely_marks()
        except OSError as error:
            raise write_failure(error) from error
        if copied:
            _log.info("moved %d sounds into the bucket", copied)
        return copied

    def _move(self, name: str) -> bool:
        mark = self._mark(name)
        if not mark.exists():
            self._copy(name)
            mark.touch(mode=0o600)
            return True
        if mark.stat().st_mtime < self._now() - self._url_lifetime_s:
            self._folder.delete(name)
            mark.unlink(missing_ok=True)
        return False

    def _drop_lonely_marks(self) -> None:
        """Marks whose file went without them, by a process that was killed between the two."""
        for mark in self._folder.folder.glob(f".*{_MOVED}"):
            if not self._folder.exists(mark.name[1 : -len(_MOVED)]):
                mark.unlink(missing_ok=True)

    def is_sure(self) -> bool:
        """Whether the bucket has not failed lately, so that links into it open."""
        return bool(self._circuit.closed)

    @property
    def waiting(self) -> int:
        """How many files are only in the folder."""
        return sum(not self._mark(file.name).exists() for file in self._folder.entries())

    def _copy(self, name: str) -> None:
        path = self._folder.folder / name
        self.bucket.put_file(name, path, MEDIA_TYPES[name.rpartition(".")[2]])

    def _succeeds(self, work: Callable[[], object]) -> bool:
        """Whether ``work`` was done; after failures one caller at a time tries whether the bucket is back."""
        if self._circuit.closed:
            return self._done(work)
        if self._circuit.opened or not self._trying.acquire(blocking=False):
            return False
        try:
            return self._done(work)
        finally:
            self._trying.release()

    def _done(self, work: Callable[[], object]) -> bool:
        try:
            with self._circuit:
                work()
        except StorageError as error:
            _log.warning("the bucket failed, the folder stands in: %s", error)
            return False
        return True

    def _mark(self, name: str) -> Path:
        return self._folder.folder / f".{name}{_MOVED}"
