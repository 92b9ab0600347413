"""Requests on machines that share themselves among all they have: the engine's scheduler, simulated.

A machine does ``rates[n - 1]`` seconds of work in a second while it has n requests, an equal part for each. A request
goes to the machine that has fewest. Queueing theory knows the answers to test it by.

Source: processor sharing (Kleinrock 1967); its mean does not depend on how the work is distributed, only on its mean.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from benchmarks.queueing import Outcome, Service, Traffic

_END = (math.inf, 0)


@dataclass(frozen=True)
class Farm:
    """Machines alike."""

    machines: int
    work: Service
    """Seconds that a text takes a machine that has nothing else."""
    rates: tuple[float, ...] = (1.0,)
    """Seconds of such work in a second, with 1, 2 … requests; the last holds for more."""


@dataclass
class _Machine:
    rates: tuple[float, ...]
    jobs: list[tuple[float, float]] = field(default_factory=list)
    """A heap: what ``done`` will be when it ends, and when it came."""
    done: float = 0.0
    """Work that each has had that was here from the beginning."""
    now: float = 0.0
    version: int = 0
    """Changes with every request that comes or goes: what was said of the next end is void."""

    def advance(self, now: float) -> None:
        """Work until ``now``."""
        self.done += (now - self.now) * self._each()
        self.now = now
        self.version += 1

    def next_end(self) -> float:
        """When the next request ends, if none comes; there is one."""
        return self.now + (self.jobs[0][0] - self.done) / self._each()

    def _each(self) -> float:
        count = len(self.jobs)
        return self.rates[min(count, len(self.rates)) - 1] / count if count else 0.0


def share(traffic: Traffic, farm: Farm, seconds: float, seed: int = 0) -> Outcome:
    """Let requests come for so many seconds, and end them all."""
    rng, work = (np.random.default_rng((seed, which)) for which in (0, 1))
    machines = [_Machine(farm.rates) for _ in range(farm.machines)]
    ends: list[tuple[float, int, int]] = []
    outcome = Outcome(seconds=seconds)
    for at, length in chain(traffic.arrivals(rng, seconds), [_END]):
        while ends and ends[0][0] <= at:
            now, index, version = heapq.heappop(ends)
            if machines[index].version == version:
                machines[index].advance(now)
                outcome.answers.append(now - heapq.heappop(machines[index].jobs)[1])
                if machines[index].jobs:
                    heapq.heappush(ends, (machines[index].next_end(), index, machines[index].version))
        if at == math.inf:
            break
        outcome.characters += length
        if work.random() < traffic.cached:
            outcome.cached += 1
            outcome.answers.append(0.0)
            continue
        index = min(range(len(machines)), key=lambda one: len(machines[one].jobs))
        taken = farm.work(work, length)
        outcome.busy_s += taken
        machines[index].advance(at)
        heapq.heappush(machines[index].jobs, (machines[index].done + taken, at))
        heapq.heappush(ends, (machines[index].next_end(), index, machines[index].version))
    return outcome


def machines_for(traffic: Traffic, farm: Farm, goal_s: float, percent: float = 95.0, seed: int = 0) -> int:
    """The fewest machines with which so many percent of the busiest hour's requests are answered within ``goal_s``.

    Raises:
        ValueError: the work alone takes longer.
    """
    rng = np.random.default_rng(seed)
    alone = [farm.work(rng, length) for _, length in Traffic(1.0, traffic.lengths).arrivals(rng, 400.0)]
    if np.percentile(alone, percent) > goal_s:
        raise ValueError("a single request takes longer than the goal")
    busiest = traffic.per_s * max(traffic.hours) / float(np.mean(traffic.hours))
    peak = Traffic(busiest, traffic.lengths, traffic.cached, burst=traffic.burst)
    seconds = min(3600.0, max(60.0, 20_000 / peak.per_s))

    def is_enough(count: int) -> bool:
        outcome = share(peak, Farm(count, farm.work, farm.rates), seconds, seed)
        return outcome.percentile(percent) <= goal_s

    high = max(1, math.ceil(peak.per_s * (1 - traffic.cached) * float(np.mean(alone)) / max(farm.rates)))
    low = high - 1  # fewer than the work takes: never enough
    while not is_enough(high):
        low, high = high, high + max(1, high // 4)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high
