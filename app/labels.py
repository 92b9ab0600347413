"""How every sound says that it is AI-generated: metadata in the file, and a rhythm or a sentence that is heard.

Rules: 《人工智能生成合成内容标识办法》 article 4 (2): a file that can be downloaded holds the explicit label itself,
while an interface may show it instead; article 5: metadata in every file. GB 45438-2025 section 5.3: what is heard.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from app.gateway import Gateway, Order, Trip, Utterance
from settings import LabelSettings
from sound import Label
from sound.mp3 import frame_samples
from sound.notice import margin, rhythm

Samples = npt.NDArray[np.float32]

_CHARACTERS_A_MINUTE = 140
"""Section 5.3: a spoken notice has between 120 and 160."""
_SPEEDS = (0.5, 1.0)
_KEPT = 64


@dataclass(frozen=True)
class Labels:
    """What the settings say, done to sounds. Thread-safe."""

    settings: LabelSettings
    gateway: Gateway
    """Speaks the notice."""
    _spoken: dict[tuple[str, str], Utterance] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def implicit(self, content_id: str) -> Label:
        """The metadata of a file that nobody had before."""
        return Label(self.settings.producer, content_id)

    def mark(self, wanted: bool) -> str:
        """What distinguishes a file with this explicit label from others; empty: none is heard."""
        if not wanted or self.settings.explicit == "none":
            return ""
        words = f":{self.settings.notice}" if self.settings.explicit == "speech" else ""
        return f"{self.settings.explicit}@{self.settings.position}{words}"

    def identity(self) -> str:
        """What is the same in the metadata of all files; part of every cache key."""
        return self.settings.producer

    def opening(self, utterance_rate: int, speaker: str, trip: Trip) -> Samples:
        """What is heard before the speech; empty where nothing is.

        Raises:
            GatewayError: the engine did not speak the notice.
        """
        if self.settings.explicit == "none" or self.settings.position == "end":
            return np.zeros(0, np.float32)
        return np.concatenate([self._notice(utterance_rate, speaker, trip), margin(utterance_rate)])

    def closing(self, utterance_rate: int, speaker: str, trip: Trip) -> Samples:
        """What is heard after the speech; as ``opening``."""
        if self.settings.explicit == "none" or self.settings.position == "start":
            return np.zeros(0, np.float32)
        return np.concatenate([margin(utterance_rate), self._notice(utterance_rate, speaker, trip)])

    def sounded(self, utterance: Utterance, order: Order, trip: Trip) -> tuple[Utterance, int]:
        """``utterance`` with the explicit label, its times moved, and of how many samples the label at its end is.

        That label begins with a whole MP3 frame, after up to 26 ms more of silence, so that its frames are the same
        behind every utterance (``tail`` of ``sound.encode``).

        Raises:
            GatewayError: the engine did not speak the notice.
        """
        rate = utterance.sample_rate
        before = self.opening(rate, order.speaker, trip)
        after = self.closing(rate, order.speaker, trip)
        rest = -(len(before) + len(utterance.samples)) % frame_samples(rate) if len(after) else 0
        samples = np.concatenate([before, utterance.samples, np.zeros(rest, np.float32), after])
        timings = shifted(utterance.timings, 1000 * len(before) / rate)
        return replace(utterance, samples=samples, timings=timings), len(after)

    def _notice(self, rate: int, speaker: str, trip: Trip) -> Samples:
        if self.settings.explicit == "rhythm":
            return rhythm(rate)
        with self._lock:
            known = self._spoken.get((speaker, self.settings.notice))
        return (known or self._speak(speaker, trip)).samples

    def _speak(self, speaker: str, trip: Trip) -> Utterance:
        """At the pace that the standard asks for, whatever the voice's own."""
        text = self.settings.notice
        plain = self.gateway.synthesize(Order(text, speaker, 1.0), trip)
        pace = 60 * sum(character.isalnum() for character in text) / plain.duration_s
        speed = min(max(_CHARACTERS_A_MINUTE / pace, _SPEEDS[0]), _SPEEDS[1])
        made = plain if speed == 1.0 else self.gateway.synthesize(Order(text, speaker, round(speed, 2)), trip)
        with self._lock:
            if len(self._spoken) >= _KEPT:
                self._spoken.clear()
            self._spoken[speaker, text] = made
        return made


def shifted(timings: list[dict[str, Any]], by_ms: float) -> list[dict[str, Any]]:
    """``timings`` as they are heard when something of ``by_ms`` milliseconds comes before."""
    if not by_ms:
        return timings
    return [
        {**timing, "begin_ms": round(timing["begin_ms"] + by_ms), "end_ms": round(timing["end_ms"] + by_ms)}
        for timing in timings
    ]
