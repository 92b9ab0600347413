"""A list of short texts, each to become a file: menu prompts, answers. Knows CSV, the desk and files; no Gradio.

What was made stays in a folder that is named after the list itself, so that a list that is begun again, by the same
page or another, goes on where it stopped. The folder ages like everything in the store.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tts_engine.errors import EngineBusyError, InputError, TTSError
from tts_engine.synthesizer import Speech, SynthesisOptions
from webui_page.body import checked_speed, checked_text
from webui_page.parts import Parts
from webui_page.utterance import join
from webui_page.words import CHINESE, Words

MAX_BYTES = 2 << 20
MAX_ROWS = 5000
_COLUMNS = {
    "text": "text", "文本": "text", "voice": "voice", "speaker": "voice", "音色": "voice", "speed": "speed",
    "语速": "speed", "name": "name", "文件名": "name", "名称": "name",
}  # fmt: skip
"""Headings of a CSV → fields of ``Row``."""
_UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Row:
    """One text of the list."""

    number: int
    """From 1."""
    text: str
    voice: str
    speed: float
    name: str
    """Of its file, without ending; unique in the list."""


@dataclass(frozen=True)
class Defaults:
    """Of rows that do not say."""

    voice: str
    speed: float
    format: str


@dataclass(frozen=True)
class Made:
    """One row, done or not."""

    row: Row
    path: Path | None = None
    error: str = ""
    is_reused: bool = False
    """It was there already."""


def parse(data: bytes, defaults: Defaults) -> tuple[Row, ...]:
    """Rows of a CSV with a heading ``text`` (or ``文本``), or one text a line.

    Raises:
        InputError: too large, empty, not text, or a row is wrong; names the line.
    """
    if len(data) > MAX_BYTES:
        raise InputError(f"列表有 {len(data) / 1e6:.1f} MB，最多 {MAX_BYTES >> 20} MB：请分成几个。")
    lines = _decoded(data)
    head = next(csv.reader(io.StringIO(lines)), [])
    fields = [_COLUMNS.get(cell.strip().lower()) for cell in head]
    if "text" in fields:
        rows = list(_of_csv(lines, fields, defaults))
    else:
        rows = [
            Row(number, line.strip(), defaults.voice, defaults.speed, "")
            for number, line in enumerate((line for line in lines.splitlines() if line.strip()), 1)
        ]
    if not rows:
        raise InputError("列表里没有文本：请每行写一句，或上传有“文本”一列的 CSV。")
    if len(rows) > MAX_ROWS:
        raise InputError(f"列表有 {len(rows)} 行，最多 {MAX_ROWS} 行：请分成几个。")
    return _named(rows)


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):  # the second is what Excel writes in China
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError("读不出列表里的文字：请保存为 UTF-8 编码的 CSV 或 TXT。")


def _of_csv(lines: str, fields: list[str | None], defaults: Defaults) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(lines))
    next(reader)
    try:
        for cells in reader:
            row = {field: cell.strip() for field, cell in zip(fields, cells, strict=False) if field}
            if row.get("text"):
                speed = _speed(row.get("speed", ""), defaults.speed, reader.line_num)
                yield Row(0, row["text"], row.get("voice") or defaults.voice, speed, row.get("name", ""))
    except csv.Error as error:
        raise InputError(f"CSV 第 {reader.line_num} 行读不出来：请检查引号与逗号。") from error


def _speed(cell: str, default: float, line: int) -> float:
    try:
        return checked_speed(float(cell)) if cell else default
    except (ValueError, InputError) as error:
        raise InputError(f"CSV 第 {line} 行的语速“{cell[:20]}”不对：应为 0.5 到 2 之间的数字。") from error


def _named(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Every row with its number and a name that no other has and every file system takes."""
    taken: set[str] = set()
    named = []
    for number, row in enumerate(rows, 1):
        name = _UNSAFE.sub("-", row.name).strip(".-")[:60] or f"{number:04d}"
        name = name if name.lower() not in taken else f"{name}-{number:04d}"
        taken.add(name.lower())
        named.append(replace(row, number=number, name=name))
    return tuple(named)


@dataclass(frozen=True)
class Batch:
    """A list that is being worked."""

    parts: Parts
    rows: tuple[Row, ...]
    format: str
    t: Words = CHINESE
    """Of who gave the list: why a row was not made is told in it."""

    @property
    def folder(self) -> Path:
        """Where its files lie: the same for the same list, as long as model and labels are the same."""
        label = self.parts.settings.label.model_dump(mode="json")
        key = json.dumps([[asdict(row) for row in self.rows], self.format, self.parts.desk.engine.revision, label])
        return self.parts.store.root / "batches" / hashlib.sha256(key.encode()).hexdigest()[:32]

    async def make(self, row: Row) -> Made:
        """One file; a row that cannot be spoken is a row with an error."""
        path = self.folder / f"{row.number:05d}.{self.format}"
        if await asyncio.to_thread(path.exists):
            return Made(row, path, is_reused=True)
        try:
            checked_text(row.text, self.parts.settings.webui.max_chars)
            options = SynthesisOptions(voice=row.voice, speed=row.speed, speaker=self.parts.library.speaker(row.voice))
            speeches = [speech async for speech in self._patient(row.text, options)]
        except TTSError as error:
            if isinstance(error, InputError):
                return Made(row, error=self.t.sentence(error))
            raise
        await asyncio.to_thread(self._write, path, self.parts.finish.download(join(speeches), self.format))
        return Made(row, path)

    async def _patient(self, text: str, options: SynthesisOptions) -> AsyncGenerator[Speech, None]:
        """The sentences; a full queue is waited for, for others may be in a hurry."""
        while True:
            try:
                async for piece in self.parts.desk.speak(text, options, priority="low"):
                    yield piece.speech
                return
            except EngineBusyError as error:
                await asyncio.sleep(error.retry_after_s)

    def _write(self, path: Path, data: bytes) -> None:
        made = self.parts.store.save(data, self.format)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made.replace(path)


def pack(parts: Parts, made: Sequence[Made], format: str) -> Path:
    """A ZIP of the store: the files under their names, and a list of all rows."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for item in made:
            if item.path is not None and item.path.exists():
                archive.write(item.path, f"{item.row.name}.{format}")
        archive.writestr("list.csv", "\ufeff" + _listed(made, format))
    return parts.store.save(sink.getvalue(), "zip")


def _listed(made: Sequence[Made], format: str) -> str:
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(["file", "text", "voice", "speed", "error"])
    for item in made:
        file = f"{item.row.name}.{format}" if item.path else ""
        cells = (file, item.row.text, item.row.voice, f"{item.row.speed:g}", item.error)
        writer.writerow([_harmless(cell) for cell in cells])
    return sheet.getvalue()


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
