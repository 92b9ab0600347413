"""What a card does: half precision and CUDA graphs, each beside the processor in one run.

``python -m benchmarks.card --json FILE``     a minute on a machine with CUDA

Forms of the torch backend: calls one by one in 32 bits, the same recorded as graphs, and graphs with the vocoder's
convolutions in float16, which is what serves. Each is compared with the processor's sound: mean difference of log-mel,
and the error in decibels below the sound. ``--device cpu`` proves the command where there is no card.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np
import torch

from benchmarks.machine import describe, report
from benchmarks.playing import Listener
from benchmarks.texts import article, sentence
from tts_engine.audio import log_mel
from tts_engine.backends import Backend
from tts_engine.backends.onnx_backend import OnnxBackend
from tts_engine.backends.recording import Plain
from tts_engine.backends.torch_backend import TorchBackend
from tts_engine.scheduler import Scheduler
from tts_engine.synthesizer import Synthesizer

MODEL = Path("models/v23")
CALLERS = (1, 8, 64)
_numbers = count(1000)


@dataclass(frozen=True)
class Form:
    """One way of computing."""

    name: str
    open: Callable[[], Backend]


def forms(device: str) -> list[Form]:
    return [
        Form("processor, ONNX Runtime", lambda: OnnxBackend(MODEL)),
        Form("32 bits, call by call", lambda: TorchBackend(MODEL, device, torch.float32, Plain(device))),
        Form("32 bits, graphs", lambda: TorchBackend(MODEL, device, torch.float32)),
        Form("float16, graphs", lambda: TorchBackend(MODEL, device, torch.float16)),
    ]


def measured(form: Form, plain: Synthesizer, rounds: int) -> tuple[dict[str, object], np.ndarray]:
    """The figures of a form, and what it makes of the same sentence as the others."""
    began = time.perf_counter()
    backend = form.open()
    load_s = time.perf_counter() - began
    scheduler = Scheduler(max(cores(), backend.workers))
    engine = replace(plain, backend=backend, scheduler=scheduler)
    same = engine.synthesize(sentence(1)).samples
    factors = []
    for _ in range(rounds):
        began = time.perf_counter()
        speech = engine.synthesize(sentence(next(_numbers)))
        factors.append((time.perf_counter() - began) / speech.duration_s)
    figures = {
        "form": form.name,
        "load_s": round(load_s, 2),
        "real_time_factor": round(statistics.median(factors), 5),
        "first_audio_ms": round(1000 * statistics.median(first_s(engine) for _ in range(rounds))),
        "speech_s_per_s": {number: speech_per_s(engine, number) for number in CALLERS[: 1 + rounds // 2]},
    }
    scheduler.close()
    return figures, same


def cores() -> int:
    return int(describe()["cores"])  # type: ignore[call-overload]


def first_s(engine: Synthesizer) -> float:
    """Until the first sound of 2,000 characters."""
    listener = Listener()
    pieces = engine.stream(article(2_000, next(_numbers) * 100))
    listener.hear(next(pieces).duration_s)
    pieces.close()
    return listener.first_s or 0.0


def speech_per_s(engine: Synthesizer, callers: int) -> float:
    texts = [sentence(next(_numbers)) for _ in range(2 * callers)]
    began = time.perf_counter()
    with ThreadPoolExecutor(callers) as pool:
        seconds = sum(pool.map(lambda text: engine.synthesize(text).duration_s, texts))
    return round(seconds / (time.perf_counter() - began), 1)


def difference(made: np.ndarray, wanted: np.ndarray, engine: Synthesizer) -> dict[str, float | None]:
    spectra = [log_mel(one, engine.checkpoint.audio) for one in (made, wanted)]
    error = float(np.square(made - wanted).mean() / np.square(wanted).mean())
    return {
        "log_mel_difference_mean": round(float(np.abs(spectra[0] - spectra[1]).mean()), 5),
        "error_db": round(10 * float(np.log10(error)), 1) if error else None,
    }


def card(device: str) -> dict[str, object]:
    """What computes."""
    if not device.startswith("cuda"):
        return {"device": device, "torch": torch.__version__}
    properties = torch.cuda.get_device_properties(device)
    return {
        "device": properties.name,
        "memory_gib": round(properties.total_memory / 1024**3, 1),
        "capability": f"{properties.major}.{properties.minor}",
        "torch": torch.__version__,
        "peak_memory_mb": round(torch.cuda.max_memory_reserved(device) / 1e6, 1),
    }


def measure(device: str, rounds: int) -> dict[str, object]:
    plain = Synthesizer.load(MODEL, device="cpu")
    rows, reference = [], None
    for form in forms(device):
        figures, same = measured(form, plain, rounds)
        reference = same if reference is None else reference
        rows.append({**figures, **difference(same, reference, plain)} if len(rows) else figures)
    return {"machine": describe(), "card": card(device), "forms": rows}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    if arguments.device.startswith("cuda") and not torch.cuda.is_available():
        print("no CUDA device here; --device cpu only proves that the command works", file=sys.stderr)
        return 1
    report(measure(arguments.device, arguments.rounds), arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
