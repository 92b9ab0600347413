"""The page's list, pushed into the real proxy's cache, is there before anybody asks for it."""

import asyncio

import pytest

from settings import ProxySettings, Settings
from tests.end_to_end.stack import START_LIMIT_S, until
from tts_engine.errors import InputError
from webui_page.batch import Defaults, parse
from webui_page.prewarm import push

LIST = (
    "文本,音色,语速\n请慢用，欢迎下次光临。,female,1\n您点的菜已经上齐了。,male,1.2\n请慢用，欢迎下次光临。,female,1\n"
)


@pytest.fixture
def worker(stack):
    stack.start("worker", "-m", "app", "worker")
    yield
    stack.kill("worker")


def settings_of(stack):
    return Settings(proxy=ProxySettings(port=stack.proxy_port, tls_certificate=stack.folder / "tls_cert.pem"))


def test_a_pushed_list_is_spoken_before_anybody_asks(stack, worker):
    rows = parse(LIST.encode(), Defaults("female", 1.0, "mp3"))
    seen = []

    def pushed():
        seen.append(asyncio.run(push(settings_of(stack), stack.key, rows, "mp3")))
        return seen[-1].ready == 2

    until(pushed, START_LIMIT_S, "the worker has made both texts")
    assert seen[-1].pending == seen[-1].failed == 0
    before = stack.syntheses()
    for row in rows:
        body = stack.tts(text=row.text, speaker=row.voice, speed=row.speed).json()
        assert body["cached"] is True
    assert stack.syntheses() == before


def test_a_wrong_key_is_the_proxys_own_sentence(stack):
    rows = parse("你好".encode(), Defaults("female", 1.0, "mp3"))
    with pytest.raises(InputError, match="密钥"):
        asyncio.run(push(settings_of(stack), "tts_0000000000000000_nobody", rows, "mp3"))
