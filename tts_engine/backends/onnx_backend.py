"""ONNX Runtime on the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tts_engine.audio import FloatArray
from tts_engine.backends import Acoustics, Encoding
from tts_engine.backends.session import Session
from tts_engine.durations import IntArray
from tts_engine.errors import CheckpointError
from tts_engine.prosody import level


class OnnxBackend:
    """The exported graphs; their weights are read from the safetensors files beside them."""

    device = "cpu"
    workers = 1

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._encoder = Session(folder / "acoustic" / "encoder.onnx", threads)
        self._decoder = Session(folder / "acoustic" / "decoder.onnx", threads)
        if "bend" not in self._decoder.inputs:
            raise CheckpointError(
                f"{folder} 由旧版导出，不能调音高：请用 python -m tts_engine.training.export 重新导出。"
            )
        self._vocoder = Session(folder / "vocoder" / "generator.onnx", threads)

    def encode(self, phonemes: IntArray, tones: IntArray, speaker: FloatArray) -> Encoding:
        """See ``Backend``."""
        hidden, log_durations = self._encoder.run(
            phonemes=phonemes[None], tones=tones[None], speaker=speaker[None].astype(np.float32)
        )
        return Encoding(hidden[0], log_durations[0])

    def decode(self, hidden: FloatArray, places: FloatArray, bend: FloatArray | None = None) -> Acoustics:
        """See ``Backend``."""
        bend = level(hidden.shape[0]) if bend is None else bend
        f0, mel = self._decoder.run(hidden=hidden[None], places=places[None], bend=bend[None])
        return Acoustics(f0[0], mel[0])

    def vocode(self, acoustics: Acoustics, excitation: FloatArray) -> FloatArray:
        """See ``Backend``."""
        (batch,) = self._vocoder.run(mel=acoustics.mel[None], f0=acoustics.f0[None], excitation=excitation[None])
        samples: FloatArray = batch[0]
        return samples
