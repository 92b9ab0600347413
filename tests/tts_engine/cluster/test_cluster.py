"""A real Ray Serve cluster on this machine: lost nodes, new nodes, new models, full queues."""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import yaml

from tests.tts_engine.cluster.conftest import ROOT
from tests.tts_engine.cluster.standin import text_of
from tts_engine.cluster.client import ClusterEngine, Site
from tts_engine.cluster.token import ClusterError, make_token
from tts_engine.errors import EngineBusyError, UnknownVoiceError
from tts_engine.synthesizer import SynthesisOptions, Synthesizer

STANDIN = "tests.tts_engine.cluster.standin:load"
LIMIT_S = 400


def until(condition):
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)


class Load:
    """Callers who ask one text after another and check every answer."""

    def __init__(self, engine, callers):
        self.engine = engine
        self.done = 0
        self.wrong = []
        self.revisions = []
        """Of the answers, in the order in which they ended."""
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(callers)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def more(self, count):
        """Wait for so many further answers."""
        wanted = self.done + count
        until(lambda: self.done >= wanted or self.wrong)
        assert self.wrong == []

    def _ask(self, caller):
        number = 0
        while not self._over.is_set():
            number += 1
            text = f"来电者{caller}第{number}问。" + f"正文{caller}之{number}" * 3 + f"。完{number}"
            try:
                pieces = list(self.engine.stream(text))
                said = text_of(pieces)
                fits = said == text.replace("。", "") and len({piece.revision for piece in pieces}) == 1
                problem = None if fits else (text, said)
            except Exception as error:  # noqa: BLE001  # a thread's, told to the test
                problem = (text, repr(error))
            with self._lock:
                self.done += 1
                if problem:
                    self.wrong.append(problem)
                else:
                    self.revisions.append(pieces[0].revision)


def plan(model, **changes):
    return {"model": model, "loader": STANDIN, "cpus": 0.0, **changes}


@pytest.mark.slow
def test_nothing_is_lost_or_swapped_while_nodes_die_and_come_and_the_model_changes(cluster):
    cluster("add")
    cluster("add")
    growing = {
        "cpus": 1.0,
        "max_replicas": 2,
        "target_ongoing": 1.0,
        "upscale_delay_s": 0.5,
        "max_batch": 4,
        "drain_s": 20.0,
    }
    cluster("deploy", "speech", "/load", plan("first-0.05", **growing))
    engine = cluster.engine("/load")
    with Load(engine, 4) as load:
        until(lambda: cluster("replicas", "speech") == 2)  # it grew under load, and each node takes one
        load.more(15)
        cluster("kill")
        load.more(15)
        cluster("add")
        until(lambda: cluster("nodes") == 3 and cluster("replicas", "speech") == 2)
        load.more(15)
        before = len(load.revisions)
        cluster("deploy", "speech", "/load", plan("second-0.05", **growing))
        until(lambda: load.revisions[-8:] == ["second-0.05"] * 8)
        load.more(8)
        until(lambda: engine.revision == "second-0.05")
    assert load.wrong == []
    assert load.revisions[:before] == ["first-0.05"] * before
    assert set(load.revisions) == {"first-0.05", "second-0.05"}


@pytest.mark.slow
def test_a_full_queue_is_busy_and_what_was_accepted_is_right(cluster):
    cluster("deploy", "narrow", "/narrow", plan("narrow-0.2", max_ongoing=1, max_queued=1, max_batch=1))
    engine = cluster.engine("/narrow", busy_s=0.3)

    def ask(number):
        text = f"第{number}个人的话"
        try:
            return text_of(engine.stream(text)) == text
        except EngineBusyError as error:
            return error.retry_after_s

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(12)))
    assert set(map(str, answers)) == {"True", "2"}, answers


@pytest.mark.slow
def test_calls_that_come_together_are_begun_together(cluster):
    wide = plan("wide-0.02", max_batch=8, batch_wait_s=0.5)
    cluster("deploy", "wide", "/wide", wide)
    engine = cluster.engine("/wide")
    with ThreadPoolExecutor(8) as pool:
        texts = [f"同时到的第{number}句" for number in range(8)]
        assert list(pool.map(lambda text: text_of(engine.stream(text)), texts)) == texts
    assert engine.fetch("GET", "/v1/info")["largest_batch"] >= 2


