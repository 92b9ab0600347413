"""What every training script shares: options, atomic checkpoints, a learning rate that ends with the time given.

A ``Run`` is the loop itself: it keeps the time, writes checkpoints and curves, lets held-out speech be judged and
heard, and stops early where that no longer gets better.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm
from transformers import PreTrainedModel

from tts_engine.training.features import CACHE, FeatureSet
from tts_engine.training.processes import Processes

_LOG_EVERY = 20
_SAVE_EVERY = 200
_SMOOTHING = 0.98
_Seen = TypeVar("_Seen")


def options(description: str, name: str) -> argparse.ArgumentParser:
    """The options that all training scripts have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--features", type=Path, default=CACHE / "v23", help="feature set folder")
    parser.add_argument("--out", type=Path, default=CACHE / name, help="folder of checkpoints and log")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--minutes", type=float, default=60, help="how long to train in this run")
    parser.add_argument("--steps", type=int, default=0, help="stop after this many steps of this run (0: by minutes)")
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint in --out")
    parser.add_argument("--batch", type=int, default=16, help="of each process, where torchrun started several")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--bf16", action="store_true", help="bfloat16 where safe (CUDA, or a CPU with AVX512-BF16)")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: all)")
    parser.add_argument("--seed", type=int, default=1)
    return parser


def add_held_out(parser: argparse.ArgumentParser, sampled: bool = True) -> None:
    """The options of scripts that judge themselves on speech that is not learnt from."""
    parser.add_argument("--heldout", type=Path, help="feature set to judge by (FEATURES-heldout, where it is there)")
    parser.add_argument("--validate-every", type=int, default=500, help="steps between judgements (0: never)")
    parser.add_argument(
        "--patience",
        type=int,
        default=0,
        help="stop after so many judgements that are no better than the best, which is what is kept (0: never)",
    )
    if sampled:
        parser.add_argument(
            "--sample-every", type=int, default=0, help="steps between held-out utterances in TensorBoard (0: never)"
        )


def held_out(arguments: argparse.Namespace) -> FeatureSet | None:
    """The set that judges; None where there is none and none was asked for.

    Raises:
        SystemExit: an option needs one.
    """
    folder: Path = arguments.heldout or arguments.features.with_name(f"{arguments.features.name}-heldout")
    if (folder / "index.json").exists():
        return FeatureSet(folder)
    if arguments.heldout or arguments.patience or getattr(arguments, "sample_every", 0):
        raise SystemExit(f"{folder} holds no feature set: --heldout names one, for --patience and --sample-every")
    return None


def start(arguments: argparse.Namespace) -> Processes:
    """Seed everything, choose threads, make the output folder, meet the other processes."""
    processes = Processes.join(arguments.device)
    random.seed(arguments.seed + processes.rank)
    np.random.seed(arguments.seed + processes.rank)
    torch.manual_seed(arguments.seed + processes.rank)
    torch.set_flush_denormal(True)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    return processes


@dataclass
class Clock:
    """How much of a run is over."""

    minutes: float
    steps: int
    started: float
    step: int = 0
    agreed: float | None = None
    """What all processes take for ``done`` during a step."""

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Clock:
        """Start counting now."""
        return cls(arguments.minutes, arguments.steps, time.monotonic())

    @property
    def done(self) -> float:
        """Fraction of the run that is over, 0–1."""
        return self.measured if self.agreed is None else self.agreed

    @property
    def measured(self) -> float:
        """The same by this process's own time."""
        if self.steps:
            return min(1.0, self.step / self.steps)
        if self.minutes <= 0:
            return 1.0
        return min(1.0, (time.monotonic() - self.started) / (60 * self.minutes))

    @property
    def pace(self) -> str:
        """What a step took so far, everything between two steps included."""
        took = time.monotonic() - self.started
        return f"{self.step} steps in {took:.1f} s: {took / max(1, self.step):.3f} s each"

    def learning_rate(self, peak: float, warmup_steps: int = 200) -> float:
        """Linear warm-up, then half a cosine down to 2 % of ``peak``."""
        fall = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * self.done))
        return peak * fall * min(1.0, (self.step + 1) / warmup_steps)


def set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """Every parameter group gets ``value``."""
    for group in optimizer.param_groups:
        group["lr"] = value


class Part(Protocol):
    """What a checkpoint keeps: a network, an optimizer, or ``Patience``."""

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on."""

    def load_state_dict(self, state: dict[str, Any], /) -> Any:
        """Go on from there."""


def save_checkpoint(path: Path, step: int, **parts: Part) -> None:
    """Write all parts to ``path`` in one move: a killed run leaves the previous checkpoint whole."""
    state: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
    state["step"] = step
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load_checkpoint(path: Path, **parts: Part) -> int:
    """Restore all parts; the step reached."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    for name, part in parts.items():
        if name in state or not isinstance(part, Patience):  # older checkpoints know of no patience
            part.load_state_dict(state[name])
    return int(state["step"])


@dataclass
class Patience:
    """How long nothing has got better."""

    limit: int
    """Judgements to wait; 0 waits for ever."""
    best: float = math.inf
    waited: int = 0

    def better(self, loss: float) -> bool:
        """Whether this is the lowest loss so far."""
        self.waited = 0 if loss < self.best else self.waited + 1
        self.best = min(self.best, loss)
        return self.waited == 0

    @property
    def over(self) -> bool:
        """Whether it is time to stop."""
        return 0 < self.limit <= self.waited

    def state_dict(self) -> dict[str, float]:
        """What a resumed run must know."""
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, float], /) -> None:
        """Go on waiting; who resumes a run that had stopped wants to wait anew."""
        self.best, self.waited = state["best"], int(state["waited"])
        self.waited = 0 if self.over else self.waited


