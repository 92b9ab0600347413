"""合成: one text, one voice, heard at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from html import escape

import gradio as gr

from settings import is_loopback
from tts_engine.errors import TTSError
from tts_engine.frontend.reading import Reading
from tts_engine.synthesizer import SynthesisOptions
from webui_page.body import checked_text
from webui_page.files import address
from webui_page.override import holds, overridden
from webui_page.parts import Parts
from webui_page.picture import draw
from webui_page.player import SCRIPT, marked_text, player
from webui_page.problems import RefusalError
from webui_page.ruby import CHOOSER, ruby
from webui_page.snippets import curl, request_body, wx_request
from webui_page.tabs import manner
from webui_page.tabs.actions import ended_by
from webui_page.tabs.choices import CARDS, CARDS_SCRIPT, FILES, cards, chosen_voice
from webui_page.tabs.notices import PRIVATE, Update, refusing, status, toast
from webui_page.utterance import Utterance, join
from webui_page.words import SaidError, Words

logger = logging.getLogger(__name__)

_EXAMPLES = [
    "欢迎使用AI语音合成功能。",
    "今天天气很好，我们一起去公园散步吧！",
    "你好，我想了解一下2024年的百分比：3.5%。",
]
_COPY = """
element.addEventListener('click', async (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  const code = button.closest('section').querySelector('code').textContent;
  try {
    await navigator.clipboard.writeText(code);
  } catch {  // no permission, or no HTTPS
    const range = document.createRange();
    range.selectNodeContents(button.closest('section').querySelector('code'));
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    document.execCommand('copy');
  }
  const said = button.textContent;
  button.textContent = button.dataset.done;
  setTimeout(() => { button.textContent = said; }, 2000);
});
"""


@dataclass(frozen=True)
class _Asked:
    """The text, what may be done with it, and how it is read."""

    text: gr.Textbox
    count: gr.HTML
    ssml: gr.Checkbox
    read: gr.Button
    speak: gr.Button
    stop: gr.Button
    reading: gr.HTML
    was_read: gr.State
    """The text that ``reading`` shows."""


@dataclass(frozen=True)
class _Result:
    status: gr.HTML
    sound: gr.HTML
    file: gr.HTML
    picture: gr.HTML
    timings: gr.HTML
    code: gr.HTML


def lay_out(parts: Parts, t: Words) -> gr.HTML:
    """The tab's content; returns the cards, which a new voice changes."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=280):
            asked = _asked(parts, t)
            voice = gr.HTML(cards(parts, t), html_template=CARDS, js_on_load=CARDS_SCRIPT, elem_id="voices")
            how = manner.lay_out(parts, t)
            format = gr.Radio([name.upper() for name in FILES], value=FILES[0].upper(), label=t("音频格式"))
        with gr.Column(scale=6, min_width=280):
            result = _result(t)
    _Actions(parts, t, asked, voice, how, format, result).connect()
    return voice


def _asked(parts: Parts, t: Words) -> _Asked:
    text = gr.Textbox(
        label=t("要朗读的文本"), lines=6, max_lines=16, placeholder=t("在这里输入中文，可夹英文单词和数字")
    )
    count = gr.HTML(_count(0, parts.settings.webui.max_chars, t))
    with gr.Row():
        speak = gr.Button(t("合成"), variant="primary", elem_id="speak", min_width=100)
        stop = gr.Button(t("停止"), variant="stop", elem_id="stop", min_width=80)
        read = gr.Button(t("这句话怎么读"), elem_id="read", min_width=120)
    ssml = gr.Checkbox(label=t("文本是 SSML"), info=t("按标记朗读：整段应放在 <speak> 与 </speak> 之间"))
    reading = gr.HTML(elem_id="reading", js_on_load=CHOOSER.replace("的读音", t("的读音")))
    gr.Examples([[example] for example in _EXAMPLES], inputs=[text], label=t("例句"), api_visibility="private")
    return _Asked(text, count, ssml, read, speak, stop, reading, gr.State(""))


