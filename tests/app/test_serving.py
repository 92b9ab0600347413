"""The real gunicorn with the project's own settings file: TLS, bounds, one error shape, a clean end."""

import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.auth import ApiKeys, NewKey
from app.database import connect
from tests.end_to_end.stack import START_LIMIT_S, free_port

ROOT = Path(__file__).parent.parent.parent
SECRET = "k7Qz-2mWx9_LpRt4VbYc8NdFg3HsJa6E"


def make_certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*pem))


class Proxy:
    """A running gunicorn, and ways to talk to it."""

    def __init__(self, folder, **changes):
        self.port = free_port()
        self.certificate = folder / "cert.pem"
        settings = {
            "TTS__AUTH__JWT_SECRET": SECRET,
            "TTS__DATABASE__URL": f"sqlite:///{folder}/app.db",
            "TTS__STORAGE__DIR": str(folder / "audio"),
            "TTS__JOBS__QUEUE_FILE": str(folder / "queue.db"),
            "TTS__PROXY__PORT": str(self.port),
            "TTS__PROXY__TLS_CERTIFICATE": str(folder / "cert.pem"),
            "TTS__PROXY__TLS_KEY": str(folder / "key.pem"),
            "TTS__PROXY__THREADS": "2",
            "TTS__GATEWAY__URL": f"http://127.0.0.1:{free_port()}",
        } | changes
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", ROOT / "app" / "gunicorn.conf.py", "app.wsgi:app"],
                cwd=folder,
                env={**os.environ, **settings, "PYTHONPATH": str(ROOT), "HOME": str(folder)},
                stderr=log,
                stdout=log,
            )

    def wait_until_ready(self):
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                return self.get("/healthz")
            except requests.ConnectionError:
                time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def get(self, path, **options):
        return requests.get(f"https://localhost:{self.port}{path}", verify=self.certificate, timeout=100, **options)

    def connect(self):
        context = ssl.create_default_context(cafile=self.certificate)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=100)
        return context.wrap_socket(plain, server_hostname="localhost")

    def say(self, data):
        """The whole answer to raw bytes."""
        with self.connect() as connection:
            connection.sendall(data)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(120)
        finally:
            self.process.kill()
            self.process.wait()


@contextmanager
def running(folder, **changes):
    make_certificate(folder)
    proxy = Proxy(folder, **changes)
    try:
        proxy.wait_until_ready()
        yield proxy
    finally:
        proxy.stop()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    with running(tmp_path_factory.mktemp("proxy")) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def hasty(tmp_path_factory):
    """Waits two seconds for headers: on a busy machine too short for those who mean well."""
    with running(tmp_path_factory.mktemp("hasty"), TTS__PROXY__HEADER_TIMEOUT_S="2") as proxy:
        yield proxy


def test_it_answers_over_tls_and_names_its_parts(proxy):
    answer = proxy.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["engine"]) == (503, "语音引擎没有就绪")
    assert answer.json()["checks"]["database"] == "ok"


def test_an_engine_that_is_not_there_is_502_at_once(proxy):
    engine = connect(f"sqlite:///{proxy.certificate.parent}/app.db")
    key = ApiKeys(engine, time.time).create(NewKey("test", ("tts",)))[1]
    engine.dispose()
    answer = requests.post(
        f"https://localhost:{proxy.port}/tts",
        json={"text": "你好"},
        headers={"X-API-Key": key},
        verify=proxy.certificate,
        timeout=100,
    )
    # and not engine_timeout, which would have been waited for
    assert (answer.status_code, answer.json()["code"]) == (502, "engine_unreachable")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_is_refused(proxy, version):
    context = ssl.create_default_context(cafile=proxy.certificate)
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=100) as plain, pytest.raises(OSError):
        context.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (b"GET /healthz HTTP/9.9\r\n\r\n", 400, "bad_request"),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 70 + b"\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n", 400, "bad_request"),
        (b"POST /tts HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, "bad_request"),
        (b"POST /tts HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\n\r\n", 417, "expectation_failed"),
    ],
    ids=["line", "version", "uri", "header", "headers", "header name", "length", "expectation"],
)
def test_what_is_no_http_is_answered_in_the_one_shape(proxy, data, status, code):
    head, _, body = proxy.say(data).partition(b"\r\n\r\n")
    problem = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Content-Type: application/problem+json" in head
    assert (problem["status"], problem["code"], problem["error"]) == (status, code, problem["detail"])
    assert re.fullmatch(r"[0-9a-f]{32}", problem["request_id"])
    assert b"nonsense" not in body


@pytest.mark.parametrize("path", ["/tts", "/voices", "/v1/audio/speech"])
def test_a_broken_chunk_is_the_callers_error_and_ends_the_connection(proxy, path):
    engine = connect(f"sqlite:///{proxy.certificate.parent}/app.db")
    key = ApiKeys(engine, time.time).create(NewKey("test", ("tts", "voices")))[1]
    engine.dispose()
    kind = "multipart/form-data; boundary=b" if path == "/voices" else "application/json"
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nContent-Type: {kind}\r\n"
    said = proxy.say(f"{head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n".encode())
    assert re.findall(rb"HTTP/1.1 (\d+) ", said)[0] == b"400"
    assert b'"code": "bad_request"' in said


def in_chunks(data):
    return iter([data])  # without a length, http.client sends it chunked


