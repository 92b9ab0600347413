"""批量: a list of texts in, a ZIP of files out; stops and goes on; warms the proxy's cache."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from tts_engine.errors import TTSError
from webui_page.batch import MAX_BYTES, MAX_ROWS, Batch, Defaults, Made, Row, pack, parse
from webui_page.body import MAX_SPEED, MIN_SPEED, checked_speed
from webui_page.files import address
from webui_page.parts import Parts
from webui_page.prewarm import push
from webui_page.problems import RefusalError
from webui_page.tabs.actions import Actions, ended_by
from webui_page.tabs.choices import FILES, voices
from webui_page.tabs.notices import PRIVATE, Update, refusing, status, toast
from webui_page.words import SaidError, Words

_PAUSE_S = 0.3
"""Between two drawings of the progress."""
_SHOWN = 200
"""Rows shown; the ZIP has all."""


@dataclass(frozen=True)
class _Fields:
    file: gr.File
    text: gr.Textbox
    voice: gr.Dropdown
    speed: gr.Slider
    format: gr.Radio
    start: gr.Button
    stop: gr.Button
    status: gr.HTML
    list: gr.HTML
    zip: gr.HTML
    key: gr.Textbox
    push: gr.Button


def lay_out(parts: Parts, t: Words, tab: gr.Tab) -> None:
    """The tab's content."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=280):
            said = t(
                "每行一句；或 CSV，第一行是列名：文本（必须）、音色、语速、文件名。最多 {rows} 行、{size} MB。",
                rows=MAX_ROWS,
                size=MAX_BYTES >> 20,
            )
            gr.HTML(f'<p class="hint">{said}</p>')
            file = gr.File(label=t("CSV 或 TXT 文件"), file_types=[".csv", ".txt"], elem_id="batch-file", height=140)
            text = gr.Textbox(label=t("或者写在这里"), lines=6, max_lines=16, elem_id="batch-text")
            known = voices(parts, t)
            voice = gr.Dropdown(known, value=known[0][1], label=t("音色（列表没写时）"), elem_id="batch-voice")
            speed = gr.Slider(MIN_SPEED, MAX_SPEED, value=1.0, step=0.05, label=t("语速（列表没写时）"))
            format = gr.Radio([name.upper() for name in FILES], value="MP3", label=t("音频格式"))
        with gr.Column(scale=6, min_width=280):
            with gr.Row():
                start = gr.Button(t("开始或继续"), variant="primary", elem_id="batch-start", min_width=120)
                stop = gr.Button(t("停止"), variant="stop", elem_id="batch-stop", min_width=80)
            status_ = gr.HTML(status(t("给一个列表，然后按“开始或继续”。")), elem_id="batch-status")
            zip_ = gr.HTML(elem_id="batch-zip")
            list_ = gr.HTML(elem_id="batch-list")
            with gr.Accordion(t("预先放进代理的缓存"), open=False):
                gr.HTML(
                    f'<p class="hint">{t("小程序常用的话先合成好，第一次请求就是现成的。再按一次就是查进度。")}</p>'
                )
                info = t("有 admin 权限的密钥，例如 var/demo_api_key 里的；只用于这次请求，不保存")
                key = gr.Textbox(label=t("API 密钥"), info=info, type="password", elem_id="batch-key")
                button = gr.Button(t("推送"), elem_id="batch-push")
    fields = _Fields(file, text, voice, speed, format, start, stop, status_, list_, zip_, key, button)
    _Actions(parts, t, fields).connect()

    def offer() -> Any:
        """Voices that were kept or deleted since the page was laid out."""
        current = voices(parts, t)
        return gr.skip() if current == known else gr.Dropdown(choices=current)

    tab.select(offer, None, [voice], queue=False, **PRIVATE)


