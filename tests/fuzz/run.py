"""Coverage-guided fuzzing: ``python -m tests.fuzz.run TARGET --executions N`` prints one line of JSON; 1 on a failure.

The fuzzer (atheris on libFuzzer) ends its process itself, so it runs in a child that writes what it found to a folder.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

_INSTRUMENTED = [
    "app.auth",
    "app.body",
    "app.tencent",
    "app.storage",
    "app.keyring",
    "app.routes",
    "jwt",
    "werkzeug.sansio",
    "tts_engine.clips",
]
_MAX_BYTES = 4096


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("target", choices=("token", "link", "tencent", "form", "clip"))
    parser.add_argument("--executions", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    return _child(options) if options.child else _parent(options)


def _parent(options):
    with tempfile.TemporaryDirectory(prefix="tts-fuzz-run-") as folder:
        command = [sys.executable, "-m", "tests.fuzz.run", options.target, "--executions", str(options.executions)]
        done = subprocess.run(
            [*command, "--seed", str(options.seed), "--child", folder], capture_output=True, text=True, check=False
        )
        found = list({path.read_bytes() for path in Path(folder).glob("crash-*")})
    ran = re.search(r"Done (\d+) (?:runs )?in (\d+) second", done.stderr)
    covered = re.findall(r"cov: (\d+)", done.stderr)
    told = {
        "target": options.target,
        "executions": int(ran[1]) if ran else 0,
        "seconds": int(ran[2]) if ran else None,
        "edges": int(covered[-1]) if covered else 0,
        "failures": len(found),
    }
    print(json.dumps(told))
    if done.returncode or found or not ran:
        # what libFuzzer tells of itself is on stderr, the exception on stdout
        print(f"return code {done.returncode}", done.stdout[-4000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
        for data in found:
            print(f"input: {data!r}", file=sys.stderr)
        return 1
    return 0


def _child(options):
    import logging

    import atheris

    with atheris.instrument_imports(include=_INSTRUMENTED):
        from tests.fuzz.targets import prepared

    logging.disable(logging.CRITICAL)
    attempt, seeds, _ = prepared(options.target)

    def watched(data):
        try:
            attempt(data)
        except BaseException:
            # the fuzzer itself may be stopped by its own alarm before it has written this down
            (options.child / "crash-input").write_bytes(data)
            raise

    corpus = options.child / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    flags = [f"-runs={options.executions}", f"-seed={options.seed}", f"-max_len={_MAX_BYTES}", "-timeout=60"]
    atheris.Setup([sys.argv[0], *flags, f"-artifact_prefix={options.child}/", str(corpus)], watched)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
