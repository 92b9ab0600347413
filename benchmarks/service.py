"""The whole service, started as a user starts it.

``python -m benchmarks.service --json FILE``

Time to ready, the first sound of a long text, peak memory of each process, and cached ``POST /tts`` over HTTPS on
keep-alive connections. Everything
that it writes lies in a temporary folder. The load generator runs on the same machine and takes its share of it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import describe, peak_memory_mb, shared_memory_mb
from benchmarks.playing import Listener
from benchmarks.texts import article

ROOT = Path(__file__).resolve().parents[1]
TEXT = "欢迎使用AI语音合成功能"
PCM_RATE = 22_050
READY_LIMIT_S = 180


@dataclass(frozen=True)
class Service:
    """A started service."""

    process: subprocess.Popen[str]
    port: int
    key: str
    certificate: Path
    ready_s: float

    def pids(self) -> dict[str, int]:
        """Each of the three processes by name."""
        named = {"webui.py": "webui", "gunicorn": "proxy", "worker": "worker"}
        found = {}
        for child in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            command = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
            for part, name in named.items():
                if part in command:
                    found[name] = int(child)
        return found


def start(folder: Path) -> Service:
    webui, proxy = free_port(), free_port()
    environ = os.environ | {
        "TTS__WEBUI__PORT": str(webui),
        "TTS__PROXY__PORT": str(proxy),
        "TTS__PROXY__PUBLIC_URL": f"https://127.0.0.1:{proxy}",
        "TTS__PROXY__TLS_CERTIFICATE": str(folder / "cert.pem"),
        "TTS__PROXY__TLS_KEY": str(folder / "key.pem"),
        "TTS__AUTH__JWT_SECRET_FILE": str(folder / "jwt_secret"),
        "TTS__AUTH__ROOT_SECRET_FILE": str(folder / "root_secret"),
        "TTS__AUTH__DEMO_KEY_FILE": str(folder / "demo_api_key"),
        "TTS__DATABASE__URL": f"sqlite:///{folder}/app.db",
        "TTS__STORAGE__DIR": str(folder / "audio"),
        "TTS__GATEWAY__URL": f"http://127.0.0.1:{webui}",
        "TTS__LIMITS__PER_SUBJECT": "1000000/minute",
        "TTS__LIMITS__PER_ADDRESS": "1000000/minute",
    }
    began = time.perf_counter()
    process = subprocess.Popen(
        ["bash", "start_app.sh"], cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    printed = []
    for line in process.stdout or ():
        printed.append(line)
        if line.startswith("curl") or "/tts" in line:
            break
        if time.perf_counter() - began > READY_LIMIT_S:
            break
    else:
        raise SystemExit("the service did not start:\n" + "".join(printed))
    key = (folder / "demo_api_key").read_text().strip()
    threading.Thread(target=lambda: process.stdout and process.stdout.read(), daemon=True).start()
    return Service(process, proxy, key, folder / "cert.pem", time.perf_counter() - began)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def ask(connection: http.client.HTTPSConnection, key: str, text: str) -> dict[str, object]:
    body = json.dumps({"text": text}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    connection.request("POST", "/tts", body, headers)
    response = connection.getresponse()
    data: dict[str, object] = json.loads(response.read())
    if response.status != 200:
        raise SystemExit(f"{response.status}: {data}")
    return data


def connect(service: Service) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=str(service.certificate))
    return http.client.HTTPSConnection("127.0.0.1", service.port, context=context, timeout=60)


def cached_load(service: Service, connections: int, seconds: float) -> dict[str, float]:
    """Answers a second and latencies of one cached text."""
    ask(connect(service), service.key, TEXT)
    latencies: list[float] = []
    stop = time.perf_counter() + seconds

    def client() -> None:
        connection = connect(service)
        while time.perf_counter() < stop:
            began = time.perf_counter()
            if ask(connection, service.key, TEXT)["cached"] is not True:
                raise SystemExit("the answer was not cached")
            latencies.append(time.perf_counter() - began)

    threads = [threading.Thread(target=client) for _ in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - began
    ordered = sorted(latencies)
    return {
        "connections": connections,
        "requests_per_s": round(len(ordered) / elapsed, 1),
        "p50_ms": round(1000 * statistics.median(ordered), 1),
        "p99_ms": round(1000 * ordered[int(0.99 * len(ordered))], 1),
    }


def uncached(service: Service, rounds: int) -> float:
    """Median seconds of a 50-character sentence that is new each time."""
    connection = connect(service)
    seconds = []
    for index in range(rounds):
        began = time.perf_counter()
        ask(
            connection,
            service.key,
            f"第{index}次：今天上午我们在会议室讨论了下个月的工作安排，大家一致认为应该先把最重要的事情做好。",
        )
        seconds.append(time.perf_counter() - began)
    return round(statistics.median(seconds), 3)


def streamed(service: Service, rounds: int) -> dict[str, float]:
    """An article of 2,000 characters as a stream of PCM: when it begins, and whether it can be played without a gap."""
    connection, listeners = connect(service), []
    for index in range(rounds):
        body = json.dumps({"text": article(2_000, (index + 1) * 100), "explicit_label": False}).encode()
        headers = {"Content-Type": "application/json", "Accept": "audio/pcm", "Authorization": f"Bearer {service.key}"}
        listener = Listener()
        connection.request("POST", "/tts/stream", body, headers)
        response = connection.getresponse()
        if response.status != 200:
            raise SystemExit(f"{response.status}: {response.read().decode()}")
        while data := response.read1(65_536):
            listener.hear(len(data) / (2 * PCM_RATE))
        listeners.append(listener)
    return {
        "first_audio_ms": round(1000 * statistics.median(one.first_s or 0.0 for one in listeners)),
        "first_audio_worst_ms": round(1000 * max(one.first_s or 0.0 for one in listeners)),
        "gap_s": round(max(one.gap_s for one in listeners), 3),
    }


def measure(connections: int, seconds: float) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        service = start(Path(folder))
        try:
            result: dict[str, object] = {
                "machine": describe(),
                "ready_s": round(service.ready_s, 1),
                "new_sentence_through_https_s": uncached(service, 7),
                "article_of_2000_characters": streamed(service, 5),
                "cached": cached_load(service, connections, seconds),
            }
            result["peak_memory_mb"] = {name: peak_memory_mb(pid) for name, pid in service.pids().items()}
            result["memory_pss_mb"] = {name: shared_memory_mb(pid) for name, pid in service.pids().items()}
            return result
        finally:
            service.process.send_signal(signal.SIGTERM)
            service.process.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10, help="of load")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    text = json.dumps(measure(arguments.connections, arguments.seconds), ensure_ascii=False, indent=1)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
