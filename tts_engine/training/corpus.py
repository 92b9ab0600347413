"""Make the corpus (python -m tts_engine.training.corpus --hours 4).

Text → our own front end → the teacher's speech, aligned. Writes two feature sets: the one named by ``--out`` to learn
from, and beside it ``…-heldout`` (kept where it is there) with sentences that are in no training set, to be measured
on. Half of the first is spoken at other speeds, so that networks know what hurried and slow speech sound like.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from tts_engine.errors import InputError
from tts_engine.frontend import Frontend
from tts_engine.training.features import CACHE, FeatureSet, Script, Utterance, make_utterance, save
from tts_engine.training.teacher import VOICES, Espeak, Teacher, TeacherError
from tts_engine.training.texts import Words, sentences

HELDOUT_SEED = 990_001
"""Seeds from here on are never trained on."""
MAX_S = 9.0
NATURAL = 0.5
"""Share of the utterances at the speaker's own speed, where a spread of speeds is asked for."""


@dataclass(frozen=True)
class Wanted:
    """How much of what."""

    hours: float
    seed: int
    without: frozenset[str] = frozenset()
    """Texts left out."""
    spread: float = 1.0
    """Slowest and fastest speed are 1/spread and spread times the speaker's own."""


def speak(wanted: Wanted) -> Iterator[tuple[Utterance, float]]:
    """Utterances and their seconds until there are enough hours, in every voice in turn."""
    teacher, frontend, words = Teacher(), Frontend(), Words.load()
    rng = random.Random(wanted.seed)  # noqa: S311  # to be repeatable, not secret
    names = list(VOICES)
    spoken_s = 0.0
    for text in sentences(words, wanted.seed):
        if spoken_s >= wanted.hours * 3600:
            return
        if text in wanted.without:
            continue
        speaker = rng.randrange(len(names))
        try:
            for sentence in frontend.read(text).sentences:
                if not sentence.phonemes:
                    continue
                rate = _rate(wanted.spread, rng)
                voice = VOICES[names[speaker]]
                voice = replace(voice, rate=round(voice.rate * rate))
                rendering = teacher.render(sentence.phonemes, voice)
                seconds = rendering.samples.shape[0] / Espeak.sample_rate
                if seconds <= MAX_S:
                    spoken_s += seconds
                    script = Script(text[sentence.begin : sentence.end], speaker, sentence.phonemes, rate)
                    yield make_utterance(script, rendering.samples, rendering.ends, voice.f0_hz), seconds
        except (InputError, TeacherError, ValueError) as error:
            tqdm.write(f"left out: {text}: {error}")


def _rate(spread: float, rng: random.Random) -> float:
    if spread <= 1 or rng.random() < NATURAL:
        return 1.0
    return math.exp(rng.uniform(-math.log(spread), math.log(spread)))


def collect(wanted: Wanted) -> list[Utterance]:
    """All of ``speak``, with a progress bar in hours."""
    out = []
    bar_format = "{l_bar}{bar}| {n:.2f}/{total:.2f} h {elapsed}<{remaining}"
    with tqdm(total=wanted.hours, unit="h", bar_format=bar_format) as bar:
        for utterance, seconds in speak(wanted):
            out.append(utterance)
            bar.update(min(seconds / 3600, wanted.hours - bar.n))
    return out


def main() -> None:
    """Read the command line and make both sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--heldout-hours", type=float, default=0.5)
    parser.add_argument("--out", type=Path, default=CACHE / "v23")
    parser.add_argument(
        "--spread", type=float, default=1.8, help="fastest speed over the speaker's own; 1 for one speed"
    )
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.seed >= HELDOUT_SEED:
        parser.error(f"--seed must be below {HELDOUT_SEED}: those are for measuring")
    folder = arguments.out.with_name(arguments.out.name + "-heldout")
    if not (folder / "index.json").exists():
        save(folder, collect(Wanted(arguments.heldout_hours, HELDOUT_SEED)), list(VOICES))
    measured = frozenset(utterance.text for utterance in FeatureSet(folder))
    wanted = Wanted(arguments.hours, arguments.seed, measured, arguments.spread)
    save(arguments.out, collect(wanted), list(VOICES))


if __name__ == "__main__":
    main()