class _Actions(Actions[_Fields]):
    """What the tab's buttons do."""

    def connect(self) -> None:
        """Bind buttons and fields to the methods below."""
        f = self.fields
        asked: set[Any] = {f.file, f.text, f.voice, f.speed, f.format}
        working = f.start.click(self.make, asked, [f.status, f.list, f.zip], trigger_mode="once", **PRIVATE)
        ended_by(f.stop, working, self.stop, f.status)
        f.push.click(self.push, {*asked, f.key}, [f.status], trigger_mode="once", **PRIVATE)

    async def make(self, values: Update) -> AsyncGenerator[Update, None]:
        """Work through the list; what a stopped run has made is not made again."""
        f, t = self.fields, self.t
        try:
            rows, defaults = await asyncio.to_thread(self._list, values)
            batch = Batch(self.parts, rows, defaults.format, t)
            made: list[Made] = []
            pace = _Pace(len(rows))
            yield {f.status: status(pace.said(t), 0.0), f.list: "", f.zip: ""}
            for row in rows:
                made.append(await batch.make(row))
                pace.add(made[-1])
                if pace.is_due():
                    yield {f.status: status(pace.said(t), pace.part), f.list: _table(made, t)}
            path = await asyncio.to_thread(pack, self.parts, made, defaults.format)
        except (TTSError, RefusalError) as error:
            yield {f.status: status(t.sentence(error), is_error=True)}
            raise toast(t.sentence(error), t("没有做完")) from error
        failed = sum(bool(item.error) for item in made)
        done = t("完成：{count} 个文件，{failed} 行没有合成。", count=len(made) - failed, failed=failed)
        link = f'<a class="button" href="{address(path, "batch")}" download>{t("下载 ZIP")}</a>'
        yield {f.status: status(done, is_error=bool(failed)), f.list: _table(made, t), f.zip: link}

    def _list(self, values: Update) -> tuple[tuple[Row, ...], Defaults]:
        f = self.fields
        format = str(values[f.format]).lower()
        defaults = Defaults(values[f.voice], checked_speed(values[f.speed]), format)
        if values[f.file]:
            with Path(values[f.file]).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        else:
            data = (values[f.text] or "").encode("utf-8", errors="replace")
        return parse(data, defaults), defaults

    def stop(self) -> str:
        """Say that the work was stopped."""
        return status(self.t("已停止。再按“开始或继续”会从停下的地方接着做。"))

    async def push(self, values: Update) -> Update:
        """Have the proxy make the same list ahead of need."""
        f, t = self.fields, self.t
        with refusing(t, t("没有推送")):
            key = (values[f.key] or "").strip()
            if not key or not key.isascii() or not key.isprintable():
                raise SaidError(t("请填写 API 密钥。"))
            rows, defaults = await asyncio.to_thread(self._list, values)
            progress = await push(self.parts.settings, key, rows, defaults.format)
        total = progress.ready + progress.pending + progress.failed
        said = t(
            "代理的缓存：{ready} 句已就绪，{pending} 句在排队，{failed} 句失败。",
            ready=progress.ready,
            pending=progress.pending,
            failed=progress.failed,
        )
        return {f.status: status(said, progress.ready / total if total else None)}


class _Pace:
    """How far a run is, how fast, and how long it will take. Belongs to one run."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = self._worked = 0
        self._began = self._drawn = time.monotonic()

    def add(self, made: Made) -> None:
        """One more row; what was there already says nothing of the pace."""
        self._done += 1
        self._worked += not made.is_reused

    def is_due(self) -> bool:
        """Whether it is time to draw; no oftener than people look."""
        now = time.monotonic()
        if now - self._drawn < _PAUSE_S and self._done > 1:
            return False
        self._drawn = now
        return True

    @property
    def part(self) -> float:
        """0 to 1."""
        return self._done / self._total

    def said(self, t: Words) -> str:
        """As a sentence."""
        said = t("{done} / {all} 行", done=self._done, all=self._total)
        elapsed_s = time.monotonic() - self._began
        if not self._worked or elapsed_s <= 0:
            return said
        rate = self._worked / elapsed_s
        left_s = (self._total - self._done) / rate
        return said + t("，每秒 {rate} 行，还要约 {left}", rate=f"{rate:.1f}", left=_clock(left_s))


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def _table(made: Sequence[Made], t: Words) -> str:
    """The latest rows, what failed first."""
    shown = sorted(made, key=lambda item: (not item.error, -item.row.number))[:_SHOWN]
    heads: Any = "".join(f'<th scope="col">{name}</th>' for name in (t("行"), t("文本"), t("结果")))
    rows = "".join(
        f'<tr class="{"failed" if item.error else "made"}"><td>{item.row.number}</td><td>{escape(item.row.text[:80])}'
        f"</td><td>{escape(item.error or (t('已有') if item.is_reused else t('已合成')))}</td></tr>"
        for item in shown
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{t("批量的结果")}">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
