"""The proxy under load: ``python -m benchmarks.load --json FILE`` (some fifteen minutes).

``--quick`` takes a minute and only proves that it works. The file is written anew after each figure, every wait is
bounded, and a part that fails is named under ``failed`` and leaves the others to be measured (exit status 1).
The client is wrk, which takes a few per cent of what it asks for: a client in Python would be what is measured. The
engine is replaced by one that takes a fixed time (``benchmarks/stand_in.py``), and at the end by the real one.
Everything that is written lies in a temporary folder. wrk, the proxy, Redis and the stand-in share the machine's
cores; CPU time of the proxy per request is told beside the rates, because it depends less on what else runs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from benchmarks.machine import describe, processor_s, shared_memory_mb
from benchmarks.service import free_port

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "benchmarks" / "load.lua"
READY_LIMIT_S = 240
DELAY_MS = 100
GOALS = {
    "cached requests/s": 300,
    "cached p99 ms": 60,
    "two workers requests/s": 450,
    "overhead ms": 15,
}


@dataclass(frozen=True)
class Rig:
    """A started proxy and what stands behind it."""

    folder: Path
    port: int
    engine: str
    """Where the WebUI, or what stands for it, listens."""
    key: str
    processes: dict[str, subprocess.Popen[bytes]]

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def proxy_pid(self) -> int:
        return self.processes["proxy"].pid

    def session(self) -> requests.Session:
        """A client that trusts this proxy, with its key."""
        session = requests.Session()
        session.trust_env, session.verify = False, str(self.folder / "cert.pem")
        session.headers["X-API-Key"] = self.key
        return session

    def spoken(self) -> int:
        """How many texts the stand-in has spoken."""
        with urllib.request.urlopen(f"{self.engine}/count", timeout=10) as answer:
            return int(json.load(answer)["spoken"])


@contextmanager
def rig(workers: int = 1, delay_ms: int | None = DELAY_MS) -> Iterator[Rig]:
    """Start everything; two workers and more share a Redis.

    Args:
        workers: of gunicorn.
        delay_ms: of the stand-in; None starts the real WebUI.
    """
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="tts-load-")))
        engine, port = free_port(), free_port()
        environ = _environ(folder, engine, port, workers)
        processes: dict[str, subprocess.Popen[bytes]] = {}
        closing.callback(_stop, processes)
        python = [sys.executable, "-P"]
        if workers > 1:
            redis = free_port()
            environ["TTS__LIMITS__STORAGE_URI"] = f"redis://127.0.0.1:{redis}/0"
            command = ["redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
            processes["redis"] = _start(command, folder, environ)
        command = [*python, "webui.py"]
        if delay_ms is not None:
            command = [*python, "-m", "benchmarks.stand_in", str(engine), str(delay_ms)]
        processes["engine"] = _start(command, folder, environ)
        _call([*python, "app/launch.py", "plan", "--prepare", "proxy"], environ)
        made = folder / "key"
        _call([*python, "-m", "app", "keys", "create", "load", "--scopes", "tts", "--output", str(made)], environ)
        processes["proxy"] = _start(
            [*python, "-m", "gunicorn", "-c", "app/gunicorn.conf.py", "app.wsgi:app"], folder, environ
        )
        found = Rig(folder, port, f"http://127.0.0.1:{engine}", made.read_text().strip(), processes)
        _until_ready(found)
        yield found


def _environ(folder: Path, engine: int, port: int, workers: int) -> dict[str, str]:
    settings: dict[str, object] = {
        "WEBUI__PORT": engine,
        "PROXY__PORT": port,
        "PROXY__WORKERS": workers,
        "PROXY__PUBLIC_URL": f"https://127.0.0.1:{port}",
        "PROXY__TLS_CERTIFICATE": folder / "cert.pem",
        "PROXY__TLS_KEY": folder / "key.pem",
        "AUTH__JWT_SECRET_FILE": folder / "jwt_secret",
        "AUTH__ROOT_SECRET_FILE": folder / "root_secret",
        "AUTH__DEMO_KEY_FILE": folder / "demo_api_key",
        "DATABASE__URL": f"sqlite:///{folder}/app.db",
        "JOBS__QUEUE_FILE": folder / "queue.db",
        "STORAGE__DIR": folder / "audio",
        "GATEWAY__URL": f"http://127.0.0.1:{engine}",
        # far away, or the limits would be measured
        "LIMITS__PER_SUBJECT": "100000000/minute",
        "LIMITS__PER_ADDRESS": "100000000/minute",
        "LIMITS__CHARACTERS_PER_DAY": 10**9,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TTS__")}
    return inherited | {"PYTHONPATH": str(ROOT)} | {f"TTS__{name}": str(value) for name, value in settings.items()}


def _start(command: list[str], folder: Path, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    with (folder / "processes.log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def _call(command: list[str], environ: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)


def _stop(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in reversed(processes.values()):
        process.terminate()
    for process in processes.values():
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_ready(found: Rig) -> None:
    deadline = time.monotonic() + READY_LIMIT_S
    with found.session() as session:
        while time.monotonic() < deadline:
            for name, process in found.processes.items():
                if process.poll() is not None:
                    raise SystemExit(f"{name} ended:\n{(found.folder / 'processes.log').read_text()[-4000:]}")
            try:
                if session.get(f"{found.url}/readyz", timeout=10).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.2)
    raise SystemExit("the proxy was not ready in time:\n" + (found.folder / "processes.log").read_text()[-4000:])


@dataclass(frozen=True)
class Shape:
    """What wrk does."""

    connections: int
    seconds: float
    texts: int = 1
    """Asked for again and again."""
    new_of_1000: int = 0
    """Requests for a text that is new."""
    statuses: bool = False
    """Count them, which costs the client some time."""


def wrk(found: Rig, shape: Shape) -> dict[str, object]:
    """Run it against ``POST /tts``; what it counted, and the proxy's CPU time for each request."""
    with found.session() as session:
        for number in range(1, shape.texts + 1):
            text = f"欢迎使用AI语音合成功能，第{number}句。"
            session.post(f"{found.url}/tts", json={"text": text}, timeout=60).raise_for_status()
    environ = os.environ | {
        "LOAD_HOST": f"127.0.0.1:{found.port}",
        "LOAD_KEY": found.key,
        "LOAD_CACHED": str(shape.texts),
        "LOAD_NEW": str(shape.new_of_1000),
        "LOAD_STATUSES": str(int(shape.statuses)),
    }
    command = ["wrk", "-t", "1", "-c", str(shape.connections), "-d", f"{shape.seconds:.0f}s", "--timeout", "60s"]
    before = processor_s(found.proxy_pid)
    command += ["-s", str(SCRIPT), found.url]
    limit_s = shape.seconds + 120  # it waits for the last answers
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=limit_s)
    if done.returncode:
        raise SystemExit(f"wrk: {done.stdout}{done.stderr}")
    used_s = processor_s(found.proxy_pid) - before
    told = json.loads(done.stdout.strip().splitlines()[-1])
    counted: Counter[str] = Counter()
    for each in told.pop("statuses"):
        counted.update(each)
    return {
        "connections": shape.connections,
        "requests_per_s": round(told["requests"] / told["seconds"], 1),
        **told,
        "statuses": dict(counted),
        "proxy_cpu_ms_per_request": round(1000 * used_s / max(1, told["requests"]), 3),
    }


