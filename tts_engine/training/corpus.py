"""Make the corpus (python -m tts_engine.training.corpus --hours 4).

Text → our own front end → the teacher's speech, aligned. Writes two feature sets: the one named by ``--out`` to learn
from, and beside it ``…-heldout`` with sentences that are in no training set, to be measured on.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from tts_engine.errors import InputError
from tts_engine.frontend import Frontend
from tts_engine.training.features import CACHE, Script, Utterance, make_utterance, save
from tts_engine.training.teacher import VOICES, Espeak, Teacher, TeacherError
from tts_engine.training.texts import Words, sentences

HELDOUT_SEED = 990_001
"""Seeds from here on are never trained on."""
MAX_S = 9.0


def speak(hours: float, seed: int, without: frozenset[str]) -> Iterator[tuple[Utterance, float]]:
    """Utterances and their seconds until there are ``hours``, in every voice in turn; no text in ``without``."""
    teacher, frontend, words = Teacher(), Frontend(), Words.load()
    rng = random.Random(seed)  # noqa: S311  # to be repeatable, not secret
    names = list(VOICES)
    spoken_s = 0.0
    for text in sentences(words, seed):
        if spoken_s >= hours * 3600:
            return
        if text in without:
            continue
        speaker = rng.randrange(len(names))
        try:
            for sentence in frontend.read(text).sentences:
                if not sentence.phonemes:
                    continue
                voice = VOICES[names[speaker]]
                rendering = teacher.render(sentence.phonemes, voice)
                seconds = rendering.samples.shape[0] / Espeak.sample_rate
                if seconds <= MAX_S:
                    spoken_s += seconds
                    script = Script(text[sentence.begin : sentence.end], speaker, sentence.phonemes)
                    yield make_utterance(script, rendering.samples, rendering.ends, voice.f0_hz), seconds
        except (InputError, TeacherError, ValueError) as error:
            tqdm.write(f"left out: {text}: {error}")


def collect(hours: float, seed: int, without: frozenset[str] = frozenset()) -> list[Utterance]:
    """All of ``speak``, with a progress bar in hours."""
    out = []
    with tqdm(total=hours, unit="h", bar_format="{l_bar}{bar}| {n:.2f}/{total:.2f} h {elapsed}<{remaining}") as bar:
        for utterance, seconds in speak(hours, seed, without):
            out.append(utterance)
            bar.update(min(seconds / 3600, hours - bar.n))
    return out


def main() -> None:
    """Read the command line and make both sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--heldout-hours", type=float, default=0.5)
    parser.add_argument("--out", type=Path, default=CACHE / "v23")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.seed >= HELDOUT_SEED:
        parser.error(f"--seed must be below {HELDOUT_SEED}: those are for measuring")
    heldout = collect(arguments.heldout_hours, HELDOUT_SEED)
    save(arguments.out.with_name(arguments.out.name + "-heldout"), heldout, list(VOICES))
    measured = frozenset(utterance.text for utterance in heldout)
    save(arguments.out, collect(arguments.hours, arguments.seed, measured), list(VOICES))


if __name__ == "__main__":
    main()
