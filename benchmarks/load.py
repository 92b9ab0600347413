"""The proxy under load: ``python -m benchmarks.load --json FILE`` (some fifteen minutes).

``--quick`` takes a minute and only proves that it works; ``--only miss --seconds 10`` measures one figure. The file is
written anew after each figure, every wait is bounded, and a part that fails is named under ``failed`` and leaves the
others to be measured. At the end every promise stands beside its figure; the exit status is 1 where one is missed.
The client is wrk, which takes a few per cent of what it asks for: a client in Python would be what is measured. The
engine is replaced by one that takes a fixed time (``benchmarks/stand_in.py``), and at the end by the real one.
Everything that is written lies in a temporary folder. wrk, the proxy, Redis and the stand-in share the machine's
cores; CPU time of the proxy per request is told beside the rates, because it depends less on what else runs.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import shutil
import ssl
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
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import requests
import soundfile

from app.storage.local import LocalStorage
from benchmarks.machine import describe, processor_s, shared_memory_mb
from benchmarks.service import free_port
from benchmarks.stand_in import FRAMES
from sound import Label, encode, labelled
from sound.notice import margin, rhythm

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "benchmarks" / "load.lua"
READY_LIMIT_S = 240
DELAY_MS = 100
_TRIES = range(25)


@dataclass(frozen=True)
class Rig:
    """A started proxy and what stands behind it."""

    folder: Path
    port: int
    engine: str
    """Where the WebUI, or what stands for it, listens."""
    delay_ms: int | None
    """Of the stand-in; None: it is the real WebUI."""
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
        found = Rig(folder, port, f"http://127.0.0.1:{engine}", delay_ms, made.read_text().strip(), processes)
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


def overhead(found: Rig, rounds: int) -> dict[str, object]:
    """What the proxy adds to a text that nobody asked for before, as its client sees it.

    With the stand-in: the client's time less the stand-in's fixed delay, and nothing else is taken off. With the real
    engine, which has no such delay: less the median of asking the engine itself, as the proxy does, for other texts of
    the same length.
    """
    direct, through = [], []
    proxy, engine = Plain(found.url, found.folder / "cert.pem", found.key), Plain(found.engine)
    with closing(proxy), closing(engine):
        for number in range(100, 110):  # what is done only once is nobody's overhead
            proxy.speech(_new_text(number))
            engine.prediction(_new_text(number + 5000))
        before_s = processor_s(found.proxy_pid)
        for number in range(1000, 1000 + rounds):
            direct.append(_timed(lambda n=number: engine.prediction(_new_text(n + 5000))))
            through.append(_timed(lambda n=number: proxy.speech(_new_text(n))))
        used_s = processor_s(found.proxy_pid) - before_s
        again = [_timed(lambda n=n: proxy.speech(_new_text(n))) for n in range(1000, 1000 + rounds)]
        sound = proxy.get(str(proxy.speech(_new_text(1000))["audio_url"]))
    client_ms, engine_ms = 1000 * statistics.median(through), 1000 * statistics.median(direct)
    taken_off_ms = engine_ms if found.delay_ms is None else found.delay_ms
    steps = {
        "the engine's own work and the request to it": engine_ms - taken_off_ms,
        "the same request answered from the cache": 1000 * statistics.median(again),
        "encoding and labelling": _encoding_ms(sound),
        "onto the disk": _disk_ms(found.folder, sound),
    }
    steps["the rest: database, checks, waiting for the processor"] = client_ms - taken_off_ms - sum(steps.values())
    return {
        "rounds": rounds,
        "client_ms": round(client_ms, 2),
        "engine_ms": round(engine_ms, 2),
        "overhead_ms": round(client_ms - taken_off_ms, 2),
        "overhead_p95_ms": round(1000 * statistics.quantiles(through, n=20)[-1] - taken_off_ms, 2),
        "breakdown_ms": {name: round(took, 2) for name, took in steps.items()},
        "proxy_cpu_ms_per_request": round(1000 * used_s / rounds, 2),
    }


def _new_text(number: int) -> str:
    return f"这一句没有人问过，第{number}次。"


def _encoding_ms(sound: bytes) -> float:
    """What the sound that the proxy gave costs to encode and to label once more, here and without any load."""
    samples, rate = soundfile.read(io.BytesIO(sound), dtype="float32")
    tail = np.concatenate([margin(rate), rhythm(rate)])
    samples = np.concatenate([samples[: len(samples) - len(tail)], tail])
    label = Label("private-tts", "0" * 32)
    return 1000 * statistics.median(
        _timed(lambda: labelled(encode(samples, rate, "mp3", tail=len(tail)), "mp3", label)) for _ in _TRIES
    )


def _disk_ms(folder: Path, sound: bytes) -> float:
    store = LocalStorage(folder / "disk", bytes(32))
    names = iter(f"{number:032x}.mp3" for number in _TRIES)
    return 1000 * statistics.median(_timed(lambda: store.put(next(names), sound, "audio/mpeg")) for _ in _TRIES)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class Plain:
    """A client that keeps one connection and adds as little of its own as Python can: requests takes 2 ms a call."""

    def __init__(self, url: str, certificate: Path | None = None, key: str = "") -> None:
        """``certificate``: trusted with an https address."""
        address = urlsplit(url)
        host, port = str(address.hostname), int(address.port or 443)
        self._connection = http.client.HTTPConnection(host, port, timeout=60)
        if certificate is not None:
            context = ssl.create_default_context(cafile=str(certificate))
            self._connection = http.client.HTTPSConnection(host, port, timeout=60, context=context)
        self._headers = {"Content-Type": "application/json"} | ({"X-API-Key": key} if key else {})

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def speech(self, text: str) -> dict[str, object]:
        """The proxy's answer to a text."""
        told: dict[str, object] = json.loads(self._asked("POST", "/tts", json.dumps({"text": text}).encode()))
        return told

    def prediction(self, text: str) -> bytes:
        """The WebUI's answer, in frames, as the proxy asks for it."""
        body = json.dumps({"data": [text, "female", 1.0, None, {}]}).encode()
        return self._asked("POST", "/api/predict/", body, {"Accept": FRAMES})

    def get(self, url: str) -> bytes:
        """What lies at an address of the same host."""
        address = urlsplit(url)
        return self._asked("GET", f"{address.path}?{address.query}")

    def _asked(self, method: str, path: str, body: bytes | None = None, more: dict[str, str] | None = None) -> bytes:
        self._connection.request(method, path, body, self._headers | (more or {}))
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {data[:500]!r}")
        return data


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


