"""Machines of a cluster: the processes of Ray, with the token on, on ports that a firewall can name."""

from __future__ import annotations

import ipaddress
import os
import socket
import subprocess
import sys
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from tts_engine.cluster.token import ClusterError

GCS_PORT = 6379
_FIXED = (
    ("--node-manager-port", 6380),
    ("--object-manager-port", 6381),
    ("--runtime-env-agent-port", 6382),
    ("--dashboard-agent-listen-port", 6383),
    ("--dashboard-agent-grpc-port", 6384),
    ("--metrics-export-port", 6385),
    ("--min-worker-port", 6400),
    ("--max-worker-port", 6599),
)
_STOP_LIMIT_S = 90


@dataclass(frozen=True)
class Node:
    """One machine's share."""

    ip: str
    """Its own address in the private network."""
    head: str = ""
    """``ip:port`` of the head; empty for the head itself."""
    cpus: int | None = None
    gpus: int | None = None
    """None for what is there."""
    store_mb: int = 256
    """Shared memory of Ray's object store; little passes through it."""

    @property
    def command(self) -> list[str]:
        """What starts it and stays in the foreground."""
        where = (
            [f"--address={self.head}"] if self.head else ["--head", f"--port={GCS_PORT}", "--include-dashboard=false"]
        )
        sizes = {"--num-cpus": self.cpus, "--num-gpus": self.gpus, "--object-store-memory": self.store_mb << 20}
        return [
            sys.executable,
            "-m",
            "ray.scripts.scripts",
            "start",
            *where,
            f"--node-ip-address={self.ip}",
            *(f"{name}={port}" for name, port in _FIXED),
            *(f"{name}={value}" for name, value in sizes.items() if value is not None),
            "--disable-usage-stats",
            "--block",
        ]


def prepare(environ: MutableMapping[str, str], token_file: Path) -> None:
    """Have every process of Ray that starts from here ask for the token, and tell nobody outside.

    To be called before Ray is imported.

    Args:
        environ: the process's environment.
        token_file: exists and is ours alone.
    """
    environ["RAY_AUTH_MODE"] = "token"
    environ["RAY_AUTH_TOKEN_PATH"] = str(token_file.resolve())
    environ.pop("RAY_AUTH_TOKEN", None)
    environ["RAY_USAGE_STATS_ENABLED"] = "0"
    environ["RAY_OVERRIDE_RUNTIME_ENV_DEFAULT_EXCLUDES"] = ""  # what is not sent is told; it would warn of its own


def start(node: Node) -> subprocess.Popen[bytes]:
    """Start a node; it ends with ``stop``, or by itself when it loses its head.

    Raises:
        ClusterError: Ray is not installed, or the address is no address of a network.
    """
    if ipaddress.ip_address(node.ip).is_loopback:
        raise ClusterError("Ray 不能用回环地址组成集群：--ip 请写这台机器在内网的地址。")
    try:
        import ray  # noqa: F401
    except ImportError as error:
        raise ClusterError("没有安装 Ray：请运行 .venv/bin/pip install -r requirements-cluster.txt。") from error
    return subprocess.Popen(node.command, env=os.environ.copy())  # noqa: S603  # our own words


def wait_until_up(process: subprocess.Popen[bytes], address: str, limit_s: float) -> None:
    """Until the head listens.

    Raises:
        ClusterError: it ended, or is not there in time.
    """
    host, _, port = address.rpartition(":")
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with socket.create_connection((host, int(port)), timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    raise ClusterError(f"头节点没有在 {address} 启动：请看上面 Ray 的输出，常见的是端口 {GCS_PORT} 起的一段被占用。")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a node and what it started."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
