"""The user's own words: ``lexicon.yaml``, word → pinyin or what to read instead. Watched, and swapped whole.

A line is ``单田芳: shan4 tian2 fang1`` or ``WHO: 世界卫生组织``. What is in Latin letters alone is pinyin;
``{say: OK}`` has Latin letters read as English.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

from tts_engine.errors import LexiconError
from tts_engine.frontend.characters import is_han
from tts_engine.frontend.script import HOLD, Fixed, Override, Script, ScriptWriter, aligned, moved, syllables

_log = logging.getLogger(__name__)

MAX_BYTES = 1 << 20
MAX_ENTRIES = 20_000
_LONGEST_WORD = 32
_LONGEST_SAY = 200
_SPELLED = re.compile(r"[^\u4e00-\u9fff\u3040-\uffff]+")


@dataclass(frozen=True)
class Entry:
    """One word: its syllables, or what is read instead."""

    pinyin: tuple[str, ...] = ()
    say: str = ""


@dataclass(frozen=True)
class Lexicon:
    """Checked words. Immutable."""

    entries: dict[str, Entry] = field(default_factory=dict)
    digest: str = ""
    """SHA-256 of the file; empty where there is none."""
    lengths: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Of the words that begin with a character, longest first."""

    def apply(self, script: Script) -> Script:
        """The script with these words read as the user said; what the author marked stays."""
        found = self._found(script) if self.entries else []
        if not found:
            return script
        overrides = dict(script.overrides)
        texts = []
        for begin, end in found:
            word = script.text[begin:end]
            entry = self.entries[word]
            if entry.say:
                texts.append((begin, end, entry.say))
            else:
                overrides |= moved(aligned(word, entry.pinyin, "user", is_final=False) or {}, begin)
        return _with_texts(replace(script, overrides=overrides), texts)

    def _found(self, script: Script) -> list[tuple[int, int]]:
        """The words in the text, from the left, the longest first."""
        found = []
        at = 0
        while at < len(script.text):
            end = next((end for end in self._ends(script.text, at) if _is_free(script, at, end)), 0)
            if end:
                found.append((at, end))
            at = end or at + 1
        return found

    def _ends(self, text: str, at: int) -> list[int]:
        ends = [at + length for length in self.lengths.get(text[at], ()) if at + length <= len(text)]
        return [end for end in ends if text[at:end] in self.entries and _is_whole(text, at, end)]


EMPTY = Lexicon()


@dataclass(frozen=True)
class LexiconState:
    """What an operator wants to know of the lexicon."""

    words: int = 0
    """In use."""
    error: str = ""
    """What is wrong with the newest file, whose words are then not in use; a Chinese sentence."""


class LexiconFile:
    """The lexicon as the file is now. A broken new file leaves the old words in use and is reported."""

    def __init__(self, path: Path | None) -> None:
        """Read ``path``; a file that does not exist has no words, and is taken up when it comes.

        Raises:
            LexiconError: the file is not right.
        """
        self._path = path
        self._lock = threading.Lock()
        self._stamp = _stamp(path)
        self._lexicon = EMPTY if path is None else _load(path)
        self.error = ""
        """What is wrong with the newest file; empty where it is in use."""

    def current(self) -> Lexicon:
        """The words to use now; looks at the file's time and size, which takes microseconds."""
        if self._path is not None and _stamp(self._path) != self._stamp:
            with self._lock:
                self._reload(self._path)
        return self._lexicon

    def _reload(self, path: Path) -> None:
        stamp = _stamp(path)
        if stamp == self._stamp:
            return
        try:
            self._lexicon, self.error = _load(path), ""
            _log.info("lexicon: %d words", len(self._lexicon.entries))
        except LexiconError as error:
            self.error = str(error)
            _log.warning("lexicon kept as it was: %s", error)
        self._stamp = stamp


def parse(text: str, name: str = "lexicon.yaml") -> Lexicon:
    """Check a whole lexicon.

    Raises:
        LexiconError: names the line and says what to write.
    """
    entries: dict[str, Entry] = {}
    for key, value in _pairs(text, name):
        line = key.start_mark.line + 1
        word = key.value if isinstance(key, yaml.ScalarNode) else ""
        if not word.strip() or word != word.strip() or len(word) > _LONGEST_WORD or HOLD in word:
            raise LexiconError(f"{name} 第 {line} 行：词应为 1 到 {_LONGEST_WORD} 个字符，首尾没有空格。")
        if word in entries:
            raise LexiconError(f"{name} 第 {line} 行：“{word}”写了两次，请删去一处。")
        entries[word] = _entry(word, value, f"{name} 第 {line} 行")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() if entries else ""
    return Lexicon(entries, digest, _lengths(entries))


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    if path is None:
        return None
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _load(path: Path) -> Lexicon:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return EMPTY
    except OSError as error:
        raise LexiconError(f"读不了 {path.name}（{error.strerror}）：请检查 engine.lexicon 与文件权限。") from error
    if len(data) > MAX_BYTES:
        raise LexiconError(f"{path.name} 超过 {MAX_BYTES >> 20} MB：请删去用不到的词。")
    try:
        return parse(data.decode("utf-8-sig"), path.name)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise LexiconError(f"{path.name} 第 {line} 行不是 UTF-8：请另存为 UTF-8。") from error


