"""The cluster's secret: one file, two keys.

Whoever has the token may run code on every machine (Ray's token authentication), so it is not what requests carry: they
carry a key that is derived from it and opens nothing but speech.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from tts_engine.errors import CheckpointError

_FORBIDDEN = 0o037
"""Mode bits: nobody else reads it. Its group may: so Kubernetes gives a secret to a user who is not root."""
_FORM = re.compile(r"[A-Za-z0-9_-]{32,256}")


class ClusterError(CheckpointError):
    """The cluster cannot be used: not there, not ours, or not set up; the sentence says what to do."""

    code = "cluster_unavailable"


def read_token(path: Path) -> str:
    """The token in a file.

    Raises:
        ClusterError: there is none, or others may read it.
    """
    try:
        if path.stat().st_mode & _FORBIDDEN:
            raise ClusterError(f"{path} 别人也能读写：请运行 chmod 600 {path}。")
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ClusterError(f"读不了集群的令牌 {path}：请从集群的头节点复制这个文件，权限 0600。") from error
    if not _FORM.fullmatch(token):
        raise ClusterError(f"{path} 里的不是集群令牌（应为 32 个以上的字母数字）：请从头节点重新复制。")
    return token


def make_token(path: Path) -> str:
    """The token in a file, which is made where there is none.

    Raises:
        ClusterError: the file cannot be written, or is not a token.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_token(path)
    except OSError as error:
        raise ClusterError(f"写不了 {path}（{error.strerror}）：请检查目录的权限。") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secrets.token_hex(32))
    return read_token(path)


def token_of(environ: Mapping[str, str]) -> str:
    """The token that Ray itself was given.

    Raises:
        ClusterError: none was.
    """
    if token := environ.get("RAY_AUTH_TOKEN", "").strip():
        return token
    path = environ.get("RAY_AUTH_TOKEN_PATH", "")
    if environ.get("RAY_AUTH_MODE", "").lower() != "token" or not path:
        raise ClusterError("集群没有打开令牌验证：请用 python -m tts_engine.cluster 启动，或设 RAY_AUTH_MODE=token。")
    return read_token(Path(path))


def speech_key(token: str) -> str:
    """What a request for speech carries: 64 hexadecimal digits."""
    return hmac.new(token.encode(), b"tts speech", hashlib.sha256).hexdigest()
