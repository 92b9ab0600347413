"""The real WebUI and the real gunicorn proxy on free ports, with everything they write in a folder of their own."""

import os
import random
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.leaks import spoken

ROOT = Path(__file__).parents[2]
START_LIMIT_S = 600
"""Until a server answers: seconds on an idle machine, minutes where many others compute; who ends is seen at once."""
LAUNCH = ("-P", "app/launch.py")
_PORTS = range(20_000, 32_000)
"""Below Linux's ``ip_local_port_range``, above those of Ray's workers."""
_given = set()


def free_port():
    """A port that nobody listens on, given once, and outside of what the kernel gives to connections: one of those
    could be taken before the server that it is for listens there."""
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


def until(condition, limit_s, what):
    """Look again and again until ``condition`` holds; fail with ``what`` when it does not in time."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_s} s: {what}")
        threading.Event().wait(0.05)


def environment(folder, webui_port, proxy_port, **settings):
    """The process environment with every path in ``folder`` and every port free; ``settings`` as ``SECTION__KEY``."""
    inherited = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    values = {
        "WEBUI__PORT": webui_port,
        "PROXY__PORT": proxy_port,
        "PROXY__TLS_CERTIFICATE": folder / "tls_cert.pem",
        "PROXY__TLS_KEY": folder / "tls_key.pem",
        "AUTH__JWT_SECRET_FILE": folder / "jwt_secret",
        "AUTH__ROOT_SECRET_FILE": folder / "root_secret",
        "AUTH__DEMO_KEY_FILE": folder / "demo_api_key",
        "DATABASE__URL": f"sqlite:///{folder}/app.db",
        "STORAGE__DIR": folder / "audio",
        "JOBS__QUEUE_FILE": folder / "queue.db",
        "LABEL__EXPLICIT": "none",  # so that lengths are those of the speech
        "LIMITS__PER_SUBJECT": "100000/minute",
        "LIMITS__PER_ADDRESS": "100000/minute",
        "LIMITS__TOKEN_PER_ADDRESS": "100000/minute",
        "LIMITS__FAILURES_PER_ADDRESS": "100000/minute",
        **settings,
    }
    return inherited | {"PYTHONPATH": str(ROOT)} | {f"TTS__{name}": str(value) for name, value in values.items()}


@dataclass
class Stack:
    """Both servers; stopping ends what was started, by its own handle."""

    folder: Path
    settings: dict = field(default_factory=dict)

    def __post_init__(self):
        self.webui_port, self.proxy_port = free_port(), free_port()
        urls = {
            "GATEWAY__URL": f"http://127.0.0.1:{self.webui_port}",
            "PROXY__PUBLIC_URL": f"https://127.0.0.1:{self.proxy_port}",
        }
        self.environ = environment(self.folder, self.webui_port, self.proxy_port, **(urls | self.settings))
        self.url = f"https://127.0.0.1:{self.proxy_port}"
        self.processes = {}
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(self.folder / "tls_cert.pem")
        self.closing = ExitStack()
        self.closing.callback(self.session.close)

    def __enter__(self):
        self.command(*LAUNCH, "plan", "--prepare", "webui", "proxy")
        self.key = (self.folder / "demo_api_key").read_text().strip()
        self.secret = (self.folder / "jwt_secret").read_text().strip()
        try:
            self.start("webui", "webui.py")
            self.start("proxy", "-m", "gunicorn", "-c", "app/gunicorn.conf.py", "app.wsgi:app")
            self.wait("webui", "proxy")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in list(self.processes):
            self.kill(name)
        self.closing.close()

    def command(self, *arguments):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, name, *arguments):
        log = self.closing.enter_context((self.folder / f"{name}.log").open("ab"))
        self.processes[name] = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=self.environ, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )

    def wait(self, *halves):
        """Return when ``halves`` are ready; a server that ended instead fails at once, with what it said."""
        waiter = subprocess.Popen(
            [sys.executable, *LAUNCH, "wait", str(START_LIMIT_S), *halves],
            cwd=ROOT,
            env=self.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: waiter.poll() is not None or self.ended(), START_LIMIT_S + 30, "the waiter ends")
        finally:
            waiter.kill()
            waiter.wait(120)
        assert waiter.returncode == 0, "\n".join(f"{name}: {self.log(name)}" for name in self.processes)

    def ended(self):
        return [name for name, process in self.processes.items() if process.poll() is not None]

    def kill(self, name):
        """End a server at once, as a crash would."""
        process = self.processes.pop(name)
        process.kill()
        process.wait(120)

    def restart_webui(self):
        self.start("webui", "webui.py")
        self.wait("webui")

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def syntheses(self):
        """How many texts the WebUI has spoken."""
        return self.log("webui").count("path=/api/predict/")

    def request(self, method, path, **options):
        body = options.get("json")
        if isinstance(body, dict):
            spoken(body.get("text") or body.get("input"))
        return self.session.request(method, self.url + path, **({"timeout": 60} | options))

    def tts(self, headers=None, **body):
        return self.request("POST", "/tts", json=body, headers=headers or {"X-API-Key": self.key})

    def stored(self):
        return sorted(path.name for path in (self.folder / "audio").iterdir())