@pytest.mark.slow
def test_the_real_synthesizer_speaks_the_same_there_as_here(cluster, model, tmp_path):
    words = tmp_path / "lexicon.yaml"
    words.write_text("单田芳: shan4 tian2 fang1\n", encoding="utf-8")
    real = {"model": str(model), "cpus": 0.0, "device": "cpu", "threads": 1, "conventions": {"liang": "always"}}
    cluster("deploy", "real", "/real", real)
    there = cluster.engine("/real", words)
    here = Synthesizer.load(model, "cpu", 1, lexicon=words)
    text = "单田芳说书。第二句话在这里，说得长一点。"
    options = SynthesisOptions(voice="male", seed=3)
    pieces = list(there.stream(text, options))
    wanted = list(here.stream(text, options))
    assert [len(piece.samples) for piece in pieces] == [len(piece.samples) for piece in wanted]
    for piece, same in zip(pieces, wanted, strict=True):
        np.testing.assert_allclose(piece.samples, same.samples, atol=1e-3)
        assert (piece.timings, piece.progress, piece.continues) == (same.timings, same.progress, same.continues)
    assert there.voices == here.voices
    assert there.sample_rate == here.sample_rate
    assert pieces[0].revision == there.revision != here.revision  # the conventions differ
    assert there.read("单田芳").sentences[0].tokens[0].pinyin == "shan4"
    words.write_text("单田芳: dan1 tian2 fang1\n", encoding="utf-8")  # taken up at once, there as here
    changed = list(there.stream(text, options))
    assert changed[0].revision == there.revision != pieces[0].revision
    with pytest.raises(UnknownVoiceError) as caught:
        next(there.stream(text, SynthesisOptions(voice="nobody")))
    assert caught.value.voice == "nobody"
    if here.listener is not None:
        clip = np.concatenate([piece.samples for piece in wanted])
        heard, same = there.listener.listen(clip), here.listener.listen(clip)
        np.testing.assert_allclose(heard.told, same.told, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_who_has_another_token_is_refused(cluster):
    cluster("deploy", "guarded", "/guarded", plan("guarded-0.0"))
    site = cluster.site("/guarded")
    with pytest.raises(ClusterError, match="不认这个令牌"):
        ClusterEngine(Site(site.urls, "0" * 64, site.patience))


@pytest.mark.slow
def test_the_commands_change_the_model_and_say_what_runs(cluster):
    code, said, wrong = cluster.command("upgrade", "--model", "models/v23", "--replica-cpus", "0")
    assert (code, said) == (0, "已换成 models/v23。\n"), wrong
    engine = cluster.engine()
    here = Synthesizer.load("models/v23", "cpu", 1)
    assert engine.revision == here.revision
    text = "换好了。"
    there, wanted = list(engine.stream(text)), list(here.stream(text))
    np.testing.assert_allclose(there[0].samples, wanted[0].samples, atol=1e-3)
    code, said, wrong = cluster.command("status")
    assert code == 0, wrong
    assert "在线，0 核" in said  # the head computes nothing
    assert re.search(r"^应用 speech：RUNNING；副本 .*RUNNING [1-4]", said, re.M), said  # those before may still end


@pytest.mark.slow
def test_a_machine_with_another_token_does_not_get_in(cluster, tmp_path):
    make_token(tmp_path / "other")
    code, said, wrong = cluster.command("status", token_file=tmp_path / "other")  # Ray tries for 20 s
    assert (code, said) == (1, "")
    assert "连不上集群" in wrong
    assert "InvalidAuthToken" in wrong


@pytest.mark.slow
def test_what_kubernetes_is_told_is_a_plan(cluster):
    service, _ = yaml.safe_load_all((ROOT / "deploy/kubernetes/rayservice.yaml").read_text("utf-8"))
    plan = cluster("plan_written", service["spec"]["serveConfigV2"])
    assert (plan["model"], plan["min_replicas"], plan["max_replicas"], plan["cpus"]) == ("models/v23", 2, 16, 2.0)
