"""Two processes that torchrun starts learn as one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tts_engine.training.shared_run import RATE, Line, batch, loss
from tts_engine.training.processes import Processes

ROOT = Path(__file__).parents[3]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--local-addr=127.0.0.1", "--nproc-per-node=2"]


def together(*command):
    """Run ``shared_run`` in two processes; what they said."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, *TORCHRUN, "-m", "tests.tts_engine.training.shared_run", *map(str, command)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def ends(out):
    return [json.loads((out / f"end-{rank}.json").read_text()) for rank in (0, 1)]


def by_hand(steps):
    """The weights after so many steps on what both processes see."""
    network = Line()
    for step in range(steps):
        total = sum(loss(network, batch(step, rank))["loss"] for rank in (0, 1)) / 2
        network.zero_grad()
        total.backward()
        with torch.no_grad():
            for weight in network.parameters():
                weight -= RATE * weight.grad
    return network.weight.flatten().tolist()


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that got better twice and then waited twice, and what went on from there."""
    out = tmp_path_factory.mktemp("line")
    common = ["line", "--out", out, "--steps", "9", "--validate-every", "1", "--patience", "2", "--told"]
    together(*common, "3", "2", "2.5", "2")
    first = ends(out), (out / "last.pt").read_bytes()
    log = sorted(file.name for file in out.iterdir())
    together(*common, "2.5", "1", "4", "4", "4", "--resume")
    return out, first, log


@pytest.mark.slow
def test_gradients_are_the_mean_over_all_processes(stopped):
    (one, other), _ = stopped[1]
    assert one["weight"] == other["weight"]
    np.testing.assert_allclose(one["weight"], by_hand(4), rtol=1e-5)


@pytest.mark.slow
def test_all_stop_where_held_out_speech_gets_no_better(stopped):
    (one, other), _ = stopped[1]
    assert one["step"] == other["step"] == 4
    assert one["seed"] != other["seed"]  # of the batches


@pytest.mark.slow
def test_what_is_kept_is_the_best(stopped):
    out, _, log = stopped
    assert [name for name in log if not name.startswith("events")] == [
        "best", "end-0.json", "end-1.json", "last.pt", "model"
    ]  # fmt: skip
    assert sum(name.startswith("events") for name in log) == 1  # one of them writes
    kept = torch.load(out / "model" / "line.pt", weights_only=True)["weight"].flatten().tolist()
    np.testing.assert_allclose(kept, by_hand(6), rtol=1e-5)  # the second run's second step


@pytest.mark.slow
def test_who_resumes_a_run_that_stopped_waits_anew(stopped):
    one, other = ends(stopped[0])
    assert one["step"] == other["step"] == 8
    np.testing.assert_allclose(one["weight"], by_hand(8), rtol=1e-5)


@pytest.mark.slow
def test_the_vocoder_and_its_discriminators_stay_the_same_everywhere(corpus, tmp_path):
    small = ["--batch", "1", "--frames", "8", "--steps", "2", "--threads", "1", "--device", "cpu"]
    together("vocoder", "--features", corpus, "--out", tmp_path, "--adversarial", *small)
    one, other = (torch.load(tmp_path / f"end-{rank}.pt", weights_only=True) for rank in (0, 1))
    assert one.keys() == other.keys() == {"last.pt", "judges.pt"}
    for file, weights in one.items():
        for name, weight in weights.items():
            assert torch.equal(weight, other[file][name]), (file, name)


def test_one_process_needs_nobody(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    alone = Processes.join("cpu")
    assert (alone.leads, alone.count, alone.agree(0.25)) == (True, 1, 0.25)
    network = Line()
    assert alone.spread(network) is network
    alone.leave()
