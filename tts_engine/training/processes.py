"""One training on several devices: what torchrun started (torchrun --nproc_per_node=2 -m tts_engine.training.…).

Each process has its own device and draws its own batches; gradients are averaged, so weights stay the same everywhere
and a batch is as many times larger as there are processes. Without torchrun there is one process, and all of this is
nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Processes:
    """All processes of a run, seen from one of them."""

    rank: int = 0
    """0 leads: it alone writes files, keeps the time and judges held-out speech."""
    count: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Of this process."""

    @classmethod
    def join(cls, device: str) -> Processes:
        """Those that torchrun tells of in the environment; ``cuda`` becomes the card of this process's own."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return cls(device=torch.device(device))
        own = torch.device(device)
        if own.type == "cuda":
            own = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
            torch.cuda.set_device(own)
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if own.type == "cuda" else "gloo")
        return cls(distributed.get_rank(), count, own)

    @property
    def leads(self) -> bool:
        """Whether this one writes."""
        return self.rank == 0

    def agree(self, value: float) -> float:
        """The leader's ``value``, everywhere: what decides whether to go on must not differ by a clock's tick."""
        if self.count == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(told, 0)
        return float(told.item())

    def spread(self, module: nn.Module) -> nn.Module:
        """The same module, its gradients averaged over all processes; call it, not what it wraps."""
        return module if self.count == 1 else DistributedDataParallel(module, broadcast_buffers=False)

    def leave(self) -> None:
        """Wait for all the others, then part."""
        if self.count > 1:
            distributed.barrier()
            distributed.destroy_process_group()


class Objective(nn.Module):
    """A loss as a module: gradients are shared only by what is called as one.

    Args:
        network: whose weights learn.
        loss: of the network and whatever the module is called with.
    """

    def __init__(self, network: nn.Module, loss: Callable[..., Any]) -> None:
        super().__init__()
        self.network = network
        self._loss = loss

    def forward(self, *inputs: Any) -> dict[str, Tensor]:
        """Each loss by name."""
        parts: dict[str, Tensor] = self._loss(self.network, *inputs)
        return parts
