"""Pushes a list into the proxy's cache: ``POST /prewarm``, which answers how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import httpx

from settings import Settings, is_loopback
from tts_engine.errors import InputError
from webui_page.batch import Row

_TIMEOUT_S = 30.0
_MOST = 300
"""Texts of one request."""


@dataclass(frozen=True)
class Progress:
    """Of the whole list."""

    ready: int = 0
    pending: int = 0
    failed: int = 0


async def push(settings: Settings, key: str, rows: Sequence[Row], format: str) -> Progress:
    """Ask for every row; the same list again tells how far the proxy is.

    Args:
        settings: say where the proxy is.
        key: an API key with scope ``admin``; used for these requests, kept nowhere.
        rows: of one list.
        format: of the files.

    Raises:
        InputError: the proxy is not there, or refuses; its own sentence where it says one.
    """
    total = Progress()
    async with _client(settings) as client:
        for body in _bodies(rows, format):
            answer = await _asked(client, key, body)
            total = Progress(
                total.ready + answer["ready"], total.pending + answer["pending"], total.failed + answer["failed"]
            )
    return total


def _bodies(rows: Sequence[Row], format: str) -> list[dict[str, Any]]:
    def manner(row: Row) -> tuple[str, float]:
        return row.voice, row.speed

    bodies = []
    for (voice, speed), group in groupby(sorted(rows, key=manner), key=manner):
        texts = list(dict.fromkeys(row.text for row in group))
        voicing: dict[str, Any] = {"speaker": voice, "speed": speed, "format": format}
        bodies += [{**voicing, "texts": texts[at : at + _MOST]} for at in range(0, len(texts), _MOST)]
    return bodies


def _client(settings: Settings) -> httpx.AsyncClient:
    proxy = settings.proxy
    if proxy.unix_socket is not None:
        transport = httpx.AsyncHTTPTransport(uds=str(proxy.unix_socket))
        return httpx.AsyncClient(transport=transport, base_url="http://proxy", timeout=_TIMEOUT_S)
    scheme = "https" if proxy.tls else "http"
    host = proxy.host if is_loopback(proxy.host) else "127.0.0.1"
    host = f"[{host}]" if ":" in host else host
    trusted: Any = _trust(str(proxy.tls_certificate)) if proxy.tls else True
    return httpx.AsyncClient(
        verify=trusted, base_url=f"{scheme}://{host}:{proxy.port}", timeout=_TIMEOUT_S, trust_env=False
    )


def _trust(certificate: str) -> Any:
    import ssl

    context = ssl.create_default_context()
    try:
        context.load_verify_locations(certificate)
    except OSError as error:
        raise InputError("读不出代理的证书：代理与页面要在同一台机器上，并且代理启动过。") from error
    context.check_hostname = False  # it is our own certificate on our own machine, whatever name it was made for
    return context


async def _asked(client: httpx.AsyncClient, key: str, body: dict[str, Any]) -> dict[str, int]:
    try:
        answer = await client.post("/prewarm", json=body, headers={"Authorization": f"Bearer {key}"})
        document = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise InputError("连不上代理：请确认它正在运行（bash start_app.sh），地址与 config.yaml 一致。") from error
    if answer.status_code not in (200, 202) or not isinstance(document, dict):
        said = document.get("error") if isinstance(document, dict) else None
        raise InputError(str(said or f"代理答复 {answer.status_code}。"))
    return {name: int(document.get(name, 0)) for name in ("ready", "pending", "failed")}
