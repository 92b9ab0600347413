"""Cloned voices at the WebUI: ``POST /api/voices`` and ``DELETE /api/voices/{name}`` (docs/architecture.md).

Both may be sent twice: a name is the proxy's own and used once, and what is deleted already is deleted.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from app.errors import EngineTimeoutError, EngineUnreachableError, FeatureOffError, GatewayError
from app.gateway.replies import refusal
from settings import GatewaySettings

_log = logging.getLogger(__name__)

_PATH = "/api/voices"
_MAX_JSON_BYTES = 1_048_576
_PRIVATE = re.compile(r"voice-[0-9a-f]{32}", re.ASCII)
"""A voice that somebody uploaded; every other name is the engine's and for everybody."""


@dataclass(frozen=True)
class Consent:
    """Who agreed to have a voice cloned, as the WebUI keeps it."""

    person: str
    """Whose voice it is."""
    purpose: str
    """What it may be used for."""
    agreed_at: str
    """When the person agreed; ISO 8601 with a zone."""
    statement: str
    """The words that were agreed to."""
    recorded_at: str
    """When this record was made; ISO 8601, UTC."""
    recorded_by: str
    """The subject that sent it."""
    clip_sha256: str
    """Of the recording, hexadecimal: the consent is for this one and no other."""


@dataclass(frozen=True)
class Clip:
    """A recording on its way to becoming a voice."""

    name: str
    title: str
    data: bytes
    media_type: str
    consent: Consent


class VoiceStore:
    """The WebUI's voices over HTTP. Thread-safe."""

    def __init__(self, settings: GatewaySettings, token: str | None, timeout_s: float) -> None:
        self._base = settings.url.rstrip("/")
        self._timeouts = (settings.connect_timeout_s, timeout_s)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc of whoever started us
        self._session.headers.update({"Accept-Encoding": "identity", "User-Agent": "tts-proxy"})
        if token is not None:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def add(self, clip: Clip, request_id: str) -> None:
        """Have the WebUI make a voice of ``clip``.

        Raises:
            EngineRefusedError: it cannot; its sentence says why.
            FeatureOffError: this engine clones no voices.
            GatewayError: it failed, and perhaps has the voice nevertheless.
        """
        values = {
            "name": clip.name,
            "title": clip.title,
            "consent": json.dumps(asdict(clip.consent), ensure_ascii=False),
        }
        files = {"clip": ("clip", clip.data, clip.media_type)}
        status, body, headers = self._send("POST", _PATH, request_id, data=values, files=files)
        if status == 404:
            raise FeatureOffError("语音引擎不支持克隆声音：请管理员升级 WebUI。")
        if status not in (200, 201):
            raise refusal(status, headers.get("Retry-After"), body)

    def delete(self, name: str, request_id: str, by: str) -> None:
        """Have the WebUI delete the voice, its recording and what it made of it; one that is absent is no error.

        Args:
            name: the voice.
            request_id: travels to the WebUI's log.
            by: who wants it gone, as the log of voices shall say.

        Raises:
            GatewayError: it failed; the voice may still be there.
        """
        status, body, headers = self._send("DELETE", f"{_PATH}/{name}", request_id, by=by)
        if status not in (200, 204, 404):
            raise refusal(status, headers.get("Retry-After"), body)

    def close(self) -> None:
        """Close kept connections."""
        self._session.close()

    def _send(
        self, method: str, path: str, request_id: str, by: str = "", **content: Any
    ) -> tuple[int, bytes, Mapping[str, str]]:
        deadline_s = time.monotonic() + self._timeouts[1]
        headers = {"X-Request-Id": request_id, "X-Deadline-Ms": str(int(1000 * self._timeouts[1]))}
        if by:
            headers["X-Subject"] = by
        options: dict[str, Any] = {"headers": headers, "timeout": self._timeouts, "allow_redirects": False}
        try:
            with self._session.request(method, self._base + path, stream=True, **options, **content) as response:
                return response.status_code, _read(response, deadline_s), response.headers
        except requests.exceptions.Timeout as error:
            raise EngineTimeoutError from error
        except (requests.RequestException, HTTPError, OSError) as error:
            raise EngineUnreachableError from error


def _read(response: requests.Response, deadline_s: float) -> bytes:
    parts, size = [], 0
    while part := response.raw.read1(65_536):
        size += len(part)
        if size > _MAX_JSON_BYTES:
            raise GatewayError
        if time.monotonic() > deadline_s:
            raise EngineTimeoutError
        parts.append(part)
    return b"".join(parts)


def private_voice(speaker: str) -> str:
    """``speaker`` if somebody uploaded it, else empty: what the index of sounds keeps."""
    return speaker if _PRIVATE.fullmatch(speaker) else ""
