"""Where finished audio lives: the contract of both stores, and what they raise.

Knows names, bytes and URLs; knows nothing about requests, callers or speech.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}\.[a-z0-9]{1,8}", re.ASCII)
"""A stored file's whole name: letters, digits, ``_`` and ``-``, one dot, a short extension. No folder, ever."""


class StorageError(Exception):
    """The store did not do what was asked (status 502); ``str()`` is Chinese and free of secrets and paths."""

    code = "storage_failed"


class StorageFullError(StorageError):
    """There is no room for anything new (status 507); what is stored is still served."""

    code = "storage_full"

    def __init__(self) -> None:
        super().__init__("服务器磁盘空间不足，暂时不能合成新的音频：请联系管理员清理磁盘。")


class LinkError(Exception):
    """A signed link does not open its file (status 403)."""

    code = "bad_link"

    def __init__(self, detail: str = "音频链接的签名无效：请重新请求 /tts 取得链接。") -> None:
        super().__init__(detail)


class LinkExpiredError(LinkError):
    """The link was right once; its time is over (status 403)."""

    code = "link_expired"

    def __init__(self) -> None:
        super().__init__("音频链接已过期：请重新请求 /tts 取得新链接。")


class AudioNotFoundError(Exception):
    """No file of this name is stored (status 404)."""

    code = "audio_not_found"

    def __init__(self) -> None:
        super().__init__("没有这个音频：它可能已被清理，请重新请求 /tts。")


@dataclass(frozen=True)
class StoredFile:
    """One file as the store lists it."""

    name: str
    size: int
    """Bytes."""
    modified_s: float
    """Seconds since the epoch, of the last ``put``."""


class Storage(Protocol):
    """Finished audio by name. Thread-safe. Every method raises ``StorageError`` when the store fails.

    A name that ``NAME`` does not match raises ``ValueError``: names are the proxy's own, never a caller's.
    """

    def put(self, name: str, data: bytes, media_type: str) -> None:
        """Store ``data`` whole or not at all; a second ``put`` of a name replaces the first."""

    def put_file(self, name: str, path: Path, media_type: str) -> None:
        """Store the file at ``path`` as ``put`` does, without holding it in memory; ``path`` stays."""

    def read(self, name: str) -> bytes:
        """The whole file; ``AudioNotFoundError`` when it is not stored. Not for long sounds."""

    def url(self, name: str, lifetime_s: int) -> str:
        """Where anybody may fetch the file during ``lifetime_s`` seconds.

        Absolute, or beginning with ``/`` when this proxy serves the file itself.
        """

    def size(self, name: str) -> int | None:
        """Bytes of the stored file; None where there is none."""

    def exists(self, name: str) -> bool:
        """Whether the file is stored."""

    def delete(self, name: str) -> None:
        """Remove the file; one that is absent is no error."""

    def entries(self) -> Iterator[StoredFile]:
        """Every stored file, in no order; files that go away meanwhile are left out."""


def write_failure(error: OSError) -> StorageError:
    """What a file that could not be written means."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFullError()
    return StorageError("音频未能写入磁盘：请检查剩余空间与目录权限。")


def check_name(name: str) -> str:
    """Return ``name``.

    Raises:
        ValueError: it is not the plain name of a stored file.
    """
    if not NAME.fullmatch(name):
        raise ValueError("not the name of a stored file")
    return name
