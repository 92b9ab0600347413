"""What the caller makes of replicas that die, are full, lack the lexicon or hang: a server that obeys the test."""

import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.tts_engine.cluster.standin import load, text_of
from tts_engine.cluster.client import ClusterEngine, Patience, Site
from tts_engine.cluster.replica import LexiconWantedError, Replica, answer
from tts_engine.cluster.token import ClusterError, make_token, read_token, speech_key, token_of
from tts_engine.cluster.wire import Call
from tts_engine.engine import Engine
from tts_engine.errors import DeadlineExceededError, EngineBusyError, SynthesisError, UnknownVoiceError
from tts_engine.scheduler import Terms
from tts_engine.synthesizer import SynthesisOptions

TEXT = "一二三四。五六七八。九十"
SAID = TEXT.replace("。", "")


class Server:
    """A replica behind HTTP; ``faults`` says what befalls the next requests for speech: a status, or after how many
    bytes the connection breaks."""

    def __init__(self):
        self.replica = Replica(load("one-0.0", "cpu", 1, {}), {})
        self.faults = deque()
        self.calls = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                import json

                self._send(200, json.dumps(server.replica.info()).encode())

            def do_POST(self):
                call = Call.decode(self.rfile.read(int(self.headers["Content-Length"])))
                server.calls.append(call)
                fault = server.faults.popleft() if server.faults else None
                if isinstance(fault, str):
                    self._send(int(fault), b"")
                    return
                (opened,) = server.replica.begin([call])
                if isinstance(opened, LexiconWantedError):
                    self._send(428, b"")
                    return
                if isinstance(opened, Exception):
                    from tts_engine.cluster.wire import error_frame

                    self._send(200, error_frame(opened))
                    return
                self._send(200, b"".join(answer(opened)), fault)

            def _send(self, status, data, kept=None):
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[:kept])
                if kept is not None:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


def engine(*urls, lexicon=None, **patience):
    limits = {"away_s": 60.0, "busy_s": 60.0, "stall_s": 60.0, "connect_s": 30.0, **patience}
    return ClusterEngine(Site(urls, "k", Patience(**limits)), lexicon)


@pytest.mark.parametrize("kept", [0, 1, 300, 500, 900, 1200])
def test_an_answer_that_breaks_off_goes_on_where_it_broke(server, kept):
    server.faults.extend([kept, kept + 1])
    pieces = list(engine(server.url).stream(TEXT))
    assert text_of(pieces) == SAID
    assert len(pieces) == 6
    assert 2 <= len(server.calls) <= 3
    assert (server.calls[1].skip > 0) == (kept >= 300)
    assert [call.skip for call in server.calls] == sorted(call.skip for call in server.calls)


def test_a_model_that_changed_in_between_is_not_joined_on(server):
    speaking = engine(server.url).stream(TEXT)
    server.faults.append(700)
    assert len(next(speaking).samples) == 2
    server.replica = Replica(load("two-0.0", "cpu", 1, {}), {})
    with pytest.raises(SynthesisError, match="换了模型"):
        list(speaking)


def test_full_queues_are_tried_again_and_then_are_busy(server):
    asked = engine(server.url)
    server.faults.extend(["503"] * 3)
    assert text_of(asked.stream(TEXT)) == SAID
    server.faults.extend(["503"] * 1000)  # more than are asked for in a minute
    hasty = engine(server.url, busy_s=0.4)
    began = time.monotonic()
    with pytest.raises(EngineBusyError) as caught:
        next(hasty.stream(TEXT))
    assert caught.value.retry_after_s >= 1
    assert time.monotonic() - began < 30


def test_another_node_is_asked_when_one_does_not_answer(server):
    asked = engine("http://127.0.0.1:9", server.url)
    assert all(text_of(asked.stream(TEXT)) == SAID for _ in range(4))


def test_nobody_there_is_one_sentence():
    with pytest.raises(ClusterError, match="没有回答"):
        engine("http://127.0.0.1:9", away_s=0.2)


def test_the_deadline_ends_the_tries(server):
    asked = engine(server.url)
    server.faults.extend(["500"] * 1000)
    began = time.monotonic()
    with pytest.raises(DeadlineExceededError):
        next(asked.stream(TEXT, terms=Terms(deadline=time.monotonic() + 0.5)))
    assert time.monotonic() - began < 30
    assert all(call.left_s <= 0.5 for call in server.calls)


def test_an_input_error_is_not_tried_again(server):
    with pytest.raises(UnknownVoiceError):
        next(engine(server.url).stream(TEXT, SynthesisOptions(voice="x")))
    assert len(server.calls) == 1


def test_the_lexicon_travels_once_and_whenever_it_changes(server, tmp_path):
    path = tmp_path / "lexicon.yaml"
    asked = engine(server.url, lexicon=path)
    plain = asked.revision
    path.write_text("六安: lu4 an1\n", encoding="utf-8")
    first = list(asked.stream(TEXT))
    assert text_of(first) == SAID
    list(asked.stream(TEXT))
    assert [bool(call.words) for call in server.calls] == [False, True, False]
    path.write_text("六安: liu4 an1\n", encoding="utf-8")
    list(asked.stream(TEXT))
    assert [bool(call.words) for call in server.calls] == [False, True, False, False, True]
    assert asked.revision != plain


def test_words_that_are_not_of_their_digest_are_refused(server):
    (refused,) = server.replica.begin([Call("好", lexicon="0" * 64, words="六安: lu4 an1\n")])
    assert refused.code == "bad_lexicon"


def test_the_urgent_and_the_short_of_a_batch_begin_first():
    began = []
    opener = load("one-0.0", "cpu", 1, {})

    def watched(path):
        engine = opener(path)
        stream = engine.stream
        engine.stream = lambda text, *rest: began.append(text) or stream(text, *rest)
        return engine

    replica = Replica(watched, {})
    calls = [Call("长长长长"), Call("低", priority="low"), Call("短"), Call("急急急急急急", priority="high")]
    opened = replica.begin(calls)
    assert began == ["急急急急急急", "短", "长长长长", "低"]
    assert ["".join(text_of(one.pieces)) for one in opened] == [call.text for call in calls]
    assert replica.largest_batch == 4


def test_the_token_is_made_once_and_is_ours_alone(tmp_path):
    path = tmp_path / "var" / "cluster_token"
    token = make_token(path)
    assert make_token(path) == token == read_token(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert token not in speech_key(token)
    path.chmod(0o440)  # by group, as Kubernetes mounts a secret
    assert read_token(path) == token
    path.chmod(0o644)
    with pytest.raises(ClusterError, match="chmod 600"):
        read_token(path)


def test_a_replica_does_not_start_without_a_token(tmp_path):
    with pytest.raises(ClusterError, match="没有打开令牌验证"):
        token_of({"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN_PATH": str(tmp_path / "x")})
    assert token_of({"RAY_AUTH_TOKEN": "t" * 40}) == "t" * 40


def test_it_is_a_whole_engine():
    assert [name for name in vars(Engine) if not name.startswith("_") and not hasattr(ClusterEngine, name)] == []
