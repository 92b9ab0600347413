"""A model folder that is complete: checked against its ``SHA256SUMS``, and fetched from a Hub where it is not.

``python -m tts_engine.hub --check models/v23`` only checks; ``--fetch`` also fetches what is absent. Knows files and
hashes; knows nothing about what is in them.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tts_engine.errors import CheckpointError

SUMS = "SHA256SUMS"
"""As ``sha256sum`` writes it: 64 hexadecimal digits, two spaces (or one and ``*``), the path inside the folder."""

_LINE = re.compile(r"([0-9a-f]{64}) [ *]([A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)", re.ASCII)
_LOCK_TIMEOUT_S = 1800
"""A second start waits this long for the fetch of the first."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verification:
    """What a look at a model folder found."""

    files: tuple[str, ...]
    """All that ``SHA256SUMS`` lists."""
    missing: tuple[str, ...]
    damaged: tuple[str, ...]
    """There, but with another hash."""

    @property
    def complete(self) -> bool:
        """Whether the model can be loaded."""
        return bool(self.files) and not self.missing and not self.damaged


def read_sums(file: Path) -> dict[str, str]:
    """The hash of every file that ``file`` lists, by its path inside the folder.

    Raises:
        CheckpointError: it cannot be read, is empty, or a line is malformed or leaves the folder.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"读不出校验文件 {file}：请重新放置模型文件。") from error
    matches = [_LINE.fullmatch(line) for line in lines if line.strip()]
    sums = {match[2]: match[1] for match in matches if match}
    if not sums or len(sums) != len(matches):
        raise CheckpointError(f"校验文件 {file} 格式有误：每行应为“SHA-256 值、两个空格、文件名”，且不得重复。")
    return sums


def write_sums(folder: Path) -> None:
    """Write ``SHA256SUMS`` for every file now in ``folder``, hidden ones left out."""
    names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("[!.]*") if file.is_file())
    lines = [f"{digest(folder / name)}  {name}\n" for name in names if name != SUMS]
    part = folder / f".{SUMS}.part"
    part.write_text("".join(lines), encoding="utf-8")
    part.replace(folder / SUMS)


def verify(folder: Path) -> Verification:
    """Compare ``folder`` with its ``SHA256SUMS``; without that file, it is what is missing.

    Raises:
        CheckpointError: ``SHA256SUMS`` is malformed, or a file cannot be read.
    """
    if not (folder / SUMS).is_file():
        return Verification((), (SUMS,), ())
    sums = read_sums(folder / SUMS)
    missing = tuple(name for name in sums if not (folder / name).is_file())
    damaged = tuple(name for name in sums if name not in missing and digest(folder / name) != sums[name])
    return Verification(tuple(sums), missing, damaged)


def digest(file: Path) -> str:
    """SHA-256 of a file in hexadecimal.

    Raises:
        CheckpointError: it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"读不出模型文件 {file}：请检查文件权限。") from error


def check_model(folder: Path) -> Verification:
    """Return what was found in a folder that is complete.

    Raises:
        CheckpointError: it is not; one sentence names the folder, the files and what to do.
    """
    found = verify(folder)
    if not found.complete:
        raise CheckpointError(_by_hand(folder, found, "没有设置 engine.hub_repository，不会自动下载"))
    return found


