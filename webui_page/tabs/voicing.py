"""音色: hear a clip, ask for consent, keep, try, mix, take in, give away and delete voices."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr
from pydantic import ValidationError

from tts_engine.clips import LONGEST_S, MAX_BYTES, SHORTEST_S, Clip, read_clip
from tts_engine.engine import Ear
from tts_engine.errors import BadVoiceError, CloningUnavailableError, ConsentRequiredError
from tts_engine.identity import Identity
from tts_engine.voices import MAX_FILE_BYTES, Consent, VoiceFile
from webui_page.files import PREFIX
from webui_page.parts import Parts
from webui_page.tabs.choices import cards, voices
from webui_page.tabs.notices import PRIVATE, Update, refusing, status
from webui_page.voices import PRIVATE as PRIVATE_NAME
from webui_page.voices import heard, mixed_voice
from webui_page.words import SaidError, Words

_OPERATOR = "operator"
_LIST_SCRIPT = """
const sound = new Audio();
const show = () => element.querySelectorAll('button[data-source]').forEach((button) => {
  const playing = !sound.paused && sound.getAttribute('src') === button.dataset.source;
  button.textContent = playing ? '■' : '▶';
});
for (const kind of ['play', 'pause', 'ended', 'error']) sound.addEventListener(kind, show);
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  const { source, remove, sure } = button.dataset;
  if (source) {
    if (!sound.paused && sound.getAttribute('src') === source) return sound.pause();
    sound.src = source;
    sound.play().catch(() => { button.textContent = '✕'; });
  }
  if (!remove) return;
  if (button.classList.contains('sure')) return trigger('remove', { name: remove });
  button.classList.add('sure');
  button.textContent = sure;
  setTimeout(() => { button.classList.remove('sure'); button.textContent = button.dataset.label; }, 5000);
});
"""


@dataclass(frozen=True)
class _Heard:
    """The recording and what is heard in it."""

    clip: gr.Audio
    check: gr.Button
    report: gr.HTML


@dataclass(frozen=True)
class _Agreement:
    """Whose voice it is, and who agreed to what."""

    name: gr.Textbox
    person: gr.Textbox
    purpose: gr.Textbox
    statement: gr.Textbox
    agreed: gr.Checkbox
    keep: gr.Button


@dataclass(frozen=True)
class _Mixing:
    """Voices from voices, and from files."""

    first: gr.Dropdown
    second: gr.Dropdown
    share: gr.Slider
    name: gr.Textbox
    mix: gr.Button
    file: gr.File


@dataclass(frozen=True)
class _Lists:
    voices: gr.HTML
    log: gr.HTML
    cards: gr.HTML
    """Of the first tab."""


def lay_out(parts: Parts, t: Words, shown: gr.HTML, page: gr.Blocks) -> None:
    """The tab's content; ``shown`` are the voice cards of the first tab, which change with the list."""
    can_clone = parts.desk.engine.listener is not None
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=280):
            if not can_clone:
                said = t("当前模型还不能克隆或混合音色；换上带说话人编码器的模型后，下面的功能就能用。")
                gr.HTML(f'<p class="hint notice">{said}</p>')
            recording = _recording(t, can_clone)
            agreement = _agreement(t, can_clone)
        with gr.Column(scale=6, min_width=280):
            list_ = gr.HTML(_listed(parts, t), js_on_load=_LIST_SCRIPT, elem_id="voice-list")
            mixing = _mixing(parts, t, can_clone)
            with gr.Accordion(t("操作记录"), open=False):
                log = gr.HTML(_log(parts, t), elem_id="voice-log")
    _Actions(parts, t, recording, agreement, mixing, _Lists(list_, log, shown)).connect(page)


