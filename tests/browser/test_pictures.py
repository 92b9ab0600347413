"""README's pictures of the page: ``SCREENSHOT=1``, and ``SCREENSHOT_URL`` for a server with the real voice."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from tests.browser.watch import Watched

pytestmark = pytest.mark.skipif(
    "SCREENSHOT" not in os.environ, reason="set SCREENSHOT=1 to write docs/images/page*.png"
)
FOLDER = Path(__file__).parents[2] / "docs" / "images"
STORY = (
    "旁白：从前，森林里住着一只小兔子。\n小兔（开心）：今天天气真好，我要去采蘑菇！\n"
    "狐狸（温柔）：小兔，你要去哪里呀？\n旁白：小兔一溜烟跑回了家。"
)
MOST_BYTES = 250_000


def write(page: Watched, name: str) -> None:
    data = page.screenshot()
    picture = Image.open(io.BytesIO(data)).convert("RGB").quantize(128)
    picture.save(FOLDER / name, optimize=True)
    assert (FOLDER / name).stat().st_size < MOST_BYTES


@pytest.fixture
def url(feeling) -> str:
    return os.environ.get("SCREENSHOT_URL", feeling.url)


def test_speaking(browser, url):
    with Watched.open(browser, url) as page:
        page.set_viewport_size({"width": 1180, "height": 980})
        page.speak("今天天气很好，我们一起去公园散步吧！")
        page.get_by_role("button", name="这句话怎么读").click()
        page.locator("#reading ruby").first.wait_for()
        sound = page.locator("#audio audio")
        sound.evaluate("sound => { sound.currentTime = 0.9; }")
        page.locator(".karaoke .now").wait_for()
        write(page, "page.png")


def test_a_story(browser, url):
    with Watched.open(browser, url) as page:
        page.tab("长文与故事")
        page.locator("#story-text textarea").fill(STORY)
        page.locator("#cast tbody tr").nth(2).wait_for()
        page.locator("#story-make").click()
        page.locator("#story-status").get_by_text("完成：").wait_for()
        write(page, "page-story.png")


def test_a_phone_in_the_dark(browser, url):
    with Watched.open(browser, url, width=375, scheme="dark") as page:
        page.set_viewport_size({"width": 375, "height": 760})
        page.speak("今天天气很好，我们一起去公园散步吧！")
        page.locator("#audio audio").evaluate("sound => { sound.currentTime = 0.9; }")
        page.locator(".karaoke .now").wait_for()
        page.locator("#audio").scroll_into_view_if_needed()
        write(page, "page-phone.png")