def overhead(found: Rig, rounds: int) -> dict[str, float]:
    """Medians of a new text: asked of the engine itself, and through the proxy, which also encodes and stores."""
    direct, through = [], []
    before_s = processor_s(found.proxy_pid)
    with found.session() as proxy, requests.Session() as engine:
        engine.trust_env = False
        for number in range(rounds):
            text = f"这一句没有人问过，第{number}次。"
            direct.append(_timed(lambda text=text: _ask_engine(engine, found.engine, text)))
            through.append(_timed(lambda text=text: _ask_proxy(proxy, found.url, text)))
    medians = 1000 * statistics.median(direct), 1000 * statistics.median(through)
    return {
        "rounds": rounds,
        "engine_ms": round(medians[0], 2),
        "through_proxy_ms": round(medians[1], 2),
        "overhead_ms": round(medians[1] - medians[0], 2),
        "proxy_cpu_ms_per_request": round(1000 * (processor_s(found.proxy_pid) - before_s) / rounds, 2),
    }


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _ask_engine(session: requests.Session, engine: str, text: str) -> None:
    told = session.post(f"{engine}/api/predict/", json={"data": [text, "female", 1.0, None, {}]}, timeout=60).json()
    url = told["data"][0]["url"]
    session.get(url if "://" in url else f"{engine}{url}", timeout=60).raise_for_status()


def _ask_proxy(session: requests.Session, url: str, text: str) -> dict[str, object]:
    answer = session.post(f"{url}/tts", json={"text": text}, timeout=60)
    answer.raise_for_status()
    told: dict[str, object] = answer.json()
    return told


