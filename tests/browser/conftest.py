from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.feeling import FeelingEngine
from tests.webui.fixtures import locked_down, server, start
from tests.webui.serving import Server

__all__ = ["locked_down", "server", "start"]

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))


@pytest.fixture(scope="module")  # its event loop must end before other modules start theirs
def browser() -> Iterator[object]:
    """A real Chromium, or a skip that says what is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: install Debian's chromium or set CHROMIUM")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def feeling(start: Callable[..., Server]) -> Iterator[Server]:
    """A server whose engine feels and hears who speaks."""
    with start(FeelingEngine()) as running:
        yield running
