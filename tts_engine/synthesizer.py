"""Text → speech: read, predict, filter; whole or sentence by sentence, with timings.

Knows the order of the stages, knows nothing about files, HTTP or who is asking. Everything here is immutable after
loading: any number of threads may share one ``Synthesizer``.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from tts_engine.audio import FloatArray
from tts_engine.backends import Acoustics, Backend, open_backend
from tts_engine.checkpoint import NEUTRAL, Checkpoint, Voice, read_checkpoint
from tts_engine.durations import IntArray, expand, frames_from_log, opens_syllable, places, retime
from tts_engine.errors import CloningUnavailableError, EmptyTextError, OptionError, TextTooLongError
from tts_engine.excitation import excitation
from tts_engine.frontend import Conventions, Frontend, reading
from tts_engine.frontend.phonemes import SYMBOL_IDS
from tts_engine.frontend.reading import Prosody
from tts_engine.frontend.ssml import Markup
from tts_engine.identity import IDENTITY, Identity
from tts_engine.listening import Listener
from tts_engine.loudness import held_back
from tts_engine.pauses import Silences, planned
from tts_engine.prosody import (
    INTENSITY,
    PITCH,
    RANGE,
    SPEED,
    VOLUME,
    bend,
    checked,
    checked_seed,
    gains,
    median_pitch,
    varied,
)
from tts_engine.voices import mix

PAUSE_TONE = 0
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
    revision: str = ""
    """Of all that made it; empty where nobody asked."""

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
    fingerprint: str
    """Of the model and of the reader, without the user's lexicon."""
    max_chars: int = 100_000
    listener: Listener | None = None
    """Hears who speaks in a clip; None where the model cannot clone."""

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
            threads: CPU threads of one synthesis; 0 for all cores.
            conventions: how numbers, units and emoji are said.
            lexicon: the user's own words, taken up again whenever the file changes.

        Raises:
            CheckpointError: a file is missing, damaged or of another version.
        """
        checkpoint = read_checkpoint(Path(folder))
        backend = open_backend(checkpoint.folder, device, threads)
        listener = Listener.load(checkpoint.folder, threads)
        fingerprint = _revision(checkpoint, conventions)
        return cls(Frontend(conventions, lexicon), backend, checkpoint, fingerprint, listener=listener)

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
        if len(text) > self.max_chars:
            raise TextTooLongError(len(text), self.max_chars)
        options = options or SynthesisOptions()
        if options.on_unsupported not in ("error", "warn"):
            raise OptionError("on_unsupported", "可用的有 error、warn。")
        if not options.ssml:
            return self.frontend.read(text)
        voices = tuple(self.checkpoint.embeddings)
        return self.frontend.read(text, Markup(True, options.on_unsupported, voices, self.emotions))

    def _revision(self, lexicon: str) -> str:
        if not lexicon:
            return self.fingerprint
        return hashlib.sha256(f"{self.fingerprint} {lexicon}".encode()).hexdigest()[:16]

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

    def stream(self, text: str, options: SynthesisOptions | None = None) -> Iterator[Speech]:
        """Speak a text sentence by sentence; times count from the start of the whole.

        All errors of the caller are raised here, before the first sentence is computed.
        """
        options = options or SynthesisOptions()
        manner = _Manner(options.prosody, checked_seed(options.seed))
        checked("intensity", options.intensity, INTENSITY)
        self._told(reading.PLAIN, options)
        started = time.perf_counter()
        read = self.read(text, options)
        if not any(phoneme.tone != PAUSE_TONE for sentence in read.sentences for phoneme in sentence.phonemes):
            raise EmptyTextError
        for sentence in read.sentences:
            self._told(sentence.style, options)
        reading_s = time.perf_counter() - started
        return self._speak(read, options, manner, reading_s)

    def _speak(
        self, read: reading.Reading, options: SynthesisOptions, manner: _Manner, reading_s: float
    ) -> Iterator[Speech]:
        offset = 0
        warnings = read.notices
        after_pause = False
        for index, sentence in enumerate(read.sentences):
            if not sentence.phonemes:
                continue
            started = time.perf_counter()
            rng = np.random.default_rng((manner.seed, index))
            prosodies = manner.of(sentence, rng)
            told = self._told(sentence.style, options)
            acoustics, silences = self._predict(sentence, told, prosodies, after_pause)
            samples, is_held = self._sound(acoustics, silences, prosodies, rng)
            held = (_held_back(read.text, sentence),) if is_held else ()
            timings = _timings(read.text, sentence, offset + np.cumsum(silences.lengths), offset, self.sample_rate)
            elapsed = time.perf_counter() - started + reading_s
            revision = self._revision(read.lexicon)
            yield Speech(samples, self.sample_rate, timings, (*warnings, *held), elapsed, revision)
            offset += samples.shape[0]
            warnings, reading_s = (), 0.0
            after_pause = len(sentence.phonemes) > 1 and sentence.phonemes[-2].pause_ms is not None

    def _predict(
        self, sentence: reading.Sentence, told: FloatArray, prosodies: Sequence[Prosody], after_pause: bool
    ) -> tuple[Acoustics, Silences]:
        phonemes = np.array([SYMBOL_IDS[phoneme.symbol] for phoneme in sentence.phonemes], dtype=np.int64)
        tones = np.array([phoneme.tone for phoneme in sentence.phonemes], dtype=np.int64)
        encoding = self.backend.encode(phonemes, tones, told)
        speeds = np.array([prosody.speed for prosody in prosodies])
        natural = frames_from_log(encoding.log_durations, 1.0)
        wanted = frames_from_log(encoding.log_durations, speeds, opens_syllable(phonemes))
        silences = planned(sentence.phonemes, wanted, self.checkpoint.audio, after_pause)
        acoustics = self._decode(expand(encoding.hidden, natural), natural, prosodies)
        return Acoustics(*retime(acoustics.f0, acoustics.mel, natural, silences.durations)), silences

    def _decode(self, hidden: FloatArray, natural: IntArray, prosodies: Sequence[Prosody]) -> Acoustics:
        """F0 and mel with the pitch as wanted; a changed range needs to know the sentence's median first."""
        place = places(natural)
        if all(prosody.pitch == 0 and prosody.range == 1 for prosody in prosodies):
            return self.backend.decode(hidden, place)
        ranged = any(prosody.range != 1 for prosody in prosodies)
        median = median_pitch(self.backend.decode(hidden, place).f0) if ranged else 0.0
        return self.backend.decode(hidden, place, bend(prosodies, natural, median))

    def _sound(
        self, acoustics: Acoustics, silences: Silences, prosodies: Sequence[Prosody], rng: np.random.Generator
    ) -> tuple[FloatArray, bool]:
        """Samples, and whether their peaks had to be held back to make them as loud as wanted."""
        source = excitation(acoustics.f0, self.checkpoint.audio, rng)
        samples = silences.apply(np.clip(self.backend.vocode(acoustics, source), -1.0, 1.0), self.sample_rate)
        factors = gains(prosodies, silences.lengths, self.sample_rate)
        return (samples, False) if factors is None else held_back(samples * factors, self.sample_rate)

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


