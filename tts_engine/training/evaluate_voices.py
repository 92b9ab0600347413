"""Measure feelings and copies (python -m tts_engine.training.evaluate_voices --json voices.json).

Feelings: the prosody that our speech has per emotion and intensity, measured on samples, against neutral, and how many
syllables the recogniser misses. Copies: speakers that no network ever heard are imitated from one clip and speak
another text, beside the teacher speaking it as them; pitch by WORLD, the vocal tract by the shift of long-term spectra,
so that the speaker encoder does not judge itself; the encoder alone is asked to tell each speaker from those who sound
most alike.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from tts_engine.audio import AudioConfig, FloatArray, log_mel
from tts_engine.backends import Acoustics
from tts_engine.checkpoint import NEUTRAL
from tts_engine.durations import expand, frames_from_log, places
from tts_engine.excitation import excitation
from tts_engine.identity import Identity
from tts_engine.likeness import Likeness
from tts_engine.listening import FOLDER
from tts_engine.synthesizer import Synthesizer
from tts_engine.training.evaluate import mandarin_only, spread, write
from tts_engine.training.features import CACHE, FeatureSet, Utterance, extract_f0
from tts_engine.training.recogniser import FOLDER as JUDGE
from tts_engine.training.recogniser import Errors, Recogniser, meant_by
from tts_engine.training.train_likeness import CLIP_S, alike
from tts_engine.training.vocal_tract import average_spectrum, shift_between

INTENSITIES = (0.33, 0.67, 1.0)


@dataclass(frozen=True)
class Prosody:
    """What is measured of one utterance."""

    pitch_st: float
    range_st: float
    """90th less 10th percentile."""
    rate: float
    """Phonemes a second, pauses aside."""
    level_db: float
    tilt_db: float
    """Level above 2 kHz less that below."""


def prosody_of(samples: FloatArray, f0: FloatArray, rows: npt.NDArray[np.int16]) -> Prosody:
    """Measure samples (S,) whose F0 (T,) and phoneme rows (L, 3) are known."""
    semitones = 12 * np.log2(f0[f0 > 0].astype(np.float64))
    spoken = rows[:, 1] > 0
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / AudioConfig().sample_rate)
    high, low = power[hz >= 2000].sum(), power[(hz < 2000) & (hz > 60)].sum()
    seconds = rows[spoken, 2].sum() * AudioConfig().hop_length / AudioConfig().sample_rate
    return Prosody(
        pitch_st=float(np.median(semitones)),
        range_st=float(np.percentile(semitones, 90) - np.percentile(semitones, 10)),
        rate=float(spoken.sum() / seconds),
        level_db=float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2))),
        tilt_db=float(10 * np.log10(high / low)),
    )


def say(
    synthesizer: Synthesizer, rows: npt.NDArray[np.int16], told: FloatArray, durations: npt.NDArray[np.int64] | None
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
    """Samples, F0 and durations of phoneme rows (L, 3); our own durations where none are given."""
    backend = synthesizer.backend
    encoding = backend.encode(rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), told)
    length = frames_from_log(encoding.log_durations, 1.0) if durations is None else durations
    acoustics: Acoustics = backend.decode(expand(encoding.hidden, length), places(length))
    source = excitation(acoustics.f0, AudioConfig(), np.random.default_rng(0))
    return np.clip(backend.vocode(acoustics, source), -1, 1), acoustics.f0, length


def measure_emotions(
    synthesizer: Synthesizer, utterances: Sequence[Utterance], speakers: Sequence[str], judge: Path = JUDGE
) -> Any:
    """Per emotion and intensity: prosody less the same sentence's neutral prosody, and syllable errors."""
    recogniser = Recogniser.from_pretrained(judge).float().eval()  # type: ignore[no-untyped-call]
    checkpoint = synthesizer.checkpoint
    moods = [("", 0.0), *((name, value) for name in checkpoint.emotions for value in INTENSITIES)]
    rows: dict[tuple[str, float], list[list[float]]] = {mood: [] for mood in moods}
    errors = {mood: Errors() for mood in moods}
    for one in tqdm(utterances, desc="emotions"):
        speaker = checkpoint.embeddings[speakers[one.speaker]]
        for mood in moods:
            samples, f0, length = say(synthesizer, one.phonemes, checkpoint.told(speaker, *mood), None)
            timed = np.concatenate([one.phonemes[:, :2], length[:, None].astype(np.int16)], axis=1)
            rows[mood].append(list(vars(prosody_of(samples, f0, timed)).values()))
            errors[mood].add(recogniser.hear(samples), meant_by(one.phonemes))

    def told_of(mood: tuple[str, float]) -> float:
        return round(float(checkpoint.told(np.zeros(0, np.float32), *mood).sum()), 3)

    names = list(Prosody.__dataclass_fields__)
    neutral = np.array(rows["", 0.0])
    return [
        {"emotion": mood[0] or NEUTRAL, "intensity": mood[1], "told": told_of(mood), "ser": errors[mood].ser}
        | dict(zip(names, (np.array(rows[mood]) - neutral).mean(0).round(3).tolist(), strict=True))
        for mood in moods
    ]


