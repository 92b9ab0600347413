"""Speed and memory of the engine: one sentence, many callers, longer and longer texts.

``python -m benchmarks.engine --json FILE``            three minutes on two cores
``python -m benchmarks.engine --long --json FILE``     and 100,000 characters: ten minutes more

Each part runs in a process of its own, so that its memory is its own. No sentence is spoken twice.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.machine import describe, peak_memory_mb, report, resident_mb
from benchmarks.playing import Listener
from benchmarks.texts import article, sentence

CALLERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
LENGTHS = (10, 100, 1_000, 10_000)
LONGEST = 100_000
LIMIT_S = 3600
"""Of one part: ten times what the longest takes on two cores."""
_numbers = count(1000)


def load(model: Path) -> tuple[Any, float]:
    """The synthesizer and the seconds that it took to have it."""
    began = time.perf_counter()
    from tts_engine.synthesizer import Synthesizer  # imported here: loading is part of what is measured

    synthesizer = Synthesizer.load(model, device="cpu")
    load_s = time.perf_counter() - began
    synthesizer.synthesize(sentence(next(_numbers)))
    return synthesizer, load_s


def one_sentence(model: Path, rounds: int) -> dict[str, object]:
    synthesizer, load_s = load(model)
    seconds, speech_s = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        speech = synthesizer.synthesize(sentence(next(_numbers)))
        seconds.append(time.perf_counter() - began)
        speech_s.append(speech.duration_s)
    factors = [took / made for took, made in zip(seconds, speech_s, strict=True)]
    return {
        "cores": len(os.sched_getaffinity(0)),
        "load_s": round(load_s, 2),
        "characters": len(sentence(1000)),
        "speech_s": round(statistics.median(speech_s), 2),
        "synthesis_s": round(statistics.median(seconds), 3),
        "real_time_factor": round(statistics.median(factors), 4),
        "real_time_factor_worst": round(max(factors), 4),
        "peak_memory_mb": peak_memory_mb(os.getpid()),
    }


def one_core(model: Path, rounds: int) -> dict[str, object]:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return one_sentence(model, rounds)


def first_audio(model: Path, rounds: int) -> dict[str, object]:
    """Of an article of 2,000 characters: how soon it begins, and whether it goes on without a gap."""
    synthesizer, _ = load(model)
    heard = []
    for _ in range(rounds):
        text = article(2_000, next(_numbers) * 100)
        listener = Listener()
        for piece in synthesizer.stream(text):
            listener.hear(piece.duration_s)
            if listener.heard_s > 120:
                break
        heard.append(listener)
    return {
        "characters": 2_000,
        "first_audio_ms": round(1000 * statistics.median(one.first_s or 0.0 for one in heard)),
        "first_audio_worst_ms": round(1000 * max(one.first_s or 0.0 for one in heard)),
        "gap_s": round(max(one.gap_s for one in heard), 3),
    }


def callers(model: Path, _rounds: int) -> list[dict[str, object]]:
    synthesizer, _ = load(model)
    return [_at_once(synthesizer, number) for number in CALLERS]


def _at_once(synthesizer: Any, number: int) -> dict[str, object]:
    """``number`` callers who begin together and speak one sentence each, two where they are few."""
    each = 2 if number <= 16 else 1
    start = threading.Barrier(number)
    firsts, ends, speech_s = [], [], []

    def call(_: int) -> None:
        texts = [sentence(next(_numbers)) for _ in range(each)]
        start.wait()
        for text in texts:
            listener = Listener()
            for piece in synthesizer.stream(text):
                listener.hear(piece.duration_s)
            firsts.append(listener.first_s or 0.0)
            ends.append(time.perf_counter() - listener.began)
            speech_s.append(listener.heard_s)

    began = time.perf_counter()
    with ThreadPoolExecutor(number) as pool:
        list(pool.map(call, range(number)))
    elapsed = time.perf_counter() - began
    return {
        "callers": number,
        "speech_s_per_s": round(sum(speech_s) / elapsed, 1),
        "first_audio_p50_ms": round(1000 * statistics.median(firsts)),
        "whole_p50_s": round(statistics.median(ends), 3),
        "whole_p99_s": round(sorted(ends)[int(0.99 * (len(ends) - 1))], 3),
    }


def growth(model: Path, _rounds: int, lengths: tuple[int, ...] = LENGTHS) -> list[dict[str, object]]:
    synthesizer, _ = load(model)
    for _ in range(3):  # memory that stays at its level
        synthesizer.synthesize(article(500, next(_numbers) * 100))
    return [_spoken(synthesizer, length) for length in lengths]


def longest(model: Path, rounds: int) -> list[dict[str, object]]:
    return growth(model, rounds, (10_000, LONGEST))


def _spoken(synthesizer: Any, length: int) -> dict[str, object]:
    text, before_mb = article(length, next(_numbers) * 10_000), resident_mb(os.getpid())
    listener, most_mb = Listener(), before_mb
    for piece in synthesizer.stream(text):
        listener.hear(piece.duration_s)
        most_mb = max(most_mb, resident_mb(os.getpid()))
    elapsed = time.perf_counter() - listener.began
    return {
        "characters": length,
        "speech_s": round(listener.heard_s, 1),
        "synthesis_s": round(elapsed, 3),
        "ms_per_character": round(1000 * elapsed / length, 3),
        "first_audio_ms": round(1000 * (listener.first_s or 0.0)),
        "gap_s": round(listener.gap_s, 3),
        "memory_grew_mb": round(most_mb - before_mb, 1),
    }


PARTS: dict[str, Callable[[Path, int], object]] = {
    "sentence": one_sentence,
    "sentence_on_one_core": one_core,
    "article": first_audio,
    "callers": callers,
    "growth": growth,
    "longest": longest,
}


def alone(part: str, arguments: argparse.Namespace) -> object:
    """The figures of a part, from a process of its own."""
    command = [sys.executable, "-m", "benchmarks.engine", "--part", part, "--model", str(arguments.model)]
    command += ["--rounds", str(arguments.rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=LIMIT_S)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/v23"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--long", action="store_true", help="speak 100,000 characters as well")
    parser.add_argument("--part", choices=PARTS, help="only this, here")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(PARTS[arguments.part](arguments.model, arguments.rounds), ensure_ascii=False))
        return
    parts = [part for part in PARTS if part != "longest" or arguments.long]
    figures = {"machine": describe(), **{part: alone(part, arguments) for part in parts}}
    report(figures, arguments.json)


if __name__ == "__main__":
    main()
