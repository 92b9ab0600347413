"""ONNX Runtime on the CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime  # type: ignore[import-untyped]
from onnxruntime.capi import onnxruntime_pybind11_state as state  # type: ignore[import-untyped]

from tts_engine.audio import FloatArray
from tts_engine.backends import Acoustics, Encoding
from tts_engine.durations import IntArray
from tts_engine.errors import CheckpointError, SynthesisError
from tts_engine.prosody import level

_FAILURES = (
    RuntimeError, state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoSuchFile,
    state.NotImplemented, state.RuntimeException,
)  # fmt: skip
"""Its errors have no class in common."""


class OnnxBackend:
    """The exported graphs; their weights are read from the safetensors files beside them."""

    device = "cpu"

    def __init__(self, folder: Path, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._encoder = _open(folder / "acoustic" / "encoder.onnx", options)
        self._decoder = _open(folder / "acoustic" / "decoder.onnx", options)
        if "bend" not in [node.name for node in self._decoder.get_inputs()]:
            raise CheckpointError(
                f"{folder} 由旧版导出，不能调音高：请用 python -m tts_engine.training.export 重新导出。"
            )
        self._vocoder = _open(folder / "vocoder" / "generator.onnx", options)

    def encode(self, phonemes: IntArray, tones: IntArray, speaker: FloatArray) -> Encoding:
        """See ``Backend``."""
        hidden, log_durations = _run(
            self._encoder, phonemes=phonemes[None], tones=tones[None], speaker=speaker[None].astype(np.float32)
        )
        return Encoding(hidden[0], log_durations[0])

    def decode(self, hidden: FloatArray, places: FloatArray, bend: FloatArray | None = None) -> Acoustics:
        """See ``Backend``."""
        bend = level(hidden.shape[0]) if bend is None else bend
        f0, mel = _run(self._decoder, hidden=hidden[None], places=places[None], bend=bend[None])
        return Acoustics(f0[0], mel[0])

    def vocode(self, acoustics: Acoustics, excitation: FloatArray) -> FloatArray:
        """See ``Backend``."""
        (batch,) = _run(self._vocoder, mel=acoustics.mel[None], f0=acoustics.f0[None], excitation=excitation[None])
        samples: FloatArray = batch[0]
        return samples


def _open(path: Path, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except _FAILURES as error:
        raise CheckpointError(f"模型文件 {path.name} 无法载入：请重新下载或从备份恢复 {path.parent}。") from error


def _run(session: onnxruntime.InferenceSession, **inputs: npt.NDArray[np.generic]) -> list[FloatArray]:
    try:
        outputs: list[FloatArray] = session.run(None, inputs)
    except _FAILURES as error:
        raise SynthesisError("模型计算失败：请查看服务日志。") from error
    return outputs