def _recording(t: Words, can_clone: bool) -> _Heard:
    clip = gr.Audio(
        sources=["upload", "microphone"], type="filepath", label=t("录音"), interactive=can_clone, elem_id="clip",
        buttons=[], editable=False,
    )  # fmt: skip
    said = t(
        "{least} 到 {most} 秒，一个人清楚地说话，没有音乐；最大 {size} MB。录音只用来听出音色，不保存。",
        least=f"{SHORTEST_S:.0f}",
        most=f"{LONGEST_S:.0f}",
        size=MAX_BYTES >> 20,
    )
    gr.HTML(f'<p class="hint">{said}</p>')
    check = gr.Button(t("检查录音"), interactive=can_clone, elem_id="clip-check")
    return _Heard(clip, check, gr.HTML(elem_id="clip-report"))


def _agreement(t: Words, can_clone: bool) -> _Agreement:
    live: dict[str, Any] = {"interactive": can_clone}
    name = gr.Textbox(label=t("给音色起名"), placeholder=t("例如：店长"), max_length=40, elem_id="voice-name", **live)
    person = gr.Textbox(
        label=t("声音的主人"), info=t("说话的人；记入操作记录"), max_length=200, elem_id="consent-person", **live
    )
    purpose = gr.Textbox(
        label=t("用途"), placeholder=t("例如：朗读本店的菜单"), max_length=2000, elem_id="consent-purpose", **live
    )
    words = t("本人同意用这段录音制作我的合成声音，仅用于上述用途；我可以随时要求删除。")
    statement = gr.Textbox(words, label=t("授权声明"), lines=2, max_length=4000, elem_id="consent-statement", **live)
    agreed = gr.Checkbox(label=t("声音的主人本人已同意以上声明"), elem_id="consent-agreed", **live)
    keep = gr.Button(t("保存音色"), variant="primary", elem_id="voice-keep", **live)
    return _Agreement(name, person, purpose, statement, agreed, keep)


def _mixing(parts: Parts, t: Words, can_clone: bool) -> _Mixing:
    known = voices(parts, t)
    with gr.Accordion(t("混合两个音色"), open=False):
        with gr.Row():
            first = gr.Dropdown(known, value=known[0][1], label=t("第一个"), min_width=200, interactive=can_clone)
            second = gr.Dropdown(known, value=known[-1][1], label=t("第二个"), min_width=200, interactive=can_clone)
        share = gr.Slider(0.05, 0.95, value=0.5, step=0.05, label=t("第一个占多少"), interactive=can_clone)
        mixture = gr.Textbox(label=t("混合后的名字"), max_length=40, elem_id="mix-name", interactive=can_clone)
        mix = gr.Button(t("混合并保存"), elem_id="mix", interactive=can_clone)
    with gr.Accordion(t("导入音色文件"), open=False):
        file = gr.File(
            label=t("导出的 .voice.json 文件"), file_types=[".json"], height=120, elem_id="voice-file",
            interactive=can_clone,
        )  # fmt: skip
    return _Mixing(first, second, share, mixture, mix, file)


