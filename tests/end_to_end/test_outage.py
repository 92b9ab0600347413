"""The WebUI hangs, dies and comes back; the proxy answers in bounded time and recovers."""

import signal
import threading
import time

import pytest

from tests.end_to_end.stack import Stack, until

DEADLINE_S = 10
"""Of the proxy here; long enough for a sentence where many others compute."""
BOUNDED_S = 40
"""Longer than the deadline by what such a machine may add, and shorter than any timeout that would be met instead."""


@pytest.fixture(scope="module")
def fragile(tmp_path_factory):
    """A stack of its own, whose proxy gives up soon."""
    hasty = {"GATEWAY__DEADLINE_S": str(DEADLINE_S), "GATEWAY__READ_TIMEOUT_S": str(DEADLINE_S + 1)}
    with Stack(tmp_path_factory.mktemp("fragile"), hasty) as running:
        # on a busy machine the first sentence may take longer than this short deadline
        until(lambda: running.tts(text="先说一句。").status_code == 200, 120, "the first sentence")
        yield running


def timed(call):
    begin = time.monotonic()
    return call(), time.monotonic() - begin


def test_a_webui_that_hangs_is_504_and_one_that_goes_on_works(fragile):
    webui = fragile.processes["webui"]
    assert fragile.tts(text="先说一句。").status_code == 200
    webui.send_signal(signal.SIGSTOP)
    try:
        answer, seconds = timed(lambda: fragile.tts(text="这一句等不到。"))
    finally:
        webui.send_signal(signal.SIGCONT)
    assert answer.status_code == 504
    assert answer.json()["code"] == "engine_timeout"
    assert seconds < BOUNDED_S
    until(lambda: fragile.tts(text="又能说话了。").status_code == 200, 120, "it speaks again")


def test_a_webui_killed_in_the_middle_is_502_until_it_is_back(fragile):
    webui = fragile.processes["webui"]
    webui.send_signal(signal.SIGSTOP)  # the request is certainly not answered before the kill
    answers = []
    caller = threading.Thread(target=lambda: answers.append(timed(lambda: fragile.tts(text="说到一半。"))))
    caller.start()
    connected = f":{fragile.webui_port:04X}"
    until(lambda: _is_waiting(connected), 60, "the proxy has sent the request")
    fragile.kill("webui")
    caller.join(120)
    answer, seconds = answers[0]
    assert answer.status_code in (502, 504)
    assert seconds < BOUNDED_S
    down = fragile.tts(text="现在没人。")
    assert (down.status_code, down.json()["code"]) == (502, "engine_unreachable")  # at once, so no timeout
    assert fragile.request("GET", "/healthz").status_code == 200
    ready = fragile.request("GET", "/readyz")
    assert (ready.status_code, ready.json()["checks"]["engine"]) == (503, "语音引擎没有就绪")
    assert ready.headers["Retry-After"]
    assert fragile.tts(text="先说一句。").status_code in (200, 502)  # from the cache, while its revision is remembered

    fragile.restart_webui()
    until(lambda: fragile.tts(text="说到一半。").status_code == 200, 120, "it speaks again")
    until(lambda: fragile.request("GET", "/readyz").status_code == 200, 120, "ready again")


def _is_waiting(port):
    """Whether a socket to ``port`` holds bytes that its reader has not taken."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return any(row[1].endswith(port) and int(row[4].split(":")[1], 16) > 0 for row in rows)


def test_a_proxy_that_is_told_to_stop_finishes_what_it_does(fragile):
    answers = []
    caller = threading.Thread(target=lambda: answers.append(fragile.tts(text="停止之前说完这一句。")))
    webui = fragile.processes["webui"]
    webui.send_signal(signal.SIGSTOP)
    caller.start()
    until(lambda: _is_waiting(f":{fragile.webui_port:04X}"), 60, "the proxy has sent the request")
    proxy = fragile.processes["proxy"]
    proxy.send_signal(signal.SIGTERM)
    webui.send_signal(signal.SIGCONT)
    caller.join(120)
    assert answers[0].status_code == 200
    assert proxy.wait(120) == 0
