"""Who may talk to the server: loopback, foreign pages, tokens, logins."""

from __future__ import annotations

import base64

import pytest
from pydantic import SecretStr
from starlette.datastructures import Headers

from settings import WebUISettings
from webui import StartError, lock_down
from webui_page.guard import BindError, Guard, check_bind
from webui_page.problems import RefusalError

TOKEN = "t" * 32
PASSWORD = "p" * 16
LOOPBACK = Guard(loopback=True, token=None, login=None)


def status(guard: Guard, headers: dict[str, str], path: str = "/api/info", method: str = "POST") -> int:
    try:
        guard.check(method, path, Headers({"host": "127.0.0.1:7860", **headers}))
    except RefusalError as refusal:
        return refusal.problem.status
    return 200


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST", "[::1]:7860", "127.9.9.9"])
def test_loopback_names_pass(host):
    assert status(LOOPBACK, {"host": host}) == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("evil.example", 403),
        ("evil.example:7860", 403),
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example", 403),
        ("0.0.0.0:7860", 403),
        ("192.168.1.2:7860", 403),
        ("127.0.0.1@evil.example", 400),
        ("127.0.0.1/evil", 400),
        ("127.0.0.1:x", 400),
        ("[::1", 400),
        ("", 400),
    ],
)
def test_other_names_are_refused(host, expected):
    assert status(LOOPBACK, {"host": host}) == expected


def test_two_hosts_are_refused():
    headers = Headers(raw=[(b"host", b"127.0.0.1"), (b"host", b"127.0.0.1")])
    with pytest.raises(RefusalError):
        LOOPBACK.check("GET", "/", headers)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"origin": "http://127.0.0.1:7860"}, 200),
        ({"origin": "http://127.0.0.1:7860", "sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"origin": "http://localhost:7860"}, 403),
        ({"origin": "http://127.0.0.1:3000"}, 403),
        ({"origin": "http://127.0.0.1"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "http://127.0.0.1:7860.evil.example"}, 403),
        ({"origin": "file://127.0.0.1:7860"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 403),
    ],
)
@pytest.mark.parametrize("path", ["/api/predict/", "/gradio_api/queue/join", "/"])
def test_a_foreign_page_cannot_drive_the_server(headers, expected, path):
    assert status(LOOPBACK, headers, path) == expected


def test_a_link_from_elsewhere_opens_the_page():
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert status(LOOPBACK, headers, "/", "GET") == 200


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


REMOTE = Guard.from_settings(WebUISettings(host="0.0.0.0", token=SecretStr(TOKEN), password=SecretStr(PASSWORD)))


@pytest.mark.parametrize(
    ("given", "api", "page"),
    [
        ("", 401, 401),
        (f"Bearer {TOKEN}", 200, 401),
        (f"bearer {TOKEN}", 200, 401),
        (TOKEN, 401, 401),
        (f"Bearer {TOKEN}x", 401, 401),
        (f"Bearer {TOKEN[:-1]}", 401, 401),
        ("Bearer ", 401, 401),
        ("Bearer \xff\xfe", 401, 401),
        (basic("operator", PASSWORD), 401, 200),
        (basic("operator", "wrong"), 401, 401),
        (basic("root", PASSWORD), 401, 401),
        (basic("operator", ""), 401, 401),
        (basic("操作员", "密码"), 401, 401),
        ("Basic !!!", 401, 401),
        ("Basic", 401, 401),
    ],
)
def test_beyond_loopback_the_api_wants_the_token_and_the_page_a_login(given, api, page):
    headers = {"host": "tts.example:7860", "authorization": given}
    for path in ("/api/predict/", "/api/health", "/api"):
        assert status(REMOTE, headers, path) == api
    for path in ("/", "/config", "/gradio_api/queue/join", "/gradio_api/heartbeat/x", "/apix"):
        assert status(REMOTE, headers, path) == page


def test_a_token_guards_a_real_server(start):
    with start(token=SecretStr(TOKEN), password=SecretStr(PASSWORD)) as server, server.client() as client:
        body = {"data": ["你好"]}
        refused = client.post("/api/predict/", json=body)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
        assert refused.headers["www-authenticate"] == "Bearer"
        allowed = client.post("/api/predict/", json=body, headers={"authorization": f"Bearer {TOKEN}"})
        assert allowed.status_code == 200
        file = allowed.json()["data"][0]
        assert client.get(file["url"]).status_code == 401
        page = client.get("/")
        assert page.status_code == 401 and page.headers["www-authenticate"].startswith("Basic ")
        assert "中文语音合成" in client.get("/", auth=("operator", PASSWORD)).text
        assert client.get("/gradio_api/startup-events").status_code == 401


def test_a_foreign_page_is_refused_by_a_real_server(client, server):
    body = {"data": ["你好"]}
    made = len(server.engine.made)
    for headers in ({"origin": "https://evil.example"}, {"host": "evil.example"}, {"origin": "null"}):
        answer = client.post("/api/predict/", json=body, headers=headers)
        assert answer.status_code == 403 and answer.headers["content-type"] == "application/problem+json"
        assert "access-control-allow-origin" not in answer.headers
    preflight = client.options(
        "/api/predict/", headers={"origin": "https://evil.example", "access-control-request-method": "POST"}
    )
    assert preflight.status_code == 403
    assert len(server.engine.made) == made


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
def test_loopback_needs_no_token(host):
    check_bind(WebUISettings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.com", ""])
@pytest.mark.parametrize(
    "secrets",
    [
        {},
        {"token": SecretStr(TOKEN)},
        {"password": SecretStr(PASSWORD)},
        {"token": SecretStr("short"), "password": SecretStr(PASSWORD)},
        {"token": SecretStr(TOKEN), "password": SecretStr("short")},
    ],
)
def test_any_other_bind_is_refused_without_both_secrets(host, secrets):
    with pytest.raises(BindError, match=r"webui\.token.*webui\.password.*127\.0\.0\.1。") as refusal:
        check_bind(WebUISettings(host=host, **secrets))
    assert TOKEN not in str(refusal.value) and PASSWORD not in str(refusal.value)


def test_any_other_bind_is_allowed_with_both_secrets():
    check_bind(WebUISettings(host="0.0.0.0", token=SecretStr(TOKEN), password=SecretStr(PASSWORD)))


def test_gradio_is_locked_down(tmp_path):
    environ = {"GRADIO_ANALYTICS_ENABLED": "True", "GRADIO_SHARE": "True", "GRADIO_ALLOWED_PATHS": "/", "PATH": "x"}
    lock_down(environ, tmp_path)
    assert environ == {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_RUN_HISTORY": "False",
        "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000000",
        "GRADIO_ANALYTICS_MAX_EVENTS": "1",
        "GRADIO_TEMP_DIR": str(tmp_path / "gradio"),
        "GRADIO_ALLOWED_PATHS": "",
        "GRADIO_BLOCKED_PATHS": "",
        "PATH": "x",
    }
    with pytest.raises(StartError, match="GRADIO_VIBE_MODE"):
        lock_down({"GRADIO_VIBE_MODE": "1"}, tmp_path)
