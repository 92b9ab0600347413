"""What a figure was measured on, and how the memory of a process is read."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path


def describe() -> dict[str, object]:
    """Processor, cores, memory and the versions that matter."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    processor = next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.machine())
    memory_kib = int(Path("/proc/meminfo").read_text(encoding="utf-8").split()[1])
    return {
        "processor": processor,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_kib / 1024**2, 1),
        "python": platform.python_version(),
        **{name: version(name) for name in ("onnxruntime", "numpy", "flask", "gunicorn", "gradio")},
    }


def report(figures: object, path: Path | None) -> None:
    """Print figures, and write them to ``path`` where there is one."""
    text = json.dumps(figures, ensure_ascii=False, indent=1)
    if path:
        path.write_text(text + "\n", encoding="utf-8")
    print(text)


def run_rounds(explanation: str, measure: Callable[[int], object], rounds: int) -> None:
    """The command line of a benchmark that takes medians of several rounds."""
    parser = argparse.ArgumentParser(description=explanation.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    report(measure(arguments.rounds), arguments.json)


def peak_memory_mb(pid: int) -> float:
    """Peak resident memory of a process and its children, MB (10^6 bytes)."""
    total = _high_water_kib(pid)
    for child in _children(pid):
        total += peak_memory_mb(child) * 1e6 / 1024
    return round(total * 1024 / 1e6, 1)


def resident_mb(pid: int) -> float:
    """Resident memory of a process now, MB (10^6 bytes)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def shared_memory_mb(pid: int) -> float:
    """Memory of a process and its children now, MB (10^6 bytes); a page that several share is counted once (PSS)."""
    own = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    kib = next(float(line.split()[1]) for line in own.splitlines() if line.startswith("Pss:"))
    return round(kib * 1024 / 1e6 + sum(shared_memory_mb(child) for child in _children(pid)), 1)


def _high_water_kib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1])
    return 0.0


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()]


def processor_s(pid: int) -> float:
    """CPU time that a process and its children have used, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(processor_s(child) for child in _children(pid))
