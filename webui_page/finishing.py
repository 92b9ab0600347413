"""From an utterance to a file that says that it is AI-generated (GB 45438-2025)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np

from settings import LabelSettings
from sound import Label, encode, labelled
from sound.notice import margin, rhythm
from webui_page.utterance import Utterance


@dataclass(frozen=True)
class Finish:
    """Encodes and labels. Thread-safe."""

    settings: LabelSettings

    def file(self, made: Utterance, format: str) -> bytes:
        """The file with its metadata label; what callers of ``/api/predict/`` get, who label what they hand on."""
        return self._labelled(made, made.samples, format)

    def download(self, made: Utterance, format: str) -> bytes:
        """The same for people, who may take it away: the rhythm is heard too.

        The rhythm also where the settings ask for a spoken notice: the standard takes either.
        """
        settings, rate = self.settings, made.sample_rate
        if settings.explicit == "none":
            return self.file(made, format)
        before = [] if settings.position == "end" else [rhythm(rate), margin(rate)]
        after = [] if settings.position == "start" else [margin(rate), rhythm(rate)]
        return self._labelled(made, np.concatenate([*before, made.samples, *after]), format)

    def _labelled(self, made: Utterance, samples: np.ndarray, format: str) -> bytes:
        data = encode(samples, made.sample_rate, format)
        return labelled(data, format, Label(self.settings.producer, secrets.token_hex(16)))
