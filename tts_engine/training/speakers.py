"""Speakers without end for the corpus: the three named voices, and any number of others, each the same every time.

A random speaker is a voice of the formant synthesizer with its own pitch, range, speed, formant scale, spectral tilt
and breath. No network learns from numbers from ``DEVELOPMENT_SPEAKER`` on, and what compares voices is chosen by them;
on those from ``HELDOUT_SPEAKER`` on, figures are measured and nothing is chosen.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tts_engine.training.teacher import VOICES, TeacherVoice

DEVELOPMENT_SPEAKER = 50_000
HELDOUT_SPEAKER = 100_000
_HIGH = ("f1", "f2", "f3", "f4", "f5")
_LOW = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "klatt", "klatt2", "klatt3", "klatt4")


@dataclass(frozen=True)
class Speaker:
    """Who speaks: the synthesizer's parameters and the colour of the voice."""

    name: str
    voice: TeacherVoice
    tilt_db: float = 0.0
    """Per octave."""
    breath: float = 0.0
    """0–1."""


def named() -> list[Speaker]:
    """The voices that ship."""
    return [Speaker(name, voice) for name, voice in VOICES.items()]


def invented(number: int) -> Speaker:
    """The random speaker of this number."""
    rng = random.Random(7_919 * number + 17)  # noqa: S311  # to be repeatable, not secret
    high = rng.random() < 0.5
    voice = TeacherVoice(
        variant=rng.choice(_HIGH if high else _LOW),
        pitch=round(rng.uniform(28, 72)),
        pitch_range=round(rng.uniform(35, 75)),
        rate=round(rng.uniform(142, 182)),
        f0_hz=(55, 620),
        scale=round(rng.uniform(0.90, 1.28) if high else rng.uniform(0.86, 1.16), 3),
    )
    return Speaker(
        name=f"s{number:06d}",
        voice=voice,
        tilt_db=round(rng.uniform(-2.0, 2.0), 2),
        breath=round(max(0.0, rng.uniform(-0.2, 0.3)), 2),
    )
