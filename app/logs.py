"""Log lines as text or as JSON, each with the id of its request; what is logged never holds texts, tokens or keys."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import TextIO

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


class BatchedHandler(logging.Handler):
    """Writes its lines by a thread of its own, some at a time; a warning and worse at once, with all before it.

    A line written by the thread that answers gives up the interpreter's lock in the middle of a request, and under load
    its client waits until all others had their turn. A process that is killed loses the last lines, 0.05 s at most.
    """

    _PAUSE_S = 0.05

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: deque[str] = deque()
        self._waiting = threading.Event()
        self._writing = threading.Lock()
        threading.Thread(target=self._work, name="log", daemon=True).start()

    def createLock(self) -> None:  # noqa: N802 (the base class's name)
        """None for each line: a deque needs none."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take ``record``."""
        self._lines.append(self.format(record))
        if record.levelno >= logging.WARNING:
            self.flush()
        elif not self._waiting.is_set():
            self._waiting.set()

    def flush(self) -> None:
        """Write what is there."""
        self._write()

    def _write(self) -> bool:
        with self._writing:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines:
                # a full disk loses lines; neither a request nor this thread may end for that
                with suppress(OSError):
                    self._stream.write("\n".join(lines) + "\n")
                    self._stream.flush()
        return bool(lines)

    def _work(self) -> None:
        while self._waiting.wait():
            while self._write():  # as long as lines come, nobody need wake this thread
                time.sleep(self._PAUSE_S)
            self._waiting.clear()
            self._write()  # what came between the look and the clearing


def configure(kind: str) -> None:
    """Send every log line to standard error, as ``proxy.log_format`` says."""
    _listen(logging.StreamHandler(sys.stderr), kind)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # no format of ours names the line of code or the thread, and to look for them takes time
    logging._srcfile = None  # as the logging HOWTO has it, "Optimization"
    logging.logThreads = logging.logMultiprocessing = False


def write_in_batches(kind: str) -> BatchedHandler:
    """As ``configure``, for a process that answers requests and forks no more; flush the handler at its end."""
    handler = BatchedHandler(sys.stderr)
    _listen(handler, kind)
    return handler


def _listen(handler: logging.Handler, kind: str) -> None:
    handler.setFormatter(JsonFormatter() if kind == "json" else logging.Formatter(TEXT))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


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
