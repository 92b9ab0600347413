"""Which form of the graphs is fastest, and what it does to the sound.

``python -m benchmarks.graphs --json FILE``     a minute

Each form is timed by the processor seconds of one thread for a second of speech, so that a busy machine matters less,
and compared with the form that is shipped: the largest difference of log-mel, and the pitch of voiced frames.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from benchmarks.machine import describe, run_rounds
from benchmarks.texts import sentence
from tts_engine.chunking import Reach
from tts_engine.durations import expand, frames_from_log, places
from tts_engine.excitation import excitation
from tts_engine.frontend.phonemes import SYMBOL_IDS
from tts_engine.prosody import level

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "models" / "v23"
GRAPHS = ("acoustic/encoder.onnx", "acoustic/decoder.onnx", "vocoder/generator.onnx")
PIECE = 320


@dataclass(frozen=True)
class Form:
    """One way of running the graphs."""

    name: str
    sessions: tuple[Any, ...]


def session(path: Path, **settings: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    for name, value in settings.items():
        setattr(options, name, value)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def forms(folder: Path) -> Iterator[Form]:
    levels = onnxruntime.GraphOptimizationLevel
    paths = [FOLDER / name for name in GRAPHS]
    yield Form("as shipped", tuple(session(path) for path in paths))
    yield Form("no fusion", tuple(session(path, graph_optimization_level=levels.ORT_DISABLE_ALL) for path in paths))
    yield Form("basic fusion", tuple(session(path, graph_optimization_level=levels.ORT_ENABLE_BASIC) for path in paths))
    yield Form("no arena", tuple(session(path, enable_cpu_mem_arena=False) for path in paths))
    yield Form("no memory pattern", tuple(session(path, enable_mem_pattern=False) for path in paths))
    yield Form("int8 products", tuple(session(quantized(path, folder)) for path in paths))


def quantized(path: Path, folder: Path) -> Path:
    """The graph with matrix products of 8 bits, their scales found at run time; convolutions stay as they are."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole, out = folder / f"whole-{path.name}", folder / path.name
    onnx.save(onnx.load(str(path)), str(whole))  # with its weights inside
    quantize_dynamic(str(whole), str(out), op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8)
    return out


def spoken(form: Form, given: dict[str, Any]) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """Processor seconds of each graph, mel and F0, with the durations of the first form."""
    encoder, decoder, vocoder = form.sessions
    took: dict[str, float] = {}

    def timed(name: str, work: Callable[[], list[Any]]) -> list[Any]:
        began = time.thread_time()
        made = work()
        took[name] = took.get(name, 0.0) + time.thread_time() - began
        return made

    hidden, logs = timed("encoder", lambda: encoder.run(None, given["phonemes"]))
    natural = given.setdefault("natural", frames_from_log(logs[0], 1.0))
    frames = {"hidden": expand(hidden[0], natural)[None], "places": places(natural)[None]}
    frames["bend"] = level(frames["hidden"].shape[1])[None]
    f0, mel = timed("decoder", lambda: decoder.run(None, frames))
    source = given.setdefault("source", excitation(f0[0], given["audio"], np.random.default_rng(0)))
    reach = given["reach"].vocoder
    for begin in range(0, mel.shape[2], PIECE):
        a, b = max(0, begin - reach), min(mel.shape[2], begin + PIECE + reach)
        piece = {"mel": mel[:, :, a:b], "f0": f0[:, a:b], "excitation": source[None, :, a * 256 : b * 256]}
        timed("vocoder", lambda piece=piece: vocoder.run(None, piece))
    return took, mel[0], f0[0]


def measure(rounds: int) -> dict[str, object]:
    from tts_engine.synthesizer import Synthesizer

    engine = Synthesizer.load(FOLDER, device="cpu", threads=1)
    phonemes = engine.read(sentence(1000)).sentences[0].phonemes
    ids = {
        "phonemes": np.array([[SYMBOL_IDS[one.symbol] for one in phonemes]]),
        "tones": np.array([[one.tone for one in phonemes]]),
        "speaker": engine.checkpoint.told(engine.speakers["female"], "neutral", 0.0)[None].astype(np.float32),
    }
    given = {"phonemes": ids, "audio": engine.checkpoint.audio, "reach": Reach.read(FOLDER)}
    rows, shipped = [], None
    with tempfile.TemporaryDirectory() as folder:
        for form in forms(Path(folder)):
            runs = [spoken(form, given) for _ in range(rounds + 1)][1:]
            mel, f0 = runs[0][1:]
            shipped = shipped or (mel, f0)
            rows.append({"form": form.name, **_costs(runs, mel.shape[1]), **_difference((mel, f0), shipped)})
    return {"machine": describe(), "forms": rows}


def _costs(runs: list[Any], frames: int) -> dict[str, float]:
    seconds = frames * 256 / 22050
    graphs = {name: statistics.median(run[0][name] for run in runs) / seconds for name in runs[0][0]}
    return {**{name: round(value, 5) for name, value in graphs.items()}, "in_all": round(sum(graphs.values()), 5)}


def _difference(made: tuple[np.ndarray, np.ndarray], shipped: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    voiced = (made[1] > 0) & (shipped[1] > 0)
    semitones = 12 * np.abs(np.log2(made[1][voiced] / shipped[1][voiced]))
    return {
        "mel_difference_most": round(float(np.abs(made[0] - shipped[0]).max()), 5),
        "mel_difference_mean": round(float(np.abs(made[0] - shipped[0]).mean()), 5),
        "pitch_difference_semitones": round(float(semitones.max()), 5),
        "frames_voiced_otherwise": int(((made[1] > 0) != (shipped[1] > 0)).sum()),
    }


if __name__ == "__main__":
    run_rounds(__doc__, measure, 5)
