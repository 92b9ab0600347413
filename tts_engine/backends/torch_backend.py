"""torch, for CUDA (and for any device that torch has): half precision where it is safe, a graph for each bucket.

Durations, pitch and mel are computed in 32 bits, as on a CPU: a rounding there moves a frame or a tone. The vocoder's
convolutions, which are nearly all of the work, take 16 bits on cards that have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tts_engine.audio import FloatArray
from tts_engine.backends import Acoustics, Encoding
from tts_engine.backends.buckets import FRAMES, PHONEMES, Padding, bucket
from tts_engine.backends.recording import Array, CudaGraphs, Plain, Player, Recorder, Work
from tts_engine.durations import IntArray
from tts_engine.errors import CheckpointError, SynthesisError
from tts_engine.fastspeech2 import FastSpeech2
from tts_engine.hifigan import HifiGan
from tts_engine.prosody import level

_HALF_SINCE = (7, 0)
"""Compute capability of the first cards that are fast in float16 (Volta)."""


@dataclass(frozen=True)
class _Stage:
    """One network and how its inputs grow to a bucket. Inputs that have no padding do not depend on the length."""

    name: str
    work: Work
    sizes: tuple[int, ...]
    into: tuple[Padding | None, ...]
    out: tuple[Padding, ...]


class TorchBackend:
    """The networks themselves, as ``from_pretrained`` reads them. Safe from several threads."""

    workers = 2
    """One prepares in NumPy while the card computes for the other."""

    def __init__(
        self, folder: Path, device: str, half: torch.dtype | None = None, recorder: Recorder | None = None
    ) -> None:
        """Load, and on a card record every bucket, so that no request waits for it.

        Args:
            folder: of the checkpoint.
            device: ``cuda:0``, ``cpu`` …
            half: of the vocoder's convolutions; None is float16 where the card is fast in it, else float32.
            recorder: how it is computed; None is with graphs on a card, else without.

        Raises:
            CheckpointError: it cannot be loaded, or does not fit.
        """
        self.device = device
        try:
            self._acoustic = FastSpeech2.from_pretrained(folder / "acoustic", dtype=torch.float32).to(device).eval()  # type: ignore[arg-type]  # its decorator loses self
            vocoder = HifiGan.from_pretrained(folder / "vocoder", dtype=torch.float32).to(device).eval()  # type: ignore[arg-type]  # its decorator loses self
            self.half = half or _half_of(device)
            self._vocoder = vocoder.halve(self.half)
            self._player = Player(recorder or _recorder_of(device))
            self._encode, self._decode, self._vocode = self._stages()
            if device.startswith("cuda"):
                self.warm_up()
        except (OSError, RuntimeError, AssertionError) as error:  # AssertionError: torch was built without CUDA
            raise CheckpointError(f"模型无法载入到 {device}：请检查 {folder} 与显卡驱动。") from error

    def encode(self, phonemes: IntArray, tones: IntArray, speaker: FloatArray) -> Encoding:
        """See ``Backend``."""
        hidden, log_durations = self._run(self._encode, len(phonemes), (phonemes, tones, speaker.astype(np.float32)))
        return Encoding(hidden, log_durations)

    def decode(self, hidden: FloatArray, places: FloatArray, bend: FloatArray | None = None) -> Acoustics:
        """See ``Backend``."""
        frames = hidden.shape[0]
        ones = np.ones((frames, 1), np.float32)
        f0, mel = self._run(self._decode, frames, (hidden, places, ones, level(frames) if bend is None else bend))
        return Acoustics(f0, mel)

    def vocode(self, acoustics: Acoustics, excitation: FloatArray) -> FloatArray:
        """See ``Backend``."""
        frames = len(acoustics.f0)
        ones = np.ones((1, frames), np.float32)
        (samples,) = self._run(self._vocode, frames, (acoustics.mel, acoustics.f0, excitation, ones))
        return samples

    def warm_up(self) -> None:
        """Record every bucket, the largest first: the smaller then fit into its memory."""
        config = self._acoustic.config
        told = np.zeros(config.speaker_width + len(config.emotions), np.float32)
        for size in reversed(self._encode.sizes):
            encoding = self.encode(np.ones(size, np.int64), np.zeros(size, np.int64), told)
        width = encoding.hidden.shape[1]
        for size in reversed(self._decode.sizes):
            acoustics = self.decode(np.zeros((size, width), np.float32), np.zeros((size, 3), np.float32))
            self.vocode(acoustics, np.zeros((2, size * self._vocode.out[0].scale), np.float32))

    def _stages(self) -> tuple[_Stage, _Stage, _Stage]:
        along, across = Padding(0), Padding(1)
        samples = Padding(1, 256)
        return (
            _Stage("encode", self._acoustic.encode, PHONEMES, (along, along, None), (along, along)),
            _Stage("decode", self._acoustic.decode, FRAMES, (along, along, along, along), (along, across)),
            _Stage(
                "vocode", self._vocoded, FRAMES, (Padding(1, mode="edge"), along, samples, across), (Padding(0, 256),)
            ),
        )

    def _vocoded(self, *inputs: Tensor) -> tuple[Tensor]:
        return (self._vocoder(*inputs),)

    def _run(self, stage: _Stage, length: int, arrays: Sequence[Array]) -> list[FloatArray]:
        """Results of a stage, as long as what went in."""
        size = bucket(stage.sizes, length)
        try:
            if size is None:
                return [made[0] for made in self._player.call(stage.work, [array[None] for array in arrays])]
            padded = [pad(array, length, size) if pad else array for array, pad in zip(arrays, stage.into, strict=True)]
            results = self._player.play(stage.name, size, stage.work, [array[None] for array in padded])
        except torch.OutOfMemoryError as error:
            raise SynthesisError("显存不足：请缩短文本或改用 CPU（engine.device: cpu）。") from error
        except (RuntimeError, IndexError, ValueError) as error:
            raise SynthesisError("模型计算失败：请查看服务日志。") from error
        return [pad.cut(made[0], length) for made, pad in zip(results, stage.out, strict=True)]


def _recorder_of(device: str) -> Recorder:
    return CudaGraphs(device) if device.startswith("cuda") else Plain(device)


def _half_of(device: str) -> torch.dtype:
    if not device.startswith("cuda"):
        return torch.float32
    torch.backends.cudnn.allow_tf32 = False  # 10 bits in the convolutions that make pitch
    return torch.float16 if torch.cuda.get_device_capability(device) >= _HALF_SINCE else torch.float32