@pytest.mark.parametrize("size", [1, 60_000, 70_000, 300_000])
@pytest.mark.parametrize("body", [bytes, in_chunks])
def test_an_answer_that_leaves_the_body_unread_promises_no_connection_that_is_closed(proxy, body, size):
    context = ssl.create_default_context(cafile=proxy.certificate)
    with closing(http.client.HTTPSConnection("localhost", proxy.port, context=context, timeout=100)) as connection:
        kept = []
        for _ in range(3):
            connection.request("POST", "/tts", body(bytes(size)), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            assert (answer.status, json.loads(answer.read())["code"]) == (401, "unauthorized")
            kept.append(connection.sock is not None)
    assert kept == [body is bytes and size <= 60_000] * 3


@pytest.mark.parametrize("size", [100_000, 3_000_000])
def test_who_still_sends_when_the_answer_comes_is_not_cut_off(proxy, size):
    head = f"POST /tts HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
    with proxy.connect() as connection:
        connection.sendall(head.encode())
        said = b""
        while b'"request_id"' not in said:
            said += connection.recv(65_536)
        assert said.startswith(b"HTTP/1.1 401 ")
        connection.sendall(bytes(size))
        assert connection.recv(65_536) == b""  # an end, and no reset, which would take the answer with it


def send_endlessly(proxy, path, headers):
    """The answer to a body without a length."""
    chunks = (b" " * 1000 for _ in range(100))
    url = f"https://localhost:{proxy.port}{path}"
    return requests.post(url, data=chunks, headers=headers, verify=proxy.certificate, timeout=100)


def test_a_body_without_a_length_is_bounded_too(proxy):
    key = {"X-API-Key": "tts_abcdefgh_" + "A" * 43}
    assert send_endlessly(proxy, "/auth/token", key).status_code == 401  # who is nobody is not read at all
    engine = connect(f"sqlite:///{proxy.certificate.parent}/app.db")
    key = {"X-API-Key": ApiKeys(engine, time.time).create(NewKey("test", ("tts",)))[1]}
    engine.dispose()
    for path in ("/auth/token", "/tts"):
        answer = send_endlessly(proxy, path, key | {"Content-Type": "application/json"})
        assert (answer.status_code, answer.json().get("limit")) == (413, 65_536), answer.text


def is_cut(connection):
    """Whether the other side has closed it, in whatever manner."""
    try:
        return connection.recv(1000) == b""
    except ConnectionError:
        return True


def test_slow_clients_hold_no_thread_for_long(hasty):
    slow = [hasty.connect() for _ in range(4)]  # twice as many as there are threads
    try:
        for connection in slow:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        answered, deadline = False, time.monotonic() + 100
        while time.monotonic() < deadline and not answered:
            for connection in slow:
                try:
                    connection.sendall(b"a")
                except OSError:  # cut, as it should be
                    continue
            try:
                answered = hasty.get("/healthz").status_code == 200
            except requests.ConnectionError:
                continue
        assert answered
        assert is_cut(slow[0])
    finally:
        for connection in slow:
            connection.close()


def test_a_client_that_never_finishes_its_handshake_is_cut(hasty):
    with socket.create_connection(("127.0.0.1", hasty.port), timeout=100) as plain:
        plain.sendall(b"\x16\x03\x01")
        assert is_cut(plain)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_its_processes_stay_under_150_mb_each(proxy):
    pid = proxy.process.pid
    workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert len(workers) == 1
    peaks_kb = [int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{p}/status").read_text())[1]) for p in (pid, *workers)]
    print("peak kB", peaks_kb)
    assert max(peaks_kb) < 150 * 1024


def test_nothing_but_the_proxys_own_files_is_written(proxy):
    left = {path.name for path in proxy.certificate.parent.iterdir()}
    databases = {name + suffix for name in ("app.db", "queue.db") for suffix in ("", "-wal", "-shm", ".lock")}
    assert left <= {"cert.pem", "key.pem", "log", "audio", *databases}


def test_sigterm_ends_it_cleanly_and_the_log_has_no_traceback(tmp_path):
    with running(tmp_path) as proxy:
        assert proxy.stop() == 0
        assert "Traceback" not in proxy.log.read_text()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"TTS__AUTH__JWT_SECRET": "short"}, "JWT 密钥太弱"),
        ({"TTS__PROXY__PROT": "1"}, "TTS__PROXY__PROT"),
        ({"TTS__PROXY__TLS_KEY": "/nonexistent/key.pem"}, "缺少证书文件"),
        ({"TTS__LIMITS__PER_SUBJECT": "lots"}, "limits.per_subject"),
    ],
    ids=["secret", "unknown key", "certificate", "rate"],
)
def test_bad_settings_stop_the_start_with_one_sentence(tmp_path, change, why):
    make_certificate(tmp_path)
    proxy = Proxy(tmp_path, **change)
    assert proxy.process.wait(START_LIMIT_S) != 0
    log = proxy.log.read_text()
    assert [line for line in log.splitlines() if "无法启动" in line and why in line] != []
    assert "Traceback" not in log


def test_who_stays_after_a_last_answer_holds_nobody_up(proxy):
    begun, loiterers = time.monotonic(), []
    try:
        for _ in range(20):
            loiterers.append(proxy.connect())
            loiterers[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert loiterers[-1].recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert proxy.get("/healthz").status_code == 200
        assert time.monotonic() - begun < 30  # gunicorn's main loop waits two seconds for each of them
    finally:
        for connection in loiterers:
            connection.close()
