"""Measure a checkpoint (python -m tts_engine.training.evaluate --json quality.json --pictures docs/images).

On sentences that training never saw, spoken by the teacher and by us. Rates are fractions; every figure says in
``docs/architecture.md`` how it is defined.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyworld  # type: ignore[import-untyped]
from pesq import pesq  # type: ignore[import-untyped]
from pystoi import stoi  # type: ignore[import-untyped]
from scipy.signal import resample_poly  # type: ignore[import-untyped]
from tqdm import tqdm

from tts_engine.audio import AudioConfig, FloatArray
from tts_engine.backends import Acoustics
from tts_engine.checkpoint import NEUTRAL
from tts_engine.durations import IntArray, expand, frames_from_log, opens_syllable, places, retime
from tts_engine.excitation import excitation
from tts_engine.frontend.phonemes import INITIALS, SYMBOL_IDS, SYMBOLS
from tts_engine.synthesizer import SynthesisOptions, Synthesizer
from tts_engine.training.corpus import make_heldout
from tts_engine.training.features import CACHE, Utterance, extract_f0
from tts_engine.training.figures import Figure
from tts_engine.training.recogniser import FOLDER, Errors, Recogniser, meant_by

PESQ_RATE = 16_000  # Hz, wide band
SWAPPED = 0.1  # of the syllables
HURRIED = 24
"""Utterances whose pitch is measured at other speeds."""
RTF_TEXT = "今天上午我们在会议室讨论了下个月的工作安排，大家一致认为应该先把最重要的事情做好，然后再考虑其他的问题。"


@dataclass(frozen=True)
class Student:
    """The checkpoint under test, driven by phonemes."""

    synthesizer: Synthesizer
    audio: AudioConfig
    stranger: FloatArray | None = None
    """``Identity.vector`` of whoever speaks under a name that the checkpoint does not know."""

    def acoustics(self, rows: npt.NDArray[np.int16], speaker: str, durations: IntArray) -> Acoustics:
        """F0 and mel of phoneme rows (L, 3) with given durations."""
        backend = self.synthesizer.backend
        encoding = backend.encode(*self._ids(rows), self._told(speaker))
        return backend.decode(expand(encoding.hidden, durations), places(durations))

    def durations(self, rows: npt.NDArray[np.int16], speaker: str, speed: float = 1.0) -> IntArray:
        """Our own durations (L,) in frames."""
        encoding = self.synthesizer.backend.encode(*self._ids(rows), self._told(speaker))
        return frames_from_log(encoding.log_durations, speed, opens_syllable(rows[:, 0]))

    def vocode(self, acoustics: Acoustics) -> FloatArray:
        """Samples of F0 and mel."""
        source = excitation(acoustics.f0, self.audio, np.random.default_rng(0))
        return np.clip(self.synthesizer.backend.vocode(acoustics, source), -1, 1)

    def speak(self, rows: npt.NDArray[np.int16], speaker: str, speed: float = 1.0) -> FloatArray:
        """The full chain: our durations, our prosody, our vocoder."""
        natural, wanted = self.durations(rows, speaker), self.durations(rows, speaker, speed)
        acoustics = self.acoustics(rows, speaker, natural)
        return self.vocode(Acoustics(*retime(acoustics.f0, acoustics.mel, natural, wanted)))

    def _told(self, speaker: str) -> FloatArray:
        """What the acoustic model is told of a voice that feels nothing.

        Raises:
            KeyError: the checkpoint does not know it, and no stranger was given.
        """
        checkpoint = self.synthesizer.checkpoint
        if speaker not in checkpoint.embeddings and self.stranger is not None:
            return checkpoint.told(self.stranger, NEUTRAL, 0.0)
        return checkpoint.told(checkpoint.embeddings[speaker], NEUTRAL, 0.0)

    @staticmethod
    def _ids(rows: npt.NDArray[np.int16]) -> tuple[IntArray, IntArray]:
        return rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64)


def measure_vocoder(student: Student, utterances: Sequence[Utterance]) -> dict[str, Figure]:
    """Copy-synthesis: the teacher's mel and F0 through our vocoder, against the teacher's samples."""
    clear, natural = [], []
    for one in tqdm(utterances, desc="vocoder"):
        made = student.vocode(Acoustics(np.array(one.f0), one.mel))
        wide = [resample_poly(signal, 320, 441) for signal in (one.samples, made)]
        clear.append(float(stoi(one.samples, made, student.audio.sample_rate)))
        natural.append(float(pesq(PESQ_RATE, *wide, "wb")))
    return {"stoi": Figure.mean(clear), "pesq_wb": Figure.mean(natural)}


_VOICED_FRAMES = 20
"""Fewer of them in both say nothing of a melody."""


def measure_prosody(student: Student, utterances: Sequence[Utterance], speakers: Sequence[str]) -> dict[str, Figure]:
    """F0 and mel-cepstra with the teacher's durations; durations on their own."""
    rows = []
    for one in tqdm(utterances, desc="prosody"):
        speaker = speakers[one.speaker]
        durations = one.phonemes[:, 2].astype(np.int64)
        acoustics = student.acoustics(one.phonemes, speaker, durations)
        spoken = one.phonemes[:, 1] > 0
        distortion = distortion_db(student.vocode(acoustics), one, np.repeat(spoken, durations), student.audio)
        error = float(np.abs(student.durations(one.phonemes, speaker) - durations)[spoken].mean())
        rows.append((*melody(acoustics.f0, one.f0), distortion, error))
    names = ("f0_correlation", "f0_rmse_semitones", "mcd_db", "duration_error_frames")
    return {name: Figure.mean(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}


def melody(ours: FloatArray, theirs: FloatArray) -> tuple[float, float]:
    """Correlation of log-F0 and its error in semitones, of two F0 (T,), where both are voiced; NaN where hardly any."""
    both = (ours > 0) & (theirs > 0)
    if both.sum() < _VOICED_FRAMES:
        return np.nan, np.nan
    one, other = np.log2(ours[both]), np.log2(theirs[both])
    flat = np.ptp(one) == 0 or np.ptp(other) == 0  # a monotone goes with nothing
    correlation = 0.0 if flat else float(np.corrcoef(one, other)[0, 1])
    return correlation, 12 * float(np.sqrt(np.mean((one - other) ** 2)))


def distortion_db(made: FloatArray, one: Utterance, speech: npt.NDArray[np.bool_], audio: AudioConfig) -> float:
    """Mel-cepstral distortion over the frames of speech, coefficients 1–24, without time warping.

    Source: Kubichek 1993; WORLD's CheapTrick envelopes.
    """
    ours, theirs = (mel_cepstra(samples, np.array(one.f0), audio) for samples in (made, one.samples))
    distance = np.sqrt(2 * np.sum((ours - theirs)[:, 1:] ** 2, axis=1))
    return float(10 / np.log(10) * distance[speech].mean())


def mel_cepstra(samples: FloatArray, f0: FloatArray, audio: AudioConfig, order: int = 24) -> npt.NDArray[np.float64]:
    """Mel-cepstra (T, order + 1) of WORLD's spectral envelope at mel frame centres.

    Source: the all-pass warping of Tokuda et al. 1994 at 0.455 (22.05 kHz), by Oppenheim's recursion.
    """
    times = (np.arange(f0.shape[0]) + 0.5) * audio.hop_length / audio.sample_rate
    envelope = pyworld.cheaptrick(samples.astype(np.float64), f0.astype(np.float64), times, audio.sample_rate)
    cepstra = np.fft.irfft(np.log(envelope), axis=1)
    cepstra[:, 0] /= 2
    return cepstra[:, : cepstra.shape[1] // 2 + 1] @ warping(cepstra.shape[1] // 2, order, 0.455).T


def warping(order_in: int, order_out: int, alpha: float) -> npt.NDArray[np.float64]:
    """Matrix (order_out + 1, order_in + 1) that warps a cepstrum by an all-pass of ``alpha``."""
    matrix = np.zeros((order_out + 1, order_in + 1))
    for column in range(order_in, -1, -1):  # Horner over the input coefficients, last first
        previous = matrix.copy()
        unit = np.zeros(order_in + 1)
        unit[column] = 1.0
        matrix[0] = unit + alpha * previous[0]
        if order_out >= 1:
            matrix[1] = (1 - alpha**2) * previous[0] + alpha * previous[1]
        for row in range(2, order_out + 1):
            matrix[row] = previous[row - 1] + alpha * (previous[row] - matrix[row - 1])
    return matrix


def swap_syllables(
    rows: npt.NDArray[np.int16], share: float, pool: npt.NDArray[np.int16], rng: np.random.Generator
) -> npt.NDArray[np.int16]:
    """Replace the finals of ``share`` of the syllables by others: what a deaf judge would miss."""
    out = rows.copy()
    finals = np.flatnonzero((rows[:, 1] >= 1) & (rows[:, 1] <= 5) & ~np.isin(rows[:, 0], _INITIAL_IDS))
    for index in finals[rng.random(len(finals)) < share]:
        others = pool[pool != rows[index, 0]]
        out[index, 0] = rng.choice(others)
    return out


_INITIAL_IDS = np.array([SYMBOL_IDS[initial] for initial in INITIALS])
_COMMON_FINALS = np.array(
    [SYMBOL_IDS[final] for final in ("a", "an", "ang", "ao", "e", "eng", "ou", "u", "i")], np.int16
)


@dataclass(frozen=True)
class Judge:
    """Counts errors by what a recogniser hears."""

    recogniser: Recogniser

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Judge:
        """The recogniser of a folder."""
        return cls(Recogniser.from_pretrained(folder).float().eval())  # type: ignore[no-untyped-call]

    def rates(
        self, name: str, utterances: Sequence[Utterance], sounds: Callable[[Utterance], FloatArray]
    ) -> dict[str, Figure]:
        """``ser`` and ``ter`` of the sound that each utterance is given."""
        rows = []
        for one in tqdm(utterances, desc=name):
            errors = Errors()
            errors.add(self.recogniser.hear(sounds(one)), meant_by(one.phonemes))
            rows.append((errors.toneless, errors.toned, errors.syllables))
        toneless, toned, counts = np.array(rows, dtype=np.float64).reshape(-1, 3).T
        return {"ser": Figure(toneless, counts), "ter": Figure(toned, counts)}


def measure_recognition(
    student: Student, utterances: Sequence[Utterance], speakers: Sequence[str], judge: Judge
) -> dict[str, Any]:
    """Syllable and tone errors of the teacher, of us, and of us with wrong syllables on purpose."""
    rng = np.random.default_rng(0)

    def say(one: Utterance, speed: float = 1.0) -> FloatArray:
        return student.speak(one.phonemes, speakers[one.speaker], speed)

    def say_swapped(one: Utterance) -> FloatArray:
        return student.speak(swap_syllables(one.phonemes, SWAPPED, _COMMON_FINALS, rng), speakers[one.speaker])

    teacher = judge.rates("teacher", utterances, lambda one: one.samples)
    ours = judge.rates("student", utterances, say)
    swapped = judge.rates("swapped", utterances, say_swapped)
    slow = judge.rates("speed 0.7", utterances, lambda one: say(one, 0.7))
    fast = judge.rates("speed 1.5", utterances, lambda one: say(one, 1.5))
    by_whom = {"teacher": teacher, "student": ours, "swapped": swapped}
    return {
        "ser": {name: rates["ser"].value for name, rates in by_whom.items()}
        | {"syllables": int(ours["ser"].counts.sum())},
        "ter": {name: by_whom[name]["ter"].value for name in ("teacher", "student")},
        "speed": {"ser_at_0.7": slow["ser"].value, "ser_at_1.5": fast["ser"].value},
    }


def measure_speed_pitch(
    student: Student, utterances: Sequence[Utterance], speakers: Sequence[str]
) -> dict[float, list[float]]:
    """Median F0 of our samples at speeds 0.7 and 1.5, an utterance each, as a ratio to speed 1; NaN where unvoiced."""
    ratios: dict[float, list[float]] = {0.7: [], 1.5: []}

    def median(one: Utterance, speed: float) -> float:
        f0 = extract_f0(student.speak(one.phonemes, speakers[one.speaker], speed), student.audio)
        return float(np.median(f0[f0 > 0])) if (f0 > 0).any() else np.nan

    for one in tqdm(utterances, desc="speed"):
        base = median(one, 1.0)
        for speed, values in ratios.items():
            values.append(median(one, speed) / base)
    return ratios


def values(figures: Mapping[str, Figure]) -> dict[str, float]:
    """Each figure as a number."""
    return {name: figure.value for name, figure in figures.items()}


def measure_rtf(synthesizer: Synthesizer, rounds: int = 7) -> float:
    """Median real-time factor of a 50-character sentence, text to samples."""
    factors = []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        speech = synthesizer.synthesize(RTF_TEXT, SynthesisOptions())
        factors.append((time.perf_counter() - started) / speech.duration_s)
    return float(np.median(factors[1:]))


def mandarin_only(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Those without English words: what syllable rates are counted on."""
    return [one for one in utterances if (one.phonemes[:, 1] <= 5).all() and meant_by(one.phonemes)]


def draw(student: Student, one: Utterance, speaker: str, path: Path) -> None:
    """Teacher above, ours below: mel and F0 of one sentence."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # without pyplot: no window system, no global state
    from matplotlib.figure import Figure

    acoustics = student.acoustics(one.phonemes, speaker, one.phonemes[:, 2].astype(np.int64))
    figure = Figure(figsize=(11, 6), layout="constrained")
    FigureCanvasAgg(figure)
    for index, (title, mel, f0) in enumerate((("teacher", one.mel, one.f0), ("v23", acoustics.mel, acoustics.f0))):
        axes = figure.add_subplot(2, 1, index + 1)
        axes.imshow(mel, origin="lower", aspect="auto", vmin=-11, vmax=1)
        axes.set_title(f"{title}: {' '.join(SYMBOLS[row[0]] for row in one.phonemes if row[1])}"[:110], fontsize=9)
        axes.set_ylabel("mel bin")
        pitch = axes.twinx()
        pitch.plot(np.where(np.array(f0) > 0, f0, np.nan), color="white", linewidth=1.5)
        pitch.set_ylim(50, 500)
        pitch.set_ylabel("F0 (Hz)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def spread(utterances: Sequence[Utterance], count: int) -> list[Utterance]:
    """At most ``count`` of them, evenly over the whole set, which lies ordered by speaker: every voice is measured."""
    places = np.linspace(0, len(utterances), min(count, len(utterances)), endpoint=False).astype(int)
    return [utterances[place] for place in places]


def evaluate(arguments: argparse.Namespace) -> dict[str, Any]:
    """All measurements of one checkpoint."""
    features = make_heldout(arguments.features, "neutral", arguments.hours * 3600, processes=1)
    synthesizer = Synthesizer.load(arguments.model, device=arguments.device)
    student = Student(synthesizer, AudioConfig())
    everything = [features[index] for index in range(len(features))]
    few = spread(everything, arguments.utterances)
    prosody = values(measure_prosody(student, few, features.speakers))
    heard = spread(mandarin_only(everything), arguments.recognised)
    result: dict[str, Any] = {
        "model": str(arguments.model.name),
        "revision": synthesizer.revision,
        "machine": platform.processor() or platform.machine(),
        "vocoder": values(measure_vocoder(student, few)) | {"utterances": len(few)},
        "f0": {name: prosody.pop(f"f0_{name}") for name in ("correlation", "rmse_semitones")},
        **prosody,
        **measure_recognition(student, heard, features.speakers, Judge.load(arguments.recogniser)),
    }
    ratios = measure_speed_pitch(student, spread(mandarin_only(few), HURRIED), features.speakers)
    result["speed"].update({f"f0_ratio_at_{speed}": float(np.nanmedian(found)) for speed, found in ratios.items()})
    result["rtf"] = measure_rtf(synthesizer)
    if arguments.pictures:
        for speaker in range(len(features.speakers)):
            one = next(u for u in mandarin_only(everything) if u.speaker == speaker and len(u.f0) > 200)
            name = features.speakers[speaker]
            draw(student, one, name, arguments.pictures / f"voice-{name}.png")
    return result


def write(result: dict[str, Any], path: Path | None) -> None:
    """Print figures as JSON, and keep them where a file was asked for."""
    text = json.dumps(result, ensure_ascii=False, indent=1)
    if path:
        path.write_text(text + "\n", encoding="utf-8")
    print(text)


def main() -> None:
    """Read the command line, measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/v23"))
    parser.add_argument(
        "--features", type=Path, default=CACHE / "voice-heldout", help="held-out set, made where absent"
    )
    parser.add_argument("--hours", type=float, default=0.5, help="of a held-out set that must be made")
    parser.add_argument("--utterances", type=int, default=100_000, help="at most, for the vocoder and prosody")
    parser.add_argument("--recognised", type=int, default=100_000, help="at most, for the syllable rates")
    parser.add_argument("--recogniser", type=Path, default=FOLDER, help="folder of the judge")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--pictures", type=Path, help="write pictures into this folder")
    arguments = parser.parse_args()
    result = evaluate(arguments)
    write(result, arguments.json)


if __name__ == "__main__":
    main()
