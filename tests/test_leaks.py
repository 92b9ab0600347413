"""The search through the logs of started servers finds what it is there to find."""

import pytest

from tests import leaks as module
from tests.leaks import leaks, spoken

KEY = "tts_abcd1234_" + "A" * 43
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhYmMifQ.c2lnbmF0dXJlLW9mLXRva2Vu"


@pytest.fixture
def logged(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SPOKEN", set())
    (tmp_path / "jwt_secret").write_text("1:k7Qz-2mWx9_LpRt4VbYc8NdFg3HsJa6E\n")
    folder = tmp_path / "server"
    folder.mkdir()

    def write(line, name="proxy.log"):
        (folder / name).write_text(f"2026-11-22 INFO {line}\n", encoding="utf-8")
        found = leaks(tmp_path)
        (folder / name).unlink()
        return found

    return write


@pytest.mark.parametrize(
    "line",
    [
        KEY,
        f"Bearer {TOKEN}",
        "GET /audio/a.mp3?signature=" + "0a" * 32,
        "k7Qz-2mWx9_LpRt4VbYc8NdFg3HsJa6E",
        "请在下午三点来会议室",
    ],
    ids=["key", "token", "signature", "secret", "text"],
)
@pytest.mark.parametrize("name", ["proxy.log", "log"])
def test_it_finds(logged, line, name):
    spoken("请在下午三点来会议室")
    assert len(logged(line, name)) == 1


def test_it_tells_no_more_of_it_than_its_beginning(logged):
    assert logged(KEY) == ["proxy.log: tts_abcd12…"]


def test_an_ordinary_line_is_none(logged):
    spoken("请在下午三点来会议室")
    assert logged("request-1 POST /tts 200 12 ms key:abcd1234") == []
