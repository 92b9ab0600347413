"""Shared machines against queueing theory, and the command in small."""

import json
import time

import numpy as np
import pytest

from benchmarks import capacity
from benchmarks.queueing import Traffic, erlang_c
from benchmarks.sharing import Farm, machines_for, share

ONE = ((10, 1.0),)


def exponential(mean_s):
    return lambda rng, length: rng.exponential(mean_s)


def mean_answer(load, farm, seconds=4_000.0):
    return float(np.mean([np.mean(share(Traffic(load, ONE), farm, seconds, seed).answers) for seed in range(3)]))


@pytest.mark.parametrize("work", [exponential(1.0), lambda rng, length: 1.0], ids=["exponential", "constant"])
@pytest.mark.parametrize("load", [0.3, 0.6])
def test_one_machine_answers_as_theory_says_however_the_work_is_spread(load, work):
    assert mean_answer(load, Farm(1, work)) == pytest.approx(1 / (1 - load), rel=0.12)


def test_rates_that_grow_with_the_cores_are_m_m_2():
    load = 1.2
    wanted = 1 + erlang_c(2, load) / (2 - load)
    assert mean_answer(load, Farm(1, exponential(1.0), (1.0, 2.0))) == pytest.approx(wanted, rel=0.1)


def test_two_machines_do_better_than_each_with_its_half():
    assert mean_answer(1.2, Farm(2, exponential(1.0))) < 0.9 / (1 - 0.6)


def test_every_request_is_answered_once():
    outcome = share(Traffic(5.0, cached=0.4), Farm(3, lambda rng, length: 0.3), 1_000.0)
    assert len(outcome.answers) == pytest.approx(5_000, rel=0.06)
    assert outcome.busy_s == pytest.approx(0.3 * (len(outcome.answers) - outcome.cached))
    assert sum(answer == 0 for answer in outcome.answers) == outcome.cached
    assert share(Traffic(5.0), Farm(2, exponential(0.1)), 50.0, 7) == share(
        Traffic(5.0), Farm(2, exponential(0.1)), 50.0, 7
    )


def test_machines_are_the_fewest_that_do():
    traffic, farm = Traffic(20.0, ONE), Farm(1, exponential(0.3))
    count = machines_for(traffic, farm, 1.5)
    assert share(traffic, Farm(count, farm.work), 400.0).percentile(95) <= 1.5 * 1.1
    assert share(traffic, Farm(count - 1, farm.work), 400.0).percentile(95) > 1.5 * 0.8
    with pytest.raises(ValueError, match="longer than the goal"):
        machines_for(Traffic(1.0, ONE), Farm(1, lambda rng, length: 2.0), 1.0)


class Sleeper:
    """An engine that takes 0.2 ms a character and no processor."""

    @staticmethod
    def load(*_, **__):
        return Sleeper()

    def synthesize(self, text):
        time.sleep(0.0002 * len(text))


def test_the_command_measures_checks_and_plans(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(capacity, "Synthesizer", Sleeper)
    file = tmp_path / "capacity.json"
    arguments = ["--seconds", "0.5", "--users", "20000", "--goal", "60", "--machine-per-month", "300"]
    monkeypatch.setattr("sys.argv", ["capacity", *arguments, "--cloud-per-million", "100", "--json", str(file)])
    capacity.main()
    found = json.loads(file.read_text(encoding="utf-8"))
    assert json.loads(capsys.readouterr().out) == found
    assert found["check"]["requests"] > 0
    assert found["check"]["mean_s"]["real"] > 0
    assert found["plan"]["machines_a_month_cost"] == 300 * found["plan"]["machines_like_this"] > 0
    assert found["plan"]["cloud_a_month_cost"] == 20_000 * 200 * 30 / 1e6 * 100
    assert found["work_per_s_with_so_many_at_once"][0] == 1.0
