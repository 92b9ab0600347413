"""Text → speech: read, predict, filter; whole or sentence by sentence, with timings.

Knows the order of the stages, knows nothing about files, HTTP or who is asking. Everything here is immutable after
loading: any number of threads may share one ``Synthesizer``.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from tts_engine.audio import AudioConfig, FloatArray
from tts_engine.backends import Acoustics, Backend, open_backend
from tts_engine.checkpoint import Checkpoint, Voice, read_checkpoint
from tts_engine.durations import IntArray, expand, frames_from_log, places, retime
from tts_engine.errors import EmptyTextError, OptionError, TextTooLongError, UnknownVoiceError
from tts_engine.excitation import excitation
from tts_engine.frontend import Frontend, reading
from tts_engine.frontend.phonemes import SYMBOL_IDS

SPEED = (0.5, 2.0)
"""Smallest and largest speed; 1.0 is the speed of the training data."""
PAUSE_TONE = 0
_FRONTEND = Path(reading.__file__).parent


@dataclass(frozen=True)
class SynthesisOptions:
    """How to speak this time."""

    voice: str = "female"
    speed: float = 1.0
    """0.5–2.0; acts through durations, so the pitch stays."""
    seed: int = 0
    """Of the noise in the voice: the same text, options and seed give the same samples."""


@dataclass(frozen=True)
class Timing:
    """When a piece of the caller's text is heard."""

    begin_ms: int
    end_ms: int
    """From the start of the whole text's speech."""
    begin: int
    end: int
    """``[begin, end)`` in the caller's own text."""
    text: str


