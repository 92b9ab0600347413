"""Real PostgreSQL and Redis of the tests' own: on free ports of loopback, their files in a folder of their own."""

import os
import shutil
import signal
import subprocess
from itertools import count
from pathlib import Path

import psycopg
import pytest
import redis

from tests.end_to_end.stack import START_LIMIT_S, free_port, until


class Server:
    """A process that can be killed, stopped and started again at the same port."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.port = free_port()
        self.process = None
        self.has_answered = False

    def start(self):
        """Returns when it answers; before it has answered for the first time, a port that was taken is given up."""
        for _ in range(5):
            with (self.folder / "server.log").open("ab") as log:
                self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            until(lambda: self.process.poll() is not None or self.answers(), START_LIMIT_S, type(self).__name__)
            if self.process.poll() is None:
                self.has_answered = True
                return self
            if not self.has_answered:
                self.port = free_port()
        raise AssertionError(f"{type(self).__name__} does not stay: {self.log()}")

    def heal(self):
        """Start it where an earlier test left it dead, and let it run where it was frozen."""
        if self.process.poll() is not None:
            self.start()
        self.thaw()

    def kill(self):
        """As ``kill -9``, which leaves no time to say goodbye."""
        self.process.kill()
        self.process.wait(120)

    def freeze(self):
        """Connections stay open and nothing answers any more."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.thaw()
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()

    def log(self):
        return (self.folder / "server.log").read_text(errors="replace")[-2000:]


class Redis(Server):
    """``redis-server``, which keeps nothing on the disk."""

    def command(self):
        found = shutil.which("redis-server") or pytest.skip("redis-server is not installed")
        return [found, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self):
        return redis.Redis(port=self.port, socket_timeout=5, decode_responses=True)

    def answers(self):
        with self.client() as client:
            try:
                return client.ping()
            except redis.RedisError:
                return False


class Postgres(Server):
    """``postgres``, which refuses to run as root: then it runs as the user that its package made."""

    def __init__(self, folder):
        super().__init__(folder)
        self.numbers = count()
        self.guard = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        if self.guard:
            self.let_in()
            (self.folder / "data").mkdir(mode=0o700)
            shutil.chown(self.folder / "data", "postgres", "postgres")
        binary = self.binary("initdb")
        options = ["-D", str(self.folder / "data"), "-U", "tts", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"]
        subprocess.run([*self.guard, binary, *options], check=True, capture_output=True, cwd="/")

    def let_in(self):
        """Let the package's user pass to the data; another run of pytest closes the folder that all runs share."""
        for parent in (self.folder, *self.folder.parents):
            if parent.stat().st_uid == 0 and parent != Path("/tmp") and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)

    @staticmethod
    def binary(name):
        versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        found = shutil.which(name) or (str(versions[-1]) if versions else None)
        return found or pytest.skip("PostgreSQL is not installed")

    def command(self):
        if self.guard:
            self.let_in()
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": 60,
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [*self.guard, self.binary("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), *settings]

    def new_database(self):
        """The SQLAlchemy URL of an empty database."""
        name = f"tts{next(self.numbers)}"
        with psycopg.connect(self.dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://tts@127.0.0.1:{self.port}/{name}"

    def dsn(self, database):
        return f"host=127.0.0.1 port={self.port} user=tts dbname={database} connect_timeout=5"

    def kill(self):
        """The whole server at once: its children end when their parent is gone."""
        super().kill()
        until(lambda: not self.answers(), 120, "PostgreSQL is gone")

    def answers(self):
        try:
            psycopg.connect(self.dsn("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True
