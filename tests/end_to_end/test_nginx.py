"""The shipped nginx configuration in a real nginx, with TLS, before the real proxy on a unix socket."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys

import pytest
import requests

from tests.end_to_end.stack import ROOT, START_LIMIT_S, Stack, environment, free_port, until
from tests.leaks import spoken

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
pytestmark = pytest.mark.skipif(not os.access(NGINX, os.X_OK), reason="nginx is not installed")

MAIN = """
daemon off;
user {user};
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/tts.conf;
}}
"""


class Front:
    """nginx as shipped, but for names, ports and paths."""

    def __init__(self, folder, stack):
        self.folder = folder
        self.http_port, self.https_port = free_port(), free_port()
        self.url = f"https://localhost:{self.https_port}"
        self.key = stack.key
        settings = {
            "PROXY__UNIX_SOCKET": folder / "proxy.sock",
            "PROXY__TRUSTED_PROXIES": "1",
            "PROXY__PUBLIC_URL": self.url,
            "GATEWAY__URL": f"http://127.0.0.1:{stack.webui_port}",
            "LIMITS__PER_ADDRESS": "25/minute",
        }
        self.environ = environment(stack.folder, stack.webui_port, stack.proxy_port, **settings)
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = str(stack.folder / "tls_cert.pem")
        self._write(stack)
        self.log = (folder / "processes.log").open("ab")
        self.processes = []

    def _write(self, stack):
        text = (ROOT / "nginx" / "tts.conf").read_text(encoding="utf-8")
        for old, new in (
            ("tts.example.com", "localhost"),
            ("/run/tts/proxy.sock", f"{self.folder}/proxy.sock"),
            ("/etc/nginx/tls/fullchain.pem", f"{stack.folder}/tls_cert.pem"),
            ("/etc/nginx/tls/privkey.pem", f"{stack.folder}/tls_key.pem"),
            ("/var/log/nginx/", f"{self.folder}/"),
            ("listen 80", f"listen 127.0.0.1:{self.http_port}"),
            ("listen 443", f"listen 127.0.0.1:{self.https_port}"),
        ):
            assert old in text
            text = text.replace(old, new)
        (self.folder / "tts.conf").write_text(text, encoding="utf-8")
        user = "root" if os.getuid() == 0 else "nobody"
        (self.folder / "nginx.conf").write_text(MAIN.format(folder=self.folder, user=user), encoding="utf-8")

    def nginx(self, *arguments):
        return [NGINX, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), *arguments]

    def start(self, *command):
        process = subprocess.Popen(
            command, cwd=ROOT, env=self.environ, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL
        )
        self.processes.append(process)
        return process

    def start_proxy(self):
        process = self.start(sys.executable, "-m", "gunicorn", "-c", "app/gunicorn.conf.py", "app.wsgi:app")
        listens = (self.folder / "proxy.sock").exists
        until(lambda: listens() or process.poll() is not None, START_LIMIT_S, "the proxy's socket")
        assert process.poll() is None, (self.folder / "processes.log").read_text(errors="replace")[-4000:]
        return process

    def __enter__(self):
        self.start_proxy()
        self.start(*self.nginx())
        until(lambda: _accepts(self.https_port), START_LIMIT_S, "nginx listens")
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(120)
        self.session.close()
        self.log.close()

    def request(self, method, path, **options):
        spoken((options.get("json") or {}).get("text"))
        return self.session.request(method, self.url + path, **({"timeout": 60} | options))


def _accepts(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def front(stack: Stack, tmp_path_factory):
    with Front(tmp_path_factory.mktemp("nginx"), stack) as running:
        yield running


def is_problem(answer, status, code):
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert body["error"] == body["detail"]
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return True


def test_nginx_itself_finds_no_fault(front):
    done = subprocess.run(front.nginx("-t"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_a_sentence_is_spoken_and_fetched_through_nginx(front):
    answer = front.request("POST", "/tts", json={"text": "经过反向代理。"}, headers={"X-API-Key": front.key})
    assert answer.status_code == 200, answer.text
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"
    url = answer.json()["audio_url"]
    assert url.startswith(front.url)
    whole = front.session.get(url, timeout=60)
    assert (whole.status_code, whole.headers["Content-Type"]) == (200, "audio/mpeg")
    assert int(whole.headers["Content-Length"]) == len(whole.content)
    part = front.session.get(url, headers={"Range": "bytes=0-1"}, timeout=60)
    assert (part.status_code, part.content) == (206, whole.content[:2])
    head = front.session.head(url, timeout=60)
    assert head.headers["Content-Length"] == whole.headers["Content-Length"]


def test_the_signature_of_a_link_is_not_logged(front):
    front.request("GET", "/audio/a.mp3?expires=1&signature=topsecret")
    until(lambda: "/audio/a.mp3" in (front.folder / "tts_access.log").read_text(), 60, "the log line")
    assert "topsecret" not in (front.folder / "tts_access.log").read_text()


def test_the_proxys_own_errors_pass_unchanged(front):
    assert is_problem(front.request("POST", "/tts", json={"text": "你好"}), 401, "unauthorized")
    assert is_problem(front.request("GET", "/nothing"), 404, "not_found")


@pytest.mark.parametrize(("sent", "kept"), [("abcdefgh-1", True), ("<script>alert(1)</script>", False), ("x", False)])
def test_a_request_id_travels_only_when_it_looks_like_one(front, sent, kept):
    answer = front.request("GET", "/healthz", headers={"X-Request-Id": sent})
    assert (answer.headers["X-Request-Id"] == sent) is kept


def test_errors_of_nginx_look_like_those_of_the_proxy(front):
    too_large = front.request("POST", "/tts", data=b"x" * 1_048_577, headers={"Content-Type": "application/json"})
    assert is_problem(too_large, 413, "body_too_large")
    long_uri = front.request("GET", "/" + "a" * 9000)
    assert is_problem(long_uri, 414, "uri_too_long")
    plain = front.session.get(f"http://localhost:{front.https_port}/", timeout=60)
    assert is_problem(plain, 400, "bad_request")


def test_an_address_that_a_client_writes_itself_does_not_count(front):
    answers = [
        front.request("GET", "/voices", headers={"X-Forwarded-For": f"10.0.0.{number}", "X-API-Key": front.key})
        for number in range(40)
    ]
    limited = [answer for answer in answers if answer.status_code == 429]
    assert len(limited) >= 15
    assert is_problem(limited[0], 429, "rate_limited")
    assert limited[0].headers["Retry-After"]


def test_plain_http_is_sent_to_https(front):
    answer = front.session.get(f"http://localhost:{front.http_port}/docs?a=1", allow_redirects=False, timeout=60)
    assert (answer.status_code, answer.headers["Location"]) == (308, "https://localhost/docs?a=1")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_another_host_gets_nothing(front, scheme):
    port = front.http_port if scheme == "http" else front.https_port
    with pytest.raises(requests.exceptions.ConnectionError):
        front.session.get(f"{scheme}://127.0.0.1:{port}/healthz", timeout=60)


@pytest.mark.parametrize(("version", "accepted"), [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
def test_tls_is_1_2_or_newer(front, version, accepted):
    script = (
        "import socket, ssl, sys, warnings; warnings.simplefilter('ignore')\n"
        "context = ssl.create_default_context(cafile=sys.argv[1]); context.set_ciphers('DEFAULT:@SECLEVEL=0')\n"
        f"context.minimum_version = context.maximum_version = ssl.TLSVersion.{version}\n"
        "with socket.create_connection(('127.0.0.1', int(sys.argv[2]))) as plain:\n"
        "    print(context.wrap_socket(plain, server_hostname='localhost').version())\n"
    )
    arguments = [sys.executable, "-c", script, front.session.verify, str(front.https_port)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is accepted
    if accepted:
        assert done.stdout.strip() == version.replace("_", ".")


def test_only_ciphers_with_forward_secrecy_are_offered(front):
    context = ssl.create_default_context(cafile=front.session.verify)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA:AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA")
    with socket.create_connection(("127.0.0.1", front.https_port)) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="localhost")


INTERMEDIATE = {
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
}
"""Source: Mozilla, Server Side TLS, guidelines 5.8, intermediate; without its finite-field ones, which are optional."""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("testssl") is None, reason="testssl.sh is not installed")
def test_testssl_finds_nothing_weak_and_nothing_beyond_mozillas_list(front, tmp_path):
    found = tmp_path / "found.json"
    options = ["--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--ip", "127.0.0.1"]
    command = ["testssl", *options, "--jsonfile", str(found), "-p", "-s", "-f", front.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, stdin=subprocess.DEVNULL)
    told = {finding["id"]: finding for finding in json.loads(found.read_text())}
    assert "TLS1_3" in told, done.stdout[-2000:]
    for name in ("SSLv2", "SSLv3", "TLS1", "TLS1_1"):
        assert told[name]["finding"].startswith("not offered"), name
    for name in ("TLS1_2", "TLS1_3"):
        assert told[name]["finding"].startswith("offered"), name
    weak = ("cipherlist_NULL", "cipherlist_aNULL", "cipherlist_EXPORT", "cipherlist_LOW", "cipherlist_3DES_IDEA")
    for name in (*weak, "cipherlist_OBSOLETED", "cipherlist_AVERAGE"):
        assert told.get(name, {"finding": "not offered"})["finding"] == "not offered", name
    assert set(told["PFS_ciphers"]["finding"].split()) <= INTERMEDIATE
    assert set(told["PFS_ECDHE_curves"]["finding"].split()) == {"X25519", "prime256v1", "secp384r1"}
    bad = {"LOW", "MEDIUM", "HIGH", "CRITICAL"}
    assert [finding for finding in told.values() if finding["severity"] in bad] == []


def test_a_proxy_that_is_down_is_502_and_one_that_is_back_works(front):
    proxy = front.processes[0]
    proxy.terminate()
    proxy.wait(120)
    down = front.request("GET", "/healthz")
    assert is_problem(down, 502, "proxy_down")
    assert down.headers["Retry-After"] == "5"
    (front.folder / "proxy.sock").unlink(missing_ok=True)
    front.start_proxy()
    until(lambda: front.request("GET", "/healthz").status_code == 200, START_LIMIT_S, "the proxy answers again")