def hear_teacher(features: FeatureSet, judge: Path = JUDGE) -> dict[tuple[str, float], float]:
    """Syllable errors of the teacher himself per emotion and intensity: what the judge cannot hear in him either."""
    recogniser = Recogniser.from_pretrained(judge).float().eval()  # type: ignore[no-untyped-call]
    errors: dict[tuple[str, float], Errors] = {}
    for one in tqdm(mandarin_only(features[index] for index in range(len(features))), desc="teacher"):
        mood = (one.emotion or NEUTRAL, one.intensity)
        errors.setdefault(mood, Errors()).add(recogniser.hear(one.samples), meant_by(one.phonemes))
    return {mood: total.ser for mood, total in errors.items()}


def teacher_at(teacher: dict[tuple[str, float], float], emotion: str, strength: float) -> float:
    """The teacher's syllable errors where he feels as much as our network was told, between those measured."""
    known = sorted((felt, ser) for (name, felt), ser in teacher.items() if name in (emotion, NEUTRAL))
    return float(np.interp(strength, [felt for felt, _ in known], [ser for _, ser in known]))


@dataclass(frozen=True)
class Heard:
    """An unknown speaker: two clips of theirs as the listener hears them, and utterances of neither."""

    first: Identity
    second: Identity
    rest: tuple[Utterance, ...]
    spectrum: npt.NDArray[np.float64]


def hear_speakers(synthesizer: Synthesizer, features: FeatureSet) -> list[Heard]:
    """Everybody who speaks long enough for two clips."""
    by_speaker: dict[int, list[Utterance]] = {}
    for index in range(len(features)):
        by_speaker.setdefault(features[index].speaker, []).append(features[index])
    found = []
    for utterances in tqdm(by_speaker.values(), desc="listening"):
        half = CLIP_S * AudioConfig().sample_rate
        clips: list[list[Utterance]] = [[], [], []]
        for one in utterances:
            place = next((i for i in (0, 1) if sum(len(u.audio) for u in clips[i]) < half), 2)
            clips[place].append(one)
        if sum(len(one.audio) for one in clips[1]) < half:
            continue
        heard = [synthesizer.listen(np.concatenate([one.samples for one in clip])[: round(half)]) for clip in clips[:2]]
        voiced = np.concatenate([one.mel[:, one.f0 > 0] for one in utterances], axis=1)
        found.append(Heard(heard[0], heard[1], tuple(clips[2] or clips[1]), average_spectrum(voiced)))
    return found


