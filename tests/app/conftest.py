"""The real Flask app around a speech engine whose every sound can be computed."""

import logging
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from app import create_app
from app.auth import NewKey
from app.errors import GatewayError
from app.gateway import Info, Piece, Utterance, Voice
from app.services import services_of
from settings import load_settings
from tests.leaks import is_ours

SECRET = "k7Qz-2mWx9_LpRt4VbYc8NdFg3HsJa6E"
ROOT_SECRET = "Zt5nBw8-qLs2_YxKe6RjVm1HcDf9GuPa4"
SAMPLE_RATE = 22050
SAMPLES_PER_CHARACTER = 2205  # 0.1 s


class Watch(logging.Handler):
    """Everything that was logged, and every error that was answered, to be searched when all tests are done."""

    def __init__(self):
        super().__init__(logging.INFO)
        self.lines = []
        self.texts = set()

    def emit(self, record):
        self.lines.append(self.format(record))

    def heard(self, text):
        """The engine was given ``text``, so it must stand in no line."""
        if len(text) >= 4 and any("一" <= character <= "鿿" for character in text) and not is_ours(text):
            self.texts.add(text)

    def leaks(self):
        told = "\n".join(self.lines)
        found = [text for text in self.texts if text in told]
        secrets = (re.escape(SECRET), re.escape(ROOT_SECRET), r"tts_[a-z0-9]{8}_[A-Za-z0-9_-]{43}")
        tokens = (r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}", r"signature=[0-9a-f]{64}", r"session_key")
        return found + [match[0] for pattern in secrets + tokens for match in re.finditer(pattern, told)]


WATCH = Watch()


@pytest.fixture(autouse=True, scope="session")
def nothing_private_is_logged_or_answered():
    """After the whole suite: no text, key, token, signature or secret is in any log line or any error."""
    root, ours = logging.getLogger(), logging.getLogger("app")
    root.addHandler(WATCH)
    ours.setLevel(logging.INFO)
    yield
    root.removeHandler(WATCH)
    assert WATCH.leaks() == []


class FakeGateway:
    """A tone of 0.1 s for every character; counts, waits and fails as told."""

    def __init__(self):
        self.orders = []
        self.streams = []
        self.fails_at = None
        self.piece_characters = 1000
        self.revision = "r1"
        self.healthy = True
        self.failure = None
        self.warnings = []
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Semaphore(0)

    def synthesize(self, order, trip):
        self.orders.append((order, trip))
        WATCH.heard(order.text)
        self.begun.release()
        if not self.gate.wait(timeout=120):
            raise TimeoutError("the test never opened the gate")
        if self.failure is not None:
            raise self.failure
        timings = self._timings(order.text, 0, len(order.text))
        return Utterance(self._tone(len(order.text)), SAMPLE_RATE, timings, list(self.warnings), self.revision)

    def stream(self, order, trip):
        """A piece for every sentence, or for every ``piece_characters``; ``streams`` tells what became of them."""
        self.orders.append((order, trip))
        told = {"pieces": 0, "closed": False}
        self.streams.append(told)
        made = 0
        try:
            for match in re.finditer(rf"[^。]{{1,{self.piece_characters}}}。?", order.text):
                if self.failure is not None or self.fails_at == told["pieces"]:
                    raise self.failure or GatewayError()
                begin, end = match.span()
                piece = self._tone(end - begin, begin)
                made, told["pieces"] = end, told["pieces"] + 1
                continues = order.text[end - 1] != "。" and end < len(order.text)
                timings = self._timings(order.text, begin, end)
                yield Piece(piece, SAMPLE_RATE, timings, [], made / len(order.text), continues)
        except GeneratorExit:
            told["closed"] = True
            raise

    def _tone(self, characters, begin=0):
        seconds = np.arange(SAMPLES_PER_CHARACTER * characters) / SAMPLE_RATE + 0.1 * begin
        return (0.3 * np.sin(2 * np.pi * 220 * seconds)).astype(np.float32)

    def _timings(self, text, begin, end):
        return [
            {"begin_ms": 100.0 * i, "end_ms": 100.0 * (i + 1), "begin": i, "end": i + 1, "text": text[i]}
            for i in range(begin, end)
        ]

    def info(self):
        if self.failure is not None:
            raise self.failure
        return Info(self.revision, (Voice("female", "女声", "female"), Voice("male", "男声", "male")), 0.5, 2.0)

    def is_healthy(self):
        return self.healthy


class BufferedClient(FlaskClient):
    """Reads every answer to its end, so that files are closed as a server closes them."""

    def open(self, *args, **options):
        answer = super().open(*args, **{"buffered": True} | options)
        if answer.status_code >= 400:
            WATCH.lines.append(answer.text)
        return answer


class Clock:
    """Time that stands still until told otherwise."""

    def __init__(self, now_s=1_795_000_000.0):
        self.now_s = now_s

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def gateway():
    fake = FakeGateway()
    yield fake
    fake.gate.set()


@pytest.fixture
def environ(tmp_path):
    """Settings of a proxy whose files are all in ``tmp_path``; limits far away."""
    return {
        "TTS__AUTH__JWT_SECRET": SECRET,
        "TTS__AUTH__ROOT_SECRET": ROOT_SECRET,
        "TTS__JOBS__QUEUE_FILE": str(tmp_path / "queue.db"),
        "TTS__DATABASE__URL": f"sqlite:///{tmp_path}/app.db",
        "TTS__STORAGE__DIR": str(tmp_path / "audio"),
        "TTS__LIMITS__PER_SUBJECT": "10000/minute",
        "TTS__LIMITS__PER_ADDRESS": "10000/minute",
        "TTS__LIMITS__FAILURES_PER_ADDRESS": "10000/minute",
        "TTS__LIMITS__TOKEN_PER_ADDRESS": "10000/minute",
        "TTS__LIMITS__FAILURES_PER_KEY": "10000/minute",
        "TTS__LIMITS__UPLOADS_PER_SUBJECT": "10000/minute",
        "TTS__PROXY__MIN_FREE_MB": "0",
        "TTS__GATEWAY__BREAKER_FAILURES": "1000",  # so that failures reach the engine; test_breaker.py counts them
        "TTS__LABEL__EXPLICIT": "none",  # so that lengths are those of the speech; test_labels.py hears them
    }


@pytest.fixture
def make_app(environ, gateway, clock):
    """A function that builds an app with some settings changed; every one is closed at the end."""
    made = []

    def make(gateway=gateway, storage=None, **changes):
        changed = {f"TTS__{key.upper()}": str(value) for key, value in changes.items()}
        settings = load_settings(Path("/nonexistent"), {**environ, **changed})
        app = create_app(settings, gateway=gateway, storage=storage, clock=clock)
        app.test_client_class = BufferedClient
        made.append(app)
        return app

    yield make
    for app in made:
        services_of(app).engine.dispose()


@pytest.fixture
def app(make_app):
    return make_app()


@pytest.fixture
def services(app):
    return services_of(app)


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def key(services):
    """The text of an API key with every scope."""
    return services.keys.create(NewKey("test", ("tts", "voices", "admin")))[1]


@pytest.fixture
def auth(services):
    """Headers of a token with the scopes of a mini-program."""
    token = services.tokens.issue("tester", {"tts", "voices"})
    return {"Authorization": f"Bearer {token.text}"}


@pytest.fixture
def stored(services):
    """How many files and rows there are: the proof that a refusal left nothing behind."""

    def count():
        return len(list(services.storage.entries())), len(services.speech.library.least_recent())

    return count
