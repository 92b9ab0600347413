"""The WebUI: the operator's Gradio page and the engine's HTTP routes in one process; no synthesis logic of its own.

Run as ``python webui.py``; settings come from ``config.yaml`` and ``TTS__…``. See docs/architecture.md for the routes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import AsyncGenerator, Callable, MutableMapping
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from settings import Settings, SettingsError, WebUISettings, load_settings
from tts_engine.clips import MAX_BYTES
from tts_engine.errors import CheckpointError
from tts_engine.frontend import Conventions
from tts_engine.synthesizer import Synthesizer
from webui_page.border import Border
from webui_page.desk import Desk, Engine
from webui_page.guard import BindError, Guard, check_bind
from webui_page.parts import Parts
from webui_page.routes import create_api
from webui_page.store import AudioStore
from webui_page.story import MAX_CHARS
from webui_page.thrift import frugal_import
from webui_page.voices import VoiceLibrary

logger = logging.getLogger(__name__)

DIRECTORY = Path(__file__).parent / "var" / "webui"
"""Made files and Gradio's temporary ones; swept by age."""

_BODY_SLACK_BYTES = 64 * 1024
_CLIP_BYTES = MAX_BYTES * 4 // 3
"""A clip in base64."""
_BYTES_PER_CHAR = 12
"""A character beyond the basic plane as two JSON escapes."""


class StartError(Exception):
    """The server cannot start; the message is one Chinese sentence."""


def lock_down(environ: MutableMapping[str, str], directory: Path) -> None:
    """Make Gradio keep to itself; to be called before it is imported.

    Args:
        environ: the process's environment.
        directory: where Gradio may put temporary files.

    Raises:
        StartError: the environment asks Gradio for its mode in which visitors may run code.
    """
    if environ.get("GRADIO_VIBE_MODE"):
        raise StartError("环境变量 GRADIO_VIBE_MODE 会让任何访问者执行代码：请先取消它。")
    for name in ("GRADIO_SHARE", "GRADIO_MCP_SERVER", "GRADIO_SSR_MODE", "GRADIO_LOCAL_DEV_MODE"):
        environ.pop(name, None)
    environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    environ["GRADIO_RUN_HISTORY"] = "False"
    # nobody sees its table of events, which pandas would make anew after every click
    environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)
    environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
    environ["GRADIO_TEMP_DIR"] = str(directory / "gradio")
    environ["GRADIO_ALLOWED_PATHS"] = environ["GRADIO_BLOCKED_PATHS"] = ""


def create_app(engine: Engine, settings: Settings, directory: Path = DIRECTORY) -> FastAPI:
    """Page and routes around a loaded engine.

    Args:
        engine: speaks.
        settings: checked settings.
        directory: for made files; private to this server, may hold leftovers of a killed one.
    """
    with frugal_import():
        from webui_page.page import Greeter, mount_pages  # here: Gradio must be locked down first

    web = settings.webui
    store = AudioStore(directory.resolve(), web.audio_lifetime_s)
    store.prepare()
    desk = Desk(engine, web.concurrency, web.queue_size)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=_lifespan(desk, store))
    most = _BODY_SLACK_BYTES + _BYTES_PER_CHAR * web.max_chars + (_CLIP_BYTES if engine.listener else 0)
    page = _BODY_SLACK_BYTES + max(MAX_BYTES, _BYTES_PER_CHAR * max(MAX_CHARS, web.max_chars))
    app.add_middleware(Greeter)
    app.add_middleware(Border, guard=Guard.from_settings(web), max_body_bytes=most, max_page_bytes=page)
    encoder = engine.listener.name if engine.listener else ""
    voices = directory.resolve().with_name(f"{directory.name}-voices")  # beside what is swept by age
    library = VoiceLibrary.open(voices, encoder, engine.speakers)
    parts = Parts(desk, store, settings, library)
    app.mount("/api", create_api(parts))
    return mount_pages(app, parts)


def _lifespan(desk: Desk, store: AudioStore) -> Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None, None]:
        sweeper = asyncio.create_task(_sweep_forever(store))
        try:
            yield
        finally:
            sweeper.cancel()
            desk.close()

    return lifespan


async def _sweep_forever(store: AudioStore) -> None:
    while True:
        try:
            await asyncio.to_thread(store.sweep)
        except OSError as error:
            logger.warning("sweep failed: %s", error.strerror)
        await asyncio.sleep(min(60.0, store.lifetime_s / 4))


class Server(uvicorn.Server):
    """Uvicorn, which lets open pages go before it waits for requests to end."""

    def __init__(self, app: FastAPI) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,  # audio names in it would be keys to the files
                server_header=False,
                ws="none",
                loop="asyncio",  # the same server whether or not the cluster's packages are there
                http="h11",
                timeout_keep_alive=10,
                timeout_graceful_shutdown=5,
            )
        )
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, let pages go, let requests end."""
        from webui_page.page import let_visitors_go

        let_visitors_go(self._app)
        await super().shutdown(sockets)


def serve(app: FastAPI, web: WebUISettings) -> None:
    """Answer requests until SIGINT or SIGTERM.

    Raises:
        StartError: the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((web.host, web.port))
        except OSError as error:
            raise StartError(f"无法监听 {web.host}:{web.port}（{error.strerror}）：请换 webui.port。") from error
        logger.info("listening on http://%s:%d", web.host, web.port)
        Server(app).run(sockets=[listener])


def load_engine(settings: Settings) -> Engine:
    """Whoever makes the speech: this process, or a cluster.

    Raises:
        CheckpointError: the model, or the cluster, cannot be used.
    """
    if settings.engine.kind == "ray":
        from tts_engine.cluster.client import ClusterEngine, Site

        site = Site.of(settings.engine.cluster_urls, settings.engine.cluster_token_file)
        return ClusterEngine(site, settings.engine.lexicon)
    return Synthesizer.load(
        settings.engine.models_dir / settings.engine.model,
        device=settings.engine.device,
        threads=settings.engine.threads,
        conventions=Conventions(**settings.frontend.model_dump()),
        lexicon=settings.engine.lexicon,
    )


def main() -> int:
    """Load everything, then serve; whatever stops the start is one sentence on stderr."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        settings = load_settings()
        check_bind(settings.webui)
        lock_down(os.environ, DIRECTORY)
        serve(create_app(load_engine(settings), settings), settings.webui)
    except (SettingsError, BindError, StartError, CheckpointError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="python webui.py",
        description="启动 WebUI：操作员页面与 /api/*。没有选项；Ctrl-C 停止。",
        epilog="设置写在 config.yaml，或用环境变量，例如 TTS__WEBUI__PORT=9000。连同代理一起启动用 bash start_app.sh。",
    )


if __name__ == "__main__":
    _parser().parse_args()
    raise SystemExit(main())
