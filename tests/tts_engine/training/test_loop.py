import argparse
import itertools
import pickle
import re
import time

import pytest
import torch
from torch import nn

from tts_engine.training.loop import Clock, load_checkpoint, options, save_checkpoint, set_learning_rate, start


def parts():
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    return network, torch.optim.AdamW(network.parameters(), lr=0.1)


def trained(network, optimizer, steps=3):
    for step in range(steps):
        network(torch.full((1, 3), float(step + 1))).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return network, optimizer


def test_a_checkpoint_brings_everything_back(tmp_path):
    network, optimizer = trained(*parts())
    save_checkpoint(tmp_path / "last.pt", 17, model=network, optimizer=optimizer)
    other, other_optimizer = parts()
    assert load_checkpoint(tmp_path / "last.pt", model=other, optimizer=other_optimizer) == 17
    trained(network, optimizer), trained(other, other_optimizer)  # moments of the optimizer came back too
    assert torch.equal(network.weight, other.weight)


def test_a_run_killed_while_saving_leaves_the_previous_checkpoint(tmp_path):
    class Killed(nn.Linear):
        def state_dict(self, *args, **kwargs):
            state = super().state_dict(*args, **kwargs)
            state["last"] = lambda: None  # cannot be written: the file breaks off here
            return state

    path = tmp_path / "last.pt"
    save_checkpoint(path, 1, model=parts()[0])
    before = path.read_bytes()
    with pytest.raises((AttributeError, TypeError, RuntimeError, ValueError), match=r"(?i)pickle|lambda"):
        save_checkpoint(path, 2, model=Killed(3, 2))
    assert path.read_bytes() == before
    assert load_checkpoint(path, model=nn.Linear(3, 2)) == 1
    save_checkpoint(path, 3, model=parts()[0])  # what the killed run left is no hindrance
    assert load_checkpoint(path, model=nn.Linear(3, 2)) == 3
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]


def test_a_checkpoint_can_hold_no_code(tmp_path):
    torch.save({"step": 1, "model": argparse.Namespace()}, tmp_path / "evil.pt")
    with pytest.raises(pickle.UnpicklingError, match="weights_only"):
        load_checkpoint(tmp_path / "evil.pt", model=nn.Linear(3, 2))


def test_the_clock_counts_steps_where_steps_are_given():
    clock = Clock(minutes=60, steps=10, started=time.monotonic() - 1e6)
    assert clock.done == 0
    clock.step = 4
    assert clock.done == 0.4
    clock.step = 12
    assert clock.done == 1


def test_the_clock_counts_minutes_otherwise():
    clock = Clock(minutes=2, steps=0, started=time.monotonic() - 30)
    assert clock.done == pytest.approx(0.25, abs=0.05)
    assert Clock(minutes=2, steps=0, started=time.monotonic() - 1000).done == 1


def test_the_clock_tells_what_a_step_took():
    assert re.fullmatch(r"4 steps in 1\d\.\d s: [23]\.\d+ s each", Clock(1, 0, time.monotonic() - 10, step=4).pace)
    assert Clock(1, 0, time.monotonic()).pace.startswith("0 steps in ")


def test_the_learning_rate_warms_up_and_falls_to_a_fiftieth():
    clock = Clock(minutes=1, steps=1000, started=0)
    rates = []
    for clock.step in range(1001):
        rates.append(clock.learning_rate(1.0))
    assert rates[0] == pytest.approx(1 / 200)
    assert rates[99] == pytest.approx(0.5 * rates[100] / 0.505, rel=0.01)
    assert rates[500] == pytest.approx(0.51, abs=0.01)
    assert rates[1000] == pytest.approx(0.02)
    assert all(a >= b for a, b in itertools.pairwise(rates[200:]))


def test_every_group_gets_the_learning_rate():
    _, optimizer = parts()
    optimizer.add_param_group({"params": [nn.Parameter(torch.zeros(1))], "lr": 7.0})
    set_learning_rate(optimizer, 0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]


def test_a_run_starts_from_its_seed(tmp_path):
    arguments = options("", "test").parse_args(
        ["--seed", "5", "--threads", "1", "--out", str(tmp_path / "deep" / "out")]
    )
    start(arguments)
    first = torch.rand(3)
    start(arguments)
    assert torch.equal(torch.rand(3), first)
    assert (tmp_path / "deep" / "out").is_dir()
