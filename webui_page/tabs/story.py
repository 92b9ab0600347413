"""长文与故事: roles and their voices, sentence by sentence, heard while the rest is made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from tts_engine.checkpoint import NEUTRAL
from tts_engine.errors import TTSError
from webui_page.body import MAX_SPEED, MIN_SPEED, checked_speed
from webui_page.files import address
from webui_page.parts import Parts
from webui_page.problems import RefusalError
from webui_page.script import Cue, parse, roles
from webui_page.story import MAX_CHARS, Part, Take, export, make, plan, reused
from webui_page.tabs.actions import Actions, ended_by
from webui_page.tabs.choices import FILES, feeling_title, feelings, voices
from webui_page.tabs.notices import PRIVATE, Update, refusing, status, toast
from webui_page.words import SaidError, Words

_SCRIPT = Path(__file__).with_name("story.js").read_text(encoding="utf-8")
_CAST_SCRIPT = Path(__file__).with_name("cast.js").read_text(encoding="utf-8")
_MOST_ROLES = 40
_FEW = 200
"""Sentences of a list that is drawn after each of them."""
_PAUSE_S = 0.3
"""Between two drawings of a longer one."""
_EXAMPLE = (
    "旁白：从前，森林里住着一只小兔子。\n小兔（开心）：今天天气真好，我要去采蘑菇！\n"
    "狐狸（温柔）：小兔，你要去哪里呀？\n小兔（害怕）：我……我要回家了！\n旁白：小兔一溜烟跑回了家。"
)

_CAST = """${value.roles.length ? `<table class="cast"><caption>${value.caption}</caption><thead><tr>
${value.heads.map((h) => `<th scope="col">${h}</th>`).join('')}</tr></thead><tbody>${value.roles.map((r, n) => `<tr>
<th scope="row">${r.title}<small>${r.lines}</small></th><td>
<select data-role="${n}" data-key="voice" data-now="${r.voice}" aria-label="${value.heads[1]} ${r.title}">
${value.voices.map((v) => `<option value="${v[1]}">${v[0]}</option>`).join('')}</select></td>
${value.feels ? `<td><select data-role="${n}" data-key="emotion" data-now="${r.emotion}"
 aria-label="${value.heads[2]} ${r.title}">
${value.feelings.map((f) => `<option value="${f[1]}">${f[0]}</option>`).join('')}</select></td>` : ''}
<td><input type="number" data-role="${n}" data-key="speed" data-now="${r.speed}" min="0.5" max="2" step="0.05"
 aria-label="${value.heads[value.heads.length - 1]} ${r.title}"></td></tr>`).join('')}</tbody></table>` : ''}"""

_TAKES = """${value.takes.length ? `<div class="listen"><audio controls preload="auto"
 aria-label="${value.listen}"></audio><button type="button" class="from-start">${value.all}</button></div>
<ol class="takes">${value.takes.map((t, n) => `<li class="${t.state}" data-n="${n}" data-source="${t.source}">
<button type="button" class="play" ${t.source ? '' : 'disabled'} aria-label="${value.play} ${n + 1}">▶</button>
<span class="who">${t.who}</span><span class="said">${t.said}</span><span class="took">${t.took}</span>
<button type="button" class="again" aria-label="${value.again} ${n + 1}">↻</button></li>`).join('')}</ol>` : ''}"""


@dataclass(frozen=True)
class _Fields:
    text: gr.Textbox
    cast: gr.HTML
    make: gr.Button
    stop: gr.Button
    status: gr.HTML
    takes: gr.HTML
    made: gr.State
    format: gr.Radio
    export: gr.Button
    files: gr.HTML


def lay_out(parts: Parts, t: Words) -> None:
    """The tab's content."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=280):
            info = t(
                "一段文章；或每行“角色（情感）：台词”；或以 <speak> 开头的 SSML。最多 {limit} 个字符。", limit=MAX_CHARS
            )
            text = gr.Textbox(label=t("文章或剧本"), info=info, lines=10, max_lines=24, elem_id="story-text")
            gr.Examples([[_EXAMPLE]], inputs=[text], label=t("例子"), api_visibility="private")
            cast = gr.HTML(_empty_cast(), html_template=_CAST, js_on_load=_CAST_SCRIPT, elem_id="cast")
            with gr.Row():
                start = gr.Button(t("开始合成"), variant="primary", elem_id="story-make", min_width=120)
                stop = gr.Button(t("停止"), variant="stop", elem_id="story-stop", min_width=80)
        with gr.Column(scale=6, min_width=280):
            said = gr.HTML(status(t("写好文本，给每个角色选音色，然后按“开始合成”。")), elem_id="story-status")
            takes = gr.HTML(_shown((), t), html_template=_TAKES, js_on_load=_SCRIPT, elem_id="takes")
            format = gr.Radio([name.upper() for name in FILES], value="MP3", label=t("导出格式"))
            button = gr.Button(t("导出为一个文件"), elem_id="story-export")
            files = gr.HTML(elem_id="story-files")
    fields = _Fields(text, cast, start, stop, said, takes, gr.State([]), format, button, files)
    _Actions(parts, t, fields).connect()


