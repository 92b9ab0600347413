"""The operator's page in a real Chromium, around an engine whose sound can be computed."""

from __future__ import annotations

import io
import json
import os
import shlex
import threading
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile

from sound.notice import margin, rhythm
from tests.browser.watch import Watched
from tests.webui.engine import CHAR_SAMPLES, RATE, Gate, SineEngine
from tests.webui.serving import Server
from tts_engine.frontend import Frontend
from tts_engine.frontend.reading import Reading
from tts_engine.frontend.ssml import Markup
from tts_engine.synthesizer import SynthesisOptions

pytestmark = [  # Gradio's own use of pandas
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]
TEXT = "你好。今天天气★很好。"
LABEL_SAMPLES = len(margin(RATE)) + len(rhythm(RATE))
"""What is heard after a sound that may be taken away."""


@pytest.fixture
def page(browser, server) -> Iterator[Watched]:
    with Watched.open(browser, server.url) as page:
        yield page


def test_typing_and_clicking_makes_a_sound_that_can_be_downloaded(page):
    page.speak(TEXT)
    sound, rate = soundfile.read(io.BytesIO(page.download()))
    assert (rate, len(sound)) == (RATE, 8 * CHAR_SAMPLES + LABEL_SAMPLES)
    assert np.sqrt((sound[: 8 * CHAR_SAMPLES] ** 2).mean()) == pytest.approx(0.5 / np.sqrt(2), abs=0.01)
    assert page.text("#status").startswith("完成：0.80 秒")
    assert "“★”：这个符号不发音。" in page.text("#status")
    page.wait_for_function("document.querySelector('#audio audio').duration > 0")  # its head has been read
    assert page.locator("#audio audio").evaluate("sound => sound.duration") == pytest.approx(
        len(sound) / RATE, abs=0.01
    )
    page.check_quiet()


def test_the_character_that_is_heard_is_marked_and_a_click_seeks(page):
    page.speak("一二三四五。六七★八九十")
    sound = page.locator("#audio audio")
    sound.evaluate("sound => { sound.currentTime = 0.45; }")
    page.wait_for_function("document.querySelector('.karaoke .now')?.innerText === '五'")
    assert "translate(390.8 " in page.locator("#picture .playhead").get_attribute("transform")
    page.locator(".karaoke span", has_text="八").click()
    page.wait_for_function(  # it really plays, and the mark follows
        "document.querySelector('#audio audio').currentTime > 0.85"
        " && document.querySelector('.karaoke .now')?.innerText !== '八'"
    )
    assert page.text(".karaoke") == "一二三四五。六七★八九十"
    page.check_quiet()


def test_each_voice_has_a_sample(page):
    samples = page.locator("#voices button[data-source]")
    assert samples.count() == 3
    for source in samples.evaluate_all("buttons => buttons.map((button) => button.dataset.source)"):
        answer = page.context.request.get(page.url.rstrip("/") + source)
        sound, rate = soundfile.read(io.BytesIO(answer.body()))
        assert len(sound) / rate > 2 and np.std(sound) > 0.1
    page.evaluate(
        "window.heard = new Promise((heard) => new MutationObserver(() =>"
        " document.querySelector('#voices button.playing') && heard(true))"
        ".observe(document.querySelector('#voices'), { attributes: true, subtree: true })); undefined"
    )
    samples.nth(1).click()
    assert page.evaluate("window.heard")
    page.check_quiet()


def test_the_request_is_there_as_code_that_runs(page):
    page.speak("他说：“it's 3 o'clock”\n$(true)")
    page.unfold("复制为代码")
    page.locator("#code pre").first.wait_for()
    command, call = page.locator("#code code").all_text_contents()
    words = shlex.split(command)
    assert words[0] == "curl" and json.loads(words[words.index("-d") + 1]) == {
        "text": "他说：“it's 3 o'clock”\n$(true)",
        "speaker": "female",
        "format": "wav",
    }
    page.evaluate("const wx = { request: (asked) => { window.asked = asked; } }; const token = 't';" + call)
    asked = page.evaluate("[asked.url, asked.method, asked.data.text, asked.header.Authorization]")
    assert asked == ["https://127.0.0.1:8443/tts", "POST", "他说：“it's 3 o'clock”\n$(true)", "Bearer t"]


