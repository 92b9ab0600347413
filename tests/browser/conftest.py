from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.webui.engine import SineEngine
from tests.webui.serving import Server
from webui import lock_down

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))


@pytest.fixture(scope="session", autouse=True)
def locked_down(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Gradio's environment, as ``main`` sets it."""
    directory = tmp_path_factory.mktemp("webui")
    before = dict(os.environ)
    lock_down(os.environ, directory)
    yield directory
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def start(locked_down: Path) -> Callable[..., Server]:
    numbers = iter(range(1000))

    def start(engine: SineEngine | None = None, **settings: object) -> Server:
        return Server(engine or SineEngine(), locked_down / str(next(numbers)), **settings)

    return start


@pytest.fixture(scope="session")
def server(start: Callable[..., Server]) -> Iterator[Server]:
    with start() as running:
        yield running


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
