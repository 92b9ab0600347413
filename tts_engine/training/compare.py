"""The figures of two models side by side (python -m tts_engine.training.compare models/v23 models/mine).

Or of two ways to compute one model: ``MODEL[:FORM]``, such as ``models/v23:torch models/v23:served``. Both speak the
same held-out utterances, and every figure of ``evaluate`` is printed of each, with the difference, what surely holds it
(paired bootstrap over the utterances) and the noise: the standard error, what other utterances would have made of the
figure. Like ``diff``, it ends with status 0 where nothing moved by more than the noise, else with 1.

A model that has no voice of a speaker's name imitates ``--clip``.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from tts_engine.audio import AudioConfig, FloatArray
from tts_engine.backends import Acoustics, Backend, Encoding
from tts_engine.checkpoint import read_checkpoint
from tts_engine.chunking import Reach, around, decoded, spoken
from tts_engine.clips import load_clip
from tts_engine.durations import IntArray
from tts_engine.errors import TTSError
from tts_engine.identity import Identity
from tts_engine.listening import Listener
from tts_engine.synthesizer import Synthesizer
from tts_engine.training.evaluate import (
    HURRIED,
    Judge,
    Student,
    mandarin_only,
    measure_prosody,
    measure_speed_pitch,
    measure_vocoder,
    spread,
)
from tts_engine.training.features import CACHE, FeatureSet, Utterance
from tts_engine.training.figures import Change, Figure, change
from tts_engine.training.proof import table
from tts_engine.training.recogniser import FOLDER

FORMS: Mapping[str, str] = {
    "onnx": "ONNX Runtime on the CPU, sentence by sentence, as evaluate does",
    "served": "ONNX Runtime on the CPU, in the pieces in which speech is served",
    "torch": "the networks themselves, 32 bits, on the CPU",
    "float16": "the vocoder's convolutions in 16 bits, as on a card, computed on the CPU",
    "bfloat16": "the same in bfloat16",
    "cuda": "on the first card, as it is served there",
}
_HIGHER = ("similarity", "stoi", "pesq_wb", "f0_correlation")
"""Figures of which more is better."""
_KNOWN_S = 8.0
"""Of a speaker's true speech: what similarity is measured to."""


class Pieces:
    """A backend that computes what ``rendering`` asks of it: pieces with the receptive field around them."""

    def __init__(self, whole: Backend, reach: Reach) -> None:
        """Cut what ``whole`` computes."""
        self.device, self.workers = whole.device, whole.workers
        self._whole = whole
        self._reach = reach

    def encode(self, phonemes: IntArray, tones: IntArray, speaker: FloatArray) -> Encoding:
        """See ``Backend``."""
        return self._whole.encode(phonemes, tones, speaker)

    def decode(self, hidden: FloatArray, places: FloatArray, bend: FloatArray | None = None) -> Acoustics:
        """See ``Backend``."""
        parts = []
        for first, last in decoded(len(hidden)):
            begin, end = around((first, last), self._reach.decoder, len(hidden))
            made = self._whole.decode(hidden[begin:end], places[begin:end], None if bend is None else bend[begin:end])
            kept = slice(first - begin, last - begin)
            parts.append(Acoustics(made.f0[kept], made.mel[:, kept]))
        return Acoustics(
            np.concatenate([part.f0 for part in parts]), np.concatenate([part.mel for part in parts], axis=1)
        )

    def vocode(self, acoustics: Acoustics, excitation: FloatArray) -> FloatArray:
        """See ``Backend``."""
        frames, hop = len(acoustics.f0), AudioConfig().hop_length
        parts = []
        for first, last in spoken(frames, is_first=True):
            begin, end = around((first, last), self._reach.vocoder, frames)
            mel, source = acoustics.mel[:, begin:end], excitation[:, begin * hop : end * hop]
            made = self._whole.vocode(Acoustics(acoustics.f0[begin:end], mel.copy()), source.copy())
            parts.append(made[(first - begin) * hop : (last - begin) * hop])
        return np.concatenate(parts)