def test_a_feeling_and_its_strength_are_heard(browser, feeling):
    with Watched.open(browser, feeling.url) as page:
        page.get_by_role("radio", name="开心").check()
        page.set("情感强度", "0.5")
        page.speak("好好")
        sound, _ = soundfile.read(io.BytesIO(page.download()))
        assert np.argmax(np.abs(np.fft.rfft(sound[:CHAR_SAMPLES]))) == pytest.approx(22 * 2**0.5, abs=1)
        page.check_quiet()


def test_the_picture_shows_waveform_mel_pitch_and_characters(page):
    page.speak(TEXT)
    picture = page.locator("#picture svg")
    picture.locator("image").wait_for()
    assert picture.get_attribute("aria-label") == "波形、梅尔频谱与音高，共 0.80 秒"
    labels = picture.locator("text").all_text_contents()
    assert [label for label in labels if label in TEXT] == list("你好今天天气很好")
    assert picture.locator("image").evaluate("image => image.getBBox().width") > 700
    assert picture.locator("polyline.pitch").count() == 1
    page.unfold("每个字的时间")
    rows = page.locator("#timings tbody tr")
    rows.nth(7).wait_for()  # the table is drawn when its section opens
    assert rows.count() == 8
    assert rows.nth(2).locator("td").all_inner_texts() == ["今", "3–4", "200", "300"]


def test_speed_voice_and_format_reach_the_engine(page, server):
    page.get_by_role("radio", name="童声").check()
    page.get_by_label("MP3").check()
    page.set("语速", "2")
    page.speak("好" * 20)
    assert page.text("#status").startswith("完成：1.00 秒")
    assert soundfile.info(io.BytesIO(page.download())).format == "MP3"
    page.check_quiet()


def test_every_character_gets_its_reading(page):
    page.fill("变好<b>★。")
    page.get_by_role("button", name="这句话怎么读").click()
    page.locator("#reading ruby").first.wait_for()
    assert page.locator("#reading rt").all_inner_texts() == ["mā"] * 5
    assert page.locator("#reading ruby.changed").get_attribute("title") == "变调：mǎ → mā"
    assert "第 6 个字符“★”：这个符号不发音。" in page.text("#reading")
    page.check_quiet()


def test_every_slider_changes_the_sound(page):
    page.unfold("音高、语调、音量、随机种子")
    sounds = {}
    fields = (("语速", "1"), ("音高", "12"), ("语调起伏", "0.5"), ("音量", "-20"), ("随机种子", "7"))
    for number, (name, value) in enumerate(fields, start=1):
        field = page.get_by_role("spinbutton", name=name)
        before = field.input_value()
        field.fill(value)
        field.press("Tab")
        page.speak("好" * number)
        page.get_by_text(f"完成：0.{number}0 秒").wait_for()  # not the sound before
        sounds[name] = soundfile.read(io.BytesIO(page.download()))[0][:CHAR_SAMPLES]
        field.fill(before)
        field.press("Tab")
    plain = sounds.pop("语速")
    assert np.argmax(np.abs(np.fft.rfft(sounds["音高"]))) == pytest.approx(440 * len(plain) / RATE, abs=1)
    assert np.std(sounds["音量"]) == pytest.approx(np.std(plain) / 10, rel=0.02)
    assert all(np.abs(sound - plain).max() > 0.1 for sound in sounds.values())
    page.check_quiet()


def test_a_seed_that_is_none_is_refused_with_a_sentence(page):
    page.fill("好")
    page.unfold("音高、语调、音量、随机种子")
    page.get_by_role("spinbutton", name="随机种子").fill("1.5")
    page.get_by_role("button", name="合成", exact=True).click()
    page.locator("#status [role=alert]").wait_for()
    assert "应为 0 到 4294967295 之间的整数。" in page.text("#status")


