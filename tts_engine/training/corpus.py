"""Make the corpus (python -m tts_engine.training.corpus --hours 4).

Text → our own front end → the teacher's speech, phrased by rule, in many voices and moods, aligned. Writes the set
named by ``--out`` to learn from, and beside it, kept where they are there, sets that no network ever learns from:
``…-heldout`` (named voices, neutral), ``…-heldout-emotions`` (named voices, every emotion at three intensities) and
``…-heldout-speakers`` (speakers that nobody has heard). ``--development`` makes another set alone: speakers of neither
kind, from whom ``train_likeness`` learns how alike two clips of one person are.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import multiprocessing
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tts_engine.audio import AudioConfig
from tts_engine.errors import InputError
from tts_engine.frontend import Frontend
from tts_engine.frontend.reading import Sentence
from tts_engine.training import psola
from tts_engine.training.features import CACHE, FeatureSet, Script, Utterance, extract_f0, make_utterance, save
from tts_engine.training.prosody import EMOTIONS, Manner, contour, stretches
from tts_engine.training.speakers import DEVELOPMENT_SPEAKER, HELDOUT_SPEAKER, Speaker, invented, named
from tts_engine.training.teacher import Espeak, Rendering, Teacher, TeacherError, TeacherVoice, level
from tts_engine.training.texts import Words, sentences

HELDOUT_SEED = 990_001
"""Seeds from here on are never trained on."""
HELDOUT_SPEAKERS, HELDOUT_SPEAKER_S = 120, 26.0
"""Unknown speakers, and seconds of each at least: two clips to compare, and something to say beside them."""
DEVELOPMENT_SEED = 970_001
DEVELOPMENT_S, DEVELOPMENT_MOVED = 48.0, 0.25
"""Seconds of each speaker, and the share of their utterances that shows an emotion."""
MAX_S = 9.0
_DECIMATION = 4
_PIECE_S = 90.0
"""Seconds of one speaker that one process makes at a time."""


@dataclass(frozen=True)
class Mood:
    """An emotion and how much of it."""

    emotion: str = ""
    """Of ``EMOTIONS``; empty is neutral."""
    intensity: float = 0.0

    @property
    def manner(self) -> Manner:
        """What it does to a voice."""
        return EMOTIONS[self.emotion].scaled(self.intensity) if self.emotion else Manner()


@dataclass(frozen=True)
class Piece:
    """A share of the corpus that one process makes: one speaker, some seconds."""

    speaker: int
    """Index into the feature set's speakers."""
    who: Speaker
    seconds: float
    seed: int
    spread: float = 1.0
    """Slowest and fastest speed are 1/spread and spread times the speaker's own."""
    natural: float = 1.0
    """Share of the utterances at the speaker's own speed."""
    moods: tuple[Mood, ...] = ()
    """To be spoken in turn; empty draws emotions for the share ``moved`` of the utterances."""
    moved: float = 0.0
    without: frozenset[str] = frozenset()
    """Texts left out."""


@cache
def _tools() -> tuple[Teacher, Frontend, Words]:
    """Once a process: the formant synthesizer has one global state."""
    return Teacher(), Frontend(), Words.load()


def speak(piece: Piece) -> list[Utterance]:
    """All utterances of one piece."""
    _, frontend, words = _tools()
    rng = random.Random(piece.seed)  # noqa: S311  # to be repeatable, not secret
    bounds = _f0_bounds(piece.who.voice)
    spoken_s = 0.0
    out: list[Utterance] = []
    for text in sentences(words, piece.seed):
        if spoken_s >= piece.seconds:
            break
        if text in piece.without:
            continue
        try:
            for sentence in frontend.read(text).sentences:
                if not sentence.phonemes:
                    continue
                made = _one(piece, sentence, _Draw(_mood(piece, len(out), rng), _rate(piece, rng), bounds))
                if len(made.f0) * AudioConfig().hop_length <= MAX_S * Espeak.sample_rate:
                    out.append(replace(made, text=text[sentence.begin : sentence.end]))
                    spoken_s += len(made.audio) / Espeak.sample_rate
        except (InputError, TeacherError, ValueError) as error:
            tqdm.write(f"left out: {text}: {error}")
    return out