def measure_copies(synthesizer: Synthesizer, speakers: Sequence[Heard]) -> dict[str, Any]:
    """Pitch and vocal tract of copies beside the speaker saying the same, with the same durations."""
    pitch, tract = [], []
    for one in tqdm(speakers, desc="copies"):
        utterances = [u for u in one.rest if (u.f0 > 0).sum() > 30][:3]
        told = synthesizer.checkpoint.told(one.first.vector(), "", 0.0)
        voiced: tuple[list[FloatArray], list[FloatArray]] = ([], [])
        medians = []
        for utterance in utterances:
            samples, _, _ = say(synthesizer, utterance.phonemes, told, utterance.phonemes[:, 2].astype(np.int64))
            middle = float(np.median(utterance.f0[utterance.f0 > 0]))
            f0 = extract_f0(samples, AudioConfig(), (middle * 0.6, middle * 1.8))
            both = (f0 > 0) & (utterance.f0 > 0)
            if both.sum() < 10:
                continue
            medians.append(12 * np.log2(np.median(f0[f0 > 0]) / middle))
            voiced[0].append(log_mel(samples, AudioConfig())[:, both])
            voiced[1].append(utterance.mel[:, both])
        if medians:
            pitch.append(abs(float(np.mean(medians))))
            ours, theirs = (average_spectrum(np.concatenate(part, axis=1)) for part in voiced)
            tract.append(abs(2 ** shift_between(ours, theirs) - 1))
    return {
        "speakers": len(pitch),
        "median_f0_error_semitones": {"mean": float(np.mean(pitch)), "worst": float(np.max(pitch))},
        "within_2_semitones": float(np.mean(np.array(pitch) <= 2)),
        "vocal_tract_error": {"mean": float(np.mean(tract)), "p90": float(np.percentile(tract, 90))},
        "within_5_percent": float(np.mean(np.array(tract) <= 0.05)),
    }


def cosine(one: Identity, other: Identity) -> float:
    """Of the angle between two embeddings."""
    return float(one.embedding @ other.embedding)


def measure_verification(speakers: Sequence[Heard], judge: Likeness | None) -> dict[str, Any]:
    """In how many trials a speaker's two clips are more alike than one of them and an impostor's."""
    trials = [
        (one, impostor)
        for one in speakers
        for impostor in speakers
        if one is not impostor and alike(one.first, impostor.first, one.spectrum, impostor.spectrum)
    ]

    def above(score: Callable[[Identity, Identity], float]) -> float | None:
        hits = [score(one.first, one.second) > score(one.first, other.second) for one, other in trials]
        return float(np.mean(hits)) if hits else None

    score = judge.ratio if judge else cosine
    return {
        "trials": len(trials),
        "score": "log likelihood ratio" if judge else "cosine",
        "same_above_impostor": above(score),
        "same_above_impostor_by_cosine": above(cosine),
        "same": [round(score(one.first, one.second), 3) for one in speakers],
        "impostors": [round(score(one.first, other.second), 3) for one, other in trials],
    }


def main() -> None:
    """Read the command line, measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/v23"))
    parser.add_argument("--features", type=Path, default=CACHE / "voice-heldout", help="named voices, neutral")
    parser.add_argument("--speakers", type=Path, default=CACHE / "voice-heldout-speakers", help="unknown speakers")
    parser.add_argument("--felt", type=Path, default=CACHE / "voice-heldout-emotions", help="named voices, emotions")
    parser.add_argument("--utterances", type=int, default=120, help="for the emotions")
    parser.add_argument("--copies", type=int, default=60, help="speakers to imitate")
    parser.add_argument("--recogniser", type=Path, default=JUDGE, help="folder of the judge")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    synthesizer = Synthesizer.load(arguments.model, device="cpu")
    features = FeatureSet(arguments.features)
    result: dict[str, Any] = {"revision": synthesizer.revision}
    if synthesizer.listener is not None:
        heard = hear_speakers(synthesizer, FeatureSet(arguments.speakers))
        result["verification"] = measure_verification(heard, Likeness.load(arguments.model / FOLDER))
        result["copies"] = measure_copies(synthesizer, heard[: arguments.copies])
    if synthesizer.emotions:
        every = mandarin_only(features[index] for index in range(len(features)))
        teacher = hear_teacher(FeatureSet(arguments.felt), arguments.recogniser)
        few = spread(every, arguments.utterances)
        rows = measure_emotions(synthesizer, few, features.speakers, arguments.recogniser)
        result["emotions"] = [row | {"teacher_ser": teacher_at(teacher, row["emotion"], row["told"])} for row in rows]
    write(result, arguments.json)


if __name__ == "__main__":
    main()
