"""A real server around a computable engine."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from settings import Settings, WebUISettings
from tests.webui.engine import SineEngine
from webui import create_app


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
        app = asyncio.run(self._build())
        config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    async def _build(self) -> FastAPI:
        # outside a running loop Gradio opens two of its own and never closes them
        return create_app(self.engine, self.settings, self.directory)

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