class _Actions(Actions[_Fields]):
    """What the tab's buttons do."""

    def connect(self) -> None:
        """Bind buttons and fields to the methods below."""
        f = self.fields
        f.text.change(self.read, {f.text, f.cast}, [f.cast], trigger_mode="always_last", **PRIVATE)
        outputs = [f.status, f.takes, f.made, f.files, f.cast]
        working = f.make.click(self.make, {f.text, f.cast, f.made}, outputs, trigger_mode="once", **PRIVATE)
        ended_by(f.stop, working, self.stop, f.status)
        f.takes.again(self.again, {f.made, f.cast}, [f.takes, f.status], concurrency_limit=1, **PRIVATE)
        f.export.click(self.export, {f.made, f.format}, [f.files, f.status], trigger_mode="once", **PRIVATE)

    def read(self, values: Update) -> Update:
        """Who speaks in the text, each with what was chosen before."""
        f = self.fields
        return {f.cast: self._cast(values[f.text] or "", values[f.cast])}

    async def make(self, values: Update) -> AsyncGenerator[Update, None]:
        """Speak every sentence, the list growing while it is worked."""
        f, t = self.fields, self.t
        cast = self._cast(values[f.text] or "", values[f.cast])
        yield {f.status: status(t("正在分句…"), 0.0), f.files: "", f.cast: cast}
        try:
            takes = reused(await plan(self.parts, values[f.text] or "", _parts_of(cast)), values[f.made])
        except (TTSError, RefusalError) as error:
            yield {f.status: status(t.sentence(error), is_error=True)}
            raise toast(t.sentence(error), t("没有合成")) from error
        async for update in self._work(takes):
            yield update

    async def _work(self, takes: list[Take]) -> AsyncGenerator[Update, None]:
        """The list is the session's own: a sentence that is made again meanwhile is changed in it, too."""
        f, t = self.fields, self.t
        drawn = 0.0
        yield {f.made: takes}
        for number, take in enumerate(takes):
            if len(takes) <= _FEW or time.monotonic() - drawn > _PAUSE_S or number == 1:
                drawn = time.monotonic()
                said = t("已合成 {done} / {all} 句", done=number, all=len(takes))
                bar = status(said, number / len(takes))
                yield {f.status: bar, f.takes: _shown(takes, t, number)}
            if not takes[number].is_made:
                takes[number] = await self._made(take)
        failed = sum(bool(take.error) for take in takes)
        seconds = f"{sum(take.duration_s for take in takes):.1f}"
        said = t("完成：{count} 句，{seconds} 秒。", count=len(takes) - failed, seconds=seconds)
        notices = [*_failures(takes, t), *_unfelt(takes, t)]
        shown = status(said, is_error=bool(failed), notices=notices)
        yield {f.status: shown, f.takes: _shown(takes, t)}

    async def _made(self, take: Take) -> Take:
        try:
            return await make(self.parts, take)
        except (TTSError, RefusalError) as error:
            return replace(take, file="", error=self.t.sentence(error))

    def stop(self) -> str:
        """Say that the work was stopped; what is made stays."""
        return status(self.t("已停止。再按“开始合成”会接着做剩下的句子。"))

    async def again(self, values: Update, event: gr.EventData) -> Update:
        """Make one sentence again, a little otherwise."""
        f, t = self.fields, self.t
        takes: list[Take] = values[f.made]
        sent = event._data if isinstance(event._data, dict) else {}
        number = sent.get("number")
        with refusing(t, t("没有重做")):
            if not isinstance(number, int) or not 0 <= number < len(takes):
                raise SaidError(t("没有这一句：请重新合成。"))
            take = takes[number]
            part = _parts_of(values[f.cast]).get(take.cue.role, take.part)
            takes[number] = await make(self.parts, replace(take, part=part, seed=take.seed + take.is_made))
        done = t("第 {number} 句已重做。", number=number + 1)
        return {f.takes: _shown(takes, t), f.status: status(done)}

    async def export(self, values: Update) -> Update:
        """One file and its subtitles."""
        f, t = self.fields, self.t
        with refusing(t, t("没有导出")):
            if not values[f.made]:
                raise SaidError(t("还没有合成：请先按“开始合成”。"))
            format = str(values[f.format]).lower()
            made = await asyncio.to_thread(export, self.parts, values[f.made], format)
        links = (
            (made.sound, t("声音（{format}）", format=format.upper())),
            (made.srt, "SRT"),
            (made.lrc, "LRC"),
            (made.json, "JSON"),
        )
        shown = "".join(
            f'<a class="button" href="{address(path, "story")}" download>{escape(title)}</a>' for path, title in links
        )
        said = t("已导出：{seconds} 秒。", seconds=f"{made.duration_s:.1f}")
        return {f.files: f'<p class="links">{shown}</p>', f.status: status(said)}

    def _cast(self, text: str, before: Any) -> dict[str, Any]:
        """What ``_CAST`` draws: the roles of the text, with what was chosen for them before."""
        t = self.t
        cues = parse(text[:MAX_CHARS])
        known = voices(self.parts, t)
        chosen = {row["role"]: row for row in _rows(before)}
        names = roles(cues)[:_MOST_ROLES] if text.strip() else ()
        feels = len(feelings(self.parts, t)) > 1
        heads = [t("角色"), t("音色"), *([t("情感")] if feels else []), t("语速")]
        return {
            "caption": t("角色与音色"),
            "heads": heads,
            "feels": feels,
            "voices": [(escape(title), escape(name)) for title, name in known],
            "feelings": [(escape(title), escape(name)) for title, name in feelings(self.parts, t)],
            "roles": [
                {
                    "role": role,
                    "title": escape(role or t("旁白")),
                    "lines": _lines(cues, role, t),
                    "voice": known[number % len(known)][1],
                    "emotion": NEUTRAL,
                    "speed": 1.0,
                    **_kept(chosen.get(role), [name for _, name in known]),
                }
                for number, role in enumerate(names)
            ],
        }


