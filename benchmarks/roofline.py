"""How far the engine is from what this processor can do.

``python -m benchmarks.roofline --json FILE``     a minute on two cores

Operations are counted on the networks themselves (torch's flop counter), for one second of speech; what the processor
does is measured here: a product of large matrices in single precision, and a sum of two long vectors. Both on one
core, as each of our pieces is computed on one. The limit is whichever is reached first (Williams et al. 2009).
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy and torch
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from benchmarks.machine import describe, run_rounds
from benchmarks.texts import sentence

ROOT = Path(__file__).resolve().parents[1]
FRAMES_PER_S = 22050 / 256


def fastest(work: Callable[[], object], rounds: int) -> float:
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def operations_per_s(rounds: int) -> float:
    size = 1024
    matrix = np.random.default_rng(0).random((size, size), dtype=np.float32)
    return 2 * size**3 / fastest(lambda: matrix @ matrix, rounds)


def bytes_per_s(rounds: int) -> float:
    first, second = np.ones(16_000_000, np.float32), np.ones(16_000_000, np.float32)
    return 3 * first.nbytes / fastest(lambda: np.add(first, second, out=first), rounds)


def counted(frames: int, phonemes: int) -> dict[str, float]:
    """Operations of each network for a sentence."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from tts_engine.fastspeech2 import FastSpeech2
    from tts_engine.hifigan import HifiGan

    folder = ROOT / "models" / "v23"
    acoustic, vocoder = FastSpeech2.from_pretrained(folder / "acoustic"), HifiGan.from_pretrained(folder / "vocoder")
    told = acoustic.config.speaker_width + len(acoustic.config.emotions)
    ids = torch.ones(1, phonemes, dtype=torch.int64)
    config = acoustic.config
    hidden, place = torch.randn(1, frames, config.width + config.relative_pitch), torch.rand(1, frames, 3)
    works = {
        "encoder": lambda: acoustic.encode(ids, ids, torch.zeros(1, told)),
        "decoder": lambda: acoustic.decode(hidden, place, torch.ones(1, frames, 1)),
        "vocoder": lambda: vocoder(
            torch.randn(1, 80, frames), torch.full((1, frames), 200.0), torch.randn(1, 2, 256 * frames)
        ),
    }
    found = {}
    for name, work in works.items():
        counter = FlopCounterMode(display=False)
        with torch.inference_mode(), counter:
            work()
        found[name] = float(counter.get_total_flops())
    return found


def measure(rounds: int) -> dict[str, object]:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from tts_engine.synthesizer import Synthesizer

    engine = Synthesizer.load(ROOT / "models" / "v23", device="cpu", threads=1)
    phonemes = len(engine.read(sentence(1000)).sentences[0].phonemes)
    speech_s = engine.synthesize(sentence(999)).duration_s
    factors = []
    for number in range(1000, 1000 + rounds):
        began = time.perf_counter()
        made = engine.synthesize(sentence(number))
        factors.append((time.perf_counter() - began) / made.duration_s)
    operations = counted(round(speech_s * FRAMES_PER_S), phonemes)
    second = {name: value / speech_s for name, value in operations.items()}
    able, carried = operations_per_s(rounds), bytes_per_s(rounds)
    weights = sum(path.stat().st_size for path in (ROOT / "models" / "v23").rglob("model.safetensors"))
    total, took = sum(second.values()), statistics.median(factors)
    return {
        "machine": describe(),
        "operations_per_s_of_speech": {name: round(value / 1e6, 1) for name, value in second.items()},
        "million_operations_in_all": round(total / 1e6, 1),
        "weights_mb": round(weights / 1e6, 1),
        "core_gflops": round(able / 1e9, 1),
        "core_gb_per_s": round(carried / 1e9, 1),
        "real_time_factor_of_the_limit": round(total / able, 5),
        "real_time_factor_on_one_core": round(took, 5),
        "share_of_the_limit": round(total / able / took, 3),
        "seconds_of_speech_per_pass_over_the_weights_to_be_bound_by_memory": round(
            weights / carried / (total / able), 4
        ),
    }


if __name__ == "__main__":
    run_rounds(__doc__, measure, 9)
