"""The whole chain unattended (python -m tts_engine.training.recipe --device cuda --minutes 25 --out run).

Corpus → speaker encoder → acoustic model → vocoder, first by itself and then with discriminators and on what the
acoustic model predicts → recogniser → checkpoint → figures. Each stage is the script of that name with a share of the
time; a stage whose result is there is passed over, so a run that was cut off goes on. ``--features`` takes a set of
``prepare`` instead of making a corpus.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

SHARES = {"speaker": 0.12, "acoustic": 0.38, "vocoder": 0.15, "adversarial": 0.22, "recogniser": 0.13}
"""Of ``--minutes``: what each network learns in; making the corpus and measuring come on top."""
_PACKAGE = "tts_engine.training"


@dataclass(frozen=True)
class Stage:
    """One script with its options."""

    name: str
    script: str
    options: tuple[str, ...]
    result: Path
    """There when it is done."""

    @property
    def command(self) -> list[str]:
        """As a shell would be given it."""
        return [sys.executable, "-m", f"{_PACKAGE}.{self.script}", *self.options]


def stages(arguments: argparse.Namespace) -> Iterator[Stage]:
    """All stages in order."""
    out: Path = arguments.out
    features = arguments.features or out / "features"
    if arguments.features is None:
        hours = ("--hours", str(arguments.hours), "--heldout-hours", str(arguments.heldout_hours))
        size = ("--speakers", str(arguments.speakers), *hours)
        yield Stage("corpus", "corpus", (*size, "--out", str(features)), features / "index.json")
    heard = ("--features", str(features))
    encoder = ("--speaker-encoder", str(out / "speaker" / "model"))
    yield _network(arguments, "speaker", "train_speaker", heard, out / "speaker")
    yield _network(arguments, "acoustic", "train_acoustic", (*heard, *encoder), out / "acoustic")
    yield _network(arguments, "vocoder", "train_vocoder", heard, out / "vocoder")
    predicted = out / "predicted.npy"
    told = ("--acoustic", str(out / "acoustic" / "model"), *encoder, "--device", arguments.device)
    yield Stage("predicted", "predicted", (*heard, *told, "--out", str(predicted)), predicted)
    judged = (*heard, "--resume", "--adversarial", "--predicted", str(predicted))
    yield _network(arguments, "adversarial", "train_vocoder", judged, out / "vocoder")
    yield _network(arguments, "recogniser", "train_recogniser", heard, out / "recogniser")
    made = out / "v23"
    networks = ("acoustic", "vocoder", "speaker")
    parts = [part for name in networks for part in (f"--{name}", str(out / name / "model"))]
    yield Stage("export", "export", (*parts, "--out", str(made)), made / "SHA256SUMS")
    measured = ("--model", str(made), "--features", f"{features}-heldout", "--json", str(out / "quality.json"))
    judge = ("--recogniser", str(out / "recogniser" / "model"))
    yield Stage("evaluate", "evaluate", (*measured, *judge), out / "quality.json")


def _network(arguments: argparse.Namespace, name: str, script: str, options: tuple[str, ...], out: Path) -> Stage:
    """A stage that trains."""
    length = ("--minutes", f"{arguments.minutes * SHARES[name]:.2f}", "--steps", str(arguments.steps))
    common = ("--out", str(out), "--device", arguments.device, "--threads", str(arguments.threads), *length)
    mixed = ("--bf16",) if arguments.bf16 and script != "train_vocoder" else ()
    return Stage(name, script, (*options, *common, *mixed), out / f".{name}-done")


def run(arguments: argparse.Namespace) -> None:
    """Every stage that is not done yet.

    Raises:
        SystemExit: a stage failed; what is done stays.
    """
    arguments.out.mkdir(parents=True, exist_ok=True)
    for stage in stages(arguments):
        if stage.result.exists():
            print(f"{stage.name}: done before", flush=True)
            continue
        print(f"{stage.name}: {shlex.join(stage.command[2:])}", flush=True)
        started = time.monotonic()
        if subprocess.run(stage.command, env=os.environ, check=False).returncode != 0:  # noqa: S603  # our own scripts
            raise SystemExit(f"{stage.name} failed; mend it and start again: what is done is kept in {arguments.out}")
        stage.result.touch()
        print(f"{stage.name}: {time.monotonic() - started:.0f} s", flush=True)


def parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of everything that is made")
    parser.add_argument("--minutes", type=float, default=25, help="of training, all networks together")
    parser.add_argument("--steps", type=int, default=0, help="of each network instead of minutes, to try it out")
    parser.add_argument("--features", type=Path, help="feature set of prepare, instead of a distilled corpus")
    parser.add_argument("--hours", type=float, default=8.0, help="of the distilled corpus")
    parser.add_argument("--heldout-hours", type=float, default=0.3, help="of each set that measures")
    parser.add_argument("--speakers", type=int, default=560, help="of the distilled corpus, beside the named ones")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: all)")
    return parser


def main() -> None:
    """Read the command line and train everything."""
    run(parser().parse_args())


if __name__ == "__main__":
    main()
