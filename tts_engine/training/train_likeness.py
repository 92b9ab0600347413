"""Learn how alike two clips of one person are (python -m tts_engine.training.train_likeness --model models/v23).

Listens to speakers that neither the speaker encoder learnt from nor any figure is measured on (``corpus
--development``), writes ``speaker/likeness.npz`` into the model and brings its hashes up to date. How many directions
to keep is chosen by the trial of ``evaluate_voices`` on halves of the speakers that the other halves know nothing of.
Clips full of feeling are left out: with them, neutral ones were told apart less well (97.9 % for 98.1 %).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import linalg  # type: ignore[import-untyped]
from tqdm import tqdm

from tts_engine.audio import AudioConfig, FloatArray
from tts_engine.hub import write_sums
from tts_engine.identity import Identity
from tts_engine.likeness import Likeness, heard
from tts_engine.listening import FOLDER, Listener
from tts_engine.training.features import CACHE, FeatureSet, Utterance
from tts_engine.training.vocal_tract import Spectrum, average_spectrum, shift_between

CLIP_S = 8.0
ALIKE_ST, ALIKE_TRACT = 2.0, 0.08
"""An impostor is hard when his pitch and his vocal tract lie this close."""
DIRECTIONS = (16, 24, 32, 48, 64)
SHRINKAGE = 0.2
"""Share of a round covariance in that of a person's clips, which are few."""
_ROUNDS = 3


@dataclass(frozen=True)
class Person:
    """Clips of one speaker, and their long-term spectrum."""

    clips: tuple[Identity, ...]
    spectrum: Spectrum


def hear(listener: Listener, features: FeatureSet) -> list[Person]:
    """Everybody who has two clips to compare."""
    by_speaker: dict[int, list[Utterance]] = {}
    for index in range(len(features)):
        if not features[index].emotion:
            by_speaker.setdefault(features[index].speaker, []).append(features[index])
    found = []
    for utterances in tqdm(by_speaker.values(), desc="listening"):
        clips = tuple(listener.listen(samples) for samples in _clips(utterances))
        if len(clips) > 1:
            voiced = np.concatenate([one.mel[:, one.f0 > 0] for one in utterances], axis=1)
            found.append(Person(clips, average_spectrum(voiced)))
    return found


def _clips(utterances: Sequence[Utterance]) -> Iterator[FloatArray]:
    """Clips of ``CLIP_S``, each of its own utterances end to end."""
    length = round(CLIP_S * AudioConfig().sample_rate)
    waiting: list[FloatArray] = []
    for one in utterances:
        waiting.append(one.samples)
        if sum(len(samples) for samples in waiting) >= length:
            yield np.concatenate(waiting)[:length]
            waiting = []


def fit(people: Sequence[Person], directions: int) -> Likeness:
    """Weigh directions by how much more people differ in them than one person does."""
    clips = [np.stack([heard(clip) for clip in one.clips]) for one in people]
    means = np.stack([rows.mean(0) for rows in clips])
    apart = np.concatenate([rows - rows.mean(0) for rows in clips])
    within = apart.T @ apart / (len(apart) - len(clips))
    width = len(within)
    within = (1 - SHRINKAGE) * within + SHRINKAGE * np.trace(within) / width * np.eye(width)
    between, vectors = linalg.eigh(np.cov(means.T), within)
    best = np.argsort(-between)[:directions]
    return Likeness(means.mean(0), vectors[:, best].T, np.maximum(between[best], 1e-3))


def impostors(people: Sequence[Person]) -> list[tuple[int, int]]:
    """Pairs of people who are hard to tell apart, both ways."""
    return [
        (index, other)
        for index, one in enumerate(people)
        for other, impostor in enumerate(people)
        if index != other and alike(one.clips[0], impostor.clips[0], one.spectrum, impostor.spectrum)
    ]


def alike(one: Identity, other: Identity, spectrum: Spectrum, others: Spectrum) -> bool:
    """Whether two people's pitch and vocal tract lie close together."""
    apart_st = abs(12 * np.log2(one.median_f0_hz / other.median_f0_hz))
    return bool(apart_st <= ALIKE_ST and abs(2 ** shift_between(spectrum, others) - 1) <= ALIKE_TRACT)


def right(judge: Likeness, people: Sequence[Person], pairs: Sequence[tuple[int, int]]) -> float:
    """Share of trials in which a person's second clip is more like the first than the impostor's second is."""
    hits = [
        judge.ratio(people[a].clips[0], people[a].clips[1]) > judge.ratio(people[a].clips[0], people[b].clips[1])
        for a, b in pairs
    ]
    return float(np.mean(hits))


def choose(people: Sequence[Person], seed: int) -> dict[int, float]:
    """Trials that came out right, by the number of directions, on halves that were not learnt from."""
    rng = np.random.default_rng(seed)
    scores: dict[int, list[float]] = {count: [] for count in DIRECTIONS}
    for _ in range(_ROUNDS):
        order = rng.permutation(len(people))
        half = len(order) // 2
        for learnt, tried in ((order[:half], order[half:]), (order[half:], order[:half])):
            others = [people[index] for index in tried]
            pairs = impostors(others)
            for count in DIRECTIONS:
                scores[count].append(right(fit([people[index] for index in learnt], count), others, pairs))
    return {count: float(np.mean(found)) for count, found in scores.items()}


def main() -> None:
    """Read the command line, listen, choose, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=Path, default=CACHE / "voice-development", help="of corpus --development")
    parser.add_argument("--model", type=Path, default=Path("models/v23"), help="model folder with a speaker encoder")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    listener = Listener.load(arguments.model)
    if listener is None:
        parser.error(f"{arguments.model} has no speaker encoder")
    people = hear(listener, FeatureSet(arguments.features))
    scores = choose(people, arguments.seed)
    for count, score in scores.items():
        print(f"{count} directions: {score:.4f}")
    fit(people, max(scores, key=lambda count: scores[count])).save(arguments.model / FOLDER)
    write_sums(arguments.model)


if __name__ == "__main__":
    main()
