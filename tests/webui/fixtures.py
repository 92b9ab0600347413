"""Servers for tests of routes and of the page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.webui.engine import SineEngine
from tests.webui.serving import Server
from webui import lock_down


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
