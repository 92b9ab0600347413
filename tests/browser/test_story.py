"""长文与故事 in a real Chromium: roles, listening while the rest is made, a sentence again, one file with subtitles."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import soundfile

from tests.browser.feeling import FeelingEngine
from tests.browser.late import LateEnd, LateNumber
from tests.browser.test_page import LABEL_SAMPLES
from tests.browser.watch import Watched
from tests.webui.engine import CHAR_SAMPLES, RATE, Gate

pytestmark = [  # Gradio's own use of pandas
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]
STORY = "旁白：从前有兔。\n小兔（开心）：真好。走吧。\n狐狸（得意）：<b>你好\n"


def write(page: Watched, text: str) -> None:
    page.tab("长文与故事")
    page.locator("#story-text textarea").fill(text)


def make(page: Watched, text: str, count: int) -> None:
    write(page, text)
    page.locator("#story-make").click()
    page.locator("#story-status").get_by_text(f"完成：{count} 句").wait_for()


def pitches(sound: np.ndarray, characters: int) -> list[int]:
    """The loudest frequency of each character, as a multiple of 110 Hz."""
    pieces = sound[: characters * CHAR_SAMPLES].reshape(characters, CHAR_SAMPLES)
    return [round(int(np.argmax(np.abs(np.fft.rfft(piece)))) * RATE / CHAR_SAMPLES / 110) for piece in pieces]


def test_a_script_becomes_one_file_with_subtitles(browser, feeling):
    with Watched.open(browser, feeling.url) as page:
        write(page, STORY)
        page.locator("#cast tbody tr").nth(2).wait_for()
        assert page.locator("#cast tbody th").all_inner_texts() == ["旁白\n1 段", "小兔\n1 段", "狐狸\n1 段"]
        page.get_by_label("音色 狐狸").select_option("female")
        page.get_by_label("情感 狐狸").select_option("sad")
        make(page, STORY, 4)
        assert "“得意”没有用上" in page.text("#story-status")
        assert page.locator("#takes .who").all_inner_texts() == ["旁白", "小兔（开心）", "小兔（开心）", "狐狸（难过）"]
        page.locator("#story-export").click()
        links = page.locator("#story-files a")
        links.nth(3).wait_for()
        sound, srt, lrc, document = (page.download(f"#story-files a >> nth={n}") for n in range(4))
        samples, rate = soundfile.read(io.BytesIO(sound))
        spoken = 4 + 2 + 2 + 5
        assert rate == RATE and abs(len(samples) - spoken * CHAR_SAMPLES - LABEL_SAMPLES) < 3000  # MP3 pads
        lines = srt.decode().split("\n\n")
        assert lines[1] == "2\n00:00:00,400 --> 00:00:00,600\n真好。"
        assert lrc.decode().splitlines()[3] == "[00:00.80]<b>你好"
        rows = json.loads(document)["sentences"]
        assert [(row["role"], row["emotion"], row["end_ms"]) for row in rows][-1] == ("狐狸", "sad", 1300)
        said = rows[1]["characters"][0]
        assert STORY[said["begin"] : said["end"]] == said["text"] == "真"
        page.check_quiet()


def test_it_is_heard_while_the_rest_is_made_and_goes_on(browser, start):
    gate = Gate()
    engine = FeelingEngine(before_sentence=lambda text: gate(text) if text.startswith("三") else None)
    with start(engine) as server, Watched.open(browser, server.url) as page:
        write(page, "一一一一。二二二二。三三三三。")
        page.locator("#story-make").click()
        assert gate.arrived.acquire(timeout=60)
        page.locator("#takes li.made").nth(1).wait_for()
        page.get_by_role("button", name="从头播放").click()
        page.wait_for_function("document.querySelectorAll('#takes li')[2].hasAttribute('data-now')")  # waits for it
        gate.open()
        page.locator("#story-status").get_by_text("完成：3 句").wait_for()
        source = page.locator("#takes li").nth(2).get_attribute("data-source")
        page.wait_for_function("source => document.querySelector('#takes audio').src.endsWith(source)", arg=source)
        page.check_quiet()


def test_one_sentence_is_made_again_and_an_edited_line_costs_no_more(browser, start):
    engine = FeelingEngine()
    with start(engine) as server, Watched.open(browser, server.url) as page:
        make(page, "一一。二二。\n三三。", 3)
        before = page.locator("#takes li").nth(1).get_attribute("data-source")
        page.get_by_role("button", name="重做第 2").click()
        page.get_by_text("第 2 句已重做。").wait_for()
        page.changed("#takes li:nth-child(2)", "data-source", before)
        assert engine.made == ["一一。", "二二。", "三三。", "二二。"]
        make(page, "一一。四四。\n三三。", 3)
        assert engine.made[4:] == ["四四。"]


def test_stop_keeps_what_is_made_and_errors_are_sentences(browser, start):
    gate = Gate()
    engine = FeelingEngine(before_sentence=lambda text: gate(text) if text.startswith("三") else None)
    with start(engine) as server, Watched.open(browser, server.url) as page:
        page.tab("长文与故事")
        page.locator("#story-export").click()
        page.get_by_test_id("toast-body").get_by_text("还没有合成：请先按“开始合成”。").wait_for()
        page.locator("#story-make").click()
        page.locator("#story-status [role=alert]").get_by_text("文本为空").wait_for()
        write(page, "一。二。三。四。")
        page.locator("#story-make").click()
        assert gate.arrived.acquire(timeout=60)
        page.locator("#story-stop").click()
        page.locator("#story-status").get_by_text("已停止。").wait_for()
        gate.open()
        make(page, "一。二。三。四。", 4)
        assert engine.made.count("一。") == 1
        assert "Traceback" not in page.content()


def test_a_stop_that_is_faster_than_the_network_stops_the_work(browser, start):
    gate = Gate()
    engine = FeelingEngine(before_sentence=lambda text: gate(text) if text.startswith("二") else None)
    server = start(engine)
    server.middleware.append(LateNumber)
    with server, Watched.open(browser, server.url) as page:
        stops: list[int] = []
        page.on("response", lambda answer: answer.url.endswith("/cancel") and stops.append(answer.status))
        write(page, "一。二。三。")
        page.locator("#cast tbody tr").first.wait_for()
        LateNumber.armed.set()
        page.locator("#story-make").click()
        assert gate.arrived.acquire(timeout=60)
        page.locator("#story-stop").click()
        page.locator("#story-status").get_by_text("已停止。").wait_for()
        gate.open()
        make(page, "一。二。三。", 3)
        assert stops == [200] and engine.made.count("一。") == 1
        page.check_quiet()


def test_ssml_is_a_story_too(browser, feeling):
    with Watched.open(browser, feeling.url) as page:
        make(page, "<speak>一二。三四五。</speak>", 3)  # the computable engine reads every character
        page.locator("#story-export").click()
        page.locator("#story-files a").nth(3).wait_for()
        rows = json.loads(page.download("#story-files a >> nth=3"))["sentences"]
        assert rows[1]["begin_ms"] == rows[0]["end_ms"]


def test_a_click_that_meets_the_end_of_the_message_stream_is_answered(browser, start):
    server = start(FeelingEngine())
    server.middleware.append(LateEnd)
    with server, Watched.open(browser, server.url) as page:
        page.tab("长文与故事")
        LateEnd.held.clear()
        LateEnd.armed.set()
        page.locator("#story-text textarea").fill("一二。")  # read by the server, which then ends the stream
        page.locator("#cast tbody tr").first.wait_for()
        assert LateEnd.held.wait(60)
        page.locator("#story-make").click()
        page.locator("#story-status").get_by_text("完成：1 句").wait_for()
        page.check_quiet()