def identical(found: Rig, clients: int, is_real: bool = False) -> dict[str, object]:
    """Many ask for the same new text at the same time."""
    before = 0 if is_real else found.spoken()
    gate = threading.Barrier(clients)

    def one(_: int) -> tuple[int, bool]:
        with found.session() as session:
            gate.wait(60)
            answer = session.post(f"{found.url}/tts", json={"text": "这一句大家同时要。"}, timeout=60)
            return answer.status_code, answer.status_code == 200 and not answer.json()["cached"]

    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(one, range(clients)))
    made = sum(fresh for _, fresh in answers)
    spoken = made if is_real else found.spoken() - before
    return {"clients": clients, "statuses": dict(Counter(str(status) for status, _ in answers)), "syntheses": spoken}


def crowd(found: Rig, clients: int, seconds: float) -> dict[str, object]:
    """Many clients for long, one request in fifty new; the proxy's memory every few seconds."""
    memory: list[float] = []
    over = threading.Event()

    def watch() -> None:
        while not over.wait(min(5.0, seconds / 20)):
            memory.append(shared_memory_mb(found.proxy_pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        told = wrk(found, Shape(clients, seconds, texts=50, new_of_1000=20, statuses=True))
    finally:
        over.set()
        watcher.join()
    fifth = max(1, len(memory) // 5)
    return told | {
        "memory_mb": {
            "second_fifth": round(statistics.median(memory[fifth : 2 * fifth] or memory), 1),
            "last_fifth": round(statistics.median(memory[-fifth:]), 1),
            "peak": max(memory),
        }
    }


Save = Callable[[dict[str, object]], None]


def measure(seconds: float, long_s: float, clients: int, save: Save) -> dict[str, object]:
    """Every figure; ``save`` gets what there is so far after each, and a part that fails leaves the others alone."""
    result: dict[str, object] = {"machine": describe(), "wrk": _wrk_version(), "goals": GOALS}
    with _part("one worker", result, save) as keep, rig() as found:
        keep("cached", wrk(found, Shape(16, seconds)))
        keep("miss", overhead(found, max(20, int(seconds))))
        keep("identical", identical(found, 100))
        keep("crowd", crowd(found, clients, long_s))
    with _part("two workers, Redis", result, save) as keep, rig(workers=2) as found:
        keep("cached_two_workers_redis", wrk(found, Shape(16, seconds)))
        keep("identical_two_workers_redis", identical(found, 100))
    with _part("real engine", result, save) as keep, rig(delay_ms=None) as found:
        keep("real_engine_cached", wrk(found, Shape(16, seconds)))
        keep("real_engine_miss", overhead(found, max(5, int(seconds / 3))))
        keep("real_engine_identical", identical(found, 100, is_real=True))
        keep("real_engine_crowd", crowd(found, clients, long_s))
    return result


@contextmanager
def _part(name: str, result: dict[str, object], save: Save) -> Iterator[Callable[[str, object], None]]:
    """What keeps a figure; a failure inside is written under ``failed`` and ends only this part."""

    def keep(figure: str, value: object) -> None:
        result[figure] = value
        save(result)

    try:
        yield keep
    except (SystemExit, OSError, subprocess.SubprocessError, threading.BrokenBarrierError, ValueError) as error:
        failed = result.setdefault("failed", {})
        if isinstance(failed, dict):
            failed[name] = f"{type(error).__name__}: {error}"[-2000:]
        save(result)


def _wrk_version() -> str:
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is needed: apt-get install wrk")
    told = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout
    return told.splitlines()[0].split(" Copyright")[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30, help="of each load")
    parser.add_argument("--crowd-seconds", type=float, default=300, help="of the many clients")
    parser.add_argument("--clients", type=int, default=500, help="how many they are")
    parser.add_argument("--quick", action="store_true", help="a few seconds of everything; the figures mean nothing")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    seconds, crowd_s, clients = arguments.seconds, arguments.crowd_seconds, arguments.clients
    if arguments.quick:
        seconds, crowd_s, clients = 3, 5, 50

    def save(result: dict[str, object]) -> None:
        if arguments.json:
            arguments.json.write_text(_text(result) + "\n", encoding="utf-8")

    result = measure(seconds, crowd_s, clients, save)
    print(_text(result))
    return 1 if "failed" in result else 0


def _text(result: dict[str, object]) -> str:
    return json.dumps(result, ensure_ascii=False, indent=1)


if __name__ == "__main__":
    sys.exit(main())