def ensure_model(folder: Path, repository: str = "", revision: str = "main") -> Verification:
    """Make ``folder`` complete, fetching what is missing or damaged from ``repository``.

    Nothing enters ``folder`` before all of it is there and has the right hash. A broken connection is continued where
    it broke; the files that a broken-off run had finished are kept beside ``folder`` for the next one.
    ``HF_ENDPOINT``, ``HF_HUB_OFFLINE`` and ``HF_TOKEN`` count as for ``huggingface_hub``.

    Args:
        folder: ``models/v23``; its own ``SHA256SUMS``, where present, decides which bytes are right.
        repository: ``owner/name`` on the Hub; empty fetches nothing.
        revision: branch, tag or commit; a branch is resolved once, so that all files are of one commit.

    Raises:
        CheckpointError: it could not be made complete; says how to place the files by hand.
    """
    from filelock import FileLock, Timeout  # beside the fetch only: a check needs the standard library alone

    found = verify(folder)
    if found.complete:
        return found
    if not repository:
        return check_model(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock", timeout=_LOCK_TIMEOUT_S):
            found = verify(folder)
            if not found.complete:
                _fetch(folder, found, repository, revision)
    except Timeout as error:
        raise CheckpointError(f"另一个进程一直在下载模型到 {folder}：请等它结束后重试。") from error
    except OSError as error:
        raise CheckpointError(_by_hand(folder, found, "写入失败，请检查磁盘空间与目录权限")) from error
    return check_model(folder)


def _fetch(folder: Path, found: Verification, repository: str, revision: str) -> None:
    staging = folder.parent / f".{folder.name}.fetch"
    commit = _resolve(folder, found, repository, revision)
    if SUMS in found.missing:
        _download(folder, found, repository, commit, SUMS)
        sums = read_sums(staging / SUMS)
        found = Verification(tuple(sums), _unsound(folder, sums), ())
    else:
        sums = read_sums(folder / SUMS)
    names = found.missing + found.damaged
    for name in names:
        _log.info("fetching %s", name)
        _download(folder, found, repository, commit, name)
        if digest(staging / name) != sums[name]:
            shutil.rmtree(staging)
            raise CheckpointError(_by_hand(folder, found, f"从 {repository} 下载的 {name} 校验和不符，已删除"))
    for name in (*names, SUMS):
        if (staging / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (staging / name).replace(folder / name)
    shutil.rmtree(staging)


def _unsound(folder: Path, sums: dict[str, str]) -> tuple[str, ...]:
    return tuple(name for name in sums if not (folder / name).is_file() or digest(folder / name) != sums[name])


def _resolve(folder: Path, found: Verification, repository: str, revision: str) -> str:
    from httpx2 import HTTPError  # what huggingface_hub speaks through, and lets through
    from huggingface_hub import HfApi

    try:
        commit = HfApi().model_info(repository, revision=revision, timeout=10).sha
    except (OSError, ValueError, HTTPError) as error:
        raise CheckpointError(_by_hand(folder, found, _why(repository, error))) from error
    return commit or revision


def _download(folder: Path, found: Verification, repository: str, commit: str, name: str) -> None:
    """Put one file of ``commit`` into the folder beside ``folder``, unless an earlier run did."""
    from httpx2 import HTTPError
    from huggingface_hub import constants, hf_hub_download

    constants.HF_HUB_DISABLE_XET = True  # its chunk servers are not behind mirrors, and 16 MiB need no chunks
    constants.DOWNLOAD_CHUNK_SIZE = 65_536  # bytes kept when a connection breaks; the library would lose up to 10 MB
    staging = folder.parent / f".{folder.name}.fetch"
    try:
        hf_hub_download(repository, name, revision=commit, local_dir=staging)
    except (OSError, ValueError, HTTPError) as error:
        raise CheckpointError(_by_hand(folder, found, _why(repository, error))) from error


def _why(repository: str, error: Exception) -> str:
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, OfflineModeIsEnabled) or constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE 已打开，没有下载"
    if isinstance(error, (RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError, HFValidationError)):
        return f"{constants.ENDPOINT} 上没有可用的仓库 {repository}，或其中缺少文件"
    return f"从 {constants.ENDPOINT} 下载 {repository} 没有成功（{type(error).__name__}），再次运行会接着下载"


def _by_hand(folder: Path, found: Verification, reason: str) -> str:
    parts = [
        f"{label} {'、'.join(names[:5])}{' 等' if len(names) > 5 else ''}"
        for label, names in (("缺少", found.missing), ("已损坏", found.damaged))
        if names
    ]
    return (
        f"模型目录 {folder.absolute()} 不完整（{'；'.join(parts) or '文件不符'}；{reason}）："
        f"请把完整的模型文件（连同 {SUMS}）手工放进该目录后重试。"
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when the model is complete, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m tts_engine.hub", description="检查或下载模型文件")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="只检查，不联网")
    action.add_argument("--fetch", action="store_true", help="检查，缺少或损坏时从 Hub 下载")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("models/v23"), help="模型目录（默认 models/v23）")
    parser.add_argument("--repository", default="", help="Hub 上的仓库 owner/name；空则不下载")
    parser.add_argument("--revision", default="main", help="分支、标签或提交（默认 main）")
    options = parser.parse_args(arguments)
    try:
        if options.fetch:
            found = ensure_model(options.folder, options.repository, options.revision)
        else:
            found = check_model(options.folder)
    except CheckpointError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"模型 {options.folder} 完整：{len(found.files)} 个文件，校验和全部相符。\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