def _pairs(text: str, name: str) -> list[tuple[yaml.Node, yaml.Node]]:
    """Keys and values with their lines; composing builds nodes alone, and no alias can multiply them."""
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise LexiconError(f"{name}：不支持 YAML 的锚点与引用（& 和 *），含有这些字符的词请加引号。")
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LexiconError(f"{name} 第 {line} 行不是合法的 YAML：每行应为“词: 读音”，冒号后有空格。") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise LexiconError(f"{name} 不是合法的 YAML：每行应为“词: 读音”，没有控制字符。") from error
    if root is None:
        return []
    if not isinstance(root, yaml.MappingNode):
        raise LexiconError(f"{name} 第 {root.start_mark.line + 1} 行：每行应为“词: 读音”。")
    if len(root.value) > MAX_ENTRIES:
        raise LexiconError(f"{name} 有 {len(root.value)} 个词，最多 {MAX_ENTRIES} 个。")
    pairs: list[tuple[yaml.Node, yaml.Node]] = root.value
    return pairs


def _entry(word: str, value: yaml.Node, place: str) -> Entry:
    kind, written = "", ""
    if isinstance(value, yaml.ScalarNode):
        written = value.value.strip()
        kind = "pinyin" if _SPELLED.fullmatch(written) else "say"
    elif isinstance(value, yaml.MappingNode) and len(value.value) == 1:
        (key, inner) = value.value[0]
        kind, written = str(key.value), str(inner.value).strip() if isinstance(inner, yaml.ScalarNode) else ""
    if kind not in ("pinyin", "say") or not written:
        raise LexiconError(f"{place}：“{word}”应写成“词: 拼音”“词: 替换文字”或 {{say: 文字}}。")
    if kind == "say":
        if len(written) > _LONGEST_SAY:
            raise LexiconError(f"{place}：“{word}”的替换文字超过 {_LONGEST_SAY} 个字符。")
        return Entry(say=written)
    pinyin = syllables(written)
    if pinyin is None:
        raise LexiconError(f"{place}：“{written[:40]}”不是带声调的拼音，应像 chong2 qing4 或 chóng qìng。")
    if all(is_han(character) for character in word) and aligned(word, pinyin, "", is_final=False) is None:
        raise LexiconError(f"{place}：“{word}”有 {len(word)} 个字，拼音却有 {len(pinyin)} 个音节。")
    if not all(is_han(character) for character in word):
        raise LexiconError(f"{place}：“{word}”不全是汉字，不能用拼音：请写要读的汉字，例如 {word}: 世界卫生组织。")
    return Entry(pinyin=pinyin)


def _lengths(entries: dict[str, Entry]) -> dict[str, tuple[int, ...]]:
    lengths: dict[str, set[int]] = {}
    for word in entries:
        lengths.setdefault(word[0], set()).add(len(word))
    return {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()}


def _is_whole(text: str, begin: int, end: int) -> bool:
    """Latin words and numbers are found only whole."""
    return not (_joins(text[begin - 1 : begin], text[begin]) or _joins(text[end - 1], text[end : end + 1]))


def _joins(left: str, right: str) -> bool:
    return (left + right).isascii() and left.isalnum() and right.isalnum()


def _is_free(script: Script, begin: int, end: int) -> bool:
    """Whether the author said nothing of his own about ``[begin, end)``."""
    marked = any(position in script.fixed or position in script.overrides for position in range(begin, end))
    changes = (position for position, _ in (*script.prosodies, *script.styles))
    return not marked and not any(begin < position < end for position in changes)


def _with_texts(script: Script, texts: list[tuple[int, int, str]]) -> Script:
    """The script with other texts to read at ``[begin, end)``, one position each."""
    if not texts:
        return script
    writer = ScriptWriter(script.source)
    shift: list[tuple[int, int]] = [(0, 0)]
    at = 0
    for begin, end, say in [*texts, (len(script.text), len(script.text), "")]:
        for position in range(at, begin):
            _copy(writer, script, position)
        if say:
            writer.fix(Fixed(text=say, rule="user"), *script.place(begin, end))
            shift.append((end, writer.position - end))
        at = end
    writer.prosodies = [(position + _shift(shift, position), prosody) for position, prosody in script.prosodies]
    writer.styles = [(position + _shift(shift, position), style) for position, style in script.styles]
    writer.notices = list(script.notices)
    return writer.script()


def _copy(writer: ScriptWriter, script: Script, position: int) -> None:
    if position in script.fixed:
        writer.fixed[writer.position] = script.fixed[position]
    if position in script.overrides:
        given = script.overrides[position]
        moved_end = writer.position + given.end - position
        writer.overrides[writer.position] = Override(given.pinyin, moved_end, given.is_final, given.rule)
    begin, end = script.place(position, position + 1)
    writer.characters.append(script.text[position])
    writer.begins.append(begin)
    writer.ends.append(end)


def _shift(shifts: list[tuple[int, int]], position: int) -> int:
    """How far what stood at ``position`` has moved."""
    return max((entry for entry in shifts if entry[0] <= position), key=lambda entry: entry[0])[1]
