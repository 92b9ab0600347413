"""音色, 批量 and 状态 in a real Chromium; every tab by axe, on a phone, in the dark, in English."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.browser.feeling import FeelingEngine
from tests.browser.watch import Watched
from tests.tts_engine.test_clips import speech
from tests.webui.engine import Gate

pytestmark = [  # Gradio's own use of pandas
    pytest.mark.filterwarnings("ignore:.*no_silent_downcasting"),
    pytest.mark.filterwarnings("ignore:The copy keyword is deprecated"),
]
OverdueError = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").TimeoutError
TABS = ("合成", "长文与故事", "音色", "批量", "状态")


def clip() -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, speech(), 22050, format="WAV")
    return buffer.getvalue()


def upload(page: Watched, data: bytes) -> None:
    page.locator("#clip input[type=file]").set_input_files({"name": "a.wav", "mimeType": "audio/wav", "buffer": data})
    page.locator("#clip audio, #clip .waveform-container, #clip [data-testid^=waveform]").first.wait_for(
        state="attached"
    )


def delete(row: Any) -> None:
    """Click, and click again to say that it is meant: at once, for the button forgets the first click after a while."""
    row.get_by_role("button", name="删除").evaluate("button => { button.click(); button.click(); }")


def choose(page: Any, field: str, name: str) -> None:
    """Take an option that may come a moment after the list is opened for the first time."""
    option = page.get_by_role("option", name=name)
    for _ in range(30):
        page.locator(field).click()
        try:
            option.click(timeout=2000)
        except OverdueError:
            page.locator(field).press("Escape")
        else:
            return
    option.click()


def test_a_recording_becomes_a_voice_with_consent_and_goes_again(browser, start):
    with start(FeelingEngine()) as server, Watched.open(browser, server.url) as page, server.client() as client:
        page.tab("音色")
        page.locator("#clip-check").click()
        page.get_by_test_id("toast-body").get_by_text("这段录音不能用 · 还没有录音或文件").wait_for()
        assert "Error" not in page.get_by_test_id("toast-body").inner_text()
        upload(page, clip())
        page.locator("#clip-check").click()
        page.locator("#clip-report").get_by_text("可以用：").wait_for()
        page.locator("#voice-name input, #voice-name textarea").fill("小明")
        page.locator("#voice-keep").click()
        page.get_by_test_id("toast-body").get_by_text("缺少授权").wait_for()
        page.locator("#consent-person input, #consent-person textarea").fill("明某")
        page.locator("#consent-purpose input, #consent-purpose textarea").fill("试听")
        page.get_by_label("声音的主人本人已同意以上声明").check()
        page.locator("#voice-keep").click()
        page.locator("#clip-report").get_by_text("已保存音色“小明”。").wait_for()
        (entry,) = client.get("/api/voices-log").json()["log"]
        (consent,) = entry["consents"]
        assert (consent["person"], consent["purpose"], consent["recorded_by"]) == ("明某", "试听", "operator")
        assert consent["statement"].startswith("本人同意")
        assert consent["clip_sha256"] == hashlib.sha256(clip()).hexdigest()
        kept = page.locator("#voice-list li", has_text="小明")
        assert "明某 授权" in kept.inner_text()
        assert b'"indextts-voice"' in page.download("#voice-list li a")
        with Watched.open(browser, server.url) as later:  # who opens the page after that sees it everywhere
            later.get_by_role("radio", name="小明").check()
            later.speak("好好好")
            sound, _ = soundfile.read(io.BytesIO(later.download()))
            assert np.std(sound) > 0.1
            later.tab("音色")
            later.locator("#voice-list li", has_text="小明").wait_for()
            later.tab("批量")
            choose(later, "#batch-voice input", "小明")
            later.check_quiet()
        delete(kept)
        page.locator("#clip-report").get_by_text("已删除。").wait_for()
        kept.wait_for(state="detached")
        assert [row["action"] for row in client.get("/api/voices-log").json()["log"]] == ["add", "delete"]
        assert not list(server.directory.rglob("a.wav"))  # the recording is not kept
        page.check_quiet()


def test_a_bad_recording_is_refused_with_its_reason(browser, feeling):
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(22050 * 4, np.float32), 22050, format="WAV")
    with Watched.open(browser, feeling.url) as page:
        page.tab("音色")
        upload(page, buffer.getvalue())
        page.locator("#clip-check").click()
        page.get_by_test_id("toast-body").get_by_text("几乎没有声音：请检查麦克风后重录。").wait_for()
        assert "Traceback" not in page.content()


def test_two_voices_are_mixed_and_the_file_can_be_taken_in_again(browser, start):
    with start(FeelingEngine()) as server, Watched.open(browser, server.url) as page:
        page.tab("音色")
        page.unfold("混合两个音色")
        page.locator("#mix-name input, #mix-name textarea").fill("一半")
        page.locator("#mix").click()
        page.locator("#clip-report").get_by_text("已保存音色“一半”。").wait_for()
        exported = page.download("#voice-list li a")
        row = page.locator("#voice-list li", has_text="一半")
        delete(row)
        page.locator("#clip-report").get_by_text("已删除。").wait_for()
        page.unfold("导入音色文件")
        given = {"name": "v.voice.json", "mimeType": "application/json", "buffer": exported}
        page.locator("#voice-file input[type=file]").set_input_files(given)
        page.locator("#clip-report").get_by_text("已保存音色“一半”。").wait_for()


def test_a_model_that_cannot_clone_says_so(browser, server):
    with Watched.open(browser, server.url) as page:
        page.tab("音色")
        page.get_by_text("当前模型还不能克隆或混合音色").wait_for()
        assert page.locator("#voice-keep").is_disabled() and page.locator("#mix").count() <= 1


def test_a_list_stops_goes_on_and_becomes_a_zip(browser, start):
    gate = Gate()
    engine = FeelingEngine(before_sentence=lambda text: gate(text) if text.startswith("三") else None)
    with start(engine) as server, Watched.open(browser, server.url) as page:
        page.tab("批量")
        rows = "文件名,文本,音色\n欢迎,一二,male\n,二二,\n,★,\n再见,三三,\n"
        given = {"name": "menu.csv", "mimeType": "text/csv", "buffer": rows.encode("gb18030")}
        page.locator("#batch-file input[type=file]").set_input_files(given)
        page.locator("#batch-file .file-preview").wait_for()  # while it is sent its name is shown, too
        page.locator("#batch-start").click()
        assert gate.arrived.acquire(timeout=60)
        page.locator("#batch-status").get_by_text("/ 4 行").wait_for()
        page.locator("#batch-stop").click()
        page.locator("#batch-status").get_by_text("已停止。").wait_for()
        gate.open()
        page.locator("#batch-start").click()
        page.locator("#batch-status").get_by_text("完成：3 个文件，1 行没有合成。").wait_for()
        assert engine.made.count("一二") == 1
        with zipfile.ZipFile(io.BytesIO(page.download("#batch-zip a"))) as archive:
            assert archive.namelist() == ["欢迎.mp3", "0002.mp3", "再见.mp3", "list.csv"]
            sound, rate = soundfile.read(io.BytesIO(archive.read("欢迎.mp3")))
        assert len(sound) / rate > 0.2 and np.std(sound) > 0.05
        assert "文本为空" in page.text("#batch-list tr.failed")
        page.check_quiet()


def test_a_push_without_key_or_proxy_is_a_sentence(browser, feeling):
    with Watched.open(browser, feeling.url) as page:
        page.tab("批量")
        page.locator("#batch-text textarea").fill("你好")
        page.unfold("预先放进代理的缓存")
        page.locator("#batch-push").click()
        page.get_by_test_id("toast-body").get_by_text("请填写 API 密钥。").wait_for()
        page.locator("#batch-key input").fill("tts_x_y")
        page.locator("#batch-push").click()
        page.get_by_test_id("toast-body").get_by_text("代理").nth(0).wait_for()


def test_the_machine_is_shown_in_pictures(browser, start):
    with start(FeelingEngine()) as server, Watched.open(browser, server.url) as page, server.client() as client:
        for text in ("你好", "★"):
            client.post("/api/predict/", json={"data": [text]})
        page.tab("状态")
        page.locator("#gauges svg").nth(1).wait_for()
        labels = page.locator("#gauges svg").evaluate_all("charts => charts.map((chart) => chart.ariaLabel)")
        assert labels[0].startswith("最近 30 分钟：1 次成功，1 次失败")
        assert "empty_text" in page.text("#gauges .errors")
        assert "★" not in page.text("#gauges")
        client.post("/api/predict/", json={"data": ["再来"]})
        page.locator("#gauges").get_by_text("2 次成功").wait_for()  # it is drawn again by itself
        page.check_quiet()


def run_axe(page: Watched) -> list[str]:
    """Serious and critical findings of WCAG 2.2 A and AA in what is shown."""
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate(
        "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then((r) => r.violations)"
    )
    serious = [row for row in found if row["impact"] in ("serious", "critical")]
    return [f"{row['id']}: {node['html'][:160]} {node['failureSummary']}" for row in serious for node in row["nodes"]]


@pytest.mark.parametrize(("width", "scheme"), [(1180, "light"), (375, "dark")])
def test_every_tab_is_accessible_and_fits(browser, start, width, scheme):
    with start(FeelingEngine()) as server, Watched.open(browser, server.url, width, scheme) as page:
        page.speak("今天天气很好，我们一起去公园散步吧！")
        page.get_by_role("button", name="这句话怎么读").click()
        page.locator("#reading ruby").first.wait_for()
        for name in TABS:
            page.tab(name)
            fill(page, name)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, name
            assert run_axe(page) == [], name
            if "SCREENSHOT" in os.environ:
                Path("var").mkdir(exist_ok=True)
                page.screenshot(path=f"var/{TABS.index(name)}-{width}-{scheme}.png", full_page=True)
        page.check_quiet()


def fill(page: Watched, name: str) -> None:
    """Bring a tab into the state in which it shows most."""
    if name == "长文与故事":
        page.locator("#story-text textarea").fill("旁白：从前，有一只小兔。\n小兔（开心）：今天天气真好！\n")
        page.locator("#cast tbody tr").nth(1).wait_for()
        page.locator("#story-make").click()
        page.locator("#story-status").get_by_text("完成：").wait_for()
    elif name == "音色":
        page.locator("#voice-list li").first.wait_for()
    elif name == "批量":
        page.locator("#batch-text textarea").fill("你好。\n欢迎光临。\n★")
        page.locator("#batch-start").click()
        page.locator("#batch-zip a").wait_for()
    elif name == "状态":
        page.locator("#gauges svg").first.wait_for()


def test_the_page_is_english_for_who_reads_english(browser, feeling):
    with Watched.open(browser, feeling.url, width=375, locale="en-US") as page:
        assert page.evaluate("location.pathname") == "/en/"
        page.get_by_label("Text to read aloud").fill("你好")
        page.get_by_role("button", name="Speak", exact=True).click()
        page.get_by_text("Done: 0.20 s").wait_for()
        page.get_by_label("Text to read aloud").fill("")
        page.get_by_role("button", name="Speak", exact=True).click()
        page.locator("#status [role=alert]").get_by_text("The text is empty").wait_for()
        for name in ("Stories", "Voice", "Batch", "Status"):
            page.tab(name)
            assert page.evaluate("document.documentElement.scrollWidth") <= 375, name
        assert page.evaluate("document.documentElement.lang") == "en"
        page.get_by_role("link", name="中文").click()
        page.get_by_label("要朗读的文本").wait_for()
        page.check_quiet()
