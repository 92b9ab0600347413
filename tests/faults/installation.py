"""A whole installation on loopback: the shipped nginx, gunicorn, the worker and a stand-in engine, each a real process.

As under systemd, the proxies' sockets are held by somebody else, so connections wait while a proxy restarts.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path

import requests

from tests.end_to_end.stack import LAUNCH, ROOT, START_LIMIT_S, environment, free_port
from tests.end_to_end.test_nginx import MAIN, NGINX

RESTART_S = 2.0
"""``RestartSec`` of the units in deploy/systemd."""


def until(condition, limit_s, what):
    """Look again and again; fail with what ``what()`` says when it does not come true in time."""
    deadline_s = time.monotonic() + limit_s
    while not (found := condition()):
        if time.monotonic() > deadline_s:
            raise AssertionError(f"not within {limit_s} s: {what() if callable(what) else what}")
        time.sleep(0.02)
    return found


class Site:
    """``hosts`` proxies behind one nginx; stopping ends what was started, by its own handle."""

    def __init__(self, folder, hosts=1, **settings):
        self.folder = Path(folder)
        self.hosts = hosts
        self.engine_port, self.https_port = free_port(), free_port()
        self.url = f"https://localhost:{self.https_port}"
        self.sockets = {}
        self.processes = {}
        self.restarts = {}
        self.closing = ExitStack()
        own = {
            "GATEWAY__URL": f"http://127.0.0.1:{self.engine_port}",
            "PROXY__PUBLIC_URL": self.url,
            "PROXY__TRUSTED_PROXIES": "1",
            "PROXY__LOG_FORMAT": "text",
            "LIMITS__FAILURES_PER_KEY": "100000/minute",
            "JOBS__PART_CHARS": "20",
            "JOBS__MAX_ACTIVE": "50",
        }
        self.environ = environment(self.folder, self.engine_port, free_port(), **(own | settings))

    def __enter__(self):
        try:
            self.prepare()
            self.start_engine()
            for host in range(self.hosts):
                self.start_proxy(host)
                self.start_worker(host)
            self.start_nginx()
            until(lambda: self.request("GET", "/readyz").status_code == 200, START_LIMIT_S, self.told)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(120)
        for listener in self.sockets.values():
            listener.close()
        self.closing.close()

    def prepare(self):
        """Secrets, certificate and the first key, made as for an administrator who has a database of its own."""
        self.command("-m", "app", "migrate")
        self.command(*LAUNCH, "plan", "--prepare", "proxy")
        self.key = (self.folder / "demo_api_key").read_text().strip()
        self.certificate = str(self.folder / "tls_cert.pem")

    def command(self, *arguments):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    # ---- processes

    def start(self, name, command, **options):
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, **options
            )
        return self.processes[name]

    def start_engine(self):
        """Returns when it listens."""
        command = [sys.executable, str(Path(__file__).with_name("engine.py")), str(self.engine_port)]
        self.start("engine", [*command, str(self.folder / "spoken")])
        self.listens("engine", self.engine_port)

    def start_proxy(self, host=0, **changes):
        """Begins a proxy on its socket, which listens already; returns at once."""
        path = self.folder / f"proxy{host}.sock"
        if host not in self.sockets:
            self.sockets[host] = listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(path))
            listener.listen(512)
        inherited = self.sockets[host].fileno()
        # what systemd does for a unit with a socket
        script = f'exec 3<&{inherited}; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"'
        gunicorn = [sys.executable, "-m", "gunicorn", "-c", "app/gunicorn.conf.py", "app.wsgi:app"]
        environ = self.environ_of(host) | {"TTS__PROXY__UNIX_SOCKET": str(path)} | changes
        return self.start(f"proxy{host}", ["bash", "-c", script, "bash", *gunicorn], env=environ, pass_fds=(inherited,))

    def start_worker(self, host=0, **changes):
        name = "worker" if host == 0 else f"worker{host}"
        return self.start(name, [sys.executable, "-m", "app", "worker"], env=self.environ_of(host) | changes)

    def environ_of(self, host):
        """A host has a disk of its own."""
        return self.environ | ({"TTS__STORAGE__DIR": f"{self.folder}/audio{host}"} if self.hosts > 1 else {})

    def start_nginx(self):
        text = (ROOT / "nginx" / "tts.conf").read_text(encoding="utf-8")
        (twice,) = {line for line in text.splitlines() if line.lstrip().startswith("server unix:")}
        proxies = [
            twice.replace("/run/tts/proxy.sock", f"{self.folder}/proxy{host}.sock") for host in range(self.hosts)
        ]
        # one host is written twice, several are written once
        text = text.replace(f"{twice}\n{twice}", "\n".join(proxies * 2 if self.hosts == 1 else proxies))
        for old, new in (
            ("tts.example.com", "localhost"),
            ("/etc/nginx/tls/fullchain.pem", self.certificate),
            ("/etc/nginx/tls/privkey.pem", f"{self.folder}/tls_key.pem"),
            ("/var/log/nginx/", f"{self.folder}/"),
            ("listen 80", f"listen 127.0.0.1:{free_port()}"),
            ("listen 443", f"listen 127.0.0.1:{self.https_port}"),
            ("rate=20r/s", "rate=20000r/s"),  # all clients here have one address
            ("tts_connections 64", "tts_connections 1000"),
        ):
            assert old in text, old
            text = text.replace(old, new)
        (self.folder / "tts.conf").write_text(text, encoding="utf-8")
        user = "root" if os.getuid() == 0 else "nobody"
        (self.folder / "nginx.conf").write_text(MAIN.format(folder=self.folder, user=user), encoding="utf-8")
        self.start("nginx", [NGINX, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")])
        self.listens("nginx", self.https_port)

    def heal(self):
        """Start what an earlier test left dead, and wait until all is as at the start: each test stands for itself."""
        starts = {"engine": self.start_engine, "nginx": self.start_nginx}
        for host in range(self.hosts):
            starts[f"proxy{host}"] = partial(self.start_proxy, host)
            starts["worker" if host == 0 else f"worker{host}"] = partial(self.start_worker, host)
        for name, start in starts.items():
            process = self.processes.get(name)
            if process is None or process.poll() is not None:
                start()
        self.control(delay_s=0.05, status=0)
        until(lambda: self.request("GET", "/readyz").status_code == 200, START_LIMIT_S, self.told)

    def listens(self, name, port):
        """Returns when a process that was started listens."""
        process = self.processes[name]
        until(lambda: _accepts(port) or process.poll() is not None, START_LIMIT_S, f"{name} listens")
        assert process.poll() is None, self.log(name)

    def kill(self, name):
        """The process and its children at once, as ``kill -9`` or the kernel's out-of-memory killer."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(120)

    def unplug(self, host):
        """A whole host goes away: its proxy, its worker, and whoever held its socket."""
        self.kill(f"proxy{host}")
        self.kill("worker" if host == 0 else f"worker{host}")
        self.sockets.pop(host).close()
        (self.folder / f"proxy{host}.sock").unlink()

    def stop(self, name, limit_s=45):
        """``systemctl stop``: returns when it has ended by itself."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        assert process.wait(limit_s) == 0, self.log(name)

    def gunicorn_workers(self, host=0):
        """Process ids of the workers under the master of a proxy."""
        master = self.processes[f"proxy{host}"].pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        return [int(child) for child in children]

    # ---- what is asked

    def request(self, method, path, session=requests, **options):
        options = {"timeout": 65, "verify": self.certificate, "headers": {"X-API-Key": self.key}} | options
        return session.request(method, self.url + path, **options)

    def fetch(self, url):
        """A sound that is not behind nginx: in the bucket."""
        answer = requests.get(url, timeout=30)
        assert answer.status_code == 200, answer.text[:200]
        return answer.content

    def control(self, **changes):
        """Change how the engine behaves."""
        answer = requests.post(f"http://127.0.0.1:{self.engine_port}/control", json=changes, timeout=10)
        assert answer.status_code == 200

    def spoken(self):
        """Every text that the engine finished, in order."""
        path = self.folder / "spoken"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def log(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text("utf-8", "replace")[-6000:] if path.exists() else ""

    def told(self):
        return "\n".join(f"---- {name}\n{self.log(name)}" for name in ("proxy0", "proxy1", "worker", "nginx"))


def wait_s(seconds):
    """Let a fault last; what is asserted never depends on how long."""
    time.sleep(seconds)


def _accepts(port):
    with closing(socket.socket()) as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
