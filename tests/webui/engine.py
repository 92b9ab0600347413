"""An engine that can be computed: 0.1 s of a 220 Hz sine for every character, a sentence at every 。

Pitch, volume and seed change frequency, size and phase; what range differs from 1 is the octave above.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import numpy as np

from tts_engine.checkpoint import Voice
from tts_engine.errors import EmptyTextError, UnknownVoiceError
from tts_engine.frontend.lexicon import LexiconState
from tts_engine.frontend.reading import Notice, Phoneme, Reading, Sentence, Token
from tts_engine.scheduler import Terms
from tts_engine.synthesizer import Speech, SynthesisOptions, Timing

RATE = 22050
CHAR_S = 0.1
CHAR_SAMPLES = 2205
SILENT = "★"


@dataclass
class SineEngine:
    """Same methods as the real one; ``before_sentence`` is called in the worker before a sentence is made."""

    before_sentence: Callable[[str], None] = lambda text: None
    made: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    terms: list[Terms | None] = field(default_factory=list)
    closed: int = 0
    """Streams that ended, in whatever way."""
    ended: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released when a stream ends."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    voices = (Voice("female", "女声", "female"), Voice("male", "男声", "male"), Voice("child", "童声", "child"))
    revision = "sine-1"
    sample_rate = RATE
    device = "cpu"
    emotions = ()
    lexicon = LexiconState()
    listener = None
    speakers = {"female": np.ones(4, np.float32), "male": np.zeros(4, np.float32), "child": -np.ones(4, np.float32)}  # noqa: RUF012

    def read(self, text: str, options: SynthesisOptions | None = None) -> Reading:
        sentences = []
        for match in re.finditer(r"[^。]+。?|。", text):
            begin, said = match.start(), match.group()
            spoken = [(i, c) for i, c in enumerate(said, begin) if c not in "。 \n\t" + SILENT]
            tokens = tuple(Token(i, i + 1, c, "ma1", "ma3" if c == "变" else "ma1", "test") for i, c in spoken)
            phonemes = tuple(Phoneme("m", 1, i, i + 1) for i, _ in spoken)
            sentences.append(Sentence(begin, match.end(), said, tokens, phonemes))
        notices = tuple(Notice(i, i + 1, c, "这个符号不发音。") for i, c in enumerate(text) if c == SILENT)
        return Reading(text, tuple(sentences), notices)

    def stream(
        self, text: str, options: SynthesisOptions | None = None, terms: Terms | None = None
    ) -> Generator[Speech, None, None]:
        options = options or SynthesisOptions()
        self.terms.append(terms)
        names = tuple(voice.name for voice in self.voices)
        if options.voice not in names and options.speaker is None:
            raise UnknownVoiceError(options.voice, names)
        reading = self.read(text, options)
        spoken = [sentence for sentence in reading.sentences if sentence.phonemes]
        if not spoken:
            raise EmptyTextError
        starts_s = itertools.accumulate((self._length_s(s, options) for s in spoken), initial=0.0)
        try:
            for sentence, start_s in zip(spoken, starts_s, strict=False):
                yield self._make(sentence, start_s, reading, options)
        finally:
            with self._lock:
                self.closed += 1
            self.ended.release()

    def _make(self, sentence: Sentence, start_s: float, reading: Reading, options: SynthesisOptions) -> Speech:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.made.append(sentence.normalized)
        try:
            self.before_sentence(sentence.normalized)
        finally:
            with self._lock:
                self.at_once -= 1
        char_s = CHAR_S / options.speed
        turns = np.arange(round(self._length_s(sentence, options) * RATE)) / RATE * 220 * 2 ** (options.pitch / 12)
        tone = np.sin(2 * np.pi * turns + options.seed) + (options.range - 1) * np.sin(4 * np.pi * turns)
        samples = 0.5 * 10 ** (options.volume / 20) * tone
        timings = tuple(
            Timing(
                round(1000 * (start_s + n * char_s)),
                round(1000 * (start_s + (n + 1) * char_s)),
                token.begin,
                token.end,
                token.text,
            )
            for n, token in enumerate(sentence.tokens)
        )
        warnings = tuple(n for n in reading.notices if sentence.begin <= n.begin < sentence.end)
        progress = sentence.end / len(reading.text)
        return Speech(samples.astype(np.float32), RATE, timings, warnings, 0.01, progress=progress)

    def _length_s(self, sentence: Sentence, options: SynthesisOptions) -> float:
        return len(sentence.tokens) * CHAR_S / options.speed


class Gate:
    """Holds sentences back until opened; says when one has arrived."""

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self._open = threading.Event()

    def __call__(self, text: str) -> None:
        self.arrived.release()
        if not self._open.wait(120):
            raise TimeoutError("nobody opened the gate")

    def open(self) -> None:
        self._open.set()
