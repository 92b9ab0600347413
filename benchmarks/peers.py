"""The engine beside others, in one run on one machine.

``python -m benchmarks.peers --json FILE``     about three minutes on two cores

transformers' stock FastSpeech2ConformerWithHifiGan and VITS at their default sizes, with random weights: there is
nothing to hear, and the arithmetic is that of trained ones. As many phonemes as our sentence has go in, and
FastSpeech2Conformer is given durations that sum to our sentence's; VITS says itself how long it speaks. What counts is
the time for a second of speech. espeak-ng is a formant synthesizer, no network. The previous release is the commit
that made no pieces, in a working copy of its own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.machine import describe, run_rounds
from benchmarks.texts import sentence

ROOT = Path(__file__).resolve().parents[1]
PREVIOUS = "2540a02"
"""Last commit whose sentences were computed whole, with as many threads as there are cores."""
_PREVIOUS_CODE = """
import json, statistics, sys, time
from benchmarks.texts import sentence
from tts_engine.synthesizer import Synthesizer
engine = Synthesizer.load("models/v23", device="cpu")
engine.synthesize(sentence(1))
factors = []
for number in range(1000, 1000 + int(sys.argv[1])):
    began = time.perf_counter()
    speech = engine.synthesize(sentence(number))
    factors.append((time.perf_counter() - began) / speech.duration_s)
print(json.dumps(statistics.median(factors)))
"""


def factor(speak: Callable[[int], float], rounds: int) -> float:
    """Median seconds for a second of speech; the first is not counted."""
    speak(0)
    factors = []
    for number in range(1, rounds + 1):
        began = time.perf_counter()
        seconds = speak(number)
        factors.append((time.perf_counter() - began) / seconds)
    return statistics.median(factors)


def ours() -> tuple[Callable[[int], float], int, int]:
    """How we speak, and the phonemes and mel frames of a sentence."""
    from tts_engine.synthesizer import Synthesizer

    engine = Synthesizer.load(ROOT / "models" / "v23", device="cpu")
    phonemes = len(engine.read(sentence(1000)).sentences[0].phonemes)
    frames = round(engine.synthesize(sentence(999)).duration_s * engine.sample_rate / 256)
    return lambda number: float(engine.synthesize(sentence(1000 + number)).duration_s), phonemes, frames


def fastspeech2_conformer(phonemes: int, frames: int) -> Callable[[int], float]:
    """The stock chain of transformers, made to speak as long as we do."""
    import torch
    from transformers import FastSpeech2ConformerWithHifiGan, FastSpeech2ConformerWithHifiGanConfig

    torch.manual_seed(0)
    config = FastSpeech2ConformerWithHifiGanConfig()
    model = FastSpeech2ConformerWithHifiGan(config).eval()
    durations = torch.full((1, phonemes), frames // phonemes)  # its frames are ours: 256 samples at 22,050 Hz
    durations[0, : frames % phonemes] += 1
    model.model.duration_predictor.register_forward_hook(lambda *_: durations)

    def speak(number: int) -> float:
        ids = torch.randint(1, config.model_config.vocab_size, (1, phonemes))
        with torch.inference_mode():
            samples = model(ids, return_dict=True).waveform
        return float(samples.shape[-1] / 22050)

    return speak


def vits(phonemes: int) -> Callable[[int], float]:
    """The stock VITS of transformers."""
    import torch
    from transformers import VitsConfig, VitsModel

    torch.manual_seed(0)
    config = VitsConfig()
    model = VitsModel(config).eval()

    def speak(number: int) -> float:
        ids = torch.randint(1, config.vocab_size, (1, 2 * phonemes + 1))  # blanks between, as it is used
        with torch.inference_mode():
            samples = model(ids).waveform
        return float(samples.shape[-1] / config.sampling_rate)

    return speak


def espeak() -> Callable[[int], float]:
    """libespeak-ng's Mandarin."""
    from tts_engine.training.teacher import VOICES, Espeak

    library, voice = Espeak(), next(iter(VOICES.values()))

    def speak(number: int) -> float:
        samples, _ = library.speak(sentence(1000 + number), "cmn", voice)
        return len(samples) / library.sample_rate

    return speak


def previous(rounds: int) -> float | None:
    """The previous release's factor; None where the history has it not."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "previous"
        made = subprocess.run(
            ["git", "worktree", "add", "--detach", str(copy), PREVIOUS], cwd=ROOT, capture_output=True, check=False
        )
        if made.returncode != 0:
            return None
        try:
            (copy / "benchmarks" / "texts.py").write_bytes((ROOT / "benchmarks" / "texts.py").read_bytes())
            command = [sys.executable, "-c", _PREVIOUS_CODE, str(rounds)]
            done = subprocess.run(command, cwd=copy, stdout=subprocess.PIPE, check=True)
            return float(json.loads(done.stdout))
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(copy)], cwd=ROOT, check=True)


def measure(rounds: int) -> dict[str, Any]:
    speak, phonemes, frames = ours()
    factors: dict[str, float | None] = {"ours": factor(speak, rounds)}
    few = max(1, rounds // 3)
    factors["transformers FastSpeech2ConformerWithHifiGan"] = factor(fastspeech2_conformer(phonemes, frames), few)
    factors["transformers VITS"] = factor(vits(phonemes), few)
    factors["espeak-ng"] = factor(espeak(), rounds)
    factors["previous release"] = previous(rounds)
    mine = factors["ours"] or 1.0
    return {
        "machine": describe(),
        "phonemes": phonemes,
        "real_time_factor": {name: value and round(value, 5) for name, value in factors.items()},
        "times_faster": {name: value and round(value / mine, 2) for name, value in factors.items() if name != "ours"},
        "previous_release": PREVIOUS,
        "weights_of_transformers": "random",
    }


if __name__ == "__main__":
    run_rounds(__doc__, measure, 9)
