"""Readings, speed and memory of the front end, beside the libraries that do part of its work.

``python -m benchmarks.frontend [--json FILE] [--ours] [--failures N]``

Development data (``cases.tsv``, ``cn_news_dev.jsonl``, ``cpp_dev/``) is looked for in ``../shared/mandarin``; a suite
whose data is not there is named and left out. The generated variants need none.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks import polyphones
from benchmarks.machine import describe
from benchmarks.suites import SUITES
from benchmarks.suites.suite import Suite, System, Verdict
from benchmarks.systems import systems

DATA = Path(__file__).resolve().parents[2] / "shared" / "mandarin"
_Judged = list[tuple[str, str, Verdict]]


def judge(suite: Suite, system: System) -> _Judged:
    """Category, text and verdict of every case that the system can be asked."""
    answers = ((case, case.judge(system)) for case in suite.cases)
    return [(case.category, case.text, verdict) for case, verdict in answers if verdict is not None]


def figures(judged: _Judged) -> dict[str, object]:
    """Counts and rates, whole and by category."""
    by_category: defaultdict[str, list[Verdict]] = defaultdict(list)
    for category, _, verdict in judged:
        by_category[category].append(verdict)
    return {
        "cases": len(judged),
        "right": _rate([verdict for *_, verdict in judged]),
        "negative": sum(verdict.negative for *_, verdict in judged),
        "categories": {category: _rate(verdicts) for category, verdicts in sorted(by_category.items())},
    }


def _rate(verdicts: Sequence[Verdict]) -> float | None:
    return round(sum(verdict.right for verdict in verdicts) / len(verdicts), 4) if verdicts else None


def measure(arguments: argparse.Namespace) -> dict[str, object]:
    """Run every suite on every system, printing on the way."""
    results: dict[str, object] = {"machine": describe(), "suites": {}}
    readers = systems(arguments.ours)
    for build in SUITES:
        suite = build(arguments.data)
        if suite is None:
            print(f"{build.__name__}: no data in {arguments.data}, left out")
            continue
        judged = {reader.name: judge(suite, reader) for reader in readers}
        of_suite = {name: figures(verdicts) for name, verdicts in judged.items()}
        results["suites"][suite.name] = {"goal": suite.goal, **of_suite}  # type: ignore[index]
        show(suite, of_suite)
        show_failures(judged[readers[0].name], arguments.failures)
    if (arguments.data / "cpp_dev").is_dir():
        results["suites"][polyphones.NAME] = polyphones.measure(arguments.data / "cpp_dev", arguments.ours)  # type: ignore[index]
    else:
        print(f"{polyphones.NAME}: no data in {arguments.data}, left out")
    if not arguments.no_speed:
        results["speed"] = speed()
        print(json.dumps(results["speed"], indent=1))
    return results


def speed() -> dict[str, object]:
    """Measured in a process of its own, so that memory and load time are the front end's alone."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.frontend_speed"], capture_output=True, check=True)
    return json.loads(done.stdout)


def show(suite: Suite, of_suite: dict[str, dict]) -> None:
    names = list(of_suite)
    print(f"\n{suite.name}: {len(suite.cases)} cases, goal {suite.goal:.1%}")
    print(f"  {'':32}" + "".join(f"{name:>12}" for name in names))
    print(f"  {'all':32}" + "".join(f"{_percent(of_suite[name]['right']):>12}" for name in names))
    if any(of_suite[name]["negative"] for name in names):
        print(
            f"  {'wrong readings that are listed':32}" + "".join(f"{of_suite[name]['negative']:>12}" for name in names)
        )
    for category in of_suite[names[0]]["categories"]:
        rates = [of_suite[name]["categories"].get(category) for name in names]
        print(f"  {category:32}" + "".join(f"{_percent(rate):>12}" for rate in rates))


def _percent(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:.1%}"


def show_failures(judged: _Judged, most: int) -> None:
    failed = [(category, text, verdict) for category, text, verdict in judged if not verdict.right or verdict.negative]
    for category, text, verdict in failed[:most]:
        print(f"    {category} {text!r} → {verdict.answer!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the development data")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--ours", action="store_true", help="our front end only")
    parser.add_argument("--no-speed", action="store_true", help="readings only")
    parser.add_argument("--failures", type=int, default=10, metavar="N", help="print N of our failures in each suite")
    arguments = parser.parse_args()
    results = measure(arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
