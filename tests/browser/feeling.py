"""The computable engine with feelings, which change the pitch, and an ear, which hears the median pitch."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import numpy as np

from tests.webui.engine import SineEngine
from tts_engine.identity import EMBEDDING, Identity
from tts_engine.pitch import estimate_pitch
from tts_engine.scheduler import Terms
from tts_engine.synthesizer import Speech, SynthesisOptions


class Ear:
    name = "0123456789abcdef"

    def listen(self, samples):
        pitch = estimate_pitch(samples, 22050, 200)
        embedding = np.zeros(EMBEDDING, np.float32)
        embedding[0] = 1.0
        return Identity(embedding, float(np.nanmedian(pitch)), 2.0, 0.0)


class FeelingEngine(SineEngine):
    emotions = ("happy", "sad", "angry", "afraid", "surprised", "gentle")
    listener = Ear()
    speakers = {  # noqa: RUF012
        name: np.full(EMBEDDING + 3, value, np.float32)
        for name, value in (("female", 0.5), ("male", 0.2), ("child", 0.0))
    }

    def stream(
        self, text: str, options: SynthesisOptions | None = None, terms: Terms | None = None
    ) -> Generator[Speech, None, None]:
        options = options or SynthesisOptions()
        semitones = {"happy": 12.0, "sad": -12.0}.get(options.emotion, 0.0) * options.intensity
        return super().stream(text, replace(options, pitch=options.pitch + semitones), terms)