def _count(count: int | str, limit: int, t: Words) -> str:
    return f'<p class="count">{t("{count} / {limit} 个字符", count=count, limit=limit)}</p>'


def _result(t: Words) -> _Result:
    said = gr.HTML(status(t("输入文本，然后按“合成”。")), elem_id="status")
    sound = gr.HTML(elem_id="audio", js_on_load=SCRIPT)
    file = gr.HTML(elem_id="download")
    picture = gr.HTML(elem_id="picture")
    with gr.Accordion(t("每个字的时间"), open=False):
        timings = gr.HTML(f'<p class="hint">{t("合成之后显示。")}</p>', elem_id="timings")
    with gr.Accordion(t("复制为代码"), open=False):
        code = gr.HTML(f'<p class="hint">{t("合成之后显示。")}</p>', elem_id="code", js_on_load=_COPY)
    return _Result(said, sound, file, picture, timings, code)


@dataclass(frozen=True)
class _Actions:
    """What the tab's buttons do."""

    parts: Parts
    t: Words
    asked: _Asked
    voice: gr.HTML
    manner: manner.Manner
    format: gr.Radio
    result: _Result

    def connect(self) -> None:
        """Bind buttons and fields to the methods below."""
        asked, result = self.asked, self.result
        limit = self.parts.settings.webui.max_chars
        counted = (
            "(text) => { const n = [...(text || '')].length; const said = "
            + json.dumps(_count("#", limit, self.t))
            + f".replace('#', n); return n > {limit} ? said.replace('count', 'count over') : said; }}"
        )
        asked.text.change(None, [asked.text], [asked.count], js=counted, show_progress="hidden")
        outputs = [result.status, result.sound, result.file, result.picture, result.timings, result.code]
        inputs = {asked.text, asked.ssml, self.voice, self.format, *self.manner.inputs}
        speaking = asked.speak.click(self.speak, inputs, outputs, trigger_mode="once", **PRIVATE)
        ended_by(asked.stop, speaking, self.stop, result.status)
        shown = [asked.text, asked.reading, asked.was_read]
        asked.read.click(self.read, {asked.text, asked.ssml}, shown, concurrency_limit=4, **PRIVATE)
        known = {asked.text, asked.ssml, asked.was_read}
        asked.reading.choose(self.choose, known, shown, trigger_mode="once", concurrency_limit=4, **PRIVATE)

    async def speak(self, values: Update) -> AsyncGenerator[Update, None]:
        """Make the sound, saying how far it is after every sentence."""
        result, t = self.result, self.t
        text = values[self.asked.text]
        yield self._cleared(t("正在排队…"))
        try:
            checked_text(text, self.parts.settings.webui.max_chars)
            options = self._options(values)
            speeches = []
            async with contextlib.aclosing(self.parts.desk.speak(text, options)) as pieces:
                async for piece in pieces:
                    speeches.append(piece.speech)
                    done = piece.speech.progress
                    yield {result.status: status(t("已合成 {part}", part=f"{done:.0%}"), done)}
            made = join(speeches)
        except (TTSError, RefusalError) as error:
            sentence = t.sentence(error)
            yield {result.status: status(sentence, is_error=True)}
            raise toast(sentence, t("没有合成")) from error
        yield await asyncio.to_thread(self._shown, made, text, options, values[self.format].lower())

    def _options(self, values: Update) -> SynthesisOptions:
        voice = chosen_voice(values[self.voice])
        speaker = self.parts.library.speaker(voice)
        is_ssml = bool(values[self.asked.ssml])
        return SynthesisOptions(voice=voice, speaker=speaker, ssml=is_ssml, **self.manner.chosen(values))

    def stop(self) -> str:
        """Say that the work was stopped; Gradio itself ends it."""
        return status(self.t("已停止。"))

    async def read(self, values: Update) -> Update:
        """The text with its readings."""
        asked = self.asked
        with refusing(self.t, self.t("无法显示读音")):
            text = values[asked.text]
            return {asked.reading: ruby(await self._read(text, values), self.t), asked.was_read: text}

    async def choose(self, values: Update, event: gr.EventData) -> Update:
        """The text with the reading that was clicked, and how it is read now."""
        asked = self.asked
        sent = event._data if isinstance(event._data, dict) else {}
        begin, pinyin = sent.get("begin"), sent.get("pinyin")
        with refusing(self.t, self.t("没有改读音")):
            if values[asked.text] != values[asked.was_read]:
                raise SaidError(self.t("文本已经改过：请再按“这句话怎么读”，然后选读音。"))
            text = overridden(await self._read(values[asked.text], values), begin, pinyin)
            reading = await self._read(text, values)
            if not holds(reading, begin, pinyin):
                raise SaidError(self.t("这里的读音由标记决定：请直接修改文本里的标记。"))
            return {asked.text: text, asked.reading: ruby(reading, self.t), asked.was_read: text}

    async def _read(self, text: str, values: Update) -> Reading:
        checked_text(text, self.parts.settings.webui.max_chars)
        return await self.parts.desk.read(text, SynthesisOptions(ssml=bool(values[self.asked.ssml])))

    def _cleared(self, said: str) -> Update:
        result = self.result
        empty = dict.fromkeys((result.sound, result.file, result.picture, result.timings, result.code), "")
        return {result.status: status(said, 0.0), **empty}

    def _shown(self, made: Utterance, text: str, options: SynthesisOptions, format: str) -> Update:
        parts, result, t = self.parts, self.result, self.t
        data = parts.finish.download(made, format)
        path = parts.store.save(data, format)
        lead_s = parts.finish.lead_s(made.sample_rate)
        _log(text, made)
        said = t(
            "完成：{seconds} 秒，用时 {worked} 秒（实时率 {factor}）。",
            seconds=f"{made.duration_s:.2f}",
            worked=f"{made.synthesis_s:.2f}",
            factor=f"{made.real_time_factor:.3f}",
        )
        notices = [t("“{text}”：", text=w.text) + w.message for w in made.warnings]
        karaoke = marked_text(text, made.timings, lead_s, options.ssml)
        return {
            result.status: status(said, notices=[t("请留意："), *notices] if notices else []),
            result.sound: player(address(path), t("合成的声音"), karaoke),
            result.file: _download(
                address(path, "speech"), t("下载音频（{format}，{size}）", format=format.upper(), size=_size(len(data)))
            ),
            result.picture: draw(made.samples, made.sample_rate, made.timings, lead_s, t),
            result.timings: _table(made, t),
            result.code: self._code(text, options, format),
        }

    def _code(self, text: str, options: SynthesisOptions, format: str) -> str:
        proxy, t = self.parts.settings.proxy, self.t
        body = request_body(text, options, format)
        host = proxy.public_url.partition("://")[2].rpartition(":")[0]
        trusted = str(proxy.tls_certificate) if proxy.tls and is_loopback(host) else ""
        return "".join(
            f'<section><h3>{title}</h3><button type="button" data-done="{t("已复制")}" '
            f'aria-label="{t("复制")} {title}">{t("复制")}</button>'
            f'<pre tabindex="0" aria-label="{title}"><code>{escape(code)}</code></pre></section>'
            for title, code in (
                ("curl", curl(proxy.public_url, trusted, body)),
                ("wx.request", wx_request(proxy.public_url, body)),
            )
        )


def _log(text: str, made: Utterance) -> None:
    logger.info(
        "request=page-%s characters=%d duration_s=%.3f rtf=%.4f",
        secrets.token_hex(4),
        len(text),
        made.duration_s,
        made.real_time_factor,
    )


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def _download(href: str, title: str) -> str:
    return f'<a class="button" href="{escape(href)}" download>{escape(title)}</a>'


def _table(made: Utterance, t: Words) -> str:
    rows = "".join(
        f"<tr><td>{escape(timing.text)}</td><td>{timing.begin}–{timing.end}</td>"
        f"<td>{timing.begin_ms}</td><td>{timing.end_ms}</td></tr>"
        for timing in made.timings
    )
    heads = (t("字"), t("原文中的位置"), t("开始（毫秒）"), t("结束（毫秒）"))
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{t("每个字的时间")}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
