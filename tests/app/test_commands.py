"""``python -m app``: what an operator types, and what comes of it."""

import io
import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app import __main__ as commands
from app.database import RevokedToken, Usage, connect
from settings import SettingsError

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def run(make_app, environ, monkeypatch, capsys):
    """A function that runs one command around the fake engine; status, output, messages."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(commands, "create_app", lambda settings: make_app())
    engines = []

    def remember(url, *options):
        engines.append(connect(url, *options))
        return engines[-1]

    monkeypatch.setattr(commands, "connect", remember)

    def call(*arguments):
        try:
            status = commands.main([str(argument) for argument in arguments])
        except SystemExit as error:
            status = error.code
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    yield call
    for engine in engines:
        engine.dispose()


def test_a_key_is_shown_once_and_opens_the_door(run, client):
    status, out, _ = run("keys", "create", "小程序后端")
    assert status == 0
    assert client.get("/voices", headers={"X-API-Key": out.strip()}).status_code == 200
    _, listed, _ = run("keys", "list")
    row = listed.splitlines()[1].split("\t")
    assert (row[0], row[1], row[2], row[-1]) == (out[4:12], "小程序后端", "tts voices", "有效")
    assert out.strip()[13:] not in listed


def test_a_key_can_go_into_a_private_file_without_being_shown(run, tmp_path, client):
    path = tmp_path / "keys" / "demo"
    status, out, err = run("keys", "create", "demo", "--output", path)
    assert (status, out) == (0, "")
    key = path.read_text().strip()
    assert key not in err
    assert path.stat().st_mode & 0o777 == 0o600
    assert client.get("/voices", headers={"X-API-Key": key}).status_code == 200
    status, _, err = run("keys", "create", "demo", "--output", path)
    assert (status, "已存在" in err) == (1, True)
    assert path.read_text().strip() == key


def test_a_key_that_cannot_be_written_is_revoked(run, tmp_path, services):
    (tmp_path / "file").write_text("")
    status, _, err = run("keys", "create", "demo", "--output", tmp_path / "file" / "key")
    assert (status, "作废" in err) == (1, True)
    (key,) = services.keys.all()
    assert key.revoked_s is not None


def test_a_key_is_revoked_once(run, client):
    _, out, _ = run("keys", "create", "demo", "--scopes", "tts", "admin", "--days", "30")
    key = out.strip()
    assert run("keys", "revoke", key[4:12])[0] == 0
    assert client.get("/voices", headers={"X-API-Key": key}).status_code == 401
    assert run("keys", "revoke", key[4:12])[0] == 1
    assert run("keys", "list")[1].splitlines()[1].endswith("已吊销")


def test_a_token_is_made_and_revoked(run, client, services, monkeypatch):
    _, out, _ = run("token", "alice", "--scopes", "tts", "admin")
    token = out.strip()
    assert services.tokens.verify(token).scopes == {"tts", "admin"}
    monkeypatch.setattr("sys.stdin", io.StringIO(token + "\n"))
    assert run("revoke-token")[0] == 0
    assert client.get("/voices", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    monkeypatch.setattr("sys.stdin", io.StringIO(token + "\n"))
    assert run("revoke-token")[0] == 1


def test_a_file_of_texts_is_made_and_made_again_for_nothing(run, tmp_path, gateway):
    path = tmp_path / "texts.txt"
    path.write_text("\ufeff# 菜单\n你好\n\n  再见  \n你好\n", encoding="utf-8")
    status, out, err = run("prewarm", path, "--speaker", "male", "--speed", "1.5")
    assert (status, out.count("已合成"), "共 2 条" in err) == (0, 2, True)
    assert [(order.text, order.speaker, order.speed) for order, _ in gateway.orders] == [
        ("你好", "male", 1.5),
        ("再见", "male", 1.5),
    ]
    assert run("prewarm", path, "--speaker", "male", "--speed", "1.5")[1].count("已有") == 2
    assert len(gateway.orders) == 2


@pytest.mark.parametrize("content", [b"\xff\xfe", "好\x07".encode(), ("好" * 1001).encode()])
def test_a_file_that_cannot_be_spoken_is_refused_before_anything_is_made(run, tmp_path, gateway, content):
    path = tmp_path / "texts.txt"
    path.write_bytes("你好\n".encode() + content)
    status, _, err = run("prewarm", path)
    assert (status, err.startswith("失败："), gateway.orders) == (1, True, [])


def test_a_file_that_is_not_there_is_one_sentence(run, tmp_path):
    status, _, err = run("prewarm", tmp_path / "none")
    assert (status, len(err.splitlines()), "UTF-8" in err) == (1, 1, False)


def test_a_bad_expiry_names_every_form_that_is_taken(run):
    status, _, err = run("keys", "create", "demo", "--expires", "90x")
    assert (status, "90d" in err) == (2, True)


def test_pruning_tells_what_went(run):
    status, out, _ = run("prune")
    assert (status, out) == (0, "清理了过期 0 个、超量 0 个、无记录 0 个，释放 0.0 MB。\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["keys"],
        ["keys", "create"],
        ["keys", "create", ""],
        ["keys", "create", "a\nb"],
        ["keys", "create", "a", "--scopes", "root"],
        ["keys", "create", "a", "--days", "-1"],
        ["keys", "create", "a", "--days", "99999"],
        ["token", "a b"],
        ["prewarm", "x", "--speed", "3"],
        ["prewarm", "x", "--speed", "nan"],
        ["prewarm", "x", "--speed", "fast"],
        ["nonsense"],
    ],
    ids=str,
)
def test_a_mistyped_command_is_refused(run, arguments):
    assert run(*arguments)[0] == 2


@pytest.mark.parametrize(
    "url", ["", "sqlite://", "sqlite:///:memory:", "mysql:", "nonsense", "sqlite:////proc/x/app.db"]
)
def test_a_database_that_cannot_be_opened_is_one_sentence(url):
    with pytest.raises(SettingsError, match=r"database\.url"):
        connect(url)


def test_a_broken_database_is_one_sentence(tmp_path):
    (tmp_path / "app.db").write_bytes(b"no database" * 1000)
    with pytest.raises(SettingsError, match="数据库打不开"):
        connect(f"sqlite:///{tmp_path}/app.db")


def test_a_database_of_an_earlier_version_gets_the_columns_that_came_later(tmp_path):
    old = sqlite3.connect(tmp_path / "app.db")
    old.execute('CREATE TABLE prewarm (id TEXT PRIMARY KEY, "order" TEXT, state TEXT, detail TEXT, updated_s FLOAT)')
    old.execute("INSERT INTO prewarm VALUES ('a', '{}', 'pending', '', 1.0)")
    old.commit()
    url = f"sqlite:///{tmp_path}/app.db"
    with ThreadPoolExecutor(4) as pool:
        for engine in pool.map(connect, [url] * 4):
            engine.dispose()
    assert old.execute("SELECT id, attempts FROM prewarm").fetchall() == [("a", 0)]
    old.close()


def test_many_may_create_the_tables_at_once(tmp_path):
    url = f"sqlite:///{tmp_path}/new/app.db"
    with ThreadPoolExecutor(6) as pool:
        for engine in pool.map(connect, [url] * 6):
            engine.dispose()
    connection = sqlite3.connect(tmp_path / "new" / "app.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'audio'"
    ).fetchone() == (1,)
    connection.close()


def test_the_worker_starts_and_stops_at_sigterm(environ, tmp_path):
    environment = {**os.environ, **environ, "PYTHONPATH": str(ROOT), "TTS__GATEWAY__URL": "http://127.0.0.1:9"}
    worker = subprocess.Popen(
        [sys.executable, "-m", "app", "worker"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        assert any("后台任务已启动" in line for line in worker.stderr)
        worker.send_signal(signal.SIGTERM)
        rest = worker.stderr.read()
        assert (worker.wait(120), "后台任务已停止" in rest, "Traceback" in rest) == (0, True, False)
    finally:
        worker.kill()
        worker.wait()
        worker.stderr.close()


def test_without_a_secret_nothing_starts_and_one_sentence_says_why(environ, tmp_path):
    environment = {**os.environ, **environ, "PYTHONPATH": str(ROOT)}
    del environment["TTS__AUTH__JWT_SECRET"]
    for arguments in (["-m", "app", "prune"], ["-c", "import app.wsgi"]):
        ended = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600
        )
        assert ended.returncode != 0
        assert "缺少机密文件 var/jwt_secret" in ended.stderr
        assert len(ended.stderr.splitlines()) == 1


def test_the_schedule_survives_a_task_that_fails(caplog):
    from app.storage import StorageError

    def fail():
        raise StorageError("目录无法读取")

    commands._forgiving(fail)()
    assert "目录无法读取" in caplog.text


def test_what_is_long_past_is_forgotten(services, clock):
    services.tokens.revoke(services.tokens.issue("tester", {"tts"}).text)
    services.quota.charge("tester", 5)
    clock.now_s += 500 * 86_400
    commands._forget(services)
    assert (services.tokens.forget_expired(), services.quota.forget_old()) == (0, 0)
    with services.engine.connect() as connection:
        left = [connection.execute(select(func.count()).select_from(table)).scalar() for table in (RevokedToken, Usage)]
    assert left == [0, 0]
