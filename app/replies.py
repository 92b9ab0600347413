"""Checked models out as JSON."""

from __future__ import annotations

from flask import Response
from pydantic import BaseModel


def reply(model: BaseModel, status: int = 200) -> Response:
    """``model`` as JSON, without fields that are None; never kept by a cache."""
    response = Response(model.model_dump_json(exclude_none=True) + "\n", status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
