"""A backend that can be computed: every phoneme lasts five frames, and the samples count themselves."""

from pathlib import Path

import numpy as np

from tts_engine.audio import AudioConfig
from tts_engine.backends import Acoustics, Encoding
from tts_engine.checkpoint import Checkpoint, Voice
from tts_engine.prosody import PITCH_CENTRE

FRAMES = 5
HOP = 256
RATE = 22050
VOICES = (Voice("female", "女声", "female"), Voice("male", "男声", "male"))
EMBEDDINGS = {"female": np.full(4, 1.0, np.float32), "male": np.full(4, 2.0, np.float32)}
CHECKPOINT = Checkpoint(Path("nowhere"), "computable", AudioConfig(), VOICES, EMBEDDINGS, "0" * 64)


class CountingBackend:
    """Samples are the noise of the excitation, scaled by the voice's number over 100, plus a ramp from 0 to 0.5."""

    device = "cpu"
    workers = 1

    def __init__(self):
        self.encoded = []

    def encode(self, phonemes, tones, speaker):
        self.encoded.append(len(phonemes))
        hidden = np.stack([phonemes, tones, np.full(len(phonemes), speaker[0])], axis=1).astype(np.float32)
        return Encoding(hidden, np.full(len(phonemes), np.log(FRAMES), np.float32))

    def decode(self, hidden, places, bend=None):
        f0 = np.full(len(hidden), 100.0, np.float32)
        if bend is not None:
            f0 = (2 ** (bend[:, 0] * (np.log2(f0) - PITCH_CENTRE) + bend[:, 1] + PITCH_CENTRE)).astype(np.float32)
        return Acoustics(f0, np.repeat(hidden[:, 2:], 80, axis=1).T)

    def vocode(self, acoustics, excitation):
        ramp = np.linspace(0, 0.5, excitation.shape[1], dtype=np.float32)
        return ramp + excitation[1] * acoustics.mel[0, 0] / 100
