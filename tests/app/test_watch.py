"""The watch over logs and errors sees what it is there to see."""

import logging

import pytest

from tests.app.conftest import ROOT_SECRET, SECRET, Watch


@pytest.mark.parametrize(
    "line",
    [f"key {SECRET}", f"x{ROOT_SECRET}", "tts_abcdefgh_" + "A" * 43,
     "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0xx." + "a" * 43,
     "GET /audio/a.mp3?expires=1&signature=" + "0" * 64, '{"session_key": "x"}', "spoke 一段私密的话 in 1 s"],
)  # fmt: skip
def test_a_leak_is_found(line):
    watch = Watch()
    watch.heard("一段私密的话")
    watch.emit(logging.LogRecord("app", logging.INFO, "f", 1, "%s", (line,), None))
    assert watch.leaks() != []


def test_what_is_harmless_is_not_taken_for_a_leak():
    watch = Watch()
    watch.heard("一段私密的话")
    watch.emit(logging.LogRecord("app", logging.INFO, "f", 1, "POST /tts 200 key:abcdefgh", (), None))
    assert watch.leaks() == []


def test_a_sentence_that_the_proxy_says_by_itself_is_not_taken_for_a_leak():
    watch = Watch()
    watch.heard("应为有限的数字")
    watch.emit(logging.LogRecord("app", logging.INFO, "f", 1, "speed：应为有限的数字", (), None))
    assert watch.leaks() == []
