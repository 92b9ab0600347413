"""What ``start_app.sh`` asks Python: ``plan`` before the servers start, ``wait`` until they answer.

Run as ``PYTHONPATH=. python -P app/launch.py``: by its path, so that the whole proxy is not imported only to be asked
for a port. What needs the proxy is imported where it is needed.
"""

from __future__ import annotations

import argparse
import datetime
import errno
import http.client
import os
import shlex
import socket
import ssl
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from settings import ProxySettings, Settings, SettingsError, WebUISettings, dialled, load_settings

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_PROBE_TIMEOUT_S = 5.0
_PAUSE_S = 0.2
_SOON = datetime.timedelta(days=31)
"""A certificate that ends within this time is looked at more closely."""


def variables(settings: Settings) -> dict[str, str]:
    """What the script needs to know; no secret is among it."""
    engine = settings.engine
    return {
        "MODEL_FOLDER": str(engine.models_dir / engine.model),
        "HUB_REPOSITORY": engine.hub_repository,
        "HUB_REVISION": engine.hub_revision,
        "DEVICE_SETTING": engine.device,
        "STOP_LIMIT_S": str(settings.proxy.graceful_timeout_s + 10),
    }


def addresses(settings: Settings, halves: Sequence[str]) -> list[str]:
    """What is printed when all is ready: where the servers are, and a line to paste."""
    lines = []
    if "webui" in halves:
        lines.append(f"WebUI 页面：http://{dialled(settings.webui.host)}:{settings.webui.port}")
    if "proxy" in halves:
        lines.append(f"HTTPS 代理：{_proxy_address(settings.proxy)}（接口说明在 /docs）")
        if settings.auth.demo_key_file.exists():
            lines += ["在项目目录里粘贴这一行试一试：", f"  {curl_line(settings)}"]
        else:
            lines.append("需要 API 密钥时运行：.venv/bin/python -m app keys create 名称")
    return lines


def curl_line(settings: Settings) -> str:
    """A command that speaks a sentence when it is pasted in the project's folder."""
    proxy = settings.proxy
    parts = ["curl"]
    if proxy.unix_socket is not None:
        parts += ["--unix-socket", shlex.quote(str(proxy.unix_socket))]
    elif proxy.tls and _is_self_signed(proxy.tls_certificate):
        parts += ["--cacert", shlex.quote(str(proxy.tls_certificate))]
    parts += ["-H", f'"X-API-Key: $(cat {shlex.quote(str(settings.auth.demo_key_file))})"']
    parts += ["-H", "'Content-Type: application/json'"]
    parts += ["-d", """'{"text": "欢迎使用AI语音合成功能", "speaker": "female", "speed": 1.2}'"""]
    parts += ["http://localhost/tts" if proxy.unix_socket else f"{proxy.public_url}/tts"]
    return " ".join(parts)


def check_free(section: str, server: WebUISettings | ProxySettings) -> None:
    """Return when ``server`` can listen where its settings say.

    Raises:
        SettingsError: the address is taken, is not this machine's, or needs more rights.
    """
    if isinstance(server, ProxySettings) and server.unix_socket is not None:
        _check_socket_file(server.unix_socket)
        return
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            listener.bind((server.host, server.port))
        except OSError as error:
            raise SettingsError(_why_not(section, server, error)) from error


def _why_not(section: str, server: WebUISettings | ProxySettings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"端口 {server.port} 已被占用：请停掉占用它的程序（ss -ltnp 可查），"
            f"或用环境变量 TTS__{section.upper()}__PORT 换一个端口。"
        )
    return f"无法监听 {server.host}:{server.port}（{error.strerror}）：请检查设置 {section}.host 与 {section}.port。"


def _check_socket_file(path: Path) -> None:
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise SettingsError(f"无法在 {path.parent}/ 里建立套接字：请先建好这个目录，并让当前用户可以写入。")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(path))
        except OSError:  # nobody there, or a file that a killed server left
            return
    raise SettingsError(f"套接字 {path} 已有程序在监听：请先停掉它，或更换 proxy.unix_socket。")


def wait_ready(probes: Mapping[str, Callable[[], bool]], limit_s: float) -> None:
    """Return when every probe has succeeded once.

    Raises:
        SettingsError: one has not within ``limit_s`` seconds; the message names it.
    """
    deadline = time.monotonic() + limit_s
    for name, probe in probes.items():
        while not probe():
            if time.monotonic() > deadline:
                raise SettingsError(f"{name} 在 {limit_s:.0f} 秒内没有就绪：原因见 var/log/ 里的日志。")
            time.sleep(_PAUSE_S)


