"""What ``doctor`` finds in deployments that are broken on purpose, and the backup of a database in use."""

import sqlite3
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.__main__ import main
from app.doctor import _versions, examine
from app.errors import EngineUnreachableError
from app.services import services_of
from tests.app.storage.cos_server import CosServer
from tests.app.wechat_server import APPID, SECRET, wechat_server


def findings(app):
    return {finding.part: finding for finding in examine(services_of(app))}


def certificate(folder, days=365, key=None):
    """A self-signed pair, whose key may be another's."""
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    begun = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(own.public_key())
    dated = begun.not_valid_before(now - timedelta(days=400)).not_valid_after(now + timedelta(days=days))
    signed = dated.serial_number(x509.random_serial_number()).sign(own, hashes.SHA256())
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes((key or own).private_bytes(*pem))
    return {"proxy__tls_certificate": folder / "cert.pem", "proxy__tls_key": folder / "key.pem"}


def test_a_deployment_that_works_has_no_failure(make_app, tmp_path):
    found = findings(make_app(**certificate(tmp_path)))
    assert [each.said for each in found.values() if each.state == "fail"] == []
    assert found["证书链"].state == "warn"  # self-signed: WeChat does not take it
    assert found["语音引擎"].said.startswith("2 个音色")
    assert found["依赖"].state == "ok"


def test_a_worker_that_does_not_run_is_named(make_app, auth, clock):
    app = make_app()
    assert app.test_client().post("/jobs", json={"text": "没有人做"}, headers=auth).status_code == 202
    assert findings(app)["长文本任务"].state == "ok"
    clock.now_s += 605
    found = findings(app)["长文本任务"]
    assert (found.state, "600 秒" in found.said, "worker" in found.said) == ("warn", True, True)


@pytest.mark.parametrize(
    ("days", "key", "part", "state", "word"),
    [
        (-1, None, "证书期限", "fail", "已过期"),
        (5, None, "证书期限", "warn", "到期"),
        (365, ec.generate_private_key(ec.SECP256R1()), "证书", "fail", "不是一对"),
    ],
)
def test_a_bad_certificate_is_named(make_app, tmp_path, days, key, part, state, word):
    found = findings(make_app(**certificate(tmp_path, days, key)))[part]
    assert (found.state, word in found.said) == (state, True)


def test_a_missing_certificate_an_engine_away_and_a_full_disk_are_named(make_app, gateway, tmp_path):
    gateway.failure = EngineUnreachableError()
    app = make_app(proxy__tls_certificate=tmp_path / "none.pem", proxy__min_free_mb=1_000_000)
    found = findings(app)
    assert found["证书"].state == found["语音引擎"].state == found["磁盘"].state == "fail"
    assert "gateway.url" in found["语音引擎"].said


def test_a_redis_that_is_away_or_forgets_is_named(make_app, redis_server, redis_url):
    assert findings(make_app(limits__storage_uri="redis://127.0.0.1:1/0"))["Redis"].state == "fail"
    assert findings(make_app(limits__storage_uri=redis_url))["Redis"].state == "ok"
    with redis_server.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        assert findings(make_app(limits__storage_uri=redis_url))["Redis"].state == "warn"
        client.config_set("maxmemory-policy", "noeviction")


@pytest.mark.parametrize(("fault", "skew_s", "state"), [("", 0, "ok"), ("AccessDenied", 0, "fail"), ("cut", 0, "fail")])
def test_the_rights_in_the_bucket_are_tried_and_nothing_is_left_there(make_app, fault, skew_s, state):
    with CosServer() as cos:
        cos.fault = fault
        app = make_app(
            storage__kind="cos",
            storage__cos_endpoint=cos.domain,
            storage__cos_bucket="voice-1250000000",
            storage__cos_secret_id=cos.secret_id,
            storage__cos_secret_key=cos.secret_key,
            storage__cos_scheme="http",
        )
        found = findings(app)
        assert found["音频存储"].state == state
        assert cos.objects == {}
        if not fault:
            assert found["时钟"].state == "ok"


@pytest.mark.parametrize(("secret", "state"), [(SECRET, "ok"), ("another-secret", "fail")])
def test_the_secret_of_the_mini_program_is_tried(make_app, secret, state):
    with wechat_server() as server:
        app = make_app(wechat__appid=APPID, wechat__secret=secret, wechat__api_url=server.url)
        found = findings(app)
        services_of(app).identity.login.wechat._session.close()
    assert found["微信"].state == state
    assert secret not in found["微信"].said
    assert found["时钟"].state == "ok"


def test_a_clock_that_is_wrong_is_named(make_app, monkeypatch):
    with wechat_server() as server:
        app = make_app(wechat__appid=APPID, wechat__secret=SECRET, wechat__api_url=server.url)
        monkeypatch.setattr("app.doctor.time", SimpleNamespace(time=lambda: 1_000_000_000.0))
        found = findings(app)["时钟"]
        services_of(app).identity.login.wechat._session.close()
    assert (found.state, "NTP" in found.said) == ("fail", True)


def test_a_package_of_another_version_is_named(tmp_path):
    (tmp_path / "requirements.txt").write_text("flask==0.1  # why\nabsent-package==1\n# comment\n")
    (found,) = _versions(tmp_path / "requirements.txt")
    assert found.state == "warn"
    assert "flask" in found.said
    assert "absent-package 没有安装" in found.said


def test_the_command_ends_with_1_when_something_fails(environ, monkeypatch, capsys):
    for name, value in {**environ, "TTS__GATEWAY__URL": "http://127.0.0.1:1"}.items():
        monkeypatch.setenv(name, value)
    assert main(["doctor"]) == 1
    said = capsys.readouterr()
    assert "[失败] 语音引擎" in said.out
    assert environ["TTS__AUTH__JWT_SECRET"] not in said.out + said.err


def test_a_database_in_use_is_copied_whole_and_never_over_another(app, environ, tmp_path, monkeypatch, capsys, key):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    writer = sqlite3.connect(tmp_path / "app.db")
    writer.execute("INSERT INTO revoked_tokens VALUES ('open', 1.0)")  # a transaction that is not over
    assert main(["backup", str(tmp_path / "copy.db")]) == 0
    writer.rollback()
    writer.close()
    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("SELECT count(*) FROM api_keys").fetchone() == (1,)
    assert copy.execute("SELECT count(*) FROM revoked_tokens").fetchone() == (0,)
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    copy.close()
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert main(["backup", str(tmp_path / "copy.db")]) == 1
    assert "已存在" in capsys.readouterr().err
    assert main(["backup", str(tmp_path / "none" / "copy.db")]) == 1
    said = capsys.readouterr().err
    assert ("写不进" in said, "database.url" in said) == (True, False)  # the database is well
