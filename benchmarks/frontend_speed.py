"""Speed and memory of the front end alone: run by ``python -m benchmarks.frontend`` in a process of its own."""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

SENTENCE = "今天上午我们在会议室讨论了下个月的工作安排，大家一致认为应该先把{n}件最重要的事情做好再说。"
_ROUNDS = 5
PARAGRAPH = (
    "本报讯，2027年3月5日上午9:30，第{n}届书展在上海开幕，共有1.2万名读者到场。组委会介绍，今年展位增加{n}.5%，"
    "门票¥60一张，65岁以上老人免费。读者可以用App预约，也可以拨打021-5555{n:04d}咨询。\n"
)
"""No sentence comes twice: the front end remembers what it read last."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures here")
    path = parser.parse_args().json
    figures = json.dumps(measure())
    if path:
        path.write_text(figures + "\n", encoding="utf-8")
    print(figures)


def measure() -> dict[str, float]:
    """Load the front end, then read a sentence and long texts."""
    before_kib = _resident_kib()
    began = time.perf_counter()
    from tts_engine.frontend import Frontend  # imported here: loading is part of what is measured

    frontend = Frontend()
    load_s = time.perf_counter() - began
    frontend.read(SENTENCE.format(n=1))
    added_mb = (_resident_kib() - before_kib) * 1024 / 1e6
    short, long = _per_character(frontend)
    return {
        "load_s": round(load_s, 2),
        "added_memory_mb": round(added_mb, 1),
        "sentence_characters": len(SENTENCE.format(n=2)),
        "sentence_ms": round(
            statistics.median(_seconds(frontend, SENTENCE.format(n=n)) for n in range(2, 52)) * 1e3, 2
        ),
        "microseconds_per_character_at_10000": round(short * 1e6, 1),
        "microseconds_per_character_at_100000": round(long * 1e6, 1),
    }


def _per_character(frontend: object) -> tuple[float, float]:
    """Seconds per character of 10,000 and of 100,000: medians of rounds in turn, so that a busy moment meets both."""
    rounds = []
    numbers = itertools.count(60)
    for _ in range(_ROUNDS):
        short = sum(_seconds(frontend, _text(10_000, numbers)) for _ in range(10))
        rounds.append((short / 100_000, _seconds(frontend, _text(100_000, numbers)) / 100_000))
    short_ones, long_ones = zip(*rounds, strict=True)
    return statistics.median(short_ones), statistics.median(long_ones)


def _text(length: int, numbers: Iterator[int]) -> str:
    count = length // len(PARAGRAPH.format(n=1)) + 1
    return "".join(PARAGRAPH.format(n=n) for n in itertools.islice(numbers, count))[:length]


def _seconds(frontend: object, text: str) -> float:
    began = time.perf_counter()
    frontend.read(text)  # type: ignore[attr-defined]
    return time.perf_counter() - began


def _resident_kib() -> int:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


if __name__ == "__main__":
    main()
