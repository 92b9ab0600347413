"""A text → pieces of speech, sentence by sentence, with timings and what is silent."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import numpy as np

from tts_engine.audio import FloatArray
from tts_engine.durations import IntArray
from tts_engine.frontend import reading
from tts_engine.frontend.passages import Passage
from tts_engine.frontend.reading import Notice, Prosody, Sentence
from tts_engine.prosody import varied
from tts_engine.rendering import Order, Renderer, Rendering, Sound
from tts_engine.scheduler import Turn
from tts_engine.speech import Speech, Timing

PAUSE_TONE = 0


@dataclass(frozen=True)
class Manner:
    """What a request asks of every sentence."""

    prosody: Prosody
    seed: int

    def of(self, sentence: Sentence, rng: np.random.Generator) -> list[Prosody]:
        """The prosody of each phoneme."""
        prosodies = [phoneme.prosody.within(self.prosody) for phoneme in sentence.phonemes]
        return varied(prosodies, rng) if self.seed else prosodies


class Told(Protocol):
    """Knows what the acoustic model is told."""

    def __call__(self, style: reading.Style) -> FloatArray:
        """Of a sentence's speaker and feeling."""
        ...


@dataclass(frozen=True)
class Narrator:
    """What all sentences of a request share."""

    renderer: Renderer
    told: Told
    manner: Manner
    turn: Turn
    revision: str


@dataclass(frozen=True)
class _Spoken:
    """A sentence on its way."""

    sentence: Sentence
    notices: tuple[Notice, ...]
    rendering: Rendering


class Narration:
    """One text being spoken; belongs to one thread."""

    def __init__(self, narrator: Narrator, passage: Passage, reading_s: float) -> None:
        """Begin nothing yet.

        Args:
            narrator: speaks.
            passage: what is said.
            reading_s: seconds that went into the reading so far; told with the first piece.
        """
        self._narrator = narrator
        self._passage = passage
        self._spent_s = reading_s
        self._rate = narrator.renderer.audio.sample_rate
        self._offset = 0
        """Samples so far."""
        self._said = 0
        """Characters so far."""

    def pieces(self) -> Generator[Speech, None, None]:
        """The speech, with the next sentence on its way while one is heard."""
        self._resumed = time.perf_counter()
        try:
            current: _Spoken | None = None
            for following in self._sentences():
                if current is not None:
                    yield from self._heard(current, following)
                current = following
            if current is not None:
                yield from self._heard(current, None)
        finally:
            self._narrator.turn.close()

    def _sentences(self) -> Iterator[_Spoken]:
        """Each sentence that says something, begun."""
        narrator = self._narrator
        notices: tuple[Notice, ...] = ()
        after_pause, is_first = False, True
        for index, (sentence, told) in enumerate(self._passage.sentences):
            notices += told
            if not sentence.phonemes:
                continue
            rng = np.random.default_rng((narrator.manner.seed, index))
            prosodies = narrator.manner.of(sentence, rng)
            order = Order(sentence.phonemes, narrator.told(sentence.style), prosodies, rng, after_pause, is_first)
            yield _Spoken(sentence, notices, Rendering(narrator.renderer, order, narrator.turn))
            notices, is_first = (), False
            after_pause = len(sentence.phonemes) > 1 and sentence.phonemes[-2].pause_ms is not None

    def _heard(self, spoken: _Spoken, following: _Spoken | None) -> Generator[Speech, None, None]:
        """The pieces of one sentence; a timing comes with the piece in which it begins, a warning with the first."""
        score = spoken.rendering.score()
        left = len(score.spans)
        timings = self._timings(spoken.sentence, score.silences.lengths)
        warnings, is_told = spoken.notices, False
        for sound in spoken.rendering.sounds():
            left -= 1
            self._offset += len(sound.samples)
            mine = [one for one in timings if not left or one.begin_ms * self._rate < 1000 * self._offset]
            timings = timings[len(mine) :]
            if sound.is_held_back and not is_told:
                is_told = True
                warnings += (self._held_back(spoken.sentence),)
            self._said = spoken.sentence.end if not left else max([self._said, *(one.end for one in mine)])
            if following is not None:
                following.rendering.advance()
            yield self._piece(sound, tuple(mine), warnings, left > 0)
            self._resumed = time.perf_counter()
            warnings = ()

    def _piece(
        self, sound: Sound, timings: tuple[Timing, ...], warnings: tuple[Notice, ...], continues: bool
    ) -> Speech:
        spent_s = self._spent_s + time.perf_counter() - self._resumed
        self._spent_s = 0.0
        return Speech(
            samples=sound.samples,
            sample_rate=self._rate,
            timings=timings,
            warnings=warnings,
            synthesis_s=spent_s,
            revision=self._narrator.revision,
            progress=self._said / len(self._passage.text),
            continues=continues,
        )

    def _held_back(self, sentence: Sentence) -> Notice:
        said = self._passage.text[sentence.begin : sentence.end]
        message = "这一句的音量已到上限，峰值处作了压低，没有削波。"
        return Notice(sentence.begin, sentence.end, said, message)

    def _timings(self, sentence: Sentence, lengths: IntArray) -> list[Timing]:
        """One timing for each span of the text that is heard; pauses have none.

        Args:
            sentence: of L phonemes, which begins now.
            lengths: (L,) samples of each phoneme.
        """
        text, ends = self._passage.text, self._offset + np.cumsum(lengths)
        timings = []
        for (begin, end, silent), group in groupby(
            range(len(sentence.phonemes)), key=lambda i: _span(sentence.phonemes[i])
        ):
            members = list(group)
            if silent:
                continue
            first = int(ends[members[0] - 1]) if members[0] else self._offset
            milliseconds = [round(1000 * sample / self._rate) for sample in (first, int(ends[members[-1]]))]
            timings.append(Timing(milliseconds[0], milliseconds[1], begin, end, text[begin:end]))
        return timings


def _span(phoneme: reading.Phoneme) -> tuple[int, int, bool]:
    return phoneme.begin, phoneme.end, phoneme.tone == PAUSE_TONE