@dataclass(frozen=True)
class Side:
    """A model and how it is computed."""

    model: Path
    form: str = "onnx"

    @classmethod
    def read(cls, text: str) -> Side:
        """``MODEL[:FORM]``.

        Raises:
            argparse.ArgumentTypeError: there is no such form.
        """
        model, colon, form = text.rpartition(":")
        if not colon:
            return cls(Path(text))
        if form not in FORMS:
            raise argparse.ArgumentTypeError(f"{form!r} is none of {', '.join(FORMS)}")
        return cls(Path(model), form)

    def __str__(self) -> str:
        """As it was given."""
        return f"{self.model.name}:{self.form}"

    def open(self) -> Synthesizer:
        """The model.

        Raises:
            CheckpointError: it cannot be loaded.
        """
        synthesizer = Synthesizer.load(self.model, device="cpu", threads=1)
        return replace(synthesizer, backend=self._backend(synthesizer.backend))

    def _backend(self, onnx: Backend) -> Backend:
        if self.form == "onnx":
            return onnx
        if self.form == "served":
            return Pieces(onnx, read_checkpoint(self.model).reach)
        from tts_engine.backends.torch_backend import TorchBackend

        halves = {"float16": torch.float16, "bfloat16": torch.bfloat16}
        return TorchBackend(self.model, "cuda:0" if self.form == "cuda" else "cpu", halves.get(self.form))


@dataclass(frozen=True)
class Test:
    """What both sides speak, and who judges them."""

    utterances: tuple[Utterance, ...]
    speakers: tuple[str, ...]
    judge: Judge
    ear: Listener | None
    """Of the first model: hears how near both come to the speaker; None where it has none."""

    def figures(self, student: Student) -> dict[str, Figure]:
        """All figures of one side."""
        said = mandarin_only(self.utterances)
        sounds: dict[float, dict[int, FloatArray]] = {}
        for speed in (1.0, 0.7, 1.5):
            rows = tqdm(said, desc=f"speaking at {speed}")
            sounds[speed] = {id(one): student.speak(one.phonemes, self.speakers[one.speaker], speed) for one in rows}
        rates = {speed: self.judge.rates(f"hearing {speed}", said, lambda one: made[id(one)])  # noqa: B023  # used at once
                 for speed, made in sounds.items()}  # fmt: skip
        moved = measure_speed_pitch(student, spread(said, HURRIED), self.speakers)
        return (
            self._similarity(said, sounds[1.0])
            | measure_vocoder(student, self.utterances)
            | measure_prosody(student, self.utterances, self.speakers)
            | rates[1.0]
            | {f"ser_at_{speed}": rates[speed]["ser"] for speed in (0.7, 1.5)}
            | {
                f"f0_shift_at_{speed}_semitones": Figure.mean([abs(12 * float(np.log2(ratio))) for ratio in ratios])
                for speed, ratios in moved.items()
            }
        )

    def _similarity(self, said: Sequence[Utterance], sounds: Mapping[int, FloatArray]) -> dict[str, Figure]:
        """Cosine between the speaker as the encoder hears them in true speech and in ours."""
        if self.ear is None:
            return {}
        known = {number: self._known(self.ear, number) for number in {one.speaker for one in said}}
        rows = [
            float(known[one.speaker].embedding @ self.ear.listen(sounds[id(one)]).embedding)
            for one in tqdm(said, desc="similarity")
        ]
        return {"similarity": Figure.mean(rows)}

    def _known(self, ear: Listener, speaker: int) -> Identity:
        true = np.concatenate([one.samples for one in self.utterances if one.speaker == speaker])
        return ear.listen(true[: round(_KNOWN_S * AudioConfig().sample_rate)])


