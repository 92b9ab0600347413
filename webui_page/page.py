"""The operator's page: its tabs, in every language, and how it hangs in the server. Knows Gradio."""

from __future__ import annotations

from urllib.parse import parse_qs

import gradio as gr
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from tts_engine.clips import MAX_BYTES
from webui_page.appearance import CSS, HEAD, THEME
from webui_page.files import add_files
from webui_page.parts import Parts
from webui_page.stops import Stops
from webui_page.streams import Streams
from webui_page.tabs import batch, machine, speaking, story, voicing
from webui_page.thrift import unserved
from webui_page.words import LANGUAGES, Words, preferred

_PATHS = {"zh": "/", "en": "/en"}
"""Where the page is in each language; the root comes last, for it takes in everything."""


def create_page(parts: Parts, t: Words) -> gr.Blocks:
    """The page around one engine."""
    page: gr.Blocks
    web = parts.settings.webui
    with gr.Blocks(title=t("中文语音合成"), analytics_enabled=False) as page:
        gr.HTML(_heading(t))
        with gr.Tabs():
            with gr.Tab(t("合成"), id="speaking"):
                cards = speaking.lay_out(parts, t)
            with gr.Tab(t("长文与故事"), id="story"):
                story.lay_out(parts, t)
            with gr.Tab(t("音色"), id="voices"):
                voicing.lay_out(parts, t, cards, page)
            with gr.Tab(t("批量"), id="batch") as tab:
                batch.lay_out(parts, t, tab)
            with gr.Tab(t("状态"), id="machine") as tab:
                machine.lay_out(parts, t, tab)
    page.queue(max_size=web.queue_size, default_concurrency_limit=web.concurrency, api_open=False)
    return page


def _heading(t: Words) -> str:
    other, href, code = ("English", "/en/", "en") if t.language == "zh" else ("中文", "/?lang=zh", "zh-CN")
    said = t("文本只在这台机器上处理，不发往别处。合成的声音由人工智能生成。")
    return (
        f"<header><div><h1>{t('中文语音合成')}</h1><p>{said}</p></div>"
        f'<a href="{href}" hreflang="{code}" lang="{code}">{other}</a></header>'
    )


def mount_pages(app: FastAPI, parts: Parts) -> FastAPI:
    """``app`` with the page at ``/``, and at ``/en`` for who prefers English; routes registered before come first."""
    add_files(app, parts)
    for words in sorted(LANGUAGES, key=lambda words: -len(_PATHS[words.language])):
        with unserved():
            page = create_page(parts, words)
        app = _mount(app, page, _PATHS[words.language], words)
        page.app = _pages(app)[-1]  # the one that serves
    return app


def _mount(app: FastAPI, page: gr.Blocks, path: str, t: Words) -> FastAPI:
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        page,
        path=path,
        app_kwargs={
            "openapi_url": None,
            "docs_url": None,
            "redoc_url": None,
            "middleware": [Middleware(Stops), Middleware(Streams)],
        },
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        show_error=True,
        max_file_size=MAX_BYTES,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        theme=THEME,
        css=CSS,
        head=HEAD.replace("zh-CN", "zh-CN" if t.language == "zh" else "en"),
    )
    return mounted


class Greeter:
    """ASGI middleware: a browser that opens the root gets the page in its language."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send who prefers English to the English page, unless it asked for this one by ``?lang=``."""
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/":
            language = preferred(Headers(scope=scope).get("accept-language", ""))
            if language != "zh" and "lang" not in parse_qs(scope["query_string"].decode("latin-1")):
                headers = {"Vary": "Accept-Language", "Cache-Control": "no-store"}
                await RedirectResponse("/en/", 307, headers)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def let_visitors_go(app: FastAPI) -> None:
    """End the connections by which open pages say that they are alive, which would hold up a shutdown."""
    for page in _pages(app):
        page.stop_event.set()


def _pages(app: FastAPI) -> list[gr.routes.App]:
    return [route.app for route in app.routes if isinstance(route, Mount) and isinstance(route.app, gr.routes.App)]
