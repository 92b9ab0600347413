"""Files that the WebUI made, kept for a while. Knows names and ages, knows nothing about sound."""

from __future__ import annotations

import logging
import os
import re
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[0-9a-f]{32}\.(wav|mp3|m4a|aac|ogg|opus|flac|pcm|zip|srt|lrc|json)")


@dataclass(frozen=True)
class AudioStore:
    """A private folder; names are 128 random bits, so who has the name may fetch the file."""

    root: Path
    """Everything below it is ours, Gradio's temporary files included."""
    lifetime_s: float
    """Files older than this are gone."""
    max_bytes: int = 2 << 30
    """Most that ``root`` may hold; the oldest go first."""

    @property
    def audio(self) -> Path:
        """Where ``save`` puts files."""
        return self.root / "audio"

    @property
    def gradio(self) -> Path:
        """Gradio's own temporary files; what the page shows is written here, so that it is not copied again."""
        return self.root / "gradio"

    def prepare(self) -> None:
        """Make the folders, for this user alone."""
        for folder in (self.root, self.audio, self.gradio):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def save(self, data: bytes, suffix: str, folder: Path | None = None) -> Path:
        """Write a file whole or not at all.

        Args:
            data: the file.
            suffix: a key of ``sound.MEDIA_TYPES``.
            folder: ``audio`` unless given.
        """
        folder = folder or self.audio
        path = folder / f"{secrets.token_hex(16)}.{suffix}"
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return path

    def find(self, name: str) -> Path | None:
        """The file called ``name``, unless it never was, is no name of ours, or has expired."""
        if not _NAME.fullmatch(name):
            return None
        path = self.audio / name
        try:
            age_s = time.time() - path.lstat().st_mtime
        except FileNotFoundError:
            return None
        return path if age_s < self.lifetime_s else None

    def sweep(self) -> int:
        """Delete what has expired, what a killed process left behind included, then the oldest beyond ``max_bytes``.

        Returns:
            How many files went.
        """
        files = sorted(self._files(), key=lambda entry: -entry[1].st_mtime)  # newest first
        kept_bytes = removed = 0
        for path, status in files:
            kept_bytes += status.st_size
            if time.time() - status.st_mtime >= self.lifetime_s or kept_bytes > self.max_bytes:
                path.unlink(missing_ok=True)
                removed += 1
        self._remove_empty_folders()
        if removed:
            logger.info("removed %d expired files", removed)
        return removed

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        found = []
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = Path(folder, name)
                try:
                    found.append((path, path.lstat()))
                except FileNotFoundError:
                    continue  # somebody else swept it
        return found

    def _remove_empty_folders(self) -> None:
        for folder, _, _ in os.walk(self.root, topdown=False):
            path = Path(folder)
            if path in (self.root, self.audio, self.gradio):
                continue
            try:
                if time.time() - path.lstat().st_mtime >= self.lifetime_s:
                    path.rmdir()
            except OSError:
                continue  # not empty, or gone already
