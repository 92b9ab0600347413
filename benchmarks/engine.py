"""Speed and memory of the engine.

``python -m benchmarks.engine --json FILE``

Runs in a process of its own, so that its peak memory is the engine's alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path

from benchmarks.machine import describe, peak_memory_mb

SENTENCE = "今天上午我们在会议室讨论了下个月的工作安排，大家一致认为应该先把最重要的事情做好，然后再考虑其他的问题。"


def measure(model: Path, rounds: int) -> dict[str, object]:
    started = time.perf_counter()
    from tts_engine.synthesizer import Synthesizer  # imported here: loading is part of what is measured

    synthesizer = Synthesizer.load(model, device="cpu")
    load_s = time.perf_counter() - started
    speech = synthesizer.synthesize(SENTENCE)
    seconds, first = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        synthesizer.synthesize(SENTENCE)
        seconds.append(time.perf_counter() - began)
    article = SENTENCE * 20
    for _ in range(3):
        began = time.perf_counter()
        next(synthesizer.stream(article))
        first.append(time.perf_counter() - began)
    return {
        "machine": describe(),
        "load_s": round(load_s, 2),
        "characters": len(SENTENCE),
        "speech_s": round(speech.duration_s, 2),
        "synthesis_s": round(statistics.median(seconds), 3),
        "real_time_factor": round(statistics.median(seconds) / speech.duration_s, 4),
        "real_time_factor_worst": round(max(seconds) / speech.duration_s, 4),
        "first_sentence_of_1000_characters_s": round(statistics.median(first), 3),
        "peak_memory_mb": peak_memory_mb(os.getpid()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/v23"))
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    text = json.dumps(measure(arguments.model, arguments.rounds), ensure_ascii=False, indent=1)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
