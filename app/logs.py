"""Log lines as text or as JSON, each with the id of its request; what is logged never holds texts, tokens or keys."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from flask import g, has_request_context

TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_OWN = ("method", "route", "status", "ms", "subject")
"""What the line of one request says beyond its message."""


class JsonFormatter(logging.Formatter):
    """One object a line, so that a log collector needs no pattern."""

    def format(self, record: logging.LogRecord) -> str:
        """``record`` as JSON; control characters in it cannot begin a new line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if has_request_context() and "request_id" in g:
            line["request_id"] = g.request_id
        line |= {name: getattr(record, name) for name in _OWN if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(kind: str) -> None:
    """Send every log line to standard error, as ``proxy.log_format`` says."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if kind == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("alembic.runtime.plugins").setLevel(logging.WARNING)


def gunicorn_config(kind: str) -> dict[str, object]:
    """Gunicorn's own lines in the same format (its ``logconfig_dict``); empty leaves them as they are."""
    if kind != "json":
        return {}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "app.logs.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
        "root": {"level": "INFO", "handlers": ["stderr"]},
        "loggers": {"gunicorn.error": {"level": "INFO", "handlers": ["stderr"], "propagate": False}},
    }
