"""The secrets that sign tokens: where they come from and what makes them fit to be used."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from settings import AuthSettings, SettingsError

_LINE = re.compile(r"(?:([A-Za-z0-9_-]{1,32}):)?(\S+)", re.ASCII)
_MIN_BYTES = 32
_MIN_DIFFERENT = 10
"""Different bytes in a secret: ``aaaa…`` and ``changeme…`` are long, yet anybody's guess."""
_MAX_FILE_BYTES = 16_384
_MAX_KEYS = 8


@dataclass(frozen=True)
class Keyring:
    """Signing secrets by key id. The first signs, all verify; rotating is adding a line and later dropping one."""

    keys: dict[str, bytes] = field(repr=False)

    @property
    def signing_kid(self) -> str:
        """Key id of the secret that signs."""
        return next(iter(self.keys))

    def current(self) -> Keyring:
        """Itself: these keys do not change."""
        return self


def load_keyring(settings: AuthSettings) -> Keyring:
    """The secrets from the environment or, without any there, from the 0600 file.

    Raises:
        SettingsError: none, too short, too simple, a key id twice, or a file that others can read.
    """
    if settings.jwt_secret is not None:
        return _parse(settings.jwt_secret.get_secret_value(), "环境变量 TTS__AUTH__JWT_SECRET")
    return _parse(read_private(settings.jwt_secret_file), str(settings.jwt_secret_file))


def read_private(path: Path) -> str:
    """The text of a file that only its owner can read.

    Raises:
        SettingsError: absent, too large, not text, or open to others.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"缺少机密文件 {path}：请运行 start_app.sh 生成它，或设置对应的环境变量。") from error
    if stat.S_IMODE(mode) & 0o077:
        raise SettingsError(f"机密文件 {path} 的权限过宽：请执行 chmod 600 {path}。")
    if len(data) > _MAX_FILE_BYTES:
        raise SettingsError(f"机密文件 {path} 过大。")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"机密文件 {path} 不是文本。") from error


def write_private(path: Path, text: str) -> None:
    """Write ``text`` and a line end to a new file of mode 0600; whole or, where the disk is full, not at all.

    Raises:
        FileExistsError: there is one already.
        OSError: it could not be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError:
        path.unlink(missing_ok=True)  # half a secret would be kept for ever: what exists is never made again
        raise


def _parse(text: str, source: str) -> Keyring:
    keys: dict[str, bytes] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        match = _LINE.fullmatch(line)
        if match is None:
            raise SettingsError(f"{source} 有一行不是“kid:密钥”的形式。")
        kid, secret = match[1] or "1", match[2].encode()
        if len(secret) < _MIN_BYTES or len(set(secret)) < _MIN_DIFFERENT:
            raise SettingsError(f"{source} 里的 JWT 密钥太弱：至少 {_MIN_BYTES} 字节且足够随机。")
        if kid in keys:
            raise SettingsError(f"{source} 里 kid {kid} 出现了两次。")
        keys[kid] = secret
    if not keys or len(keys) > _MAX_KEYS:
        raise SettingsError(f"{source} 应有 1 到 {_MAX_KEYS} 个 JWT 密钥。")
    return Keyring(keys)
