"""The same request as code: what a developer pastes into a terminal or a mini-program. Knows the proxy's contract."""

from __future__ import annotations

import json
import shlex
from typing import Any

from tts_engine.checkpoint import NEUTRAL
from tts_engine.synthesizer import SynthesisOptions

_PLAIN = SynthesisOptions()


def request_body(text: str, options: SynthesisOptions, format: str) -> dict[str, Any]:
    """What ``POST /tts`` is sent: what differs from its defaults."""
    body: dict[str, Any] = {"text": text, "speaker": options.voice}
    for name in ("speed", "pitch", "range", "volume", "seed", "ssml"):
        if getattr(options, name) != getattr(_PLAIN, name):
            body[name] = getattr(options, name)
    if options.emotion != NEUTRAL:
        body |= {"emotion": options.emotion, "intensity": options.intensity}
    return body if format == "mp3" else {**body, "format": format}


def curl(url: str, certificate: str, body: dict[str, Any]) -> str:
    """A command for a POSIX shell on the server's own machine.

    Args:
        url: of the proxy.
        certificate: file to trust; empty where the system's suffice.
        body: of ``request_body``.
    """
    trust = f" --cacert {shlex.quote(certificate)}" if certificate else ""
    document = shlex.quote(json.dumps(body, ensure_ascii=False))
    return (
        f"curl{trust} {shlex.quote(url + '/tts')} \\\n"
        "  -H \"Authorization: Bearer $(cat var/demo_api_key)\" -H 'Content-Type: application/json' \\\n"
        f"  -d {document}"
    )


def wx_request(url: str, body: dict[str, Any]) -> str:
    """A call for a mini-program that has its token."""
    document = json.dumps(body, ensure_ascii=False, indent=2).replace("\n", "\n  ")
    document = document.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return (
        "wx.request({\n"
        f"  url: {json.dumps(url + '/tts')},\n"
        "  method: 'POST',\n"
        "  header: { Authorization: `Bearer ${token}` },\n"
        f"  data: {document},\n"
        "  success({ statusCode, data }) {\n"
        "    if (statusCode !== 200) return wx.showToast({ title: data.error, icon: 'none' })\n"
        "    const player = wx.createInnerAudioContext()\n"
        "    player.src = data.audio_url\n"
        "    player.play()\n"
        "  },\n"
        "})"
    )
