"""From an utterance to a file that says that it is AI-generated (GB 45438-2025)."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from settings import LabelSettings
from sound import Label, content_number, encode, labelled
from sound.encoder import Encoder
from sound.notice import margin, rhythm
from webui_page.utterance import Utterance

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Finish:
    """Encodes and labels. Thread-safe."""

    settings: LabelSettings

    def file(self, made: Utterance, format: str) -> bytes:
        """The file with its metadata label; what callers of ``/api/predict/`` get, who label what they hand on."""
        return self._marked(encode(made.samples, made.sample_rate, format), format)

    def download(self, made: Utterance, format: str) -> bytes:
        """The same for people, who may take it away: the rhythm is heard too.

        The rhythm also where the settings ask for a spoken notice: the standard takes either.
        """
        rate = made.sample_rate
        samples = np.concatenate([*self._before(rate), made.samples, *self._after(rate)])
        return self._marked(encode(samples, rate, format), format)

    def joined(self, pieces: Iterable[Samples], sample_rate: int, format: str) -> bytes:
        """One file for people from many pieces, of which one at a time is in memory."""
        sink = io.BytesIO()
        with Encoder(sink, format, sample_rate) as encoder:
            for piece in itertools.chain(self._before(sample_rate), pieces, self._after(sample_rate)):
                encoder.write(piece)
        return self._marked(sink.getvalue(), format)

    def lead_s(self, sample_rate: int) -> float:
        """Seconds of ``download`` and ``joined`` that are heard before the speech."""
        return sum(len(piece) for piece in self._before(sample_rate)) / sample_rate

    def _before(self, rate: int) -> list[Samples]:
        settings = self.settings
        return [rhythm(rate), margin(rate)] if settings.explicit != "none" and settings.position != "end" else []

    def _after(self, rate: int) -> list[Samples]:
        settings = self.settings
        return [margin(rate), rhythm(rate)] if settings.explicit != "none" and settings.position != "start" else []

    def _marked(self, data: bytes, format: str) -> bytes:
        return labelled(data, format, Label(self.settings.producer, content_number(data)))
