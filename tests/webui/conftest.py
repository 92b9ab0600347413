from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from engine import SineEngine

from settings import Settings, WebUISettings
from webui import create_app, lock_down


@pytest.fixture(scope="session", autouse=True)
def locked_down(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Gradio's environment, as ``main`` sets it."""
    directory = tmp_path_factory.mktemp("webui")
    before = dict(os.environ)
    lock_down(os.environ, directory)
    yield directory
    os.environ.clear()
    os.environ.update(before)


class Server:
    """A real uvicorn in a thread."""

    def __init__(self, engine: SineEngine, directory: Path, **settings: object) -> None:
        self.engine = engine
        self.directory = directory
        self.settings = Settings(webui=WebUISettings(**settings))
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            create_app(engine, self.settings, directory), log_config=None, access_log=False, timeout_graceful_shutdown=2
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        headers = {}
        if self.settings.webui.token:
            headers["Authorization"] = f"Bearer {self.settings.webui.token.get_secret_value()}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=5), trust_env=False) as client:
            client.get(f"{self.url}/api/health", headers=headers, timeout=20).raise_for_status()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, timeout=20, **options)


@pytest.fixture(scope="session")
def start(locked_down: Path) -> Callable[..., contextlib.AbstractContextManager[Server]]:
    numbers = iter(range(1000))

    def start(engine: SineEngine | None = None, **settings: object) -> Server:
        return Server(engine or SineEngine(), locked_down / str(next(numbers)), **settings)

    return start


@pytest.fixture(scope="session")
def server(start: Callable[..., Server]) -> Iterator[Server]:
    with start() as running:
        yield running


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client
