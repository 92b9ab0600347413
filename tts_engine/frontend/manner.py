"""Values of SSML's ``prosody``, ``emphasis`` and ``break``: words, percentages, semitones, decibels → ``Prosody``."""

from __future__ import annotations

import math
import re

from tts_engine.frontend.reading import Prosody

RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.3, "x-fast": 1.8}
PITCHES = {"x-low": -6.0, "low": -3.0, "medium": 0.0, "default": 0.0, "high": 3.0, "x-high": 6.0}
RANGES = {"x-low": 0.4, "low": 0.7, "medium": 1.0, "default": 1.0, "high": 1.4, "x-high": 2.0}
VOLUMES = {
    "silent": -math.inf, "x-soft": -12.0, "soft": -6.0, "medium": 0.0, "default": 0.0, "loud": 4.0, "x-loud": 8.0
}  # fmt: skip
EMPHASES = {
    "strong": Prosody(0.85, 2.0, 1.3, 4.0),
    "moderate": Prosody(0.92, 1.0, 1.15, 2.0),
    "none": Prosody(),
    "reduced": Prosody(1.1, -1.0, 0.8, -3.0),
}
BREAKS_MS = {"none": 0, "x-weak": 100, "weak": 250, "medium": 400, "strong": 700, "x-strong": 1200}
"""As heard in news reading: within a clause, between clauses, between sentences, between paragraphs."""

LIMITS = {
    "rate": ("speed", 0.25, 4.0),
    "pitch": ("pitch", -24.0, 24.0),
    "range": ("range", 0.0, 4.0),
    "volume": ("volume", -80.0, 24.0),
}
"""Attribute → field of ``Prosody`` and its bounds, nested elements taken together."""

_NUMBER = r"[+-]?(?:\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})"
_PERCENT = re.compile(rf"({_NUMBER})\s*%")
_PLAIN = re.compile(_NUMBER)
_SEMITONES = re.compile(rf"({_NUMBER})\s*st", re.I)
_DECIBELS = re.compile(rf"({_NUMBER})\s*dB", re.I)


def value(attribute: str, written: str) -> float | None:
    """The field's value that an attribute of ``prosody`` asks for; None where it cannot be understood."""
    written = written.strip()
    return _READERS[attribute](written)


def _factor(written: str) -> float | None:
    """``+20%`` and ``120%`` are 1.2, ``-20%`` is 0.8, ``1.2`` is itself."""
    if match := _PERCENT.fullmatch(written):
        relative = match[1][0] in "+-"
        return float(match[1]) / 100 + (1 if relative else 0)
    return float(written) if _PLAIN.fullmatch(written) and written[0] not in "+-" else None


def _rate(written: str) -> float | None:
    return RATES.get(written) or _factor(written)


def _pitch(written: str) -> float | None:
    if written in PITCHES:
        return PITCHES[written]
    if match := _SEMITONES.fullmatch(written):
        return float(match[1])
    factor = _factor(written) if "%" in written else None
    return 12 * math.log2(factor) if factor and factor > 0 else None


def _range(written: str) -> float | None:
    return RANGES[written] if written in RANGES else _factor(written)


def _volume(written: str) -> float | None:
    if written in VOLUMES:
        return VOLUMES[written]
    if match := _DECIBELS.fullmatch(written):
        return float(match[1])
    if "%" in written:
        factor = _factor(written)
    else:  # 0–100 as an absolute loudness, +10 and -10 as changes of it
        factor = float(written) / 100 if _PLAIN.fullmatch(written) else None
        if factor is not None and written[0] in "+-":
            factor += 1
    if factor is None or factor < 0:
        return None
    return 20 * math.log10(factor) if factor > 0 else -math.inf


_READERS = {"rate": _rate, "pitch": _pitch, "range": _range, "volume": _volume}

EXAMPLES = {
    "rate": "slow、fast、1.2、120% 或 +20%",
    "pitch": "low、high、+3st、-2st 或 +10%",
    "range": "low、high、1.5、150% 或 -30%",
    "volume": "soft、loud、+6dB、-6dB 或 0 到 100 的数",
}
