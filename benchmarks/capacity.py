"""How much this machine speaks, and how many of it a target takes.

``python -m benchmarks.capacity --users 1000000 --json FILE``

Measures the engine (``--seconds``), simulates the same traffic, runs it for real and prints both with their deviation;
then plans the target by simulation. Prices are the reader's own: ``--cloud-per-million``, ``--machine-per-month``.
"""

from __future__ import annotations

import argparse
import json
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.machine import describe
from benchmarks.queueing import HOURS, Fleet, Service, Traffic, replicas_for, simulate
from tts_engine.synthesizer import Synthesizer

SENTENCE = "今天上午我们在会议室讨论了下个月的工作安排，大家一致认为应该先把最重要的事情做好，再考虑其他问题。"
UTILISATION = 0.5
"""Of the machine in the check."""


def text(number: int, length: int) -> str:
    """A text of so many characters that no other number has."""
    return (f"第{number}位：" + SENTENCE * (length // len(SENTENCE) + 1))[:length]


def spoken_s(synthesizer: Synthesizer, number: int, length: int) -> float:
    began = time.perf_counter()
    synthesizer.synthesize(text(number, length))
    return time.perf_counter() - began


def measure(synthesizer: Synthesizer, traffic: Traffic, callers: int, seconds: float) -> list[tuple[int, float]]:
    """Length and seconds of each text, with so many callers who ask again and again."""
    end, lock = time.perf_counter() + seconds, threading.Lock()
    found: list[tuple[int, float]] = []

    def ask(caller: int) -> None:
        rng = np.random.default_rng(caller)
        lengths, shares = zip(*traffic.lengths, strict=True)
        while time.perf_counter() < end:
            length = int(rng.choice(lengths, p=shares))
            taken = spoken_s(synthesizer, int(rng.integers(10**6)), length)
            with lock:
                found.append((length, taken))

    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(ask, range(callers)))
    return found


def service_of(found: list[tuple[int, float]]) -> Service:
    """Draws a measured time of a text of that length."""
    times = {length: np.array([taken for at, taken in found if at == length]) for length, _ in found}
    return lambda rng, length: float(rng.choice(times[length]))


def run(synthesizer: Synthesizer, traffic: Traffic, callers: int, seconds: float) -> list[float]:
    """The traffic for real, at its own pace whatever the answers: seconds until each answer, ``callers`` at a time."""
    arrivals = list(traffic.arrivals(np.random.default_rng((0, 0)), seconds))
    began = time.perf_counter()

    def ask(number: int, at: float, length: int) -> float:
        spoken_s(synthesizer, number, length)
        return time.perf_counter() - began - at

    with ThreadPoolExecutor(callers) as pool:
        answers = []
        for number, (at, length) in enumerate(arrivals):
            time.sleep(max(0.0, began + at - time.perf_counter()))
            answers.append(pool.submit(ask, number, at, length))
        return [answer.result() for answer in answers]


def compared(synthesizer: Synthesizer, service: Service, callers: int, seconds: float) -> dict[str, object]:
    """Simulated and real answers of the same arrivals."""
    rng = np.random.default_rng(1)
    mean_s = float(np.mean([service(rng, length) for _, length in Traffic(1.0).arrivals(rng, 400.0)]))
    traffic = Traffic(UTILISATION * callers / mean_s)
    real = np.array(run(synthesizer, traffic, callers, seconds))
    runs = [simulate(traffic, Fleet(callers, service), seconds, seed) for seed in range(20)]
    simulated = np.concatenate([outcome.answers for outcome in runs])
    rows = {}
    for name, value in (("mean_s", np.mean), ("p95_s", lambda answers: np.percentile(answers, 95))):
        one, other = float(value(simulated)), float(value(real))
        rows[name] = {"simulated": round(one, 3), "real": round(other, 3), "deviation": round(one / other - 1, 3)}
    return {"requests": len(real), "requests_per_s": round(traffic.per_s, 2), **rows}


def plan(options: argparse.Namespace, service: Service, callers: int) -> dict[str, object]:
    """Machines like this one for the target, and what they cost beside a cloud."""
    lengths = Traffic(1.0).characters
    characters = options.users * options.characters_per_user
    traffic = Traffic(characters / lengths / 86400, cached=options.cached, hours=HOURS, burst=options.burst)
    slots = replicas_for(traffic, service, options.goal)
    machines = math.ceil(slots / callers)
    return {
        "users": options.users,
        "characters_a_day": characters,
        "requests_a_s_mean": round(traffic.per_s, 2),
        "answered_within_s": options.goal,
        "machines_like_this": machines,
        "machines_a_month_cost": round(machines * options.machine_per_month, 2),
        "cloud_a_month_cost": round(characters * 30 / 1e6 * options.cloud_per_million, 2),
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
    callers = int(describe()["cores"])  # type: ignore[call-overload]
    found = measure(synthesizer, Traffic(1.0), callers, options.seconds)
    service = service_of(found)
    per_s = sum(length for length, _ in found) / (sum(taken for _, taken in found) / callers)
    result = {
        "machine": describe(),
        "characters_per_s": round(per_s, 1),
        "characters_a_day_at_70_percent": round(per_s * 86400 * 0.7),
        "users_at_70_percent_without_curve": round(per_s * 86400 * 0.7 / options.characters_per_user),
        "check": compared(synthesizer, service, callers, options.seconds),
        "plan": plan(options, service, callers),
    }
    printed = json.dumps(result, ensure_ascii=False, indent=1)
    if options.json:
        options.json.write_text(printed + "\n", encoding="utf-8")
    print(printed)


if __name__ == "__main__":
    main()
