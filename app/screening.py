"""What may not be spoken: the administrator's word list, which never leaves the machine, and WeChat's judgement."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.errors import LoginExpiredError, TextRefusedError, WeChatBusyError, WeChatDownError, WeChatError
from app.wechat.security import Verdict
from settings import SafetySettings, SettingsError

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0
_MAX_FILE_BYTES = 16 * 1024 * 1024
_MAX_WORD_CHARS = 100
_REMEMBERED = 20_000
"""Digests of texts that passed, kept at most."""
_STOP = re.compile(r"[。！？；，、：.!?;,:\n]")


class Judge(Protocol):
    """Somebody who tells risky texts: WeChat, and the tests' own."""

    def judge(self, text: str, openid: str) -> Verdict:
        """What is to be thought of ``text``; raises the errors of ``app.wechat``."""


class Openids(Protocol):
    """Who a subject is to WeChat."""

    def openid(self, subject: str) -> str | None:
        """None: not a WeChat user, or not seen lately."""


@dataclass(frozen=True)
class Words:
    """Blocked words by their lengths, so that a text is searched in one pass however long the list is."""

    words: frozenset[str]
    lengths: tuple[int, ...]

    def found_in(self, text: str) -> bool:
        """Whether a word is in ``text``, also where spaces, symbols or invisible characters were put into it."""
        for stretch in _STOP.split(unicodedata.normalize("NFKC", text)):
            plain = _plain(stretch)
            for length in self.lengths:
                if any(plain[i : i + length] in self.words for i in range(len(plain) - length + 1)):
                    return True
        return False


class BlockList:
    """The words of a file, read again when it changes. Thread-safe.

    A file that cannot be read at the start stops the start; later, the last good list stays and the log says so.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._looked_s = monotonic()
        self._stamp = _stamp(path)
        self._words = _read(path)

    def blocks(self, text: str) -> bool:
        """Whether a word of the list is in ``text``."""
        if self._monotonic() - self._looked_s >= _LOOK_EVERY_S and self._lock.acquire(blocking=False):
            try:
                self._reload()
            finally:
                self._looked_s = self._monotonic()
                self._lock.release()
        return self._words.found_in(text)

    def _reload(self) -> None:
        try:
            stamp = _stamp(self._path)
            if stamp != self._stamp:
                self._words = _read(self._path)
                self._stamp = stamp
                _log.info("block list read again: %d words", len(self._words.words))
        except SettingsError as error:
            _log.error("the last block list stays in force: %s", error)


@dataclass(frozen=True)
class Screening:
    """Checks a text for its caller before anything is made of it. Thread-safe."""

    settings: SafetySettings
    words: BlockList | None
    judge: Judge | None
    openids: Openids | None
    passed: Remembered

    def check(self, text: str, subject: str) -> None:
        """Return when ``subject`` may have ``text`` spoken.

        Raises:
            TextRefusedError: it may not; nothing of the text is said.
            LoginExpiredError: WeChat wants to see the user again first.
            WeChatDownError, WeChatBusyError, WeChatError: no verdict, and the setting is to refuse then.
        """
        if self.words is not None and self.words.blocks(text):
            raise _refused("blocked_word", subject)
        if self.judge is not None and self.openids is not None:
            self._ask(self.judge, self.openids, text, subject)

    def _ask(self, judge: Judge, openids: Openids, text: str, subject: str) -> None:
        if not subject.startswith("wx:"):
            if self.settings.without_openid == "refuse":
                raise _refused("no_openid", subject)
            return
        if self.passed.holds(text):
            return
        openid = openids.openid(subject)
        if openid is None:
            raise LoginExpiredError
        try:
            verdict = judge.judge(text, openid)
        except (WeChatDownError, WeChatBusyError, WeChatError) as error:
            if self.settings.on_failure == "refuse":
                raise
            _log.warning("unchecked text let through: %s", error.code)
            return
        if verdict.suggest == "risky" or (verdict.suggest == "review" and self.settings.on_review == "refuse"):
            raise _refused(f"wechat_{verdict.suggest}_{verdict.label}", subject)
        self.passed.note(text)


class Remembered:
    """Digests of texts that passed lately. Thread-safe."""

    def __init__(self, lifetime_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._lifetime_s = lifetime_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._until_s: OrderedDict[bytes, float] = OrderedDict()

    def holds(self, text: str) -> bool:
        """Whether ``text`` passed within the lifetime."""
        with self._lock:
            return self._until_s.get(_digest(text), float("-inf")) > self._monotonic()

    def note(self, text: str) -> None:
        """``text`` has passed now."""
        if not self._lifetime_s:
            return
        with self._lock:
            self._until_s[_digest(text)] = self._monotonic() + self._lifetime_s
            while len(self._until_s) > _REMEMBERED:
                self._until_s.popitem(last=False)


def _refused(reason: str, subject: str) -> TextRefusedError:
    _log.info("text of %s refused: %s", subject, reason)
    return TextRefusedError(reason)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _plain(text: str) -> str:
    """Letters, digits and marks alone, in lower case."""
    return "".join(c for c in text.casefold() if unicodedata.category(c)[0] in "LNM")


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise SettingsError(f"词表 {path} 读不出来：请检查 safety.block_list_file 与文件权限。") from error
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path) -> Words:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
        lines = data.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise SettingsError(f"词表 {path} 读不出来：请检查 safety.block_list_file 与文件权限。") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"词表 {path} 应为 UTF-8 文本，每行一个词。") from error
    if len(data) > _MAX_FILE_BYTES:
        raise SettingsError(f"词表 {path} 过大：最多 {_MAX_FILE_BYTES // 1_048_576} MB。")
    words = set()
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        word = _plain(unicodedata.normalize("NFKC", line))
        if not 0 < len(word) <= _MAX_WORD_CHARS:
            raise SettingsError(f"词表 {path} 第 {number} 行应为 1 到 {_MAX_WORD_CHARS} 个文字。")
        words.add(word)
    return Words(frozenset(words), tuple(sorted({len(word) for word in words})))