def webui_probe(settings: Settings) -> Callable[[], bool]:
    """Whether the WebUI has its model loaded."""
    webui = settings.webui
    headers = {"Authorization": f"Bearer {webui.token.get_secret_value()}"} if webui.token else {}
    host = dialled(webui.host).strip("[]")
    return lambda: _answers(
        http.client.HTTPConnection(host, webui.port, timeout=_PROBE_TIMEOUT_S), "/api/health", headers
    )


def proxy_probe(settings: Settings, path: str) -> Callable[[], bool]:
    """Whether the proxy answers 200 on ``path``."""
    return lambda: _answers(_connection(settings.proxy), path, {})


def _answers(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> bool:
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connection(proxy: ProxySettings) -> http.client.HTTPConnection:
    if proxy.unix_socket is not None:
        return _UnixConnection(proxy.unix_socket)
    host = dialled(proxy.host).strip("[]")
    if not proxy.tls:
        return http.client.HTTPConnection(host, proxy.port, timeout=_PROBE_TIMEOUT_S)
    context = ssl.create_default_context(cafile=proxy.tls_certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # this very certificate, whoever issued it
    context.check_hostname = False  # it may be for the public name alone
    return http.client.HTTPSConnection(host, proxy.port, timeout=_PROBE_TIMEOUT_S, context=context)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_PROBE_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _proxy_address(proxy: ProxySettings) -> str:
    if proxy.unix_socket is not None:
        return f"unix:{proxy.unix_socket}"
    return f"{'https' if proxy.tls else 'http'}://{dialled(proxy.host)}:{proxy.port}"


def _is_self_signed(path: Path) -> bool:
    certificate = _certificate(path)
    return certificate is not None and certificate.issuer == certificate.subject


def _certificate(path: Path) -> Certificate | None:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return None


def _prepare(settings: Settings) -> None:
    now = datetime.datetime.now(datetime.UTC)
    if _is_prepared(settings, now):
        return
    from app.first_run import make_key, prepare

    for line in (*prepare(settings, now), *make_key(settings, now)):
        sys.stdout.write(f"say {shlex.quote(line)}\n")  # for the shell to say: stdout is its input, stderr its errors


def _is_prepared(settings: Settings, now: datetime.datetime) -> bool:
    """Whether there is certainly nothing to make; when in doubt no, and ``app.first_run`` decides."""
    proxy, auth = settings.proxy, settings.auth
    if not auth.demo_key_file.exists() or (auth.jwt_secret is None and not auth.jwt_secret_file.exists()):
        return False
    if not proxy.tls or proxy.unix_socket is not None:
        return True
    certificate = _certificate(proxy.tls_certificate)
    fresh = certificate is not None and certificate.not_valid_after_utc > now + _SOON
    return fresh and proxy.tls_key.exists()


def _plan(options: argparse.Namespace, settings: Settings) -> None:
    for half in options.halves:
        check_free(half, settings.webui if half == "webui" else settings.proxy)
    if options.prepare and "proxy" in options.halves:
        _prepare(settings)
    for name, value in variables(settings).items():
        sys.stdout.write(f"{name}={shlex.quote(value)}\n")


def _wait(options: argparse.Namespace, settings: Settings) -> None:
    probes = {}
    if "webui" in options.halves:
        probes["WebUI"] = webui_probe(settings)
    if "proxy" in options.halves:
        probes["代理"] = proxy_probe(settings, "/readyz" if "webui" in options.halves else "/healthz")
    wait_ready(probes, options.seconds)
    for line in addresses(settings, options.halves):
        sys.stdout.write(f"{line}\n")


def main(arguments: list[str] | None = None) -> int:
    """The command line of ``start_app.sh``; 1 with one sentence when something stands in the way."""
    parser = argparse.ArgumentParser(prog="app/launch.py")
    commands = parser.add_subparsers(required=True)
    plan = commands.add_parser("plan", help="检查端口，输出给 shell 的变量")
    plan.add_argument("--prepare", action="store_true", help="生成首次运行的机密、证书与第一个密钥")
    plan.set_defaults(run=_plan)
    wait = commands.add_parser("wait", help="等到就绪，输出地址")
    wait.add_argument("seconds", type=float)
    wait.set_defaults(run=_wait)
    for command in (plan, wait):
        command.add_argument("halves", nargs="+", choices=("webui", "proxy"))
    options = parser.parse_args(arguments)
    try:
        options.run(options, load_settings())
    except SettingsError as error:
        sys.stderr.write(f"错误：{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
