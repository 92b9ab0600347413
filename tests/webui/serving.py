"""A real server around a computable engine."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

import httpx

import webui
from settings import Settings, WebUISettings
from tests.webui.engine import SineEngine


class Server:
    """A real uvicorn in a thread."""

    def __init__(self, engine: SineEngine, directory: Path, **settings: object) -> None:
        self.engine = engine
        self.directory = directory
        self.middleware: list[type] = []
        """ASGI middleware around everything, the outermost last; to be set before the server starts."""
        self.settings = Settings(webui=WebUISettings(**settings))
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._socket.listen()  # connections wait until the server is up
        self._server: webui.Server | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        # inside a running loop: outside, Gradio opens two of its own and never closes them
        app = webui.create_app(self.engine, self.settings, self.directory)
        for middleware in self.middleware:
            app.add_middleware(middleware)
        self._server = webui.Server(app)
        await self._server.serve(sockets=[self._socket])

    def __enter__(self) -> Server:
        self._thread.start()
        headers = {}
        if self.settings.webui.token:
            headers["Authorization"] = f"Bearer {self.settings.webui.token.get_secret_value()}"
        with httpx.Client(trust_env=False) as client:
            client.get(f"{self.url}/api/health", headers=headers, timeout=600).raise_for_status()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(120)
        self._socket.close()

    def client(self, **options: object) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, timeout=60, **options)