@dataclass(frozen=True)
class _Manner:
    """What a request asks of every sentence."""

    prosody: Prosody
    seed: int

    def of(self, sentence: reading.Sentence, rng: np.random.Generator) -> list[Prosody]:
        """The prosody of each phoneme."""
        prosodies = [phoneme.prosody.within(self.prosody) for phoneme in sentence.phonemes]
        return varied(prosodies, rng) if self.seed else prosodies


def _held_back(text: str, sentence: reading.Sentence) -> reading.Notice:
    said = text[sentence.begin : sentence.end]
    message = "这一句的音量已到上限，峰值处作了压低，没有削波。"
    return reading.Notice(sentence.begin, sentence.end, said, message)


def _timings(
    text: str, sentence: reading.Sentence, ends: IntArray, offset: int, sample_rate: int
) -> tuple[Timing, ...]:
    """One timing for each span of the text that is heard; pauses have none.

    Args:
        text: the caller's.
        sentence: of L phonemes.
        ends: (L,) sample at which each phoneme ends.
        offset: sample at which the sentence begins.
        sample_rate: Hz.
    """
    timings = []
    for (begin, end, silent), group in groupby(
        range(len(sentence.phonemes)), key=lambda i: _span(sentence.phonemes[i])
    ):
        members = list(group)
        if silent:
            continue
        first = int(ends[members[0] - 1]) if members[0] else offset
        milliseconds = [round(1000 * sample / sample_rate) for sample in (first, int(ends[members[-1]]))]
        timings.append(Timing(milliseconds[0], milliseconds[1], begin, end, text[begin:end]))
    return tuple(timings)


def _span(phoneme: reading.Phoneme) -> tuple[int, int, bool]:
    return phoneme.begin, phoneme.end, phoneme.tone == PAUSE_TONE


def _revision(checkpoint: Checkpoint, conventions: Conventions) -> str:
    """16 hexadecimal digits over the checkpoint, the conventions and every file of the reader."""
    state = hashlib.sha256(checkpoint.digest.encode())
    state.update(repr(conventions).encode())
    for path in sorted(_FRONTEND.rglob("*")):
        if path.suffix in (".py", ".gz", ".npz", ".tsv", ".txt", ".yaml"):
            state.update(path.read_bytes())
    return state.hexdigest()[:16]
