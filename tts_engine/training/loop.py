"""What every training script shares: options, atomic checkpoints, a learning rate that ends with the time given."""

from __future__ import annotations

import argparse
import math
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from tts_engine.training.features import CACHE


def options(description: str, name: str) -> argparse.ArgumentParser:
    """The options that all training scripts have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--features", type=Path, default=CACHE / "v23", help="feature set folder")
    parser.add_argument("--out", type=Path, default=CACHE / name, help="folder of checkpoints and log")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--minutes", type=float, default=60, help="how long to train in this run")
    parser.add_argument("--steps", type=int, default=0, help="stop after this many steps of this run (0: by minutes)")
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint in --out")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--bf16", action="store_true", help="bfloat16 where safe (CUDA, or a CPU with AVX512-BF16)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: all)")
    parser.add_argument("--seed", type=int, default=1)
    return parser


def start(arguments: argparse.Namespace) -> None:
    """Seed everything, choose threads, make the output folder."""
    random.seed(arguments.seed)
    np.random.seed(arguments.seed)
    torch.manual_seed(arguments.seed)
    torch.set_flush_denormal(True)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)


@dataclass
class Clock:
    """How much of a run is over."""

    minutes: float
    steps: int
    started: float
    step: int = 0

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Clock:
        """Start counting now."""
        return cls(arguments.minutes, arguments.steps, time.monotonic())

    @property
    def done(self) -> float:
        """Fraction of the run that is over, 0–1."""
        if self.steps:
            return min(1.0, self.step / self.steps)
        if self.minutes <= 0:
            return 1.0
        return min(1.0, (time.monotonic() - self.started) / (60 * self.minutes))

    def learning_rate(self, peak: float, warmup_steps: int = 200) -> float:
        """Linear warm-up, then half a cosine down to 2 % of ``peak``."""
        fall = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self.done))
        return peak * fall * min(1.0, (self.step + 1) / warmup_steps)


def set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """Every parameter group gets ``value``."""
    for group in optimizer.param_groups:
        group["lr"] = value


def save_checkpoint(path: Path, step: int, **parts: nn.Module | torch.optim.Optimizer) -> None:
    """Write all parts to ``path`` in one move: a killed run leaves the previous checkpoint whole."""
    state: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
    state["step"] = step
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load_checkpoint(path: Path, **parts: nn.Module | torch.optim.Optimizer) -> int:
    """Restore all parts; the step reached."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return int(state["step"])
