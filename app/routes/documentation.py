"""``/openapi.json`` for programs and ``/docs`` for people; nothing is loaded from any other host."""

from __future__ import annotations

import base64
import hashlib
import json

from flask import Blueprint, Response, render_template

from app.openapi import document
from app.services import services

blueprint = Blueprint("documentation", __name__)

STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733}"
    "h1,h2{line-height:1.25}h2{margin-top:2.5rem;border-top:1px solid #d5dde5;padding-top:1.5rem}"
    "code,pre{font:14px/1.5 ui-monospace,monospace;background:#f2f5f8;border-radius:4px}"
    "code{padding:.1em .3em}pre{padding:1rem;overflow-x:auto}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #d5dde5}"
    ".method{font-weight:700;color:#0b6e4f}"
    "@media(prefers-color-scheme:dark){body{background:#10161c;color:#dbe4ec}code,pre{background:#1c252e}"
    "h2,th,td{border-color:#33404d}.method{color:#5fd3a8}}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """OpenAPI 3.1."""
    text = json.dumps(document(services().settings), ensure_ascii=False)
    return Response(text, content_type="application/json", headers={"Cache-Control": "max-age=300"})


@blueprint.get("/docs")
def docs() -> Response:
    """The same as a page in Chinese, without any script."""
    page = render_template("docs.html", api=document(services().settings), style=STYLE)
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "max-age=300"}
    return Response(page, content_type="text/html; charset=utf-8", headers=headers)
