"""Audio on this machine's disk, fetched through signed links that expire.

Serves ``Range``, ``HEAD`` and exact lengths, without which iOS plays nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from werkzeug.utils import send_file
from werkzeug.wrappers import Response

from app.storage import (
    NAME,
    AudioNotFoundError,
    LinkError,
    LinkExpiredError,
    StorageError,
    StoredFile,
    check_name,
    write_failure,
)
from sound import MEDIA_TYPES

_LABEL = b"tts audio link v1"
_HALF_WRITTEN = ".part"
_BLOCK = 1 << 20
_HALF_WRITTEN_LIFETIME_S = 3600
_EXPIRES = re.compile(r"[0-9]{1,12}", re.ASCII)
_ONE_RANGE = re.compile(r"bytes=(?:[0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})", re.ASCII)


def link_secret(jwt_secret: bytes) -> bytes:
    """The key of audio links (32 bytes), derived so that a link's signature tells nothing about tokens."""
    return hmac.digest(jwt_secret, _LABEL, hashlib.sha256)


@dataclass(frozen=True)
class LocalStorage:
    """Files in one flat folder. Holds nothing per request, so threads and processes may share the folder."""

    folder: Path
    secret: bytes = field(repr=False)
    """32 bytes from ``link_secret``."""
    base_url: str = ""
    """Put before ``/audio/…``; empty leaves the host to the caller."""
    now: Callable[[], float] = time.time
    """Seconds since the epoch."""

    def __post_init__(self) -> None:
        if len(self.secret) < 32:
            raise ValueError("secret: at least 32 bytes")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.drop_half_written()
        except OSError as error:
            raise StorageError("音频目录无法使用：请检查 storage 设置中的目录及其权限。") from error

    def put(self, name: str, data: bytes, media_type: str) -> None:
        """Store ``data`` whole or not at all, and on the disk when this returns.

        Raises:
            ValueError: a bad name, or a media type that is not the one of its extension.
            StorageError: the disk is full or fails.
        """
        self._put(name, io.BytesIO(data), media_type)

    def put_file(self, name: str, path: Path, media_type: str) -> None:
        """Store a copy of the file at ``path``; as ``put``, in constant memory."""
        try:
            with path.open("rb") as source:
                self._put(name, source, media_type)
        except OSError as error:
            raise StorageError("音频未能读取：请稍后重试。") from error

    def read(self, name: str) -> bytes:
        """The whole file.

        Raises:
            AudioNotFoundError: nothing is stored under this name.
            StorageError: the disk fails.
        """
        try:
            return (self.folder / check_name(name)).read_bytes()
        except FileNotFoundError as error:
            raise AudioNotFoundError from error
        except OSError as error:
            raise StorageError("音频未能读取：请稍后重试。") from error

    def _put(self, name: str, source: BinaryIO, media_type: str) -> None:
        if media_type != _media_type(check_name(name)):
            raise ValueError(f"media type {media_type} does not fit the extension")
        part = self.folder / f".{secrets.token_hex(8)}{_HALF_WRITTEN}"
        try:
            with part.open("xb") as file:
                shutil.copyfileobj(source, file, _BLOCK)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.folder / name)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise write_failure(error) from error

    def url(self, name: str, lifetime_s: int) -> str:
        """``/audio/{name}?expires=…&signature=…`` behind ``base_url``."""
        expires = str(int(self.now()) + lifetime_s)
        return f"{self.base_url}/audio/{check_name(name)}?expires={expires}&signature={self._sign(name, expires)}"

    def size(self, name: str) -> int | None:
        """Bytes of the stored file; None where there is none."""
        try:
            return (self.folder / check_name(name)).stat().st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError("音频未能读取：请稍后重试。") from error

    def exists(self, name: str) -> bool:
        """Whether the file is stored."""
        return self.size(name) is not None

    def delete(self, name: str) -> None:
        """Remove the file; one that is absent is no error."""
        try:
            (self.folder / check_name(name)).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError("音频未能删除：请检查目录权限。") from error

    def entries(self) -> Iterator[StoredFile]:
        """Every stored file; half-written ones and whatever is no audio of ours are left out."""
        try:
            with os.scandir(self.folder) as listing:
                for entry in listing:
                    stored = _stored(entry)
                    if stored is not None:
                        yield stored
        except OSError as error:
            raise StorageError("音频目录无法读取：请检查目录权限。") from error

    def verify(self, name: str, expires: str | None, signature: str | None) -> int:
        """The seconds that this link still has (at least 1); arguments are as they came from the URL.

        Raises:
            LinkError: not signed by us.
            LinkExpiredError: signed by us, but its time is over.
        """
        if not NAME.fullmatch(name) or expires is None or not _EXPIRES.fullmatch(expires):
            raise LinkError
        expected = self._sign(name, expires).encode()
        if not hmac.compare_digest(expected, (signature or "").encode("utf-8", "replace")):
            raise LinkError
        left_s = int(expires) - int(self.now())
        if left_s <= 0:
            raise LinkExpiredError
        return left_s

    def serve(self, name: str, environ: dict[str, object], lifetime_s: int) -> Response:
        """The answer to ``GET`` or ``HEAD`` of a verified link.

        Args:
            name: the file.
            environ: the WSGI request; ``Range``, ``If-Range``, ``If-None-Match`` and ``If-Modified-Since`` count.
            lifetime_s: for how long a client may keep the answer.

        Returns:
            200, 206 or 304, streamed from the disk.

        Raises:
            AudioNotFoundError: nothing is stored under this name.
            RequestedRangeNotSatisfiable: werkzeug's 416, with ``Content-Range``.
        """
        if not NAME.fullmatch(name):
            raise AudioNotFoundError
        try:
            response = send_file(
                (self.folder / name).absolute(),
                _with_usable_range(environ),
                mimetype=_media_type(name),
                conditional=True,
            )
        except FileNotFoundError as error:
            raise AudioNotFoundError from error
        except OSError as error:
            raise StorageError("音频未能读取：请稍后重试。") from error
        response.headers["Cache-Control"] = f"private, max-age={lifetime_s}"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def _sign(self, name: str, expires: str) -> str:
        return hmac.new(self.secret, f"{name}\n{expires}".encode(), hashlib.sha256).hexdigest()

    def drop_half_written(self) -> int:
        """Remove what a process that was killed while writing left behind; younger parts may still be written to.

        Returns:
            How many files went.
        """
        oldest, dropped = time.time() - _HALF_WRITTEN_LIFETIME_S, 0
        for part in self.folder.glob(f".*{_HALF_WRITTEN}"):
            try:
                if part.stat().st_mtime < oldest:
                    part.unlink()
                    dropped += 1
            except FileNotFoundError:  # finished, or swept by another process, meanwhile
                continue
        return dropped


def _stored(entry: os.DirEntry[str]) -> StoredFile | None:
    if not NAME.fullmatch(entry.name):
        return None
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:  # pruned between listing and looking
        return None
    return StoredFile(entry.name, status.st_size, status.st_mtime)


def _media_type(name: str) -> str:
    extension = name.rpartition(".")[2]
    if extension not in MEDIA_TYPES:
        raise ValueError(f"no audio has the extension {extension}")
    return MEDIA_TYPES[extension]


def _with_usable_range(environ: dict[str, object]) -> dict[str, object]:
    """``environ`` without a ``Range`` that RFC 9110 lets a server ignore, and that werkzeug would answer with 416.

    These are: any on ``HEAD``, other units, several ranges at once, nonsense.
    """
    asked = str(environ.get("HTTP_RANGE", "")).replace(" ", "")
    if environ.get("REQUEST_METHOD") == "GET" and _ONE_RANGE.fullmatch(asked):
        return environ
    return {key: value for key, value in environ.items() if key != "HTTP_RANGE"}