@dataclass(frozen=True)
class Speech:
    """A finished piece of sound."""

    samples: FloatArray
    """(S,) in [-1, 1]."""
    sample_rate: int
    """Hz."""
    timings: tuple[Timing, ...]
    warnings: tuple[reading.Notice, ...]
    """What in the text is silent on purpose."""
    synthesis_s: float
    """Seconds that the computation took."""

    @property
    def duration_s(self) -> float:
        """Seconds of sound."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True)
class Synthesizer:
    """Front end, acoustic model, vocoder, and a loop over sentences."""

    frontend: Frontend
    backend: Backend
    checkpoint: Checkpoint
    revision: str
    """Changes with the model and with the reader: part of every cache key."""
    max_chars: int = 100_000

    @classmethod
    def load(cls, folder: Path | str, device: str = "auto", threads: int = 0) -> Synthesizer:
        """Open a checkpoint folder.

        Args:
            folder: such as ``models/v23``.
            device: ``auto``, ``cpu`` or ``cuda:0``.
            threads: CPU threads of one synthesis; 0 for all cores.

        Raises:
            CheckpointError: a file is missing, damaged or of another version.
        """
        checkpoint = read_checkpoint(Path(folder))
        backend = open_backend(checkpoint.folder, device, threads)
        return cls(Frontend(), backend, checkpoint, _revision(checkpoint))

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.checkpoint.audio.sample_rate

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda:0``."""
        return self.backend.device

    @property
    def voices(self) -> tuple[Voice, ...]:
        """The voices that ``SynthesisOptions.voice`` may name."""
        return self.checkpoint.voices

    def read(self, text: str) -> reading.Reading:
        """What the front end makes of a text.

        Raises:
            InputError: nothing to say, too long, or a word that cannot be read.
        """
        if len(text) > self.max_chars:
            raise TextTooLongError(len(text), self.max_chars)
        return self.frontend.read(text)

    def synthesize(self, text: str, options: SynthesisOptions | None = None) -> Speech:
        """Speak a whole text.

        Raises:
            InputError: the text or an option is at fault.
            SynthesisError: the networks failed.
        """
        pieces = list(self.stream(text, options))
        return Speech(
            samples=np.concatenate([piece.samples for piece in pieces]),
            sample_rate=self.sample_rate,
            timings=tuple(timing for piece in pieces for timing in piece.timings),
            warnings=tuple(warning for piece in pieces for warning in piece.warnings),
            synthesis_s=sum(piece.synthesis_s for piece in pieces),
        )

    def stream(self, text: str, options: SynthesisOptions | None = None) -> Iterator[Speech]:
        """Speak a text sentence by sentence; times count from the start of the whole.

        All errors of the caller are raised here, before the first sentence is computed.
        """
        options = options or SynthesisOptions()
        embedding = self._embedding(options)
        started = time.perf_counter()
        read = self.read(text)
        if not any(sentence.phonemes for sentence in read.sentences):
            raise EmptyTextError
        reading_s = time.perf_counter() - started
        return self._speak(read, embedding, options, reading_s)

    def _speak(
        self, read: reading.Reading, embedding: FloatArray, options: SynthesisOptions, reading_s: float
    ) -> Iterator[Speech]:
        offset = 0
        warnings = read.notices
        for index, sentence in enumerate(read.sentences):
            if not sentence.phonemes:
                continue
            started = time.perf_counter()
            durations, acoustics = self._predict(sentence, embedding, options.speed)
            rng = np.random.default_rng((options.seed, index))
            source = excitation(acoustics.f0, self.checkpoint.audio, rng)
            samples = np.clip(self.backend.vocode(acoustics, source), -1.0, 1.0)
            timings = _timings(read.text, sentence, durations, offset, self.checkpoint.audio)
            elapsed = time.perf_counter() - started + reading_s
            yield Speech(samples, self.sample_rate, timings, warnings, elapsed)
            offset += samples.shape[0]
            warnings, reading_s = (), 0.0

    def _predict(self, sentence: reading.Sentence, embedding: FloatArray, speed: float) -> tuple[IntArray, Acoustics]:
        phonemes = np.array([SYMBOL_IDS[phoneme.symbol] for phoneme in sentence.phonemes], dtype=np.int64)
        tones = np.array([phoneme.tone for phoneme in sentence.phonemes], dtype=np.int64)
        encoding = self.backend.encode(phonemes, tones, embedding)
        durations = frames_from_log(encoding.log_durations, speed)
        natural = frames_from_log(encoding.log_durations, 1.0)
        acoustics = self.backend.decode(expand(encoding.hidden, natural), places(natural))
        return durations, Acoustics(*retime(acoustics.f0, acoustics.mel, natural, durations))

    def _embedding(self, options: SynthesisOptions) -> FloatArray:
        known = self.checkpoint.embeddings
        if options.voice not in known:
            raise UnknownVoiceError(options.voice, tuple(known))
        is_number = isinstance(options.speed, int | float) and not isinstance(options.speed, bool)
        if not is_number or not math.isfinite(options.speed) or not SPEED[0] <= options.speed <= SPEED[1]:
            raise OptionError("speed", f"语速应在 {SPEED[0]} 到 {SPEED[1]} 之间。")
        return known[options.voice]


def _timings(
    text: str, sentence: reading.Sentence, durations: IntArray, offset: int, audio: AudioConfig
) -> tuple[Timing, ...]:
    """One timing for each span of the text that is heard; pauses have none."""
    ends = offset + np.cumsum(durations) * audio.hop_length
    timings = []
    for (begin, end, silent), group in groupby(
        range(len(sentence.phonemes)), key=lambda i: _span(sentence.phonemes[i])
    ):
        members = list(group)
        if silent:
            continue
        first = int(ends[members[0] - 1]) if members[0] else offset
        milliseconds = [round(1000 * sample / audio.sample_rate) for sample in (first, int(ends[members[-1]]))]
        timings.append(Timing(milliseconds[0], milliseconds[1], begin, end, text[begin:end]))
    return tuple(timings)


def _span(phoneme: reading.Phoneme) -> tuple[int, int, bool]:
    return phoneme.begin, phoneme.end, phoneme.tone == PAUSE_TONE


def _revision(checkpoint: Checkpoint) -> str:
    """16 hexadecimal digits over the checkpoint and every file of the reader."""
    state = hashlib.sha256(checkpoint.digest.encode())
    for path in sorted(_FRONTEND.rglob("*")):
        if path.suffix in (".py", ".gz", ".tsv", ".txt", ".yaml"):
            state.update(path.read_bytes())
    return state.hexdigest()[:16]