@dataclass(frozen=True)
class _Actions:
    """What the tab's buttons do."""

    parts: Parts
    t: Words
    heard: _Heard
    agreement: _Agreement
    mixing: _Mixing
    lists: _Lists

    def connect(self, page: gr.Blocks) -> None:
        """Bind buttons and fields to the methods below."""
        h, a, m, lists = self.heard, self.agreement, self.mixing, self.lists
        known = [lists.voices, lists.log, lists.cards, m.first, m.second]
        page.load(self.refresh, {lists.cards}, known, queue=False, **PRIVATE)
        changed = [h.report, *known]
        few: dict[str, Any] = {"concurrency_limit": 2, "trigger_mode": "once", **PRIVATE}
        h.check.click(self.check, {h.clip}, [h.report], **few)
        asked: set[Any] = {h.clip, a.name, a.person, a.purpose, a.statement, a.agreed, lists.cards}
        a.keep.click(self.keep, asked, [*changed, h.clip, a.agreed], **few)
        mixed: set[Any] = {m.first, m.second, m.share, m.name, lists.cards}
        m.mix.click(self.mix, mixed, changed, **few)
        m.file.upload(self.take_in, {m.file, lists.cards}, [*changed, m.file], **few)
        lists.voices.remove(self.remove, {lists.cards}, changed, **few)

    async def refresh(self, values: Update) -> Update:
        """What was kept or deleted since the server started: a page opens as it was laid out then."""
        fresh = self._changed("", values)
        del fresh[self.heard.report]
        if all(fresh[part] == part.value for part in (self.lists.voices, self.lists.log)):
            return {self.lists.log: gr.skip()}
        return fresh

    async def check(self, values: Update) -> Update:
        """What can be heard in the clip, and what would make the copy better."""
        t = self.t
        with refusing(t, t("这段录音不能用")):
            clip, identity = await asyncio.to_thread(self._hear, _bytes(values[self.heard.clip], t))
        said = t(
            "可以用：{seconds} 秒，声音的中位音高 {hertz} Hz。",
            seconds=f"{clip.duration_s:.1f}",
            hertz=f"{identity.median_f0_hz:.0f}",
        )
        return {self.heard.report: status(said, notices=clip.notices)}

    async def keep(self, values: Update) -> Update:
        """Keep the voice of the clip, with who agreed to what."""
        t = self.t
        with refusing(t, t("没有保存")):
            data = _bytes(values[self.heard.clip], t)
            if not values[self.agreement.agreed]:
                raise ConsentRequiredError
            voice, notices = await asyncio.to_thread(self._heard, values, data)
            await asyncio.to_thread(self.parts.library.add, voice, _OPERATOR)
            await asyncio.to_thread(Path(values[self.heard.clip]).unlink, missing_ok=True)  # recordings are not kept
        said = t("已保存音色“{title}”。", title=voice.title)
        return {
            **self._changed(status(said, notices=notices), values),
            self.heard.clip: None,
            self.agreement.agreed: False,
        }

    async def mix(self, values: Update) -> Update:
        """Keep a mixture of two voices."""
        t = self.t
        with refusing(t, t("没有混合")):
            title = (values[self.mixing.name] or "").strip()
            share = round(float(values[self.mixing.share]), 2)
            expression = f"{share:g}*{values[self.mixing.first]}+{round(1 - share, 2):g}*{values[self.mixing.second]}"
            listener = self._listener()
            voice = await asyncio.to_thread(mixed_voice, self.parts.library, title, title, expression, listener.name)
            await asyncio.to_thread(self.parts.library.add, voice, _OPERATOR, "mix")
        return self._changed(status(t("已保存音色“{title}”。", title=title)), values)

    async def take_in(self, values: Update) -> Update:
        """Keep an exported voice."""
        t = self.t
        with refusing(t, t("没有导入")):
            data = _bytes(values[self.mixing.file], t, MAX_FILE_BYTES)
            voice = VoiceFile.from_bytes(data)
            await asyncio.to_thread(self.parts.library.add, voice, _OPERATOR, "import")
        return {**self._changed(status(t("已保存音色“{title}”。", title=voice.title)), values), self.mixing.file: None}

    async def remove(self, values: Update, event: gr.EventData) -> Update:
        """Delete a voice for good."""
        t = self.t
        sent = event._data if isinstance(event._data, dict) else {}
        with refusing(t, t("没有删除")):
            await asyncio.to_thread(self.parts.library.delete, str(sent.get("name", "")), _OPERATOR)
        return self._changed(status(t("已删除。记录里留着谁在什么时候删的。")), values)

    def _listener(self) -> Ear:
        listener = self.parts.desk.engine.listener
        if listener is None:
            raise CloningUnavailableError
        return listener

    def _hear(self, data: bytes) -> tuple[Clip, Identity]:
        listener = self._listener()
        clip = read_clip(data)
        return clip, listener.listen(clip.samples)

    def _heard(self, values: Update, data: bytes) -> tuple[VoiceFile, tuple[str, ...]]:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        title = (values[self.agreement.name] or "").strip()
        try:
            consent = Consent(
                person=(values[self.agreement.person] or "").strip(),
                purpose=(values[self.agreement.purpose] or "").strip(),
                agreed_at=now,
                statement=(values[self.agreement.statement] or "").strip(),
                recorded_at=now,
                recorded_by=_OPERATOR,
                clip_sha256=hashlib.sha256(data).hexdigest(),
            )
        except ValidationError as error:
            raise ConsentRequiredError from error
        clip, identity = self._hear(data)
        try:
            voice = heard(title, title, identity, self._listener().name, consent, clip.duration_s)
        except ValidationError as error:
            raise BadVoiceError("音色的名字用汉字、字母、数字、下划线或连字符，最多 40 个字。") from error
        return voice, clip.notices

    def _changed(self, said: str, values: Update) -> Update:
        parts, t = self.parts, self.t
        known = gr.Dropdown(choices=voices(parts, t))
        chosen = values[self.lists.cards].get("chosen", "") if isinstance(values[self.lists.cards], dict) else ""
        return {
            self.heard.report: said,
            self.lists.voices: _listed(parts, t),
            self.lists.log: _log(parts, t),
            self.lists.cards: cards(parts, t, str(chosen)),
            self.mixing.first: known,
            self.mixing.second: known,
        }


