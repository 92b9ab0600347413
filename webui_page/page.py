"""The operator's page, in Chinese. Knows Gradio, knows nothing of HTTP routes; speaks through the same desk as they."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, fields
from html import escape
from typing import Any

import gradio as gr
from fastapi import FastAPI
from starlette.routing import Mount

from settings import WebUISettings
from tts_engine.errors import InputError, TTSError
from tts_engine.frontend.reading import Reading
from tts_engine.prosody import PITCH, RANGE, SEEDS, VOLUME, checked, checked_seed
from tts_engine.synthesizer import SynthesisOptions
from webui_page.appearance import CSS, HEAD, THEME
from webui_page.body import FORMATS, MAX_SPEED, MIN_SPEED, checked_speed, checked_text
from webui_page.desk import Desk
from webui_page.finishing import Finish
from webui_page.override import holds, overridden
from webui_page.picture import draw
from webui_page.problems import problem_of
from webui_page.ruby import CHOOSER, ruby
from webui_page.store import AudioStore
from webui_page.utterance import Utterance, join

logger = logging.getLogger(__name__)

_EXAMPLES = [
    "欢迎使用AI语音合成功能。",
    "今天天气很好，我们一起去公园散步吧！",
    "你好，我想了解一下2024年的百分比：3.5%。",
]
_CLONING = "克隆音色的功能尚未开放，目前请选用内置音色。"

Update = dict[Any, Any]
"""New values by component, as Gradio takes them."""


def create_page(desk: Desk, store: AudioStore, settings: WebUISettings, finish: Finish) -> gr.Blocks:
    """The page around one engine."""
    page: gr.Blocks
    with gr.Blocks(title="中文语音合成", analytics_enabled=False) as page:
        gr.Markdown("# 中文语音合成\n文本只在这台机器上处理，不发往别处。合成的声音由人工智能生成。")
        with gr.Row(equal_height=False):
            with gr.Column(scale=5, min_width=280):
                form = _form(desk, settings)
            with gr.Column(scale=6, min_width=280):
                result = _result()
        _Actions(desk, store, settings, finish, form, result).connect()
    page.queue(max_size=settings.queue_size, default_concurrency_limit=settings.concurrency, api_open=False)
    return page


def mount_page(app: FastAPI, page: gr.Blocks) -> FastAPI:
    """``app`` with the page at ``/``; routes registered before come first."""
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        page,
        path="/",
        app_kwargs={"openapi_url": None, "docs_url": None, "redoc_url": None},
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        show_error=True,
        max_file_size="1mb",
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        theme=THEME,
        css=CSS,
        head=HEAD,
    )
    return mounted


def let_visitors_go(app: FastAPI) -> None:
    """End the connections by which open pages say that they are alive, which would hold up a shutdown."""
    for route in app.routes:
        if isinstance(route, Mount) and isinstance(route.app, gr.routes.App):
            route.app.stop_event.set()


@dataclass(frozen=True)
class _Form:
    asked: _Asked
    manner: _Manner
    voice: gr.Radio
    format: gr.Radio


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
class _Manner:
    """How it is to be said."""

    speed: gr.Slider
    pitch: gr.Slider
    range: gr.Slider
    volume: gr.Slider
    seed: gr.Number

    def chosen(self, values: Update) -> dict[str, Any]:
        """Checked, by the names of ``SynthesisOptions``.

        Raises:
            OptionError: a value is none of its field's.
        """
        seed = values[self.seed]
        return {
            "speed": checked_speed(values[self.speed]),
            "pitch": checked("pitch", values[self.pitch], PITCH),
            "range": checked("range", values[self.range], RANGE),
            "volume": checked("volume", values[self.volume], VOLUME),
            "seed": checked_seed(int(seed) if isinstance(seed, float) and seed.is_integer() else seed),
        }


@dataclass(frozen=True)
class _Result:
    status: gr.HTML
    audio: gr.Audio
    file: gr.DownloadButton
    picture: gr.HTML
    timings: gr.HTML


def _form(desk: Desk, settings: WebUISettings) -> _Form:
    asked = _asked(settings)
    voices = [(voice.title, voice.name) for voice in desk.engine.voices]
    voice = gr.Radio(voices, value=voices[0][1], label="音色")
    manner = _manner()
    format = gr.Radio([name.upper() for name in FORMATS if name != "pcm"], value=FORMATS[0].upper(), label="音频格式")
    gr.HTML(
        '<fieldset class="later" disabled><legend>参考音频（即将支持）</legend>'
        '<button type="button" disabled aria-describedby="later">选择参考音频</button>'
        f'<p id="later">{_CLONING}</p></fieldset>'
    )
    return _Form(asked, manner, voice, format)


def _asked(settings: WebUISettings) -> _Asked:
    text = gr.Textbox(label="要朗读的文本", lines=6, max_lines=16, placeholder="在这里输入中文，可夹英文单词和数字")
    count = gr.HTML(f'<p class="count">0 / {settings.max_chars} 个字符</p>')
    ssml = gr.Checkbox(label="文本是 SSML", info="按标记朗读：整段应放在 <speak> 与 </speak> 之间")
    with gr.Row():
        speak = gr.Button("合成", variant="primary", elem_id="speak")
        stop = gr.Button("停止", variant="stop", elem_id="stop")
        read = gr.Button("这句话怎么读", elem_id="read")
    reading = gr.HTML(elem_id="reading", js_on_load=CHOOSER)
    gr.Examples([[example] for example in _EXAMPLES], inputs=[text], label="例句", api_visibility="private")
    return _Asked(text, count, ssml, read, speak, stop, reading, gr.State(""))


def _manner() -> _Manner:
    speed = gr.Slider(MIN_SPEED, MAX_SPEED, value=1.0, step=0.05, label="语速", info="1 为正常，音高不随语速变化")
    with gr.Accordion("音高、语调、音量、随机种子", open=True):
        with gr.Row():
            pitch = gr.Slider(*PITCH, value=0.0, step=0.5, label="音高", info="半音，0 为原声", min_width=200)
            range = gr.Slider(*RANGE, value=1.0, step=0.05, label="语调起伏", info="0 为平调，1 为原样", min_width=200)
        with gr.Row():
            volume = gr.Slider(*VOLUME, value=0.0, step=0.5, label="音量", info="分贝，0 为原样", min_width=200)
            seed = gr.Number(
                0, label="随机种子", info=f"{SEEDS[0]} 到 {SEEDS[1]}，0 为不变化", elem_id="seed", min_width=200
            )
    return _Manner(speed, pitch, range, volume, seed)


def _result() -> _Result:
    status = gr.HTML(_status("输入文本，然后按“合成”。"), elem_id="status")
    audio = gr.Audio(label="合成的声音", type="filepath", interactive=False, buttons=[], elem_id="audio")
    file = gr.DownloadButton("下载音频", interactive=False, elem_id="download")
    picture = gr.HTML(elem_id="picture")
    with gr.Accordion("每个字的时间", open=False):
        timings = gr.HTML('<p class="hint">合成之后显示。</p>', elem_id="timings")
    return _Result(status, audio, file, picture, timings)


@dataclass(frozen=True)
class _Actions:
    """What the page's buttons do."""

    desk: Desk
    store: AudioStore
    settings: WebUISettings
    finish: Finish
    form: _Form
    result: _Result

    def connect(self) -> None:
        """Bind buttons and fields to the methods below."""
        asked, result = self.form.asked, self.result
        private: dict[str, Any] = {"api_visibility": "private"}
        limit = self.settings.max_chars
        counted = (
            "(text) => { const n = [...(text || '')].length;"
            f" return `<p class=\"count${{n > {limit} ? ' over' : ''}}\">${{n}} / {limit} 个字符</p>`; }}"
        )
        asked.text.change(None, [asked.text], [asked.count], js=counted, show_progress="hidden")
        outputs = [result.status, result.audio, result.file, result.picture, result.timings]
        manner = {getattr(self.form.manner, field.name) for field in fields(self.form.manner)}
        speaking = asked.speak.click(
            self.speak,
            {asked.text, asked.ssml, self.form.voice, self.form.format, *manner},
            outputs,
            show_progress="hidden",
            trigger_mode="once",
            **private,
        )
        asked.stop.click(self.stop, None, [result.status], cancels=[speaking], show_progress="hidden", **private)
        shown: dict[str, Any] = {
            "outputs": [asked.text, asked.reading, asked.was_read],
            "concurrency_limit": 4,
            **private,
        }
        asked.read.click(self.read, {asked.text, asked.ssml}, show_progress="minimal", **shown)
        known = {asked.text, asked.ssml, asked.was_read}
        asked.reading.choose(self.choose, known, show_progress="hidden", trigger_mode="once", **shown)

    async def speak(self, values: Update) -> AsyncGenerator[Update, None]:
        """Make the sound, saying how far it is after every sentence."""
        form, result = self.form, self.result
        text = values[form.asked.text]
        yield self._cleared("正在排队…")
        try:
            checked_text(text, self.settings.max_chars)
            manner = form.manner.chosen(values)
            options = SynthesisOptions(voice=values[form.voice], ssml=bool(values[form.asked.ssml]), **manner)
            speeches = []
            async with contextlib.aclosing(self.desk.speak(text, options)) as pieces:
                async for piece in pieces:
                    speeches.append(piece.speech)
                    done = piece.speech.progress
                    yield {result.status: _status(f"已合成 {done:.0%}", done)}
            made = join(speeches)
        except TTSError as error:
            sentence = _sentence(error)
            yield {result.status: _status(sentence, is_error=True)}
            raise gr.Error(sentence, title="没有合成", print_exception=False) from error
        yield await asyncio.to_thread(self._shown, made, text, values[form.format].lower())

    def stop(self) -> str:
        """Say that the work was stopped; Gradio itself ends it."""
        return _status("已停止。")

    async def read(self, values: Update) -> Update:
        """The text with its readings."""
        asked = self.form.asked
        with _refusing("无法显示读音"):
            text = values[asked.text]
            return {asked.reading: ruby(await self._read(text, values)), asked.was_read: text}

    async def choose(self, values: Update, event: gr.EventData) -> Update:
        """The text with the reading that was clicked, and how it is read now."""
        asked = self.form.asked
        sent = event._data if isinstance(event._data, dict) else {}
        begin, pinyin = sent.get("begin"), sent.get("pinyin")
        with _refusing("没有改读音"):
            if values[asked.text] != values[asked.was_read]:
                raise InputError("文本已经改过：请再按“这句话怎么读”，然后选读音。")
            text = overridden(await self._read(values[asked.text], values), begin, pinyin)
            reading = await self._read(text, values)
            if not holds(reading, begin, pinyin):
                raise InputError("这里的读音由标记决定：请直接修改文本里的标记。")
            return {asked.text: text, asked.reading: ruby(reading), asked.was_read: text}

    async def _read(self, text: str, values: Update) -> Reading:
        checked_text(text, self.settings.max_chars)
        return await self.desk.read(text, SynthesisOptions(ssml=bool(values[self.form.asked.ssml])))

    def _cleared(self, said: str) -> Update:
        result = self.result
        return {
            result.status: _status(said, 0.0),
            result.audio: None,
            result.file: gr.DownloadButton(interactive=False),
            result.picture: "",
            result.timings: "",
        }

    def _shown(self, made: Utterance, text: str, format: str) -> Update:
        path = str(self.store.save(self.finish.download(made, format), format, self.store.gradio))
        logger.info(
            "request=page-%s characters=%d duration_s=%.3f rtf=%.4f",
            secrets.token_hex(4),
            len(text),
            made.duration_s,
            made.real_time_factor,
        )
        said = f"完成：{made.duration_s:.2f} 秒，用时 {made.synthesis_s:.2f} 秒（实时率 {made.real_time_factor:.3f}）。"
        result = self.result
        return {
            result.status: _status(said, warnings=[f"“{w.text}”：{w.message}" for w in made.warnings]),
            result.audio: path,
            result.file: gr.DownloadButton(value=path, interactive=True),
            result.picture: draw(made.samples, made.sample_rate, made.timings),
            result.timings: _table(made),
        }


