"""One sentence → samples, in pieces that can be computed side by side and sent before the last is there.

    begin ──► decode, decode … ──► join ──► vocode, vocode …

Each step is a task of its own: it takes what the step before gave and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

import numpy as np

from tts_engine.audio import AudioConfig, FloatArray
from tts_engine.backends import Acoustics, Backend
from tts_engine.chunking import Reach, Span, around, decoded, spoken
from tts_engine.durations import IntArray, expand, frames_from_log, opens_syllable, places, retime
from tts_engine.excitation import excitation
from tts_engine.frontend.phonemes import SYMBOL_IDS
from tts_engine.frontend.reading import Phoneme, Prosody
from tts_engine.loudness import LOOK_AROUND, held_back, levelled
from tts_engine.pauses import Silences, planned
from tts_engine.prosody import bend, gains, median_pitch
from tts_engine.recent import Recent
from tts_engine.scheduler import Later, Turn

_KEPT_BYTES = 24_000_000
"""Of decoded sentences: some forty of ten seconds."""


@dataclass(frozen=True)
class Order:
    """A sentence and how it is to be said."""

    phonemes: tuple[Phoneme, ...]
    told: FloatArray
    """What the acoustic model is told of speaker and feeling."""
    prosodies: Sequence[Prosody]
    """Of each phoneme."""
    rng: np.random.Generator
    """Makes the noise; used once."""
    after_pause: bool
    """The sentence before ended in a pause of given length."""
    is_first: bool
    """Of its text."""


@dataclass(frozen=True)
class Outline:
    """What the decoder is to be given."""

    hidden: FloatArray
    """(T, H)."""
    places: FloatArray
    """(T, 3)."""
    bend: FloatArray | None
    """(T, 2)."""
    natural: IntArray
    """(L,) frames of each phoneme, T in all."""
    silences: Silences
    key: tuple[bytes, ...] | None
    """Of what it decodes to; None where that is not worth keeping."""
    known: Acoustics | None
    """What it decodes to, where that was kept."""


@dataclass(frozen=True)
class Score:
    """What the vocoder is to be given, T frames."""

    acoustics: Acoustics
    source: FloatArray
    """(2, 256 T)."""
    silences: Silences
    factors: FloatArray | None
    """Of loudness, one for each sample; None where all are 1."""
    gain_db: float
    """Of the sentence's feeling."""
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Sound:
    """A piece of a sentence."""

    samples: FloatArray
    is_held_back: bool
    """Peaks would have clipped."""


def _acoustics_bytes(acoustics: Acoustics) -> int:
    return acoustics.f0.nbytes + acoustics.mel.nbytes


