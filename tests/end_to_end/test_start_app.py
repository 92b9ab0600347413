"""``bash start_app.sh`` in a copy of the project that nothing was ever started in."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.end_to_end.stack import ROOT, START_LIMIT_S, free_port, until

STOP_LIMIT_S = 120
"""Longer than the script's own limit, after which it kills."""


@pytest.fixture
def clone(tmp_path):
    """The project's files, with this environment's packages as its ``.venv`` and no ``var/``."""
    folder = tmp_path / "clone"
    left_out = shutil.ignore_patterns(
        ".git", ".venv", "var", "models", "tests", "node_modules", ".*_cache", "__pycache__", "benchmarks"
    )
    shutil.copytree(ROOT, folder, ignore=left_out)
    if (ROOT / "models").exists():
        (folder / "models").symlink_to(ROOT / "models")
    venv = folder / ".venv"
    venv.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (venv / name).symlink_to(Path(sys.prefix) / name)
    say_installed(folder, "requirements.txt")
    return folder


def say_installed(clone, *lists):
    """Let the clone believe that the packages of ``lists`` are in its ``.venv``."""
    version = f"({sys.version_info.major}, {sys.version_info.minor})\n"
    wanted = b"".join((clone / name).read_bytes() for name in lists) + version.encode()
    (clone / ".venv" / ".requirements.sha256").write_text(hashlib.sha256(wanted).hexdigest() + "\n")


@pytest.fixture
def environ():
    """Free ports, and a network that is not there."""
    inherited = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    nowhere = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy")}
    ports = {"TTS__WEBUI__PORT": str(free_port()), "TTS__PROXY__PORT": str(free_port())}
    return inherited | nowhere | ports | {"START_LIMIT_S": str(START_LIMIT_S)}


def run(clone, environ, *arguments, **options):
    return subprocess.run(
        ["bash", str(clone / "start_app.sh"), *arguments],
        env=environ,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_LIMIT_S,
        check=False,
        **options,
    )


def errors(done):
    """What it said went wrong; what it warns of is this machine's: little disk, little memory."""
    return [line for line in done.stderr.splitlines() if not line.startswith("警告：")]


class Service:
    """A running ``start_app.sh``, without a terminal and from another folder."""

    def __init__(self, clone, environ, *arguments):
        self.clone, self.environ = clone, environ
        # whoever starts these tests in the background has them ignore Ctrl-C, and bash cannot undo that for itself
        heeding = ["env", "--default-signal=INT"]
        self.process = subprocess.Popen(
            [*heeding, "bash", str(clone / "start_app.sh"), *arguments],
            env=environ,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout))
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.finish()

    @property
    def said(self):
        return "".join(self.lines)

    def until_ready(self):
        until(lambda: "全部就绪" in self.said or self.process.poll() is not None, START_LIMIT_S, "ready")
        assert self.process.poll() is None, self.said
        return self

    def children(self):
        text = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return {int(pid): Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in text.split()}

    def child(self, word):
        return next(pid for pid, command in self.children().items() if word in command)

    def finish(self):
        status = self.process.wait(STOP_LIMIT_S)
        self.reader.join(60)
        self.process.stdout.close()
        return status


