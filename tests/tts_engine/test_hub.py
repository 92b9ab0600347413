import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.tts_engine.hub_server import HubServer
from tts_engine.errors import CheckpointError
from tts_engine.hub import SUMS, check_model, read_sums, verify, write_sums

ROOT = Path(__file__).parents[2]
FILES = {
    "config.json": b"{}",
    "acoustic/model.safetensors": bytes(range(256)) * 800,
    "vocoder.onnx": b"onnx" * 50_000,
}


def sums(files):
    return "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()).encode()


def place(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


@pytest.fixture
def folder(tmp_path):
    """The folder as committed: a list of hashes, and no weights."""
    place(tmp_path / "models" / "v23", {SUMS: sums(FILES)})
    return tmp_path / "models" / "v23"


@pytest.fixture
def hub():
    with HubServer(files={**FILES, SUMS: sums(FILES)}) as server:
        yield server


def run(hub, folder, *arguments, **environment):
    """The command as ``start_app.sh`` calls it: another process, so that ``HF_…`` count as they do there."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HTTP", "http"))}
    environment = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder.parent / ".home"), "NO_PROXY": "*"} | environment
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "tts_engine.hub",
            *(arguments or ("--fetch", "--repository", hub.repository)),
            str(folder),
        ],
        env=clean | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def whole(folder, files=FILES):
    return {name: (folder / name).read_bytes() for name in files} == files


def test_sums_are_as_sha256sum_writes_them(tmp_path):
    place(tmp_path, FILES | {".hidden": b"x"})
    write_sums(tmp_path)
    done = subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0
    assert read_sums(tmp_path / SUMS) == {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    assert verify(tmp_path).complete


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "not a hash  a\n",
        f"{'a' * 64}  ../a\n",
        f"{'a' * 64}  /etc/passwd\n",
        f"{'a' * 64}  a/../../b\n",
        f"{'a' * 64}  .hidden\n",
        f"{'a' * 64}  a b\n",
        f"{'A' * 64}  a\n",
        f"{'a' * 64}  a\n{'b' * 64}  a\n",
        f"{'a' * 64}  a\nrubbish\n",
    ],
)
def test_sums_that_are_malformed_or_leave_the_folder_are_refused(tmp_path, text):
    (tmp_path / SUMS).write_text(text)
    with pytest.raises(CheckpointError, match="格式有误"):
        verify(tmp_path)


def test_check_names_what_is_missing_or_damaged_and_the_folder(folder):
    place(folder, {"config.json": b"{ }", "vocoder.onnx": FILES["vocoder.onnx"]})
    found = verify(folder)
    assert found.missing == ("acoustic/model.safetensors",)
    assert found.damaged == ("config.json",)
    with pytest.raises(CheckpointError) as caught:
        check_model(folder)
    text = str(caught.value)
    assert str(folder) in text
    assert "缺少 acoustic/model.safetensors；已损坏 config.json" in text
    assert "手工放进" in text
    assert text.count("。") == 1


def test_fetch_makes_the_folder_complete_and_leaves_nothing_beside_it(hub, folder):
    done = run(hub, folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 个文件" in done.stdout
    assert whole(folder)
    assert {path.name for path in folder.parent.iterdir()} <= {"v23", ".v23.lock", ".home"}


def test_a_complete_folder_is_never_asked_about(hub, folder):
    place(folder, FILES)
    assert run(hub, folder).returncode == 0
    assert run(hub, folder, "--check").returncode == 0
    assert hub.requests == []


def test_check_never_fetches(hub, folder):
    done = run(hub, folder, "--check", "--repository", hub.repository)
    assert done.returncode == 1
    assert str(folder) in done.stderr
    assert hub.requests == []


def test_only_what_is_missing_or_damaged_is_fetched(hub, folder):
    place(folder, FILES | {"config.json": b"{ }"})
    (folder / "vocoder.onnx").unlink()
    assert run(hub, folder).returncode == 0
    assert whole(folder)
    assert hub.fetched("acoustic/model.safetensors") == []
    assert len(hub.fetched("config.json")) == len(hub.fetched("vocoder.onnx")) == 1


def test_an_empty_folder_takes_the_sums_of_the_repository(hub, tmp_path):
    folder = tmp_path / "models" / "v23"
    assert run(hub, folder).returncode == 0
    assert whole(folder, {**FILES, SUMS: sums(FILES)})


def test_a_connection_that_breaks_is_continued(hub, folder):
    hub.cut_after, hub.cuts = 150_000, 1
    assert run(hub, folder).returncode == 0
    assert whole(folder)
    assert hub.fetched("acoustic/model.safetensors") == ["", "bytes=131072-"]


def test_a_fetch_that_was_given_up_is_continued_by_the_next_run(hub, folder):
    hub.cut_after, hub.cuts, hub.breaks_when_cut = 150_000, 1, True
    done = run(hub, folder, HF_HUB_DOWNLOAD_TIMEOUT="2")
    assert done.returncode == 1
    assert "再次运行会接着下载" in done.stderr
    assert [path.name for path in folder.iterdir()] == [SUMS]
    hub.broken = False
    hub.requests.clear()
    assert run(hub, folder).returncode == 0
    assert whole(folder)
    assert hub.fetched("config.json") == []
    assert len(hub.fetched("acoustic/model.safetensors")) == len(hub.fetched("vocoder.onnx")) == 1
    assert not (folder.parent / ".v23.fetch").exists()


def test_a_wrong_hash_installs_nothing_and_keeps_nothing(hub, folder):
    hub.files["vocoder.onnx"] = b"evil" * 50_000
    done = run(hub, folder)
    assert done.returncode == 1
    assert "vocoder.onnx 校验和不符，已删除" in done.stderr
    assert str(folder) in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in folder.iterdir()] == [SUMS]
    assert not (folder.parent / ".v23.fetch").exists()
    hub.files["vocoder.onnx"] = FILES["vocoder.onnx"]
    assert run(hub, folder).returncode == 0
    assert whole(folder)


def test_the_sums_of_the_folder_win_over_those_of_the_repository(hub, folder):
    hub.files["config.json"] = b"other"
    hub.files[SUMS] = sums(hub.files)
    assert run(hub, folder).returncode == 1
    assert not (folder / "config.json").exists()


@pytest.mark.parametrize(
    ("change", "environment", "said"),
    [
        ({}, {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE"),
        ({"repository": "owner/other"}, {}, "没有可用的仓库"),
        ({"files": {}}, {}, "缺少文件"),
        ({"broken": True}, {}, "没有成功"),
        ({}, {"HF_ENDPOINT": "http://127.0.0.1:9"}, "http://127.0.0.1:9"),
    ],
    ids=["offline", "repository", "file", "500", "nobody"],
)
def test_a_failure_is_one_sentence_that_says_how_to_place_the_files_by_hand(hub, folder, change, environment, said):
    for name, value in change.items():
        setattr(hub, name, value)
    done = run(hub, folder, "--fetch", "--repository", "owner/voice", **environment)
    assert done.returncode == 1
    sentence = done.stderr.strip().splitlines()[-1]
    assert said in sentence
    assert f"模型目录 {folder}" in sentence
    assert "手工放进该目录" in sentence
    assert "Traceback" not in done.stderr
    assert [path.name for path in folder.iterdir()] == [SUMS]


def test_no_repository_means_no_network(hub, folder):
    done = run(hub, folder, "--fetch")
    assert done.returncode == 1
    assert "hub_repository" in done.stderr
    assert hub.requests == []


def test_two_starts_at_once_both_end_with_a_complete_folder(hub, folder):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(run(hub, folder))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.returncode for done in answers] == [0, 0]
    assert whole(folder)
    assert len(hub.fetched("vocoder.onnx")) == 1


@pytest.mark.parametrize("arguments", [(), ("--check", "--fetch"), ("--fetsch",)])
def test_bad_arguments_are_refused(arguments):
    done = subprocess.run(
        [sys.executable, "-m", "tts_engine.hub", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "usage" in done.stderr