@dataclass(frozen=True)
class _Draw:
    """How one utterance is to be spoken."""

    mood: Mood
    rate: float
    bounds_hz: tuple[float, float]


def _one(piece: Piece, sentence: Sentence, draw: _Draw) -> Utterance:
    """Render, phrase, colour, align."""
    manner = draw.mood.manner
    who = piece.who
    voice = replace(who.voice, rate=round(who.voice.rate * draw.rate * 2**manner.rate_octaves))
    edited = phrase(_tools()[0].render(sentence.phonemes, voice), sentence, manner, draw.bounds_hz)
    rng = np.random.default_rng([piece.seed, len(edited.samples)])
    samples = psola.colour(edited.samples, who.tilt_db + manner.tilt_db, min(1.0, who.breath + manner.breath), rng)
    samples = level(samples) * np.float32(10 ** (manner.gain_db / 20))
    samples *= np.float32(min(1.0, 0.98 / max(1e-6, float(np.abs(samples).max()))))
    text = ""  # filled in by the caller, who has it
    script = Script(text, piece.speaker, sentence.phonemes, draw.rate, draw.mood.emotion, draw.mood.intensity)
    return make_utterance(script, samples, edited.ends, f0=edited.f0)


def phrase(rendering: Rendering, sentence: Sentence, manner: Manner, bounds_hz: tuple[float, float]) -> psola.Edited:
    """The rendering with the rules of phrasing and the manner's pitch applied."""
    config = AudioConfig()
    f0 = extract_f0(rendering.samples, config, bounds_hz, _DECIMATION)
    semitones = contour(sentence.phonemes, rendering.ends / Espeak.sample_rate, f0, manner)
    edit = psola.Edit(semitones, rendering.ends, stretches(sentence.phonemes))
    return psola.move(rendering.samples, f0, config.hop_length, edit)


def _f0_bounds(voice: TeacherVoice) -> tuple[float, float]:
    """Narrow bounds for a voice's F0, from one sentence: they keep the pitch tracker from octave errors.

    Spoken anew for each piece, since the formant synthesizer's first sentence depends on what it said before.
    """
    teacher, frontend, _ = _tools()
    rendering = teacher.render(frontend.read("妈妈骂马吗，你来看我买的米。").sentences[0].phonemes, voice)
    f0 = extract_f0(rendering.samples, AudioConfig(), voice.f0_hz, _DECIMATION)
    middle = float(np.median(f0[f0 > 0]))
    return max(45.0, middle * 0.65), middle * 1.75


def _mood(piece: Piece, index: int, rng: random.Random) -> Mood:
    if piece.moods:
        return piece.moods[index % len(piece.moods)]
    if rng.random() >= piece.moved:
        return Mood()
    return Mood(rng.choice(sorted(EMOTIONS)), round(rng.uniform(0.2, 1.0), 2))


def _rate(piece: Piece, rng: random.Random) -> float:
    if piece.spread <= 1 or rng.random() < piece.natural:
        return 1.0
    return math.exp(rng.uniform(-math.log(piece.spread), math.log(piece.spread)))


def collect(pieces: Sequence[Piece], processes: int) -> Iterator[Utterance]:
    """The utterances of all pieces, in order, made by several processes; the same for any number of them."""
    total = sum(piece.seconds for piece in pieces) / 3600
    bar_format = "{l_bar}{bar}| {n:.2f}/{total:.2f} h {elapsed}<{remaining}"
    with contextlib.ExitStack() as stack, tqdm(total=total, unit="h", bar_format=bar_format) as bar:
        made: Iterator[list[Utterance]] = map(speak, pieces)
        if processes > 1:
            made = stack.enter_context(multiprocessing.get_context("spawn").Pool(processes)).imap(speak, pieces)
        for piece, utterances in zip(pieces, made, strict=True):
            yield from utterances
            bar.update(min(piece.seconds / 3600, total - bar.n))


