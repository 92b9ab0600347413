"""The operator's page as a visitor meets it: how heavy it is, how soon it can be used, how soon it speaks.

``python -m benchmarks.page --json FILE``

The real WebUI with the real model, in Debian's Chromium on the same machine. Bytes are counted as they travel.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from benchmarks.machine import describe

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SENTENCE = "今天天气很好，我们一起去公园散步吧！"
ARTICLE = "从前，森林里住着一只小兔子，它每天都去采蘑菇。" * 20
READY_LIMIT_S = 180
STEP_LIMIT_S = 180
"""For whatever the page is asked: a busy machine makes the figures large, not the measurement fail."""


@contextmanager
def served() -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    environ = os.environ | {"TTS__WEBUI__PORT": str(port)}
    process = subprocess.Popen([sys.executable, "webui.py"], cwd=ROOT, env=environ, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, process)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(STEP_LIMIT_S)
        finally:
            process.kill()


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(f"{url}/api/health", timeout=5).raise_for_status()
            return
        except requests.RequestException:
            time.sleep(0.2)
    raise SystemExit("the WebUI did not start: run python webui.py to see why")


def load(browser: Any, url: str) -> dict[str, float]:
    """One first visit with an empty cache."""
    from playwright.sync_api import TimeoutError

    context = browser.new_context(locale="zh-CN")
    context.set_default_timeout(1000 * STEP_LIMIT_S)
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    travelled: list[float] = []
    session.on("Network.loadingFinished", lambda event: travelled.append(event["encodedDataLength"]))
    began = time.perf_counter()
    page.goto(url)
    until_alive(page)
    usable_s = time.perf_counter() - began
    settle(page, travelled)
    found = {"usable_s": usable_s, "bytes": sum(travelled), "requests": float(len(travelled))}
    try:
        found |= {"first_sound_s": first_sound(page), "article_first_sound_s": article_sound(page)}
    except TimeoutError as error:
        said = page.locator("#status, #story-status").all_inner_texts()
        raise SystemExit(f"nothing was heard within {STEP_LIMIT_S} s; the page says {said}") from error
    context.close()
    return found


def until_alive(page: Any) -> None:
    """Until typing has an effect, and so a click will have one: what is drawn first does not listen yet."""
    field = page.get_by_label("要朗读的文本")
    field.fill("好")
    counted = page.locator(".count", has_text=re.compile(r"^1 /"))
    deadline = time.monotonic() + STEP_LIMIT_S
    while not counted.count():
        if time.monotonic() > deadline:
            raise SystemExit(f"the page did not come alive in {STEP_LIMIT_S} s")
        field.fill("")
        field.fill("好")
        page.wait_for_timeout(20)


def settle(page: Any, travelled: list[float]) -> None:
    """Until nothing has come for a second; the page keeps one connection open, so it is never idle."""
    seen = -1
    while len(travelled) > seen:
        seen = len(travelled)
        page.wait_for_timeout(1000)


def first_sound(page: Any) -> float:
    """Seconds from the click to a sound that can be played."""
    page.get_by_label("要朗读的文本").fill(SENTENCE)
    began = time.perf_counter()
    page.locator("#speak").click()
    page.wait_for_function("document.querySelector('#audio audio')?.readyState >= 3")
    return time.perf_counter() - began


def article_sound(page: Any) -> float:
    """Seconds from the click to the first sentence of an article of 460 characters."""
    page.get_by_role("tab", name="长文与故事").click()
    page.locator("#story-text textarea").fill(ARTICLE)
    page.locator("#cast tbody tr").first.wait_for()  # the text has been read
    began = time.perf_counter()
    page.locator("#story-make").click()
    page.locator("#takes li.made").first.wait_for()
    taken_s = time.perf_counter() - began
    page.locator("#story-stop").click()
    page.locator("#story-status").get_by_text("已停止").or_(page.get_by_text("完成：")).last.wait_for()
    return taken_s


def measure(visits: int) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    with served() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        found = [load(browser, url) for _ in range(visits)]
        browser.close()
    middle = {name: statistics.median(visit[name] for visit in found) for name in found[0]}
    return {"machine": describe(), "visits": visits, **{name: round(value, 3) for name, value in middle.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--visits", type=int, default=5, help="medians are of so many first visits")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    figures = measure(arguments.visits)
    print(f"page weight        {figures['bytes'] / 1e6:.2f} MB in {figures['requests']:.0f} requests")
    print(f"usable after       {figures['usable_s']:.2f} s")
    print(f"first sound after  {figures['first_sound_s']:.2f} s ({len(SENTENCE)} characters)")
    print(f"an article's first {figures['article_first_sound_s']:.2f} s ({len(ARTICLE)} characters)")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
