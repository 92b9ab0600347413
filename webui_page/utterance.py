"""The sentences of one text, put together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tts_engine.errors import EmptyTextError
from tts_engine.frontend.reading import Notice
from tts_engine.synthesizer import Speech, Timing


@dataclass(frozen=True)
class Utterance:
    """A whole text, spoken."""

    samples: npt.NDArray[np.float32]
    """(S,) in [-1, 1]."""
    sample_rate: int
    """Hz."""
    timings: tuple[Timing, ...]
    warnings: tuple[Notice, ...]
    synthesis_s: float
    """Seconds that the engine worked."""
    revision: str = ""
    """Of what made it, where the engine says so."""

    @property
    def duration_s(self) -> float:
        """Length of the sound."""
        return len(self.samples) / self.sample_rate

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for a second of sound."""
        return self.synthesis_s / self.duration_s if len(self.samples) else 0.0

    def details(self) -> dict[str, Any]:
        """The part of the HTTP contract's ``details`` that the sound itself decides."""
        return {
            "duration_s": round(self.duration_s, 6),
            "sample_rate": self.sample_rate,
            "timings": [asdict(timing) for timing in self.timings],
            "warnings": [asdict(warning) for warning in self.warnings],
            "real_time_factor": round(self.real_time_factor, 4),
        }


def join(speeches: Sequence[Speech]) -> Utterance:
    """One sound from consecutive sentences, whose times already count from the beginning.

    Raises:
        EmptyTextError: there is no sentence.
    """
    if not speeches:
        raise EmptyTextError
    return Utterance(
        samples=np.concatenate([speech.samples for speech in speeches]),
        sample_rate=speeches[0].sample_rate,
        timings=tuple(timing for speech in speeches for timing in speech.timings),
        warnings=tuple(warning for speech in speeches for warning in speech.warnings),
        synthesis_s=sum(speech.synthesis_s for speech in speeches),
        revision=speeches[0].revision,
    )
