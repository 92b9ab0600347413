"""How much this machine speaks, and how many of it a target takes.

``python -m benchmarks.capacity --users 1000000 --json FILE``

Measures what texts take alone and how much more is done with several at once (``--seconds``), simulates a traffic, runs
the same arrivals for real (as long again) and prints both with their deviation; then plans the target by simulation.
Prices are the reader's own: ``--cloud-per-million``, ``--machine-per-month``.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.machine import describe, report
from benchmarks.queueing import HOURS, Service, Traffic
from benchmarks.sharing import Farm, machines_for, share
from tts_engine.synthesizer import Synthesizer

SENTENCE = "今天上午我们在会议室讨论了下个月的工作安排，大家一致认为应该先把最重要的事情做好，再考虑其他问题。"
UTILISATION = 0.5
"""Of the machine in the check."""
_LEAST = 20
"""Requests of the check, in the mean: on a slow machine it takes longer."""
_AT_ONCE = 256
"""Threads of the check: more than ever wait, so that all that came are in the scheduler's hands."""


def text(number: int, length: int) -> str:
    """A text of so many characters that no other number has."""
    return (f"第{number}位：" + SENTENCE * (length // len(SENTENCE) + 1))[:length]


def spoken_s(synthesizer: Synthesizer, number: int, length: int) -> float:
    began = time.perf_counter()
    synthesizer.synthesize(text(number, length))
    return time.perf_counter() - began


def measure(synthesizer: Synthesizer, traffic: Traffic, callers: int, seconds: float) -> list[tuple[int, float]]:
    """Length and seconds of each text, with so many callers who ask again and again; every length at least once."""
    lock, end = threading.Lock(), time.perf_counter() + seconds
    found: list[tuple[int, float]] = []

    def ask(caller: int) -> None:
        rng = np.random.default_rng((callers, caller))
        lengths, shares = zip(*traffic.lengths, strict=True)
        owed = list(lengths)
        while owed or time.perf_counter() < end:
            length = owed.pop() if owed else int(rng.choice(lengths, p=shares))
            taken = spoken_s(synthesizer, int(rng.integers(10**9)), length)
            with lock:
                found.append((length, taken))

    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(ask, range(callers)))
    return found


def farm_of(synthesizer: Synthesizer, cores: int, seconds: float) -> Farm:
    """One machine like this: what a text takes alone, and how much more is done with several at once."""
    alone = measure(synthesizer, Traffic(1.0), 1, seconds / 2)
    times = {length: np.array([taken for at, taken in alone if at == length]) for length, _ in alone}
    known, rates = [1], [1.0]
    for callers in (cores, 2 * cores) if cores > 1 else (2,):
        began = time.perf_counter()
        found = measure(synthesizer, Traffic(1.0), callers, seconds / 4)
        work = sum(float(times[length].mean()) for length, _ in found)
        known.append(callers)
        rates.append(work / (time.perf_counter() - began))
    every = range(1, known[-1] + 1)
    return Farm(1, _drawn(times), tuple(float(np.interp(count, known, rates)) for count in every))


def _drawn(times: dict[int, np.ndarray]) -> Service:
    """Draws a measured time of a text of that length."""
    return lambda rng, length: float(rng.choice(times[length]))


def run(synthesizer: Synthesizer, arrivals: list[tuple[float, int]]) -> list[float]:
    """The arrivals for real, at their own pace whatever the answers: seconds until each answer."""
    began = time.perf_counter()

    def ask(number: int, at: float, length: int) -> float:
        spoken_s(synthesizer, 10**9 + number, length)
        return time.perf_counter() - began - at

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = []
        for number, (at, length) in enumerate(arrivals):
            time.sleep(max(0.0, began + at - time.perf_counter()))
            answers.append(pool.submit(ask, number, at, length))
        return [answer.result() for answer in answers]


def mean_s(farm: Farm) -> float:
    """Of a text alone, over the mixture of lengths."""
    rng = np.random.default_rng(1)
    return float(np.mean([farm.work(rng, length) for _, length in Traffic(1.0).arrivals(rng, 2000.0)]))


def compared(synthesizer: Synthesizer, farm: Farm, seconds: float) -> dict[str, object]:
    """Simulated and real answers of the same arrivals; the simulation draws its times twenty times over."""
    traffic = Traffic(UTILISATION * max(farm.rates) / mean_s(farm))
    seconds = max(seconds, _LEAST / traffic.per_s)
    arrivals = list(traffic.arrivals(np.random.default_rng((0, 0)), seconds))
    real = np.array(run(synthesizer, arrivals))
    simulated = np.concatenate([share(Arrived(arrivals), farm, seconds, seed).answers for seed in range(20)])
    rows = {}
    for name, value in (("mean_s", np.mean), ("p95_s", lambda answers: np.percentile(answers, 95))):
        one, other = float(value(simulated)), float(value(real))
        rows[name] = {"simulated": round(one, 3), "real": round(other, 3), "deviation": round(one / other - 1, 3)}
    return {"requests": len(real), "requests_per_s": round(traffic.per_s, 2), **rows}


class Arrived(Traffic):
    """Requests whose times and lengths are known."""

    def __init__(self, known: list[tuple[float, int]]) -> None:
        super().__init__(1.0)
        object.__setattr__(self, "known", known)

    known: list[tuple[float, int]]

    def arrivals(self, rng: np.random.Generator, seconds: float, begin_s: float = 0.0) -> Iterator[tuple[float, int]]:
        return iter(self.known)


def plan(options: argparse.Namespace, farm: Farm) -> dict[str, object]:
    """Machines like this one for the target, and what they cost beside a cloud."""
    characters = options.users * options.characters_per_user
    per_s = characters / Traffic(1.0).characters / 86400
    traffic = Traffic(per_s, cached=options.cached, hours=HOURS, burst=options.burst)
    asked = {
        "users": options.users,
        "characters_a_day": characters,
        "requests_a_s_mean": round(traffic.per_s, 2),
        "answered_within_s": options.goal,
        "cloud_a_month_cost": round(characters * 30 / 1e6 * options.cloud_per_million, 2),
    }
    try:
        machines = machines_for(traffic, farm, options.goal)
    except ValueError as error:
        return {**asked, "machines_like_this": None, "why": f"{error}: a later --goal, or a faster machine"}
    return {
        **asked,
        "machines_like_this": machines,
        "machines_a_month_cost": round(machines * options.machine_per_month, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/v23"))
    parser.add_argument("--seconds", type=float, default=30.0, help="of measuring, and again of checking")
    parser.add_argument("--users", type=float, default=1e6)
    parser.add_argument("--characters-per-user", type=float, default=200.0, help="a day")
    parser.add_argument("--cached", type=float, default=0.5, help="share of requests that the cache answers")
    parser.add_argument("--burst", type=float, default=2.0, help="mean number of requests that come at once")
    parser.add_argument("--goal", type=float, default=3.0, help="seconds within which 95 %% are answered")
    parser.add_argument("--machine-per-month", type=float, default=0.0, help="what such a machine costs")
    parser.add_argument("--cloud-per-million", type=float, default=0.0, help="what a cloud asks for 10^6 characters")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    synthesizer = Synthesizer.load(options.model, device="cpu")
    cores = int(describe()["cores"])  # type: ignore[call-overload]
    farm = farm_of(synthesizer, cores, options.seconds)
    per_s = Traffic(1.0).characters / mean_s(farm) * max(farm.rates)
    report(
        {
            "machine": describe(),
            "characters_per_s": round(per_s, 1),
            "work_per_s_with_so_many_at_once": [round(rate, 3) for rate in farm.rates],
            "characters_a_day_at_70_percent": round(per_s * 86400 * 0.7),
            "users_at_70_percent_without_curve": round(per_s * 86400 * 0.7 / options.characters_per_user),
            "check": compared(synthesizer, farm, options.seconds),
            "plan": plan(options, farm),
        },
        options.json,
    )


if __name__ == "__main__":
    main()