def is_free(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", int(port))) != 0


def at_work_in(folder):
    """The numbers of the processes whose working directory is ``folder``."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if link.readlink() == folder:
                found.append(int(link.parent.name))
    return found


def all_gone(pids, environ):
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), STOP_LIMIT_S, "every process is gone")
    return is_free(environ["TTS__WEBUI__PORT"]) and is_free(environ["TTS__PROXY__PORT"])


def test_help_and_a_wrong_option(clone, environ):
    shown = run(clone, environ, "--help")
    assert shown.returncode == 0
    for option in ("--webui-only", "--proxy-only", "--check"):
        assert option in shown.stdout
    wrong = run(clone, environ, "--wbui-only")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "--wbui-only" in wrong.stderr and "用法" in wrong.stderr


@pytest.mark.parametrize("arguments", [[], ["--check"], ["--install"]])
def test_without_python_there_is_one_sentence_and_nothing_else(tmp_path, arguments):
    shutil.copy(ROOT / "start_app.sh", tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in "bash dirname readlink cat awk df head cut mkdir chmod flock sha256sum".split():
        (tools / name).symlink_to(shutil.which(name))
    done = run(tmp_path, {"PATH": str(tools)}, *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("错误：没有找到 Python 3.11 或 3.12：请先安装")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "var").exists()


def test_somebody_elses_environment_that_cannot_be_replaced_is_one_sentence(tmp_path):
    shutil.copy(ROOT / "start_app.sh", tmp_path)
    (tmp_path / "requirements.txt").write_text("")
    (tmp_path / ".venv").mkdir()  # of no use to this user
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "rm").write_text("#!/bin/sh\necho rm: Permission denied >&2\nexit 1\n")  # the tests may run as root
    (tools / "rm").chmod(0o755)
    (tools / "python3.11").symlink_to(sys.executable)
    done = run(tmp_path, {"PATH": f"{tools}:{os.environ['PATH']}"}, "--install")
    assert done.returncode == 1
    assert errors(done) == ["错误：不能换掉 .venv：它属于别的用户。请用它的属主运行 bash start_app.sh --install。"]


def test_check_says_what_it_found_and_changes_nothing(clone, environ):
    done = run(clone, environ, "--check")
    assert done.returncode == 0, done.stderr
    for word in ("Python：3.1", "内存：", "磁盘剩余：", "依赖：已安装", "使用 cpu", "完整", "检查通过"):
        assert word in done.stdout
    assert not (clone / "var").exists()


def test_torch_is_wanted_for_cuda_alone_and_serves_the_cpu_as_well(clone, environ):
    on_cuda = environ | {"TTS__ENGINE__DEVICE": "cuda:0"}
    assert "依赖：尚未安装" in run(clone, on_cuda, "--check").stdout
    say_installed(clone, "requirements.txt", "requirements-torch.txt")
    assert "依赖：已安装" in run(clone, on_cuda, "--check").stdout
    assert "依赖：已安装" in run(clone, environ, "--check").stdout


@pytest.mark.parametrize("half", ["WEBUI", "PROXY"])
@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_a_taken_port_is_one_sentence_before_anything_starts(clone, environ, half, arguments):
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(environ[f"TTS__{half}__PORT"])))
        other.listen()
        done = run(clone, environ, *arguments)
    assert done.returncode == 1
    (said,) = errors(done)
    assert f"端口 {environ[f'TTS__{half}__PORT']} 已被占用" in said
    assert f"TTS__{half}__PORT" in said
    assert not (clone / "var" / "jwt_secret").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"TTS__PROXY__PORT": "abc"}, "proxy.port 有误"),
        ({"TTS__PROXI__PORT": "1"}, "TTS__PROXI__PORT"),
        ({"TTS__ENGINE__DEVICE": "cuda:0"}, "cuda:0"),
        ({"TTS__WEBUI__HOST": "203.0.113.1"}, "无法监听 203.0.113.1"),
    ],
    ids=["value", "key", "no gpu", "address"],
)
def test_a_setting_that_cannot_be_is_one_sentence(clone, environ, change, said):
    done = run(clone, environ | change)
    assert done.returncode == 1
    (sentence,) = errors(done)
    assert said in sentence


def test_missing_weights_are_one_sentence_that_names_the_folder(clone, environ, tmp_path):
    (tmp_path / "elsewhere" / "v23").mkdir(parents=True)
    done = run(clone, environ | {"TTS__ENGINE__MODELS_DIR": str(tmp_path / "elsewhere")}, "--webui-only")
    assert done.returncode == 1
    assert str(tmp_path / "elsewhere" / "v23") in done.stderr
    assert "手工放进该目录" in done.stderr


def tool(folder, name, text):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("gpu", "said"),
    [
        ("echo 'NVIDIA T400, 2048'", "NVIDIA T400 的显存（2048 MB）不足 4 GB；使用 cpu"),
        ("echo 'NVIDIA-SMI has failed' >&2; exit 9", "没有发现 NVIDIA 显卡；使用 cpu"),
        ("echo 'Weird, [N/A]'", "不足 4 GB；使用 cpu"),
    ],
)
def test_the_device_is_chosen_by_what_is_there(clone, environ, tmp_path, gpu, said):
    done = run(clone, environ | tool(tmp_path / "tools", "nvidia-smi", gpu), "--check")
    assert said in done.stdout


def test_a_large_card_is_used_where_torch_can(clone, environ, tmp_path):
    import torch

    say_installed(clone, "requirements.txt", "requirements-torch.txt")
    card = tool(tmp_path / "tools", "nvidia-smi", "echo 'NVIDIA H100 80GB HBM3, 81559'")
    done = run(clone, environ | card, "--check")
    assert "发现 NVIDIA H100 80GB HBM3（显存 81559 MB）" in done.stdout
    assert ("使用 cuda:0" in done.stdout) is torch.cuda.is_available()
    assert ("用不了 CUDA" in done.stdout) is not torch.cuda.is_available()


def test_little_disk_is_a_warning(clone, environ, tmp_path):
    df = "echo 'Filesystem 1M-blocks Used Available'; echo '/dev/x 100 1 19000 1% /'"
    done = run(clone, environ | tool(tmp_path / "tools", "df", df), "--check")
    assert done.returncode == 0
    assert "警告：磁盘剩余不足 20 GB" in done.stderr


def test_the_first_run_serves_and_the_line_it_prints_works_when_pasted(clone, environ):
    with Service(clone, environ) as service:
        service.until_ready()
        children = service.children()
        assert len(children) == 3
        var = clone / "var"
        assert stat.S_IMODE(var.stat().st_mode) == 0o700
        for name in ("jwt_secret", "demo_api_key", "tls_key.pem"):
            assert stat.S_IMODE((var / name).stat().st_mode) == 0o600
        line = next(line.strip() for line in service.lines if line.strip().startswith("curl "))
        plain = {name: value for name, value in environ.items() if "proxy" not in name}
        pasted = subprocess.run(["bash", "-c", line], cwd=clone, env=plain, capture_output=True, text=True, check=False)
        answer = json.loads(pasted.stdout)
        assert answer["audio_url"].startswith(f"https://127.0.0.1:{environ['TTS__PROXY__PORT']}/audio/")
        assert f"http://127.0.0.1:{environ['TTS__WEBUI__PORT']}" in service.said
        secrets = [
            (var / "demo_api_key").read_text().strip(),
            (var / "jwt_secret").read_text().strip().partition(":")[2],
        ]
        logs = "".join(path.read_text() for path in (var / "log").iterdir())
        assert not any(secret in service.said + logs for secret in secrets)
        service.process.send_signal(signal.SIGTERM)
        assert service.finish() == 0
        assert "已停止" in service.said
        assert all_gone(children, environ)

    kept = {name: (var / name).read_bytes() for name in ("jwt_secret", "demo_api_key", "tls_cert.pem")}
    with Service(clone, environ) as again:  # and there is no network in this environment
        again.until_ready()
        children = again.children()
        assert kept == {name: (var / name).read_bytes() for name in kept}
        os.kill(again.child("webui.py"), signal.SIGKILL)
        assert again.finish() == 1
        assert "WebUI 意外退出" in again.said
        assert all_gone(children, environ)


def test_half_a_service_ends_when_any_of_its_parts_does(clone, environ):
    with Service(clone, environ, "--proxy-only") as service:
        service.until_ready()
        children = service.children()
        assert len(children) == 2
        os.kill(service.child("app worker"), signal.SIGKILL)
        assert service.finish() == 1
        assert "后台任务 意外退出" in service.said
        assert all_gone(children, environ)


def test_ctrl_c_stops_all_and_is_no_failure(clone, environ):
    with Service(clone, environ, "--proxy-only") as service:
        service.until_ready()
        children = service.children()
        service.process.send_signal(signal.SIGINT)
        assert service.finish() == 0
        assert all_gone(children, environ)


def test_a_signal_while_it_starts_stops_what_has_started(clone, environ):
    with Service(clone, environ) as service:
        until(lambda: (clone / "var" / "log" / "worker.log").exists(), START_LIMIT_S, "the worker is started")
        service.process.send_signal(signal.SIGTERM)
        assert service.finish() == 0
        assert is_free(environ["TTS__PROXY__PORT"])


@pytest.mark.parametrize("moment", ["PIDS+=", "waiter="])
def test_a_signal_between_starting_a_process_and_noting_its_number_stops_that_too(clone, environ, tmp_path, moment):
    interruption = tmp_path / "interruption.sh"  # bash reads it first, and asks it before every command of the script
    interruption.write_text(f"set -T; trap 'if [[ $BASH_COMMAND == {moment}* ]]; then kill -TERM $$; fi' DEBUG\n")
    with Service(clone, environ | {"BASH_ENV": str(interruption)}) as service:
        assert service.finish() == 0
        assert "已停止" in service.said
    assert not at_work_in(clone)


def test_servers_do_not_outlive_a_script_that_was_killed(clone, environ):
    with Service(clone, environ, "--proxy-only") as service:
        service.until_ready()
        children = service.children()
        service.process.kill()
        assert service.finish() == -signal.SIGKILL
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), STOP_LIMIT_S, "every process is gone")


def test_a_model_that_does_not_load_ends_the_start_with_its_reason(clone, environ, tmp_path):
    from tts_engine.hub import write_sums

    model = tmp_path / "broken" / "v23"
    model.mkdir(parents=True)
    (model / "config.json").write_text('{"symbols": [], "audio": {}}')
    write_sums(model)
    done = run(clone, environ | {"TTS__ENGINE__MODELS_DIR": str(model.parent)}, "--webui-only")
    assert done.returncode == 1
    assert "WebUI 意外退出" in done.stderr
    assert "音素表" in done.stderr
