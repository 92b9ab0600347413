"""What computes the networks: ONNX Runtime on a CPU, torch on CUDA; one interface, equal output within 1e-3."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from tts_engine.audio import FloatArray
from tts_engine.durations import IntArray
from tts_engine.errors import CheckpointError


@dataclass(frozen=True)
class Encoding:
    """What the encoder knows of a sentence."""

    hidden: FloatArray
    """(L, H)."""
    log_durations: FloatArray
    """(L,) natural logarithm of frames."""


@dataclass(frozen=True)
class Acoustics:
    """What the decoder makes of a sentence."""

    f0: FloatArray
    """(T,) Hz, 0 where unvoiced."""
    mel: FloatArray
    """(M, T) natural-log mel."""


class Backend(Protocol):
    """The three networks. Holds no state of a request: safe from several threads."""

    device: str
    workers: int
    """Threads that it takes to keep it busy, at least; more where there are more cores."""

    def encode(self, phonemes: IntArray, tones: IntArray, speaker: FloatArray) -> Encoding:
        """Phoneme ids (L,), tones (L,), speaker embedding (E,) → ``Encoding``."""
        ...

    def decode(self, hidden: FloatArray, places: FloatArray, bend: FloatArray | None = None) -> Acoustics:
        """Hidden (T, H), already repeated by durations, places (T, 3), bend (T, 2) of the pitch → ``Acoustics``."""
        ...

    def vocode(self, acoustics: Acoustics, excitation: FloatArray) -> FloatArray:
        """``Acoustics`` and excitation (2, S) → samples (S,)."""
        ...


def open_backend(folder: Path, device: str, threads: int = 1) -> Backend:
    """The backend for ``device``: ``auto`` is CUDA where torch finds a card with 4 GiB, else the CPU.

    Each backend is imported only when it is used: the CPU path never loads torch.

    Args:
        folder: of the checkpoint.
        device: ``auto``, ``cpu`` or ``cuda:0``.
        threads: of one call on the CPU; the synthesizer makes several calls at once instead.

    Raises:
        CheckpointError: the networks cannot be loaded, or not there.
    """
    if device == "auto":
        device = "cuda:0" if _has_cuda() else "cpu"
    if device == "cpu":
        from tts_engine.backends.onnx_backend import OnnxBackend

        return OnnxBackend(folder, threads)
    if find_spec("torch") is None:
        raise CheckpointError(f"在 {device} 上合成要用 torch：请运行 bash start_app.sh --install-all。")
    from tts_engine.backends.torch_backend import TorchBackend

    return TorchBackend(folder, device)


_LEAST_VIDEO_MEMORY = 4_000_000_000
"""Bytes, as start_app.sh counts: a card sold as 4 GB reports a little less than 4 GiB."""


def _has_cuda() -> bool:
    if not Path("/proc/driver/nvidia").exists() or find_spec("torch") is None:  # first: importing torch takes seconds
        return False
    import torch

    return torch.cuda.is_available() and torch.cuda.get_device_properties(0).total_memory >= _LEAST_VIDEO_MEMORY
