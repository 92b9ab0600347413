"""WeChat on the loopback: ``jscode2session``, ``stable_token``, ``msg_sec_check``, as strict as the real one.

Codes are good once; ids and secrets are compared; tokens end; bodies must be UTF-8 JSON; every call is kept.
"""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

APPID, SECRET = "wx0123456789abcdef", "9f86d081884c7d659a2feaa0c55ad015"
SESSION_KEY = "tiihtNczf5v6AKRyjwEUhQ=="


class WeChatServer(ThreadingHTTPServer):
    """What it knows, and what it was asked."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.codes = {}
        self.used = set()
        self.calls = []
        self.tokens = 0
        self.valid = set()
        self.token_lifetime_s = 7200
        self.stuck = False
        """``stable_token`` goes on giving a token that is no longer taken, until a renewal is forced."""
        self.answers = []
        """Taken before anything else: (status, bytes) or a dict."""
        self.delay_s = 0.0
        self.gate = None
        self.suggest = lambda content: ("risky", 20002) if "违禁" in content else ("pass", 100)
        self.unseen = set()
        self.lock = threading.Lock()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def code(self, openid="oABC-123_openid-of-somebody"):
        """A fresh login code of ``openid``."""
        code = f"0a{len(self.codes):030d}"
        self.codes[code] = openid
        return code

    def asked(self, path):
        return [call for call in self.calls if call["path"] == path]

    def handle_error(self, request, client_address):
        """A client that gave up waiting is no error of ours."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.respond(b"")

    def do_POST(self):
        self.respond(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def respond(self, body):
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        call = {"path": parts.path, "method": self.command, "query": query, "body": body, "headers": self.headers}
        with self.server.lock:
            self.server.calls.append(call)
            canned = self.server.answers.pop(0) if self.server.answers else None
        if self.server.gate is not None:
            self.server.gate.wait(120)
        if self.server.delay_s:
            time.sleep(self.server.delay_s)
        if canned is None:
            with self.server.lock:
                canned = self.answer(parts.path, query, body)
        status, data = canned if isinstance(canned, tuple) else (200, json.dumps(canned).encode())
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")  # as the real one says
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def answer(self, path, query, body):
        routes = {
            "/sns/jscode2session": self.session,
            "/cgi-bin/stable_token": self.token,
            "/wxa/msg_sec_check": self.check,
        }
        if path not in routes:
            return error(40066, "invalid url")
        return routes[path](query, body)

    def session(self, query, _body):
        if self.command != "GET":
            return error(43001, "require GET method")
        if query.get("appid") != APPID:
            return error(40013, "invalid appid") if "appid" in query else error(41002, "appid missing")
        if query.get("secret") != SECRET:
            return error(40125, "invalid appsecret") if "secret" in query else error(41004, "appsecret missing")
        if query.get("grant_type") != "authorization_code":
            return error(40002, "invalid grant_type")
        code = query.get("js_code", "")
        if code in self.server.used:
            return error(40163, "code been used")
        if code not in self.server.codes:
            return error(40029, "invalid code")
        self.server.used.add(code)
        return {"session_key": SESSION_KEY, "openid": self.server.codes[code], "unionid": "u-1"}

    def token(self, _query, body):
        if self.command != "POST":
            return error(43002, "require POST method")
        asked = json.loads(body)
        if asked.get("grant_type") != "client_credential":
            return error(40002, "invalid grant_type")
        if asked.get("appid") != APPID:
            return error(40013, "invalid appid")
        if asked.get("secret") != SECRET:
            return error(40125, "invalid appsecret")
        force = asked.get("force_refresh", False)
        held = not force and self.server.tokens and (self.server.valid or self.server.stuck)
        if not held:
            self.server.tokens += 1
            self.server.valid = {f"token-{self.server.tokens}-{'x' * 100}"}
            self.server.stuck = False
        return {
            "access_token": f"token-{self.server.tokens}-{'x' * 100}",
            "expires_in": self.server.token_lifetime_s,
        }

    def check(self, query, body):
        if self.command != "POST":
            return error(43002, "require POST method")
        if query.get("access_token") not in self.server.valid:
            return error(40001, "invalid credential, access_token is invalid or not latest")
        if b"\\u" in body:
            return error(47001, "data format error")
        asked = json.loads(body.decode("utf-8"))
        if asked.get("version") != 2 or asked.get("scene") not in (1, 2, 3, 4):
            return error(40129, "invalid scene")
        if not isinstance(asked.get("content"), str) or not asked["content"]:
            return error(44002, "empty post data")
        if len(asked["content"]) > 2500:
            return error(45002, "content size out of limit")
        if asked.get("openid") in self.server.unseen:
            return error(61010, "code is expired")
        if asked.get("openid") not in self.server.codes.values():
            return error(40003, "invalid openid")
        suggest, label = self.server.suggest(asked["content"])
        return {
            "errcode": 0, "errmsg": "ok", "trace_id": "t-1", "result": {"suggest": suggest, "label": label},
            "detail": [{"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}],
        }  # fmt: skip


def error(code, words):
    return {"errcode": code, "errmsg": f"{words}, rid: 1-2-3"}


@contextmanager
def wechat_server():
    server = WeChatServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        if server.gate is not None:
            server.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()