class FrontedEngine(SineEngine):
    """Reads as the real one does."""

    frontend = Frontend()

    def read(self, text: str, options: SynthesisOptions | None = None) -> Reading:
        return self.frontend.read(text, Markup(bool(options and options.ssml), "error"))


@pytest.fixture(scope="module")
def reader(start) -> Iterator[Server]:
    with start(FrontedEngine()) as server:
        yield server


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_click_on_a_character_overrides_its_reading(browser, reader, scheme):
    with Watched.open(browser, reader.url, width=375, scheme=scheme) as page:
        page.fill("他重要50%${1}{{x}}<b>行")
        page.get_by_role("button", name="这句话怎么读").click()
        page.locator("#reading ruby", has_text="重").click()
        choices = page.locator("#reading .choices button")
        assert choices.all_inner_texts() == ["zhòng", "chóng", "tóng"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        shade = page.brightness("#reading .choices", "backgroundColor")
        assert shade < 80 if scheme == "dark" else shade > 230
        if "SCREENSHOT" in os.environ:
            page.screenshot(path=f"var/choices-{scheme}.png", full_page=True)
        choices.nth(1).click()
        page.wait_for_function("document.querySelector('#reading ruby:nth-of-type(2) rt').innerText === 'chóng'")
        assert page.get_by_label("要朗读的文本").input_value() == "他重(chong2)要50%${1}{{x}}<b>行"
        assert page.locator("#reading ruby.rewritten").first.get_attribute("title") == "50% 读作 百分之五十"
        page.locator("#reading ruby", has_text="重").press("Enter")
        page.get_by_role("button", name="自动").click()
        page.wait_for_function("document.querySelector('#reading ruby:nth-of-type(2) rt').innerText === 'zhòng'")
        assert page.get_by_label("要朗读的文本").input_value() == "他重要50%${1}{{x}}<b>行"
        page.check_quiet()


def test_a_text_that_was_edited_meanwhile_is_not_overwritten(browser, reader):
    with Watched.open(browser, reader.url) as page:
        page.fill("重庆")
        page.get_by_role("button", name="这句话怎么读").click()
        page.locator("#reading ruby", has_text="重").click()
        page.fill("不重庆")
        page.locator("#reading .choices button").first.click()
        page.get_by_text("文本已经改过：请再按“这句话怎么读”，然后选读音。").wait_for()
        assert page.get_by_label("要朗读的文本").input_value() == "不重庆"


def test_the_switch_makes_the_text_ssml(browser, reader):
    with Watched.open(browser, reader.url) as page:
        page.get_by_label("文本是 SSML").check()
        page.speak('<speak><sub alias="你好">嗨</sub>重</speak>')
        page.get_by_role("button", name="这句话怎么读").click()
        page.locator("#reading ruby").first.wait_for()
        assert page.locator("#reading ruby").count() == 3
        page.locator("#reading ruby", has_text="重").click()
        page.get_by_role("button", name="chóng").click()
        page.wait_for_function("document.querySelector('#reading').innerText.includes('chóng')")
        assert page.get_by_label("要朗读的文本").input_value() == '<speak><sub alias="你好">嗨</sub>重(chong2)</speak>'
        page.fill("<speak>坏")
        page.get_by_role("button", name="合成", exact=True).click()
        page.locator("#status [role=alert]").wait_for()
        assert "第 1 行" in page.text("#status")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "文本为空：请输入至少一个可以朗读的字符。"),
        ("  \n", "文本为空：请输入至少一个可以朗读的字符。"),
        ("★", "文本为空：请输入至少一个可以朗读的字符。"),
        ("好" * 5001, "文本共 5001 个字符，一次最多 5000 个：请分段发送。"),
    ],
)
def test_what_cannot_be_spoken_is_refused_with_a_sentence(page, text, sentence):
    page.fill(text)
    page.get_by_role("button", name="合成", exact=True).click()
    alert = page.locator("#status [role=alert]")
    alert.wait_for()
    assert alert.inner_text().strip() == sentence
    page.get_by_test_id("toast-body").wait_for()
    assert sentence in page.get_by_test_id("toast-body").inner_text()
    assert "Traceback" not in page.content()
    page.speak("还能用")  # the page is not stuck


