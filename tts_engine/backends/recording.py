"""Networks with fixed shapes, computed again and again: CUDA graphs on a card, plain calls elsewhere.

A small network spends its time on a card being told what to do, kernel by kernel. A graph is told once and replayed:
inputs are written where they were when it was recorded, and so are outputs. One bucket of lengths has one graph.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tts_engine.audio import FloatArray

Work = Callable[..., tuple[Tensor, ...]]
"""Tensors of a fixed shape → tensors of a fixed shape, on the device."""
Array = npt.NDArray[np.generic]
_WARM_UPS = 2
"""Calls before recording: libraries choose their algorithms and take their memory in the first."""


@dataclass(frozen=True)
class Recording:
    """A work at fixed places in the device's memory."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    replay: Callable[[], None]
    """Computes ``outputs`` from what ``inputs`` hold now."""


class Recorder(Protocol):
    """How a device computes. One recording at a time is written, replayed and read: callers hold ``Player``'s lock."""

    device: str

    def record(self, work: Work, inputs: tuple[Tensor, ...]) -> Recording:
        """A recording of ``work``."""
        ...

    def ordered(self) -> AbstractContextManager[object]:
        """Everything begun inside happens in this order on the device."""
        ...

    def send(self, array: Array) -> Tensor:
        """An array in memory from which the device may read while the processor goes on."""
        ...

    def fetch(self, tensors: Sequence[Tensor]) -> Callable[[], list[FloatArray]]:
        """Begin to copy results back; the call that is returned waits for them."""
        ...


class Plain:
    """Any device without graphs: each replay calls the work. What runs in tests without a card."""

    def __init__(self, device: str) -> None:
        """Compute on ``device``, such as ``cpu``."""
        self.device = device

    def record(self, work: Work, inputs: tuple[Tensor, ...]) -> Recording:
        """See ``Recorder``."""
        outputs = tuple(output.clone() for output in work(*inputs))

        def replay() -> None:
            for kept, made in zip(outputs, work(*inputs), strict=True):
                kept.copy_(made)

        return Recording(inputs, outputs, replay)

    def ordered(self) -> AbstractContextManager[object]:
        """See ``Recorder``."""
        return nullcontext()

    def send(self, array: Array) -> Tensor:
        """See ``Recorder``."""
        return torch.from_numpy(np.ascontiguousarray(array))

    def fetch(self, tensors: Sequence[Tensor]) -> Callable[[], list[FloatArray]]:
        """See ``Recorder``."""
        copies = [tensor.float().cpu().numpy().copy() for tensor in tensors]
        return lambda: copies


class CudaGraphs:
    """A card: graphs on one stream with one pool of memory, page-locked transfers that nobody waits for.

    Sharing the pool is right because replays follow each other on the stream and each result is copied out on it
    before the next begins.

    Source: CUDA graphs in PyTorch's manual ("Whole-network capture", "Graph memory management").
    """

    def __init__(self, device: str) -> None:
        """Compute on ``device``, such as ``cuda:0``."""
        self.device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, work: Work, inputs: tuple[Tensor, ...]) -> Recording:
        """See ``Recorder``."""
        with self.ordered():
            for _ in range(_WARM_UPS):
                work(*inputs)
        self._stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"):
            outputs = work(*inputs)
        return Recording(inputs, outputs, graph.replay)

    def ordered(self) -> AbstractContextManager[object]:
        """See ``Recorder``."""
        return torch.cuda.stream(self._stream)

    def send(self, array: Array) -> Tensor:
        """See ``Recorder``."""
        return torch.from_numpy(np.ascontiguousarray(array)).pin_memory()

    def fetch(self, tensors: Sequence[Tensor]) -> Callable[[], list[FloatArray]]:
        """See ``Recorder``."""
        copies = [torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True) for tensor in tensors]
        for copy, tensor in zip(copies, tensors, strict=True):
            copy.copy_(tensor, non_blocking=True)
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record(self._stream)

        def wait() -> list[FloatArray]:
            arrived.synchronize()
            return [copy.float().numpy() for copy in copies]

        return wait


class Player:
    """Works of one device, recorded when they are first met. Thread-safe."""

    def __init__(self, recorder: Recorder) -> None:
        """Record nothing yet."""
        self._recorder = recorder
        self._lock = threading.Lock()
        self._recordings: dict[tuple[str, int], Recording] = {}

    @property
    def recorded(self) -> tuple[tuple[str, int], ...]:
        """Name and size of what was recorded."""
        return tuple(self._recordings)

    @torch.inference_mode()
    def play(self, name: str, size: int, work: Work, arrays: Sequence[Array]) -> list[FloatArray]:
        """The results of ``work`` for padded arrays, whose shapes ``name`` and ``size`` decide."""
        recorder = self._recorder
        given = [recorder.send(array) for array in arrays]
        with self._lock, recorder.ordered():
            recording = self._recordings.get((name, size))
            if recording is None:
                inputs = tuple(one.to(recorder.device, copy=True) for one in given)
                recording = self._recordings[name, size] = recorder.record(work, inputs)
            for place, one in zip(recording.inputs, given, strict=True):
                place.copy_(one, non_blocking=True)
            recording.replay()
            wait = recorder.fetch(recording.outputs)
        return wait()

    @torch.inference_mode()
    def call(self, work: Work, arrays: Sequence[Array]) -> list[FloatArray]:
        """The results of ``work`` for arrays of a shape that is too rare to be recorded."""
        recorder = self._recorder
        given = [recorder.send(array) for array in arrays]
        with self._lock, recorder.ordered():
            wait = recorder.fetch(work(*(one.to(recorder.device, non_blocking=True) for one in given)))
        return wait()
