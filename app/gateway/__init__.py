"""What the proxy asks of a speech engine, whichever it is."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Voice:
    """A voice that can be asked for."""

    name: str
    title: str
    """What people call it, in Chinese."""
    gender: str


@dataclass(frozen=True)
class Info:
    """What the engine is now."""

    revision: str
    """Changes with everything that changes the sound: model, lexicon, voices."""
    voices: tuple[Voice, ...]
    speed_min: float
    speed_max: float


@dataclass(frozen=True)
class Order:
    """What is to be said, and how."""

    text: str
    speaker: str
    speed: float
    """1.0 is normal; 2.0 takes half the time."""
    pitch: float = 0.0
    """Semitones."""
    range: float = 1.0
    """Size of the melody; 0 is a monotone."""
    volume: float = 0.0
    """Decibels."""
    seed: int = 0
    ssml: bool = False
    on_unsupported: str = "error"
    """``error`` or ``warn``: what becomes of SSML that the engine does not support."""
    emotion: str = "neutral"
    """Of those that the engine knows."""
    intensity: float = 1.0
    """Of the emotion, 0 to 1."""

    @property
    def options(self) -> dict[str, Any]:
        """What differs from the usual way of speaking, as the WebUI's options name it."""
        usual = Order(self.text, self.speaker, self.speed)
        names = ("pitch", "range", "volume", "seed", "ssml", "on_unsupported", "emotion", "intensity")
        return {name: getattr(self, name) for name in names if getattr(self, name) != getattr(usual, name)}


@dataclass(frozen=True)
class Trip:
    """What travels along with one request."""

    request_id: str
    deadline_s: float
    """Seconds that are left."""
    priority: str = "normal"
    """``high``, ``normal`` or ``low``: whom the engine serves first."""


@dataclass(frozen=True)
class Utterance:
    """What the engine made of an order."""

    samples: npt.NDArray[np.float32]
    """(S,) in [-1, 1]."""
    sample_rate: int
    """Hz."""
    timings: list[dict[str, Any]]
    """``begin_ms``, ``end_ms``, ``begin``, ``end``, ``text``; indices into the order's own text."""
    warnings: list[dict[str, Any]]
    """``begin``, ``end``, ``text``, ``message``: what was not spoken."""
    revision: str

    @property
    def duration_s(self) -> float:
        """Length of the sound."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True)
class Piece:
    """A sentence of an order, or a part of one; times and indices count from the order's beginning."""

    samples: npt.NDArray[np.float32]
    """(S,) in [-1, 1]."""
    sample_rate: int
    """Hz; the same for all pieces."""
    timings: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    progress: float
    """How much of the text is spoken with this piece, 0…1."""
    continues: bool = False
    """The sentence goes on in the next piece."""


class Gateway(Protocol):
    """A speech engine. Thread-safe. Every method raises ``app.errors.GatewayError`` by its subclasses."""

    def synthesize(self, order: Order, trip: Trip) -> Utterance:
        """Speak; returns or raises within ``trip.deadline_s``."""

    def stream(self, order: Order, trip: Trip) -> Generator[Piece, None, None]:
        """Speak, piece by piece; closing the generator stops the engine. Ends within ``trip.deadline_s``."""

    def info(self) -> Info:
        """What the engine is now; asks it every time."""

    def is_healthy(self) -> bool:
        """Whether it could speak now; never raises, and takes two seconds at most."""


def in_one_piece(gateway: Gateway, order: Order, trip: Trip) -> Generator[Piece, None, None]:
    """``Gateway.stream`` of an engine that cannot stream."""
    made = gateway.synthesize(order, trip)
    yield Piece(made.samples, made.sample_rate, made.timings, made.warnings, 1.0)