def test_the_count_is_live_and_warns(page):
    page.fill("你好𠮷")
    page.get_by_text("3 / 5000 个字符").wait_for()
    page.fill("好" * 5001)
    page.get_by_text("5001 / 5000 个字符").wait_for()
    assert page.locator(".count.over").count() == 1


def test_progress_is_shown_by_sentence_and_stop_stops(browser, start):
    gate = Gate()
    engine = SineEngine(before_sentence=lambda text: gate(text) if text.startswith("三") else None)
    with start(engine) as server, Watched.open(browser, server.url) as page:
        page.fill("一。二。三。四。五。")
        page.get_by_role("button", name="合成", exact=True).click()
        page.get_by_text("已合成 40%").wait_for()
        assert page.locator("#status progress").evaluate("bar => bar.value") == pytest.approx(0.4)
        assert gate.arrived.acquire(timeout=60)
        page.get_by_role("button", name="停止").click()
        page.get_by_text("已停止。").wait_for()
        gate.open()
        page.speak("好")  # the place was given back
        assert engine.made == ["一。", "二。", "三。", "好"]
        page.check_quiet()


def test_a_page_that_is_closed_stops_its_work(browser, start):
    slow = threading.Event()  # never set: every sentence takes half a second, all of them far longer than is waited
    engine = SineEngine(before_sentence=lambda text: slow.wait(0.5) and None)
    with start(engine, concurrency=1) as server:
        with Watched.open(browser, server.url) as page:
            page.fill("好。" * 300)
            page.get_by_role("button", name="合成", exact=True).click()
            page.get_by_text("已合成").wait_for()
        assert engine.ended.acquire(timeout=60)
        assert len(engine.made) < 300
        with Watched.open(browser, server.url) as page:
            page.speak("还能用")


def test_two_pages_work_at_once(browser, server):
    with Watched.open(browser, server.url) as first, Watched.open(browser, server.url) as second:
        first.speak("一二三")
        second.speak("一二三四五六")
        assert len(soundfile.read(io.BytesIO(first.download()))[0]) == 3 * CHAR_SAMPLES + LABEL_SAMPLES
        assert len(soundfile.read(io.BytesIO(second.download()))[0]) == 6 * CHAR_SAMPLES + LABEL_SAMPLES


@pytest.mark.parametrize("width", [375, 768, 1280])
def test_nothing_scrolls_sideways(browser, server, width):
    with Watched.open(browser, server.url, width=width) as page:
        page.speak(TEXT)
        page.get_by_role("button", name="这句话怎么读").click()
        page.locator("#reading ruby").first.wait_for()
        page.unfold("每个字的时间")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if width > 600:  # on a phone it scrolls in its own box
            assert page.locator(".picture").evaluate("box => box.scrollWidth <= box.clientWidth + 1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_schemes(browser, server, scheme):
    with Watched.open(browser, server.url, scheme=scheme) as page:
        page.speak(TEXT)
        ink, paper = page.brightness("#status p"), page.brightness("body", "backgroundColor")
        drawn = page.brightness("#picture text", "fill")
        if scheme == "dark":
            assert paper < 60 and ink > 180 and drawn > 180
        else:
            assert paper > 230 and ink < 110 and drawn < 110


def test_every_control_has_a_name(page):
    for role in ("textbox", "radio", "slider", "spinbutton", "button"):
        for control in page.get_by_role(role).all():
            name = control.evaluate(
                "e => (e.ariaLabel || e.title || e.innerText || [...(e.labels || [])].map(l => l.innerText).join(' ')"
                " || (document.getElementById(e.getAttribute('aria-labelledby')) || {}).innerText || '').trim()"
            )
            assert name, control.evaluate("e => e.outerHTML")


def test_a_login_opens_the_page(browser, start):
    password = "p" * 16
    with start(token="t" * 32, password=password) as server:
        with Watched.open(browser, server.url, login=("operator", password)) as page:
            page.speak("好")
            page.check_quiet()