@dataclass(frozen=True)
class Part:
    """Figures that need the same processes."""

    name: str
    start: Callable[[], AbstractContextManager[Rig]]
    figures: dict[str, Callable[[Rig], dict[str, object]]]


def figures(seconds: float, long_s: float, clients: int) -> tuple[Part, ...]:
    """All that is measured, by what must be started for it."""
    cached = Shape(16, seconds)
    return (
        Part(
            "one worker",
            rig,
            {
                "cached": lambda found: wrk(found, cached),
                "miss": lambda found: overhead(found, max(20, int(3 * seconds))),
                "identical": lambda found: identical(found, 100),
                "crowd": lambda found: crowd(found, clients, long_s),
            },
        ),
        Part(
            "two workers, Redis",
            lambda: rig(workers=2),
            {
                "cached_two_workers_redis": lambda found: wrk(found, cached),
                "identical_two_workers_redis": lambda found: identical(found, 100),
            },
        ),
        Part(
            "real engine",
            lambda: rig(delay_ms=None),
            {
                "real_engine_cached": lambda found: wrk(found, cached),
                "real_engine_miss": lambda found: overhead(found, max(5, int(seconds))),
                "real_engine_identical": lambda found: identical(found, 100, is_real=True),
                "real_engine_crowd": lambda found: crowd(found, clients, long_s),
            },
        ),
    )


def measure(parts: tuple[Part, ...], only: list[str] | None, save: Save) -> dict[str, object]:
    """The figures named in ``only``, or all; ``save`` gets what there is so far after each.

    A part that fails is named under ``failed`` and leaves the others alone.
    """
    result: dict[str, object] = {"machine": describe(), "wrk": _wrk_version()}
    for part in parts:
        chosen = {name: work for name, work in part.figures.items() if not only or name in only}
        if not chosen:
            continue
        with _part(part.name, result, save) as keep, part.start() as found:
            for name, work in chosen.items():
                keep(name, work(found))
    return result