def _bytes(path: Any, t: Words, most: int = MAX_BYTES) -> bytes:
    if not path:
        raise SaidError(t("还没有录音或文件：请先录一段，或上传一个。"))
    with Path(path).open("rb") as file:
        return file.read(most + 1)


def _listed(parts: Parts, t: Words) -> str:
    own = [_row(t.name(v.title), v.name, t("内置"), t, is_own=True) for v in parts.desk.engine.voices]
    kept = [
        _row(v.title, v.name, _kind(v, parts, t), t, is_usable=v.encoder == parts.library.encoder)
        for v in parts.library.listed()
    ]
    return f'<ul class="voices" aria-label="{t("全部音色")}">{"".join([*own, *kept])}</ul>'


def _kind(voice: VoiceFile, parts: Parts, t: Words) -> str:
    if voice.encoder != parts.library.encoder:
        return t("另一个版本的模型做的，不能用")
    kind = t("小程序用户的") if PRIVATE_NAME.fullmatch(voice.name) else t("自己的")
    people = "、".join(dict.fromkeys(consent.person for consent in voice.consents))
    return kind + (t("，{people} 授权", people=people) if people else "")


def _row(title: str, name: str, kind: str, t: Words, is_own: bool = False, is_usable: bool = True) -> str:
    shown, at = escape(title), quote(name, safe="")
    listen = f'<button type="button" data-source="{PREFIX}/samples/{at}" aria-label="{t("试听")} {shown}">▶</button>'
    more = (
        f'<a class="button" href="{PREFIX}/voices/{at}" download aria-label="{t("导出")} {shown}">{t("导出")}</a>'
        f'<button type="button" data-remove="{escape(name)}" data-label="{t("删除")}" data-sure="{t("确定删除？")}" '
        f'aria-label="{t("删除")} {shown}">{t("删除")}</button>'
    )
    return (
        f"<li><span><b>{shown}</b><small>{escape(kind)}</small></span>{listen if is_usable else ''}"
        f"{'' if is_own else more}</li>"
    )


def _log(parts: Parts, t: Words) -> str:
    rows: Sequence[dict[str, Any]] = parts.library.log()[-100:]
    if not rows:
        return f'<p class="hint">{t("还没有记录。")}</p>'
    names = {"add": t("添加"), "mix": t("混合"), "import": t("导入"), "delete": t("删除")}
    lines = "".join(
        f"<li><time>{escape(str(row['at'])[:19].replace('T', ' '))}</time> {names.get(str(row['action']), '')} "
        f"<b>{escape(str(row['voice']))}</b>{_agreed(row, t)}</li>"
        for row in reversed(rows)
    )
    return f'<ul class="errors">{lines}</ul>'


def _agreed(row: dict[str, Any], t: Words) -> str:
    people = "、".join(dict.fromkeys(str(consent["person"]) for consent in row["consents"]))
    return escape(t("，{people} 授权", people=people)) if people else ""