def student_of(synthesizer: Synthesizer, needed: Sequence[str], clip: FloatArray | None) -> Student:
    """A side that has a voice for every speaker.

    Raises:
        SystemExit: it has none, and none to imitate.
    """
    missing = [name for name in needed if name not in synthesizer.checkpoint.embeddings]
    name = synthesizer.checkpoint.name
    if not missing:
        return Student(synthesizer, AudioConfig())
    if clip is None:
        raise SystemExit(f"{name} has no voice {missing[0]!r}: let it imitate 3 to 30 s of theirs, by --clip FILE")
    if len(missing) > 1:
        raise SystemExit(f"{name} knows none of {', '.join(missing[:5])}: --clip stands for one speaker only")
    if synthesizer.listener is None:
        raise SystemExit(f"{name} has no speaker encoder: it cannot imitate a clip")
    return Student(synthesizer, AudioConfig(), synthesizer.listener.listen(clip).vector())


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """Both sides' figures and what changed."""
    features = FeatureSet(arguments.features)
    chosen = spread([features[index] for index in range(len(features))], arguments.utterances)
    clip = load_clip(arguments.clip).samples if arguments.clip else None
    if not mandarin_only(chosen):
        raise SystemExit(f"{arguments.features} has no utterance in Mandarin alone: nothing to count syllables in")
    needed = sorted({features.speakers[one.speaker] for one in chosen})
    opened = [side.open() for side in (arguments.before, arguments.after)]
    students = [student_of(one, needed, clip) for one in opened]
    test = Test(tuple(chosen), tuple(features.speakers), Judge.load(arguments.recogniser), opened[0].listener)
    before, after = (test.figures(student) for student in students)
    changes = [change(name, before[name], after[name], name in _HIGHER) for name in before]
    return {
        "before": {"model": str(arguments.before), "revision": opened[0].revision},
        "after": {"model": str(arguments.after), "revision": opened[1].revision},
        "machine": platform.processor() or platform.machine(),
        "utterances": len(chosen),
        "syllables": int(before["ser"].counts.sum()),
        "figures": {one.name: row(one) for one in changes},
        "moved": [one.name for one in changes if one.moved],
    }


def row(one: Change) -> dict[str, Any]:
    """A figure for the file; what is not known is null."""
    numbers = {name: getattr(one, name) for name in ("before", "after", "difference", "low", "high", "noise")}
    known = {name: value if np.isfinite(value) else None for name, value in numbers.items()}
    return known | {"verdict": one.verdict}


_FORMATS = {"before": ".4f", "after": ".4f", "difference": "+.2g", "low": "+.2g", "high": "+.2g", "noise": ".2g"}


def report(result: Mapping[str, Any]) -> str:
    """For people: a table, and what moved."""
    head = (
        "figure",
        result["before"]["model"],
        result["after"]["model"],
        "difference",
        "from",
        "to",
        "noise",
        "verdict",
    )
    rows = [
        (name, *("–" if one[key] is None else format(one[key], form) for key, form in _FORMATS.items()), one["verdict"])
        for name, one in result["figures"].items()
    ]
    moved = ", ".join(result["moved"])
    said = (
        f"{result['utterances']} utterances, {result['syllables']} syllables; the difference lies between from and to"
    )
    ended = f"moved by more than the noise: {moved}" if moved else "nothing moved by more than the noise"
    return f"{table(head, rows)}\n{said}.\n{ended}"


def parser() -> argparse.ArgumentParser:
    """The options."""
    forms = "; ".join(f"{name}: {what}" for name, what in FORMS.items())
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=f"FORM is one of: {forms}.")
    parser.add_argument("before", type=Side.read, metavar="BEFORE", help="MODEL[:FORM], such as models/v23")
    parser.add_argument("after", type=Side.read, metavar="AFTER", help="MODEL[:FORM], such as models/mine")
    parser.add_argument("--features", type=Path, default=CACHE / "voice-heldout", help="held-out feature set")
    parser.add_argument("--clip", type=Path, help="3 to 30 s of the speaker, for a model that has no such voice")
    parser.add_argument("--utterances", type=int, default=100_000, help="at most")
    parser.add_argument("--recogniser", type=Path, default=FOLDER, help="folder of the judge")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of torch (0: all)")
    parser.add_argument("--json", type=Path, help="write the figures here")
    return parser


def main() -> int:
    """Read the command line, measure, print both sides; the status of ``diff``: 0 where they are the same, else 1."""
    arguments = parser().parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    try:
        result = compare(arguments)
    except (TTSError, OSError) as error:
        parser().error(str(error))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(report(result))
    return 1 if result["moved"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
