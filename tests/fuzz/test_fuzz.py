"""A short run of every target; the long ones are ``python -m tests.fuzz.run TARGET --executions 300000``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.targets import BrokenPromiseError, prepared

ROOT = Path(__file__).parents[2]


@pytest.fixture
def target():
    closing = []

    def make(name):
        attempt, seeds, close = prepared(name)
        closing.append(close)
        return attempt, seeds

    yield make
    for close in closing:
        close()


@pytest.mark.parametrize(
    ("name", "executions"), [("token", 3000), ("link", 3000), ("tencent", 3000), ("form", 150), ("clip", 500)]
)
def test_a_short_run_finds_nothing(name, executions):
    command = [sys.executable, "-m", "tests.fuzz.run", name, "--executions", str(executions)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["executions"], told["failures"]) == (executions, 0)
    assert told["edges"] > 5  # it saw the code


def test_the_seeds_reach_what_they_are_meant_to_reach(target):
    """A detector that cannot fire proves nothing: each seed's good neighbour gets in."""
    attempt, seeds = target("token")
    for seed in seeds:
        attempt(seed)
    forged = seeds[0].replace(b'"sub":"a"', b'"sub":"a","sub":"b"')
    attempt(forged)  # a name twice is refused, so nothing is raised


def test_a_broken_promise_is_seen(target, monkeypatch):
    from app.storage.local import LocalStorage

    attempt, _ = target("link")
    monkeypatch.setattr(LocalStorage, "verify", lambda *_: 10)
    with pytest.raises(BrokenPromiseError):
        attempt(b"x.mp3\x001\x00forged")