@contextmanager
def _part(name: str, result: dict[str, object], save: Save) -> Iterator[Callable[[str, object], None]]:
    """What keeps a figure; a failure inside is written under ``failed`` and ends only this part."""

    def keep(figure: str, value: object) -> None:
        result[figure] = value
        result["bars"] = bars(result)
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


def bars(result: dict[str, object]) -> list[dict[str, object]]:
    """What the service promises, beside what was measured; a figure that was not measured has no bar."""
    return [
        {"bar": bar.promise, "figure": bar.figure, "measured": measured, "passed": bar.holds(measured)}
        for bar in BARS
        if (measured := _found(result, bar.figure)) is not None
    ]


@dataclass(frozen=True)
class Bar:
    """One promise."""

    promise: str
    figure: str
    """Names from the outside in, separated by dots."""
    holds: Callable[[Any], bool]


def _only_turned_away(statuses: dict[str, int]) -> bool:
    return set(statuses) <= {"200", "429", "503"} and statuses.get("200", 0) > 0


def _is_flat(memory_mb: dict[str, float]) -> bool:
    return memory_mb["last_fifth"] <= 1.05 * memory_mb["second_fifth"]


BARS = (
    Bar("cached, one process: at least 300 requests/s", "cached.requests_per_s", lambda rate: rate >= 300),
    Bar("cached, one process: p99 at most 60 ms", "cached.p99_ms", lambda took: took <= 60),
    Bar(
        "two workers and Redis: at least 450 requests/s", "cached_two_workers_redis.requests_per_s", lambda r: r >= 450
    ),
    Bar("a miss: at most 15 ms more than the engine's delay", "miss.overhead_ms", lambda took: took <= 15),
    Bar("100 the same: one synthesis", "identical.syntheses", lambda count: count == 1),
    Bar("100 the same, two workers: one synthesis", "identical_two_workers_redis.syntheses", lambda count: count == 1),
    Bar("100 the same, real engine: one synthesis", "real_engine_identical.syntheses", lambda count: count == 1),
    *(
        bar
        for crowd_of in ("crowd", "real_engine_crowd")
        for bar in (
            Bar("many clients: nothing but 200, 429 and 503", f"{crowd_of}.statuses", _only_turned_away),
            Bar("many clients: no broken connection", f"{crowd_of}.socket_errors", lambda count: count == 0),
            Bar("many clients: no answer after 60 s", f"{crowd_of}.timeouts", lambda count: count == 0),
            Bar("many clients: memory grows by at most 5 %", f"{crowd_of}.memory_mb", _is_flat),
        )
    ),
)


def _found(result: dict[str, object], path: str) -> Any:
    found: Any = result
    for name in path.split("."):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def report(result: dict[str, object]) -> str:
    """One line a promise, for people."""
    lines = [
        f"{'PASS' if bar['passed'] else 'FAIL'}  {bar['bar']}: {json.dumps(bar['measured'])}  ({bar['figure']})"
        for bar in bars(result)
    ]
    missed = [f"FAIL  {name}: {reason}" for name, reason in dict(result.get("failed") or {}).items()]  # type: ignore[call-overload]
    return "\n".join([*lines, *missed])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30, help="of each load")
    parser.add_argument("--crowd-seconds", type=float, default=300, help="of the many clients")
    parser.add_argument("--clients", type=int, default=500, help="how many they are")
    parser.add_argument("--quick", action="store_true", help="a few seconds of everything; the figures mean nothing")
    parser.add_argument("--only", nargs="+", metavar="FIGURE", help="such as miss or cached, and nothing else")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    seconds, crowd_s, clients = arguments.seconds, arguments.crowd_seconds, arguments.clients
    if arguments.quick:
        seconds, crowd_s, clients = 3, 5, 50
    parts = figures(seconds, crowd_s, clients)
    unknown = set(arguments.only or ()) - {name for part in parts for name in part.figures}
    if unknown:
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")

    def save(result: dict[str, object]) -> None:
        if arguments.json:
            arguments.json.write_text(_text(result) + "\n", encoding="utf-8")

    result = measure(parts, arguments.only, save)
    print(_text(result))
    print(report(result))
    is_whole = "failed" not in result and (arguments.quick or all(bar["passed"] for bar in bars(result)))
    return 0 if is_whole else 1


def _text(result: dict[str, object]) -> str:
    return json.dumps(result, ensure_ascii=False, indent=1)


if __name__ == "__main__":
    sys.exit(main())