@contextlib.contextmanager
def _refusing(title: str) -> Iterator[None]:
    """Show what the engine finds wrong as a sentence."""
    try:
        yield
    except TTSError as error:
        raise gr.Error(_sentence(error), title=title, print_exception=False) from error


def _sentence(error: TTSError) -> str:
    return str(error) if isinstance(error, InputError) else problem_of(error).detail


def _status(said: str, part: float | None = None, is_error: bool = False, warnings: list[str] | None = None) -> str:
    bar = "" if part is None else f'<progress value="{part:.4f}" max="1" aria-label="合成进度"></progress>'
    lines = "".join(f"<li>{escape(warning)}</li>" for warning in warnings or [])
    silent = f'<p>下列符号没有读出：</p><ul class="notices">{lines}</ul>' if lines else ""
    role = "alert" if is_error else "status"
    return f'<div role="{role}" class="{role}"><p>{escape(said)}</p>{bar}{silent}</div>'


def _table(made: Utterance) -> str:
    rows = "".join(
        f"<tr><td>{escape(timing.text)}</td><td>{timing.begin}–{timing.end}</td>"
        f"<td>{timing.begin_ms}</td><td>{timing.end_ms}</td></tr>"
        for timing in made.timings
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("字", "原文中的位置", "开始（毫秒）", "结束（毫秒）"))
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="每个字的时间">'
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
