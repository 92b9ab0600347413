"""The cluster that the tests here share; see ground.py."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from tests.end_to_end.stack import free_port
from tts_engine.cluster.client import ClusterEngine, Patience, Site
from tts_engine.cluster.token import make_token, read_token, speech_key

ROOT = Path(__file__).parents[3]
LIMIT_S = 400
"""Of one command; an idle machine takes a fortieth of it."""


class Cluster:
    """Commands to ground.py."""

    def __init__(self, folder):
        self.token_file = folder / "cluster_token"
        make_token(self.token_file)
        self.port = free_port()
        self.scratch = tempfile.TemporaryDirectory(prefix="ray")  # short: names of sockets have at most 107 bytes
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")} | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.token_file),
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_raylet_start_wait_time_s": "300",
            "RAY_health_check_timeout_ms": "60000",  # a machine that is only slow is not dead; a killed node is refused
            "RAY_health_check_period_ms": "1000",
            "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
            "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
            "RAY_TMPDIR": self.scratch.name,
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
        }
        self.log = (folder / "ground.log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.tts_engine.cluster.ground", str(self.port)],
            cwd=ROOT,
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )

    def wait(self):
        """Until it is there."""
        self._answer()

    def __call__(self, command, *arguments):
        self.process.stdin.write(json.dumps([command, arguments]) + "\n")
        self.process.stdin.flush()
        answer = self._answer()
        assert "error" not in answer, answer
        return answer["answer"]

    def _answer(self):
        timer = threading.Timer(LIMIT_S, self.process.send_signal, [signal.SIGINT])
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            self.log.seek(0)
            pytest.fail("the cluster ended:\n" + self.log.read()[-4000:])
        return json.loads(line)

    def site(self, route="", **patience):
        key = speech_key(read_token(self.token_file))
        patience = {"away_s": 60.0, "busy_s": 60.0, "info_s": 0.2, **patience}
        return Site((f"http://127.0.0.1:{self.port}{route}",), key, Patience(**patience))

    def engine(self, route="", lexicon=None, **patience):
        return ClusterEngine(self.site(route, **patience), lexicon)

    def command(self, *arguments, token_file=None):
        """What ``python -m tts_engine.cluster`` does on a machine of the cluster: exit status, output, errors."""
        named = {
            "RAY_ADDRESS": self("address"),
            "TTS__ENGINE__CLUSTER_TOKEN_FILE": str(token_file or self.token_file),
        }
        done = subprocess.run(
            [sys.executable, "-m", "tts_engine.cluster", *arguments],
            cwd=ROOT,
            env=self.environ | named,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()
        self.scratch.cleanup()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    if importlib.util.find_spec("ray") is None:
        pytest.skip("没有安装 Ray：pip install -r requirements-cluster.txt")
    if os.environ.get("TTS_TEST_CLUSTER") == "0":
        pytest.skip("TTS_TEST_CLUSTER=0：不测真实的 Ray 集群")
    cluster = Cluster(tmp_path_factory.mktemp("c"))
    try:
        cluster.wait()
        yield cluster
    finally:
        cluster.close()
