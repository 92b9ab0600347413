"""Processes that die or restart under load, seen through nginx."""

import os
import signal

from tests.faults.installation import RESTART_S, until, wait_s
from tests.faults.load import recovers, under_load


def test_kill_9_of_the_webui(single):
    with under_load(single) as load:
        single.kill("engine")
        wait_s(RESTART_S)
        single.start_engine()
        recovers(load)
    assert load.codes() <= {"engine_unreachable"}


def test_kill_9_of_a_gunicorn_worker_is_not_even_noticed(single):
    with under_load(single) as load:
        for _ in range(3):
            (worker,) = single.gunicorn_workers()
            os.kill(worker, signal.SIGKILL)
            until(lambda worker=worker: single.gunicorn_workers() not in ([], [worker]), 120, "a new worker")
            load.answers(40)  # nobody is met by two of them
        recovers(load)
    assert load.errors == []


def test_a_restart_as_the_documentation_says_loses_nothing(single):
    with under_load(single) as load:
        single.stop("proxy0")
        single.start_proxy()
        load.answers()
        single.processes["proxy0"].send_signal(signal.SIGHUP)
        load.answers(40)
        recovers(load)
    assert load.errors == []
