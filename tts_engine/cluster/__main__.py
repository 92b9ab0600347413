"""The cluster's command line: start a head, join machines, look at them, change the model.

``python -m tts_engine.cluster head|join|status|upgrade``; see docs/cluster.md.
"""

from __future__ import annotations

import argparse
import ipaddress
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from settings import Settings, SettingsError, load_settings
from tts_engine.cluster import nodes
from tts_engine.cluster.token import ClusterError, make_token, read_token
from tts_engine.errors import TTSError
from tts_engine.hub import check_model

_USAGE = """\
python -m tts_engine.cluster head --ip 10.0.0.5 --max-replicas 8      在头节点运行，一直在前台
python -m tts_engine.cluster join 10.0.0.5:6379 --ip 10.0.0.6          在每台加入的机器运行，一直在前台
python -m tts_engine.cluster status                                    有哪些机器、多少副本
python -m tts_engine.cluster upgrade --model models/v24                换模型，逐个副本，不停机
"""
_EXCLUDED = [
    "var",
    ".venv",
    "venv",
    ".git",
    "__pycache__",
    "tests",
    "miniprogram",
    "docs",
    "benchmarks",
    "deploy",
    "app",
    "config.yaml",
    "*.env",
]
"""What of the project's folder the nodes do not get: secrets and what does not speak."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    options = _parser().parse_args(arguments)
    commands: dict[str, Callable[[argparse.Namespace, Settings], int]] = {
        "head": _head,
        "join": _join,
        "status": _status,
        "upgrade": _upgrade,
    }
    try:
        settings = load_settings()
        return commands[options.command](options, settings)
    except (SettingsError, TTSError) as error:
        print(f"出错：{error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tts_engine.cluster",
        description="多台机器一起合成（Ray Serve）。",
        epilog=_USAGE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    head = commands.add_parser("head", help="启动头节点并部署模型")
    join = commands.add_parser("join", help="让这台机器加入集群")
    join.add_argument("address", help="头节点的地址，例如 10.0.0.5:6379")
    for one in (head, join):
        one.add_argument("--ip", required=True, type=_ip, help="这台机器在内网的地址（不能是 127.0.0.1）")
        one.add_argument("--cpus", type=int, help="给集群用的 CPU 核数（默认全部）")
        one.add_argument("--gpus", type=int, help="给集群用的显卡数（默认全部）")
    head.add_argument("--port", type=int, default=8000, help="每个节点上接受合成请求的端口（默认 8000）")
    head.add_argument("--head-only", action="store_true", help="只在头节点接受请求")
    commands.add_parser("status", help="集群的机器与副本")
    upgrade = commands.add_parser("upgrade", help="换模型、代码或规模，不停机")
    for one in (head, upgrade):
        _add_plan(one)
    return parser


def _ip(text: str) -> str:
    return str(ipaddress.ip_address(text))


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="模型目录，在本项目目录之内（默认按 config.yaml）")
    parser.add_argument("--min-replicas", type=int, default=1, help="副本至少几个（默认 1）")
    parser.add_argument("--max-replicas", type=int, default=4, help="副本至多几个，按负载增减（默认 4）")
    parser.add_argument("--replica-cpus", type=float, default=2.0, help="一个副本占几个核（默认 2）")
    parser.add_argument("--replica-gpus", type=float, default=0.0, help="一个副本占几分之几张显卡，例如 0.25（默认 0）")
    parser.add_argument("--max-ongoing", type=int, default=16, help="一个副本同时进行几个请求（默认 16）")
    parser.add_argument("--max-queued", type=int, default=64, help="排队至多几个，再多答 503（默认 64）")


def _head(options: argparse.Namespace, settings: Settings) -> int:
    token_file = settings.engine.cluster_token_file
    make_token(token_file)
    nodes.prepare(os.environ, token_file)
    plan = _plan(options, settings)
    address = f"{options.ip}:{nodes.GCS_PORT}"
    process = nodes.start(nodes.Node(options.ip, cpus=options.cpus, gpus=options.gpus))
    over = _until_signal()
    try:
        nodes.wait_until_up(process, address, limit_s=120)
        _connect(address)
        from tts_engine.cluster.deployment import deploy, listen_at

        listen_at("0.0.0.0", options.port, not options.head_only)  # noqa: S104  # who asks must know the token
        deploy(plan)
        print(
            f"集群已启动：engine.cluster_urls 写 http://{options.ip}:{options.port}；令牌在 {token_file}。", flush=True
        )
        print(f"其它机器：复制令牌，再运行 python -m tts_engine.cluster join {address} --ip 本机地址", flush=True)
        while process.poll() is None and not over.wait(1):
            continue
    finally:
        nodes.stop(process)
    return 0 if over.is_set() else 1


def _join(options: argparse.Namespace, settings: Settings) -> int:
    _prepare(settings)
    process = nodes.start(nodes.Node(options.ip, options.address, options.cpus, options.gpus))
    over = _until_signal()
    try:
        while process.poll() is None and not over.wait(1):
            continue
    finally:
        nodes.stop(process)
    return 0 if over.is_set() else 1


def _status(_: argparse.Namespace, settings: Settings) -> int:
    _prepare(settings)
    _connect("auto")
    import ray
    from ray import serve

    for node in ray.nodes():
        resources = node["Resources"]
        state = "在线" if node["Alive"] else "离线"
        size = f"{resources.get('CPU', 0):g} 核，{resources.get('GPU', 0):g} 张显卡" if node["Alive"] else ""
        print(f"机器 {node['NodeManagerAddress']}：{state}{'，' + size if size else ''}")
    for name, application in serve.status().applications.items():
        for deployment in application.deployments.values():
            states = "，".join(f"{state} {count}" for state, count in deployment.replica_states.items())
            print(f"应用 {name}：{application.status.value}；副本 {states or '无'}")
            if deployment.message:
                print(f"  {deployment.message}")
    return 0


def _upgrade(options: argparse.Namespace, settings: Settings) -> int:
    _prepare(settings)
    plan = _plan(options, settings)
    _connect("auto")
    from tts_engine.cluster.deployment import deploy

    deploy(plan)
    print(f"已换成 {plan.model}。")
    return 0


def _plan(options: argparse.Namespace, settings: Settings) -> Any:
    """The plan of flags and settings; its model is whole here, and inside what the nodes are sent."""
    root = Path.cwd()
    folder = (root / (options.model or settings.engine.models_dir / settings.engine.model)).resolve()
    if not folder.is_relative_to(root):
        raise ClusterError(f"模型 {folder} 不在本项目目录里：请放到 models/ 下，它才会随代码发给各台机器。")
    check_model(folder)
    try:
        from tts_engine.cluster.deployment import Plan
    except ImportError as error:
        raise ClusterError("没有安装 Ray：请运行 .venv/bin/pip install -r requirements-cluster.txt。") from error
    return Plan(
        model=str(folder.relative_to(root)),
        device=settings.engine.device,
        threads=settings.engine.threads,
        conventions=settings.frontend.model_dump(),
        min_replicas=options.min_replicas,
        max_replicas=options.max_replicas,
        cpus=options.replica_cpus,
        gpus=options.replica_gpus,
        max_ongoing=options.max_ongoing,
        max_queued=options.max_queued,
        target_ongoing=max(1.0, options.max_ongoing / 2),
    )


def _prepare(settings: Settings) -> None:
    """Have Ray know the token; before it is imported, which is when it looks."""
    read_token(settings.engine.cluster_token_file)
    nodes.prepare(os.environ, settings.engine.cluster_token_file)


def _connect(address: str) -> None:
    """Become a driver that sends the project's folder along, so that every node runs the same code and model."""
    try:
        import ray
    except ImportError as error:
        raise ClusterError("没有安装 Ray：请运行 .venv/bin/pip install -r requirements-cluster.txt。") from error
    shipped = {"working_dir": str(Path.cwd()), "excludes": _EXCLUDED}
    try:
        ray.init(address=address, runtime_env=shipped, log_to_driver=False, logging_level="WARNING")
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise ClusterError(f"连不上集群（{type(error).__name__}）：请在集群的某台机器上运行，并检查令牌。") from error


def _until_signal() -> threading.Event:
    """Set when this process is asked to end."""
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    return over


if __name__ == "__main__":
    sys.exit(main())
