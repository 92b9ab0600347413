"""Hours of load with a fault now and then: ``pytest tests/faults/test_soak.py --soak MINUTES``; skipped without it."""

import itertools
import os
import signal
import time

import pytest

from benchmarks.machine import shared_memory_mb
from tests.faults.installation import RESTART_S, until, wait_s
from tests.faults.load import recovers, under_load

_GROWTH_MB = 40
"""Of the proxy, from its first rounds to the last; SQLite's and Python's own caches take that much in time."""
_CALM_S = 20


def kill_the_engine(site, _):
    site.kill("engine")
    wait_s(RESTART_S)
    site.start_engine()


def kill_a_worker(site, _):
    (worker,) = site.gunicorn_workers()
    os.kill(worker, signal.SIGKILL)
    until(lambda: site.gunicorn_workers() not in ([], [worker]), 30, "a new worker")


def reload_the_proxy(site, load):
    site.processes["proxy0"].send_signal(signal.SIGHUP)
    load.answers(40)


def test_nothing_is_lost_and_nothing_grows(single, pytestconfig):
    minutes = pytestconfig.getoption("--soak")
    if not minutes:
        pytest.skip("only with --soak MINUTES")
    end_s, memory = time.monotonic() + 60 * minutes, []
    with under_load(single) as load:
        for fault in itertools.cycle([kill_the_engine, kill_a_worker, reload_the_proxy]):
            fault(single, load)
            recovers(load)
            wait_s(_CALM_S)
            memory.append(shared_memory_mb(single.processes["proxy0"].pid))
            if time.monotonic() > end_s:
                break
    assert len(memory) > 0
    assert memory[-1] - min(memory[:3]) < _GROWTH_MB, memory
