"""The server as a whole: addresses, start, shutdown."""

from __future__ import annotations

import logging
import runpy
import socket
import sys
import time

import pytest
from fastapi import FastAPI

import webui
from settings import WebUISettings


def test_an_open_page_does_not_hold_up_the_shutdown(start, caplog):
    with start() as server, server.client() as client:
        with client.stream("GET", "/gradio_api/heartbeat/abc") as heartbeat:
            assert "ALIVE" in next(heartbeat.iter_text())
            server._server.config.timeout_graceful_shutdown = 60  # which would be waited for, and logged as an error
            began = time.monotonic()
            server.__exit__()
            assert time.monotonic() - began < 50
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(("argument", "status"), [("--help", 0), ("--port=9", 2)])
def test_the_command_line_helps_or_refuses_and_never_starts_the_server(argument, status, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["webui.py", argument])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(webui.__file__, run_name="__main__")
    assert ended.value.code == status
    said = capsys.readouterr()
    assert "python webui.py" in said.out + said.err


def test_a_taken_port_is_one_sentence():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(webui.StartError, match=f"无法监听 127.0.0.1:{port}.*请换 webui.port。"):
            webui.serve(FastAPI(), WebUISettings(port=port))


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"TTS__WEBUI__HOST": "0.0.0.0"}, "webui.token"),
        ({"TTS__WEBUI__PORT": "99999"}, "webui.port"),
        ({"GRADIO_VIBE_MODE": "1"}, "GRADIO_VIBE_MODE"),
        ({"TTS__ENGINE__MODELS_DIR": "nowhere"}, "nowhere"),
    ],
)
def test_a_start_that_cannot_work_ends_with_one_sentence(environ, sentence, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(webui, "DIRECTORY", tmp_path / "webui")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert webui.main() == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert sentence in said and said.endswith(("。", "）", "."))