@dataclass(frozen=True)
class Renderer:
    """The steps. Thread-safe."""

    backend: Backend
    audio: AudioConfig
    reach: Reach
    gain_db: Callable[[FloatArray], float]
    """Of what the acoustic model is told: how much louder to make the sentence."""
    kept: Recent[Acoustics] = field(default_factory=lambda: Recent(_KEPT_BYTES, _acoustics_bytes))

    def begin(self, order: Order) -> Outline:
        """Read the phonemes: durations, and what each frame is made from."""
        phonemes = np.array([SYMBOL_IDS[phoneme.symbol] for phoneme in order.phonemes], dtype=np.int64)
        tones = np.array([phoneme.tone for phoneme in order.phonemes], dtype=np.int64)
        encoding = self.backend.encode(phonemes, tones, order.told)
        speeds = np.array([prosody.speed for prosody in order.prosodies])
        natural = frames_from_log(encoding.log_durations, 1.0)
        wanted = frames_from_log(encoding.log_durations, speeds, opens_syllable(phonemes))
        silences = planned(order.phonemes, wanted, self.audio, order.after_pause)
        hidden, place = expand(encoding.hidden, natural), places(natural)
        plain = Outline(hidden, place, None, natural, silences, None, None)
        if all(prosody.pitch == 0 and prosody.range == 1 for prosody in order.prosodies):
            key = (phonemes.tobytes(), tones.tobytes(), order.told.tobytes())
            return Outline(hidden, place, None, natural, silences, key, self.kept.find(key))
        ranged = any(prosody.range != 1 for prosody in order.prosodies)
        median = median_pitch(self._whole(plain).f0) if ranged else 0.0
        return Outline(hidden, place, bend(order.prosodies, natural, median), natural, silences, None, None)

    def decode(self, outline: Outline, span: Span) -> Acoustics:
        """F0 and mel of some frames."""
        begin, end = around(span, self.reach.decoder, outline.hidden.shape[0])
        bent = None if outline.bend is None else outline.bend[begin:end]
        made = self.backend.decode(outline.hidden[begin:end], outline.places[begin:end], bent)
        first, last = span[0] - begin, span[1] - begin
        return Acoustics(made.f0[first:last], made.mel[:, first:last])

    def join(self, order: Order, outline: Outline, parts: Sequence[Acoustics]) -> Score:
        """Put together what was decoded, at the durations wanted, with the sound to filter."""
        acoustics = outline.known or _joined(parts)
        if outline.key is not None:
            self.kept.keep(outline.key, acoustics)
        silences = outline.silences
        acoustics = Acoustics(*retime(acoustics.f0, acoustics.mel, outline.natural, silences.durations))
        frames = len(acoustics.f0)
        source = excitation(acoustics.f0, self.audio, order.rng)
        factors = gains(order.prosodies, silences.lengths, self.audio.sample_rate)
        spans = [(0, frames)] if silences.given else spoken(frames, order.is_first)
        return Score(acoustics, source, silences, factors, self.gain_db(order.told), tuple(spans))

    def vocode(self, score: Score, span: Span) -> Sound:
        """The samples of some frames, as loud as wanted.

        Loudness looks some milliseconds around itself, so where it changes a little more is made and cut off again.
        """
        if score.silences.given:
            return self._with_silences(score)
        hop, rate = self.audio.hop_length, self.audio.sample_rate
        frames = len(score.acoustics.f0)
        margin = 0 if score.factors is None else -(-round(LOOK_AROUND * rate) // hop)
        wide = around(span, margin, frames)
        samples = self._made(score, wide)
        if score.factors is None:
            return Sound(samples, False)
        samples, is_held_back = held_back(samples * score.factors[wide[0] * hop : wide[1] * hop], rate)
        return Sound(samples[(span[0] - wide[0]) * hop : (span[1] - wide[0]) * hop], is_held_back)

    def _with_silences(self, score: Score) -> Sound:
        """A whole sentence: pauses of given length move all that follows."""
        rate = self.audio.sample_rate
        samples = score.silences.apply(self._made(score, (0, len(score.acoustics.f0))), rate)
        return Sound(samples, False) if score.factors is None else Sound(*held_back(samples * score.factors, rate))

    def _made(self, score: Score, span: Span) -> FloatArray:
        hop = self.audio.hop_length
        begin, end = around(span, self.reach.vocoder, len(score.acoustics.f0))
        mel = np.ascontiguousarray(score.acoustics.mel[:, begin:end])
        source = np.ascontiguousarray(score.source[:, begin * hop : end * hop])
        samples = self.backend.vocode(Acoustics(score.acoustics.f0[begin:end], mel), source)
        return levelled(samples[(span[0] - begin) * hop : (span[1] - begin) * hop], score.gain_db)

    def _whole(self, outline: Outline) -> Acoustics:
        return _joined([self.decode(outline, span) for span in decoded(outline.hidden.shape[0])])


def _joined(parts: Sequence[Acoustics]) -> Acoustics:
    if len(parts) == 1:
        return parts[0]
    return Acoustics(np.concatenate([part.f0 for part in parts]), np.concatenate([part.mel for part in parts], axis=1))


class Rendering:
    """A sentence on its way through the steps, as tasks of a turn; belongs to one thread."""

    def __init__(self, renderer: Renderer, order: Order, turn: Turn) -> None:
        """Begin."""
        self._renderer = renderer
        self._order = order
        self._turn = turn
        self._waits: Sequence[Later[object]] = ()
        self._pieces: list[Later[Sound]] = []
        self._score: Score | None = None
        self._steps = self._through()
        self._waits = next(self._steps)

    def advance(self) -> None:
        """Go on as far as is possible without waiting."""
        while self._score is None and all(later.done() for later in self._waits):
            self._waits = next(self._steps, ())

    def score(self) -> Score:
        """What is heard and when; its pieces are then on their way.

        Raises:
            SynthesisError: the networks failed, or it took too long.
        """
        for _ in self._steps:
            continue
        if self._score is None:
            raise RuntimeError("a sentence ended before it was rendered")
        return self._score

    def sounds(self) -> Generator[Sound, None, None]:
        """The pieces, in order, each as soon as it is there."""
        self.score()
        for piece in self._pieces:
            yield piece.result()

    def _through(self) -> Generator[Sequence[Later[object]], None, None]:
        renderer, order, turn = self._renderer, self._order, self._turn
        begun = turn.submit(lambda: renderer.begin(order))
        yield [begun]
        outline = begun.result()
        spans = [] if outline.known else decoded(outline.hidden.shape[0])
        parts = [turn.submit(lambda span=span: renderer.decode(outline, span)) for span in spans]  # type: ignore[misc]
        yield parts
        done = [part.result() for part in parts]
        joined = turn.submit(lambda: renderer.join(order, outline, done))
        yield [joined]
        score = joined.result()
        self._pieces = [turn.submit(lambda span=span: renderer.vocode(score, span)) for span in score.spans]  # type: ignore[misc]
        self._score = score
