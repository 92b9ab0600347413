"""torch, for CUDA (and for any device that torch has)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tts_engine.audio import FloatArray
from tts_engine.backends import Acoustics, Encoding
from tts_engine.durations import IntArray
from tts_engine.errors import CheckpointError, SynthesisError
from tts_engine.fastspeech2 import FastSpeech2
from tts_engine.hifigan import HifiGan


class TorchBackend:
    """The networks themselves, as ``from_pretrained`` reads them."""

    workers = 1

    def __init__(self, folder: Path, device: str) -> None:
        self.device = device
        try:
            self._acoustic = FastSpeech2.from_pretrained(folder / "acoustic", dtype=torch.float32).to(device).eval()  # type: ignore[arg-type]  # its decorator loses self
            self._vocoder = HifiGan.from_pretrained(folder / "vocoder", dtype=torch.float32).to(device).eval()  # type: ignore[arg-type]  # its decorator loses self
        except (OSError, RuntimeError, AssertionError) as error:  # AssertionError: torch was built without CUDA
            raise CheckpointError(f"模型无法载入到 {device}：请检查 {folder} 与显卡驱动。") from error

    @torch.inference_mode()
    def encode(self, phonemes: IntArray, tones: IntArray, speaker: FloatArray) -> Encoding:
        """See ``Backend``."""
        hidden, log_durations = self._acoustic.encode(self._in(phonemes), self._in(tones), self._in(speaker))
        return Encoding(_out(hidden), _out(log_durations))

    @torch.inference_mode()
    def decode(self, hidden: FloatArray, places: FloatArray, bend: FloatArray | None = None) -> Acoustics:
        """See ``Backend``."""
        mask = torch.ones((1, hidden.shape[0], 1), device=self.device)
        bent = None if bend is None else self._in(bend)
        f0, mel = self._acoustic.decode(self._in(hidden), self._in(places), mask, bent)
        return Acoustics(_out(f0), _out(mel))

    @torch.inference_mode()
    def vocode(self, acoustics: Acoustics, excitation: FloatArray) -> FloatArray:
        """See ``Backend``."""
        try:
            return _out(self._vocoder(self._in(acoustics.mel), self._in(acoustics.f0), self._in(excitation)))
        except torch.OutOfMemoryError as error:
            raise SynthesisError("显存不足：请缩短文本或改用 CPU（engine.device: cpu）。") from error

    def _in(self, array: FloatArray | IntArray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device).unsqueeze(0)


def _out(tensor: Tensor) -> FloatArray:
    array: FloatArray = tensor[0].float().cpu().numpy()
    return array
