"""Text → speech: read, predict, filter; whole or sentence by sentence, with timings.

Knows the order of the sentences, knows nothing about files, HTTP or who is asking. Everything here is immutable after
loading: any number of threads may share one ``Synthesizer``.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from tts_engine.audio import FloatArray
from tts_engine.backends import Backend, open_backend
from tts_engine.checkpoint import NEUTRAL, Checkpoint, Voice, read_checkpoint
from tts_engine.errors import CloningUnavailableError, OptionError, TextTooLongError
from tts_engine.frontend import Conventions, Frontend, reading
from tts_engine.frontend.lexicon import LexiconState
from tts_engine.frontend.reading import Prosody
from tts_engine.frontend.ssml import INLINE, Markup
from tts_engine.identity import IDENTITY, Identity
from tts_engine.listening import Listener
from tts_engine.narration import Manner, Narration, Narrator
from tts_engine.prosody import INTENSITY, PITCH, RANGE, SPEED, VOLUME, checked, checked_seed
from tts_engine.rendering import Renderer
from tts_engine.scheduler import Inline, Scheduler, Terms
from tts_engine.speech import Speech as Speech
from tts_engine.speech import Timing as Timing
from tts_engine.voices import mix

_FRONTEND = Path(reading.__file__).parent


@dataclass(frozen=True)
class SynthesisOptions:
    """How to speak this time."""

    voice: str = "female"
    speed: float = 1.0
    """0.5–2.0; acts through durations, so the pitch stays."""
    seed: int = 0
    """The same text, options and seed give the same samples; any but 0 varies melody and pace a little."""
    pitch: float = 0.0
    """Semitones, −12–12."""
    range: float = 1.0
    """Size of the melody, 0–2: 0 is a monotone."""
    volume: float = 0.0
    """Decibels, −40–12; peaks that would clip are held back, with a warning."""
    ssml: bool = False
    """The text is SSML."""
    on_unsupported: str = "error"
    """``error`` or ``warn``: what becomes of SSML that is not supported here."""
    emotion: str = NEUTRAL
    """``neutral``, or of ``Synthesizer.emotions``."""
    intensity: float = 1.0
    """Of the emotion, 0–1."""
    speaker: tuple[float, ...] | None = None
    """Who speaks instead of ``voice``: ``Identity.told`` of a clip or of a kept voice."""

    @property
    def prosody(self) -> Prosody:
        """Of the whole request.

        Raises:
            OptionError: a value is no number, or outside its range.
        """
        return Prosody(
            checked("speed", self.speed, SPEED),
            checked("pitch", self.pitch, PITCH),
            checked("range", self.range, RANGE),
            checked("volume", self.volume, VOLUME),
        )


@dataclass(frozen=True)
class Synthesizer:
    """Front end, acoustic model, vocoder, and a loop over sentences."""

    frontend: Frontend
    backend: Backend
    checkpoint: Checkpoint
    fingerprint: str
    """Of the model and of the reader, without the user's lexicon."""
    max_chars: int = 100_000
    listener: Listener | None = None
    """Hears who speaks in a clip; None where the model cannot clone."""
    scheduler: Scheduler | None = None
    """Shares the processors among requests; None computes in the caller's thread."""

    @classmethod
    def load(
        cls,
        folder: Path | str,
        device: str = "auto",
        threads: int = 0,
        conventions: Conventions = Conventions(),  # noqa: B008  # frozen
        lexicon: Path | None = None,
    ) -> Synthesizer:
        """Open a checkpoint folder.

        Args:
            folder: such as ``models/v23``.
            device: ``auto``, ``cpu`` or ``cuda:0``.
            threads: pieces that are computed at the same time; 0 for as many as there are cores.
            conventions: how numbers, units and emoji are said.
            lexicon: the user's own words, taken up again whenever the file changes.

        Raises:
            CheckpointError: a file is missing, damaged or of another version.
        """
        checkpoint = read_checkpoint(Path(folder))
        workers = threads or len(os.sched_getaffinity(0))
        backend = open_backend(checkpoint.folder, device)
        listener = Listener.load(checkpoint.folder, threads)
        fingerprint = _revision(checkpoint, conventions)
        scheduler = Scheduler(max(workers, backend.workers))
        frontend = Frontend(conventions, lexicon)
        return cls(frontend, backend, checkpoint, fingerprint, listener=listener, scheduler=scheduler)

    @cached_property
    def renderer(self) -> Renderer:
        """The steps of a sentence."""
        return Renderer(self.backend, self.checkpoint.audio, self.checkpoint.reach, self.checkpoint.gain_db)

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

    @property
    def lexicon(self) -> LexiconState:
        """The user's words in use, and what is wrong with their file."""
        return self.frontend.lexicon

    @property
    def revision(self) -> str:
        """Changes with everything that changes the sound: part of every cache key."""
        return self._revision(self.frontend.lexicon_digest)

    @property
    def emotions(self) -> tuple[str, ...]:
        """The feelings that SSML may name; none where the model knows none."""
        return self.checkpoint.emotions

    @property
    def speakers(self) -> Mapping[str, FloatArray]:
        """What the acoustic model is told for each of ``voices``."""
        return self.checkpoint.embeddings

    def listen(self, samples: FloatArray) -> Identity:
        """Who speaks in samples (S,) of ``tts_engine.clips``.

        Raises:
            CloningUnavailableError: the model has no speaker encoder.
            BadClipError: no voice can be heard.
        """
        if self.listener is None:
            raise CloningUnavailableError
        return self.listener.listen(samples)

    def read(self, text: str, options: SynthesisOptions | None = None) -> reading.Reading:
        """What the front end makes of a text.

        Raises:
            InputError: nothing to say, too long, or a word that cannot be read.
        """
        return self.frontend.read(text, self._markup(text, options or SynthesisOptions()))

    def _markup(self, text: str, options: SynthesisOptions) -> Markup:
        if len(text) > self.max_chars:
            raise TextTooLongError(len(text), self.max_chars)
        if options.on_unsupported not in ("error", "warn"):
            raise OptionError("on_unsupported", "可用的有 error、warn。")
        if not options.ssml:
            return INLINE
        return Markup(True, options.on_unsupported, tuple(self.checkpoint.embeddings), self.emotions)

    def _revision(self, lexicon: str) -> str:
        return revision(self.fingerprint, lexicon)

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
            revision=pieces[0].revision,
        )

    def stream(
        self, text: str, options: SynthesisOptions | None = None, terms: Terms | None = None
    ) -> Generator[Speech, None, None]:
        """Speak a text piece by piece; times count from the start of the whole. Close it to stop.

        A piece is a sentence or a part of one. All errors of the caller are raised here, before anything is computed.

        Args:
            text: the caller's.
            options: how to speak.
            terms: until when, and before whom.

        Raises:
            InputError: the text or an option is at fault.
            EngineBusyError, DeadlineExceededError: the terms cannot be kept.
        """
        options = options or SynthesisOptions()
        manner = Manner(options.prosody, checked_seed(options.seed))
        checked("intensity", options.intensity, INTENSITY)
        self._told(reading.PLAIN, options)
        started = time.perf_counter()
        passage = self.frontend.passage(text, self._markup(text, options))
        if options.ssml:  # read already: its voices and feelings are checked as well
            sentences = list(passage.sentences)
            for sentence, _ in sentences:
                self._told(sentence.style, options)
            passage = replace(passage, sentences=iter(sentences))
        turn = Inline() if self.scheduler is None else self.scheduler.open(terms or Terms())
        revision = self._revision(passage.lexicon)
        narrator = Narrator(self.renderer, lambda style: self._told(style, options), manner, turn, revision)
        return Narration(narrator, passage, time.perf_counter() - started).pieces()

    def _told(self, style: reading.Style, options: SynthesisOptions) -> FloatArray:
        """What the acoustic model is told of a sentence's speaker and feeling; mark-up goes before the request."""
        if style.voice or options.speaker is None:
            speaker = mix(style.voice or options.voice, self.checkpoint.embeddings)
        else:
            speaker = np.asarray(options.speaker, dtype=np.float32)
            if self.listener is None or len(speaker) != IDENTITY:
                raise CloningUnavailableError
        if style.emotion:
            return self.checkpoint.told(speaker, style.emotion, style.intensity)
        return self.checkpoint.told(speaker, options.emotion, options.intensity)


def revision(fingerprint: str, lexicon: str) -> str:
    """Of a model and reader, and of the digest of the user's lexicon, empty for none."""
    return hashlib.sha256(f"{fingerprint} {lexicon}".encode()).hexdigest()[:16] if lexicon else fingerprint


def _revision(checkpoint: Checkpoint, conventions: Conventions) -> str:
    """16 hexadecimal digits over the checkpoint, the conventions and every file of the reader."""
    state = hashlib.sha256(checkpoint.digest.encode())
    state.update(repr(conventions).encode())
    for path in sorted(_FRONTEND.rglob("*")):
        if path.suffix in (".py", ".gz", ".npz", ".tsv", ".txt", ".yaml"):
            state.update(path.read_bytes())
    return state.hexdigest()[:16]
