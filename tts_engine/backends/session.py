"""One exported graph on ONNX Runtime, and its failures as our own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime  # type: ignore[import-untyped]
from onnxruntime.capi import onnxruntime_pybind11_state as state  # type: ignore[import-untyped]

from tts_engine.audio import FloatArray
from tts_engine.errors import CheckpointError, SynthesisError

_FAILURES = (
    RuntimeError, state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoSuchFile,
    state.NotImplemented, state.RuntimeException,
)  # fmt: skip
"""Its errors have no class in common."""


class Session:
    """A graph whose weights are read from the safetensors file beside it. Safe from several threads."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        """Open a graph.

        Raises:
            CheckpointError: it cannot be loaded.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except _FAILURES as error:
            raise CheckpointError(f"模型文件 {path.name} 无法载入：请重新下载或从备份恢复 {path.parent}。") from error

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of what the graph takes."""
        return tuple(node.name for node in self._session.get_inputs())

    def run(self, **inputs: npt.NDArray[np.generic]) -> list[FloatArray]:
        """The graph's outputs, in its order.

        Raises:
            SynthesisError: it failed.
        """
        try:
            outputs: list[FloatArray] = self._session.run(None, inputs)
        except _FAILURES as error:
            raise SynthesisError("模型计算失败：请查看服务日志。") from error
        return outputs