@dataclass(frozen=True)
class Plan:
    """How much of what a training set has."""

    hours: float
    seed: int
    others: int
    """Speakers beside the named ones; they share half of the hours."""
    spread: float
    without: frozenset[str]

    def speakers(self) -> list[Speaker]:
        """Named ones first."""
        return [*named(), *(invented(number) for number in range(self.others))]

    def pieces(self) -> list[Piece]:
        """Half of the time to the named voices in every mood, half to all the others."""
        out = []
        count = len(named())
        share = 0.5 if self.others else 1.0
        named_s = self.hours * 3600 * share / count
        other_s = self.hours * 3600 * (1 - share) / max(1, self.others)
        for index, who in enumerate(self.speakers()):
            seconds, moved = (named_s, 0.55) if index < count else (other_s, 0.35)
            for part in range(math.ceil(seconds / _PIECE_S)):
                length = min(_PIECE_S, seconds - part * _PIECE_S)
                seed = (self.seed * 10_007 + index * 211 + part) % HELDOUT_SEED
                piece = Piece(index, who, length, seed, self.spread, 0.75, (), moved, self.without)
                out.append(piece)
        return out


HELDOUT_MOODS = tuple(Mood(name, intensity) for name in EMOTIONS for intensity in (0.33, 0.67, 1.0))


def heldout_pieces(kind: str, seconds: float) -> tuple[list[Speaker], list[Piece]]:
    """What measures: ``neutral``, ``emotions`` (each text in one mood) or ``speakers`` (unknown ones)."""
    who = [invented(HELDOUT_SPEAKER + n) for n in range(HELDOUT_SPEAKERS)] if kind == "speakers" else named()
    moods = (Mood(), *HELDOUT_MOODS) if kind == "emotions" else ()
    start = HELDOUT_SEED + {"neutral": 0, "emotions": 1_000, "speakers": 2_000}[kind]
    each = max(seconds / len(who), HELDOUT_SPEAKER_S if kind == "speakers" else 0.0)
    return who, [Piece(index, one, each, start + index, moods=moods) for index, one in enumerate(who)]


def development_pieces(count: int, seconds: float) -> tuple[list[Speaker], list[Piece]]:
    """Speakers to choose by: no network learns from them, and no figure is measured on them."""
    who = [invented(DEVELOPMENT_SPEAKER + number) for number in range(count)]
    moved = DEVELOPMENT_MOVED
    return who, [Piece(index, one, seconds, DEVELOPMENT_SEED + index, moved=moved) for index, one in enumerate(who)]


def make_heldout(folder: Path, kind: str, seconds: float, processes: int) -> FeatureSet:
    """A held-out set, made where it is absent."""
    if not (folder / "index.json").exists():
        who, pieces = heldout_pieces(kind, seconds)
        save(folder, collect(pieces, processes), [one.name for one in who])
    return FeatureSet(folder)


def main() -> None:
    """Read the command line and make all sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--heldout-hours", type=float, default=0.5, help="of the neutral set; the others take as much")
    parser.add_argument("--out", type=Path, default=CACHE / "voice")
    parser.add_argument("--speakers", type=int, default=600, help="beside the named ones; 0 for none")
    parser.add_argument(
        "--spread", type=float, default=1.8, help="fastest speed over the speaker's own; 1 for one speed"
    )
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--development", type=int, default=0, help="make only this set, of so many speakers")
    arguments = parser.parse_args()
    if arguments.development:
        who, pieces = development_pieces(arguments.development, DEVELOPMENT_S)
        save(arguments.out, collect(pieces, arguments.processes), [one.name for one in who])
        return
    if arguments.seed >= HELDOUT_SEED:
        parser.error(f"--seed must be below {HELDOUT_SEED}: those are for measuring")
    measured: set[str] = set()
    for kind, suffix in (("neutral", "heldout"), ("emotions", "heldout-emotions"), ("speakers", "heldout-speakers")):
        folder = arguments.out.with_name(f"{arguments.out.name}-{suffix}")
        features = make_heldout(folder, kind, arguments.heldout_hours * 3600, arguments.processes)
        measured.update(one.text for one in features)
    plan = Plan(arguments.hours, arguments.seed, arguments.speakers, arguments.spread, frozenset(measured))
    save(arguments.out, collect(plan.pieces(), arguments.processes), [one.name for one in plan.speakers()])


if __name__ == "__main__":
    main()
