"""Requests on N replicas, simulated: when they come, how long each takes, how long each waits. SimPy does the clock.

A cached text costs no replica. A replica serves ``slots`` requests at a time; beyond the queue's length one is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import simpy

DAY_S = 86_400.0
HOURS = (
    0.25,
    0.15,
    0.1,
    0.08,
    0.1,
    0.2,
    0.5,
    0.9,
    1.2,
    1.3,
    1.3,
    1.4,
    1.5,
    1.3,
    1.2,
    1.2,
    1.3,
    1.4,
    1.5,
    1.7,
    1.9,
    1.8,
    1.2,
    0.6,
)
"""How busy each hour of a day is, as a share of the day's mean: an assumption, to be replaced by one's own log."""


@dataclass(frozen=True)
class Traffic:
    """Who asks for what."""

    per_s: float
    """Requests, in the mean of a day."""
    lengths: tuple[tuple[int, float], ...] = ((12, 0.6), (50, 0.3), (300, 0.1))
    """Characters of a text and the share of requests that have it."""
    cached: float = 0.0
    """Share of requests that the cache answers, 0–1."""
    hours: tuple[float, ...] = (1.0,) * 24
    """See ``HOURS``."""
    burst: float = 1.0
    """Mean number of requests that come at once: 1 is a Poisson stream."""

    @property
    def characters(self) -> float:
        """Of a request, in the mean."""
        return sum(length * share for length, share in self.lengths) / sum(share for _, share in self.lengths)

    def arrivals(self, rng: np.random.Generator, seconds: float, begin_s: float = 0.0) -> Iterator[tuple[float, int]]:
        """Time since ``begin_s`` of the day and characters of each request; a day's curve by thinning.

        Source: Lewis, Shedler, Simulation of nonhomogeneous Poisson processes by thinning, 1979.
        """
        shape = np.asarray(self.hours) / np.mean(self.hours)
        most = self.per_s * shape.max() / self.burst
        lengths, shares = (np.asarray(column) for column in zip(*self.lengths, strict=True))
        shares = shares / shares.sum()
        now = rng.exponential(1 / most)
        while now < seconds:
            hour = int((begin_s + now) % DAY_S // 3600)
            if rng.random() < shape[hour] / shape.max():
                for _ in range(rng.geometric(1 / self.burst)):
                    yield now, int(rng.choice(lengths, p=shares))
            now += rng.exponential(1 / most)


Service = Callable[[np.random.Generator, int], float]
"""Seconds of work for a text of so many characters."""


@dataclass(frozen=True)
class Fleet:
    """What serves them."""

    replicas: int
    service: Service
    queue: int | None = None
    """Requests that may wait; None for any number."""


@dataclass
class Outcome:
    """What came of it."""

    waits: list[float] = field(default_factory=list)
    """Seconds until the work began, of each request that a replica served."""
    answers: list[float] = field(default_factory=list)
    """Seconds until the answer, of every request that got one."""
    refused: int = 0
    cached: int = 0
    busy_s: float = 0.0
    """Of all replicas together."""
    seconds: float = 0.0
    characters: int = 0

    def utilisation(self, replicas: int) -> float:
        """Share of the time in which a replica worked."""
        return self.busy_s / (self.seconds * replicas)

    def percentile(self, percent: float) -> float:
        """Of the seconds until the answer."""
        return float(np.percentile(self.answers, percent)) if self.answers else 0.0


def simulate(traffic: Traffic, fleet: Fleet, seconds: float, seed: int = 0, begin_s: float = 0.0) -> Outcome:
    """Let requests come for so many seconds, and end all that were taken."""
    rng, work = (np.random.default_rng((seed, which)) for which in (0, 1))
    clock = simpy.Environment()
    servers = simpy.Resource(clock, fleet.replicas)
    outcome = Outcome(seconds=seconds)

    def serve(length: int) -> Iterator[simpy.Event]:
        came = clock.now
        with servers.request() as turn:
            yield turn
            outcome.waits.append(clock.now - came)
            taken = fleet.service(work, length)
            outcome.busy_s += taken
            yield clock.timeout(taken)
        outcome.answers.append(clock.now - came)

    def come() -> Iterator[simpy.Event]:
        for at, length in traffic.arrivals(rng, seconds, begin_s):
            yield clock.timeout(at - clock.now)
            outcome.characters += length
            if rng.random() < traffic.cached:
                outcome.cached += 1
                outcome.answers.append(0.0)
            elif fleet.queue is not None and servers.count == fleet.replicas and len(servers.queue) >= fleet.queue:
                outcome.refused += 1
            else:
                clock.process(serve(length))

    clock.process(come())
    clock.run()
    return outcome


def erlang_c(servers: int, load: float) -> float:
    """Probability that a request waits in M/M/c.

    Args:
        servers: c.
        load: arrivals a second times seconds of service, below ``servers``.

    Source: Erlang 1917; by the recursion of Erlang B.
    """
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = load * blocked / (count + load * blocked)
    return blocked / (1 - load / servers * (1 - blocked))


def replicas_for(traffic: Traffic, service: Service, goal_s: float, percent: float = 95.0, seed: int = 0) -> int:
    """The fewest replicas with which so many percent of the busiest hour's requests are answered within ``goal_s``.

    Raises:
        ValueError: the work alone takes longer.
    """
    rng = np.random.default_rng(seed)
    alone = [service(rng, length) for _, length in _sample(traffic, rng)]
    if np.percentile(alone, percent) > goal_s:
        raise ValueError("a single request takes longer than the goal")
    peak = Traffic(
        traffic.per_s * max(traffic.hours) / float(np.mean(traffic.hours)),
        traffic.lengths,
        traffic.cached,
        burst=traffic.burst,
    )
    seconds = min(3600.0, max(60.0, 20_000 / peak.per_s))
    high = max(1, int(np.ceil(peak.per_s * (1 - traffic.cached) * float(np.mean(alone)))))
    low = high - 1  # fewer than the work takes: never enough
    while simulate(peak, Fleet(high, service), seconds, seed).percentile(percent) > goal_s:
        low, high = high, high + max(1, high // 4)
    while high - low > 1:
        middle = (low + high) // 2
        if simulate(peak, Fleet(middle, service), seconds, seed).percentile(percent) > goal_s:
            low = middle
        else:
            high = middle
    return high


def _sample(traffic: Traffic, rng: np.random.Generator) -> list[tuple[float, int]]:
    plain = Traffic(1.0, traffic.lengths)
    return list(plain.arrivals(rng, 400.0))
