"""README's pictures, drawn from the kept figures: ``python -m benchmarks.pictures``.

Reads ``benchmarks/results/engine.json`` and ``peers.json``; writes ``docs/images/speed-*.svg``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]
RESULTS, IMAGES = ROOT / "benchmarks" / "results", ROOT / "docs" / "images"
_STYLE = {"figure.figsize": (6.4, 3.0), "svg.hashsalt": "speed", "axes.spines.top": False, "axes.spines.right": False}


def growth(rows: list[dict[str, Any]]) -> None:
    lengths = [row["characters"] for row in rows]
    plt.plot(lengths, [row["ms_per_character"] for row in rows], marker="o", label="ms per character")
    plt.plot(lengths, [row["first_audio_ms"] for row in rows], marker="s", label="ms to the first sound")
    plt.xscale("log")
    plt.yscale("log")
    plt.xlabel("characters of the text")
    plt.legend()


def callers(rows: list[dict[str, Any]]) -> None:
    numbers = [row["callers"] for row in rows]
    plt.plot(numbers, [row["speech_s_per_s"] for row in rows], marker="o")
    plt.xscale("log", base=2)
    plt.ylim(bottom=0)
    plt.xlabel("callers at the same time")
    plt.ylabel("seconds of speech\nmade in a second")


def peers(factors: dict[str, float | None]) -> None:
    known = {name: value for name, value in factors.items() if value}
    plt.barh(list(known), list(known.values()))
    plt.xscale("log")
    plt.xlabel("seconds of work for a second of speech (logarithmic)")
    plt.gca().invert_yaxis()


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    engine = json.loads((RESULTS / "engine.json").read_text(encoding="utf-8"))
    beside = json.loads((RESULTS / "peers.json").read_text(encoding="utf-8"))
    rows = engine["growth"] + [row for row in engine.get("longest", []) if row["characters"] > 10_000]
    for name, draw, data in (
        ("growth", growth, rows),
        ("callers", callers, engine["callers"]),
        ("peers", peers, beside["real_time_factor"]),
    ):
        with plt.rc_context(_STYLE):
            plt.figure(layout="constrained")
            draw(data)
            plt.savefig(IMAGES / f"speed-{name}.svg", metadata={"Date": None})
            plt.close()
        print(IMAGES / f"speed-{name}.svg")


if __name__ == "__main__":
    main()
