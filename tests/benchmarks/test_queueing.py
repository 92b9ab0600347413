"""The simulation against queueing theory, where theory knows the answer."""

import numpy as np
import pytest

from benchmarks.queueing import DAY_S, HOURS, Fleet, Traffic, erlang_c, replicas_for, simulate

ONE = ((10, 1.0),)


def exponential(mean_s):
    return lambda rng, length: rng.exponential(mean_s)


def constant(seconds):
    return lambda rng, length: seconds


def mean_wait(traffic, fleet, seconds=8_000.0):
    return float(np.mean([np.mean(simulate(traffic, fleet, seconds, seed).waits) for seed in range(3)]))


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (1, 0.7), (4, 3.0)])
def test_waiting_in_m_m_c_is_erlangs(servers, load):
    wanted = erlang_c(servers, load) / (servers - load)  # with a service of one second
    assert mean_wait(Traffic(load, ONE), Fleet(servers, exponential(1.0))) == pytest.approx(wanted, rel=0.2)


@pytest.mark.parametrize("load", [0.3, 0.6])
def test_waiting_in_m_d_1_is_half_of_it(load):
    wanted = load / (2 * (1 - load))  # Pollaczek–Khinchine with a variance of 0
    assert mean_wait(Traffic(load, ONE), Fleet(1, constant(1.0))) == pytest.approx(wanted, rel=0.15)


def test_the_share_that_waits_is_erlang_c():
    waits = np.asarray(simulate(Traffic(3.0, ONE), Fleet(4, exponential(1.0)), 8_000.0).waits)
    assert np.mean(waits > 0) == pytest.approx(erlang_c(4, 3.0), rel=0.12)


def test_erlang_c_is_what_the_tables_say():
    assert erlang_c(1, 0.7) == pytest.approx(0.7)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)


def test_refusals_without_a_queue_are_erlang_b():
    lost = simulate(Traffic(2.0, ONE), Fleet(2, exponential(1.0), queue=0), 8_000.0)
    assert lost.refused / (lost.refused + len(lost.answers)) == pytest.approx(0.4, rel=0.06)  # B(2, 2)


def test_work_is_neither_lost_nor_made():
    outcome = simulate(Traffic(5.0, cached=0.4), Fleet(3, constant(0.3), queue=5), 2_000.0)
    assert outcome.cached + outcome.refused + len(outcome.waits) == pytest.approx(10_000, rel=0.05)
    assert len(outcome.answers) == outcome.cached + len(outcome.waits)
    assert outcome.busy_s == pytest.approx(0.3 * len(outcome.waits))
    assert outcome.utilisation(3) == pytest.approx(len(outcome.waits) * 0.1 / 2_000)


def test_the_cache_takes_its_share():
    outcome = simulate(Traffic(10.0, cached=0.75), Fleet(9, constant(0.1)), 2_000.0)
    assert outcome.cached / len(outcome.answers) == pytest.approx(0.75, abs=0.02)


def test_a_days_curve_is_as_given_and_bursts_keep_the_mean():
    rng = np.random.default_rng(1)
    times = np.array([at for at, _ in Traffic(0.5, hours=HOURS, burst=3.0).arrivals(rng, DAY_S)])
    assert len(times) == pytest.approx(0.5 * DAY_S, rel=0.03)
    by_hour = np.histogram(times, bins=24, range=(0, DAY_S))[0] / len(times) * 24
    assert by_hour == pytest.approx(np.asarray(HOURS) / np.mean(HOURS), rel=0.25)
    assert len(np.unique(times)) == pytest.approx(len(times) / 3, rel=0.05)


def test_the_same_seed_is_the_same_day():
    one, two = (simulate(Traffic(2.0), Fleet(2, exponential(0.5)), 500.0, seed=7) for _ in range(2))
    assert one == two


def test_replicas_are_the_fewest_that_do():
    traffic, service, goal_s = Traffic(20.0, ONE), exponential(0.3), 1.5
    count = replicas_for(traffic, service, goal_s)
    assert count > 20 * 0.3
    assert simulate(traffic, Fleet(count, service), 1000.0).percentile(95) <= goal_s * 1.1
    assert simulate(traffic, Fleet(count - 1, service), 1000.0).percentile(95) > goal_s * 0.8


def test_a_goal_shorter_than_the_work_is_refused():
    with pytest.raises(ValueError, match="longer than the goal"):
        replicas_for(Traffic(1.0, ONE), constant(2.0), 1.0)