@dataclass(frozen=True)
class Watch:
    """What is done with held-out speech now and then; each is called by the leading process alone."""

    loss: Callable[[], float] | None = None
    """The lower, the better."""
    sample: Callable[[SummaryWriter, int], None] | None = None
    """Write sound and pictures of this step."""


class Run:
    """A training loop: ``for rate in run.rates(): learn from a batch at this rate; run.report(losses)``.

    Several processes run it alike and stop at the same step.
    """

    def __init__(
        self,
        arguments: argparse.Namespace,
        processes: Processes,
        network: PreTrainedModel,
        files: Mapping[str, Mapping[str, Part]],
        watch: Watch | None = None,
    ) -> None:
        """Begin, or go on where ``--resume`` says so.

        Args:
            arguments: of ``options``.
            processes: of ``start``.
            network: what is made; kept in its best state where held-out speech is judged.
            files: parts of each checkpoint by the file's name in ``--out``; ``last.pt`` counts the steps, and the
                others need not be there.
            watch: what is done with held-out speech.
        """
        self._arguments = arguments
        self._processes = processes
        self._network = network
        self._files = files
        self._watch = watch or Watch()
        self.patience = Patience(getattr(arguments, "patience", 0))
        self.step = self._load() if arguments.resume else 0
        self.clock = Clock.of(arguments)
        self._log = SummaryWriter(str(arguments.out)) if processes.leads else None
        self._averages: dict[str, float] = {}

    @property
    def seed(self) -> int:
        """For the batches of this process from here on."""
        return int(self._arguments.seed) + self.step + 1_000_003 * self._processes.rank

    def rates(self, peak: float | None = None, warmup_steps: int = 200) -> Iterator[float]:
        """The learning rate of every step until the time, or the patience, is over; then all is saved."""
        clock = self.clock
        with tqdm(
            total=1.0,
            unit="run",
            bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}",
            disable=not self._processes.leads,
        ) as bar:
            while self._goes_on():
                yield clock.learning_rate(peak or self._arguments.learning_rate, warmup_steps)
                clock.step += 1
                self.step += 1
                bar.update(clock.done - bar.n)
                shown = {name: f"{value:.3f}" for name, value in self._averages.items()}
                bar.set_postfix({"step": self.step, **shown}, refresh=False)
                if self._log:
                    self._look(self._log)
        self._save()
        if self._log:
            self._log.close()
            print(clock.pace)

    def report(self, losses: Mapping[str, float]) -> None:
        """Tell the losses of the step.

        Raises:
            SystemExit: one is no number: the last checkpoint is better than going on.
        """
        for name, value in losses.items():
            if not math.isfinite(value):
                last = self._arguments.out / "last.pt"
                raise SystemExit(f"{name} is {value} at step {self.step + 1}: go on from {last} with a lower rate")
            self._averages[name] = _SMOOTHING * self._averages.get(name, value) + (1 - _SMOOTHING) * value

    def finish(self) -> Path:
        """Write what was made, the best of it where ``--patience`` was given; the folder that others read."""
        folder = Path(self._arguments.out / "model")
        if self._processes.leads:
            best = self._arguments.out / "best"
            if self.patience.limit and best.exists():
                shutil.copytree(best, folder, dirs_exist_ok=True)
            else:
                self._network.save_pretrained(folder)
        self._processes.leave()
        return folder

    def _goes_on(self) -> bool:
        """Ask the leader."""
        over = 1.0 if self.patience.over else self.clock.measured
        self.clock.agreed = self._processes.agree(over)
        return self.clock.agreed < 1

    def _look(self, log: SummaryWriter) -> None:
        """What is due after this step, in the leading process."""
        if self.step % _LOG_EVERY == 0:
            for name, mean in self._averages.items():
                log.add_scalar(name, mean, self.step)
        if self._watch.loss and self._due("validate_every"):
            loss = self._judge(self._watch.loss)
            log.add_scalar("heldout", loss, self.step)
            if self.patience.better(loss):
                self._network.save_pretrained(self._arguments.out / "best")
        if self._watch.sample and self._due("sample_every"):
            self._judge(lambda: self._watch.sample(log, self.step))  # type: ignore[misc]  # it is there
        if self.step % _SAVE_EVERY == 0:
            self._save()

    def _due(self, option: str) -> bool:
        every = getattr(self._arguments, option, 0)
        return bool(every) and self.step % every == 0

    @torch.no_grad()
    def _judge(self, look: Callable[[], _Seen]) -> _Seen:
        """Look at the network as it will be used, and leave it and all random numbers as they were."""
        with torch.random.fork_rng(devices=[]):
            self._network.eval()  # type: ignore[no-untyped-call]  # transformers is half typed
            try:
                return look()
            finally:
                self._network.train()

    def _parts(self, name: str) -> dict[str, Part]:
        return dict(self._files[name]) | ({"patience": self.patience} if name == "last.pt" else {})

    def _save(self) -> None:
        if self._processes.leads:
            for name in self._files:
                save_checkpoint(self._arguments.out / name, self.step, **self._parts(name))

    def _load(self) -> int:
        """The step of ``last.pt``.

        Raises:
            SystemExit: there is nothing to resume.
        """
        step = 0
        for name, parts in self._files.items():
            path = self._arguments.out / name
            if name == "last.pt" and not path.exists():
                raise SystemExit(f"{path} is not there: begin without --resume")
            if path.exists():
                reached = load_checkpoint(path, **parts)
                step = reached if name == "last.pt" else step
        return step
