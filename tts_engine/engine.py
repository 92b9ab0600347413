"""What whoever serves speech asks of whoever makes it: one process, or many behind a cluster.

``Synthesizer`` is the one that computes here; another has the same methods and computes elsewhere.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Protocol

from tts_engine.audio import FloatArray
from tts_engine.checkpoint import Voice
from tts_engine.frontend.lexicon import LexiconState
from tts_engine.frontend.reading import Reading
from tts_engine.identity import Identity
from tts_engine.scheduler import Terms
from tts_engine.speech import Speech
from tts_engine.synthesizer import SynthesisOptions


class Ear(Protocol):
    """Hears who speaks: ``Listener`` here, or one elsewhere."""

    @property
    def name(self) -> str:
        """Of the encoder: identities of one are nothing to another."""

    def listen(self, samples: FloatArray) -> Identity:
        """Who speaks in samples (S,) of ``tts_engine.clips``.

        Raises:
            BadClipError: nothing is voiced.
        """


class Engine(Protocol):
    """Speaks. Safe from several threads."""

    @property
    def voices(self) -> tuple[Voice, ...]:
        """Every voice by name."""

    @property
    def revision(self) -> str:
        """Changes with everything that changes the sound."""

    @property
    def lexicon(self) -> LexiconState:
        """The user's words in use, and what is wrong with their file."""

    @property
    def sample_rate(self) -> int:
        """Hz."""

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda:0``."""

    @property
    def emotions(self) -> tuple[str, ...]:
        """What may be felt beside ``neutral``."""

    @property
    def speakers(self) -> Mapping[str, FloatArray]:
        """What the acoustic model is told for each voice."""

    @property
    def listener(self) -> Ear | None:
        """Hears who speaks in a clip; None where the model cannot clone."""

    def read(self, text: str, options: SynthesisOptions | None = None) -> Reading:
        """How ``text`` is pronounced."""

    def stream(
        self, text: str, options: SynthesisOptions | None = None, terms: Terms | None = None
    ) -> Generator[Speech, None, None]:
        """The pieces of ``text`` in order, a sentence or a part of one each; closing it ends the work.

        Raises:
            InputError: the text or an option is at fault; before anything is computed.
            EngineBusyError, DeadlineExceededError: the terms cannot be kept.
            SynthesisError: the computation failed.
        """
