"""bandit over everything that serves: each finding is gone, or answered here in writing."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVING = ["app", "sound", "settings.py", "tts_engine", "webui.py", "webui_page"]

ANSWERS = {
    ("B104", "app/first_run.py"): "the wildcard addresses are left out of a certificate's names, not bound to",
    ("B104", "settings.py"): "a wildcard address is replaced by the loopback one that is dialled",
    ("B506", "settings.py"): "the loader is a SafeLoader that also refuses a key that stands twice",
    (
        "B108",
        "app/gunicorn.conf.py",
    ): "gunicorn's heartbeat file: gunicorn opens it by a random name and unlinks it at once",
    ("B108", "app/scratch.py"): "the folder is looked at for what dead processes left, never written to",
    ("B608", "app/migrations/__init__.py"): "the name is a table's of our own metadata; nothing of a caller gets there",
    ("B106", "app/routes/auth.py"): "the word Bearer is the type of a token, RFC 6750",
    (
        "B405",
        "app/storage/cos.py",
    ): "only the name of an exception that COS's SDK raises is imported; nothing is parsed",
    (
        "B104",
        "tts_engine/cluster/__main__.py",
    ): "a cluster is asked by other machines; who asks must prove that he knows its token",
    ("B311", "tts_engine/cluster/client.py"): "chooses a node and a pause before the next try, no secret",
    ("B404", "tts_engine/cluster/nodes.py"): "starts Ray's own program",
    ("B603", "tts_engine/cluster/nodes.py"): "the words are the program's own, no shell reads them",
    ("B406", "tts_engine/frontend/ssml.py"): "entities, DTDs and external references are refused before they are read",
}


def test_every_finding_is_answered_and_every_answer_has_its_finding():
    command = [sys.executable, "-m", "bandit", "-q", "-r", *SERVING, "-x", "tts_engine/training", "-f", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    told = json.loads(done.stdout)
    assert told["errors"] == []
    found = {(one["test_id"], one["filename"].removeprefix("./")) for one in told["results"]}
    assert found == set(ANSWERS)
    assert len(told["metrics"]) > 50