def _empty_cast() -> dict[str, Any]:
    return {"caption": "", "heads": [], "feels": False, "voices": [], "feelings": [], "roles": []}


def _rows(cast: Any) -> list[dict[str, Any]]:
    """Rows of a cast that came from a browser, as far as they are rows."""
    given = cast.get("roles") if isinstance(cast, dict) else None
    rows = given if isinstance(given, list) else []
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("role"), str)]


def _kept(row: dict[str, Any] | None, names: list[str]) -> dict[str, Any]:
    if row is None:
        return {}
    kept = {"voice": row["voice"]} if row.get("voice") in names else {}
    if isinstance(row.get("emotion"), str):
        kept["emotion"] = escape(row["emotion"])
    speed = row.get("speed")
    if isinstance(speed, int | float) and MIN_SPEED <= speed <= MAX_SPEED:
        kept["speed"] = float(speed)
    return kept


def _parts_of(cast: Any) -> dict[str, Part]:
    return {
        row["role"]: Part(str(row.get("voice")), str(row.get("emotion")), checked_speed(row.get("speed")))
        for row in _rows(cast)
    }


def _lines(cues: Sequence[Cue], role: str, t: Words) -> str:
    return t("{count} 段", count=sum(cue.role == role for cue in cues))


def _shown(takes: Sequence[Take], t: Words, at_work: int | None = None) -> dict[str, Any]:
    """What ``_TAKES`` draws; texts are escaped here."""
    return {
        "listen": t("连续播放"),
        "all": t("从头播放"),
        "play": t("播放第"),
        "again": t("重做第"),
        "takes": [_row(take, t, number == at_work) for number, take in enumerate(takes)],
    }


def _row(take: Take, t: Words, is_at_work: bool) -> dict[str, str]:
    who = take.cue.role or t("旁白")
    if take.emotion != NEUTRAL:
        who = t("{role}（{feeling}）", role=who, feeling=feeling_title(take.emotion, t))
    state = "made" if take.is_made else "failed" if take.error else "working" if is_at_work else "waiting"
    return {
        "state": state,
        "source": f"/page/files/{take.file}" if take.is_made else "",
        "who": escape(who),
        "said": escape(take.text.strip()) + (f"<em>{escape(take.error)}</em>" if take.error else ""),
        "took": t("{seconds} 秒", seconds=f"{take.duration_s:.1f}") if take.is_made else "",
    }


def _failures(takes: Sequence[Take], t: Words) -> list[str]:
    return [
        t("第 {number} 句没有合成：{why}", number=number, why=take.error)
        for number, take in enumerate(takes, 1)
        if take.error
    ][:20]


def _unfelt(takes: Sequence[Take], t: Words) -> list[str]:
    """Feelings that were written and are not heard; each once."""
    written = {take.cue.feeling for take in takes if take.cue.feeling and take.cue.emotion != take.emotion}
    return [
        t("“{feeling}”没有用上：当前模型没有这种情感，已平静地读。", feeling=feeling) for feeling in sorted(written)
    ]
