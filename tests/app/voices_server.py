"""The WebUI's ``/api/voices`` on the loopback, by its contract in docs/architecture.md; refuses what that refuses."""

import hashlib
import json
import re
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from werkzeug.formparser import parse_form_data

TOKEN = "webui-token-of-the-tests"
CONSENT = {"person", "purpose", "agreed_at", "statement", "recorded_at", "recorded_by", "clip_sha256"}


class VoicesServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.voices = {}
        """name → (title, consent, clip)."""
        self.failures = []
        """Taken before anything else: (status, problem) or None for a connection that breaks after the work."""
        self.knows_voices = True
        self.calls = []
        self.gate = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """A client that gave up waiting is no error of ours."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        environ = {
            "wsgi.input": self.rfile,
            "CONTENT_TYPE": self.headers["Content-Type"],
            "CONTENT_LENGTH": self.headers["Content-Length"],
            "REQUEST_METHOD": "POST",
        }
        _, form, files = parse_form_data(environ)
        clips = {name: file.read() for name, file in files.items()}
        for file in files.values():
            file.close()
        self.answer(lambda: self.add(form, clips))

    def do_DELETE(self):
        self.answer(self.remove)

    def answer(self, work):
        self.server.calls.append((self.command, self.path, dict(self.headers)))
        if self.server.gate is not None:
            self.server.gate.wait(120)
        failure = self.server.failures.pop(0) if self.server.failures else ()
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status, told = 401, problem("unauthorized")
        elif not self.server.knows_voices:
            status, told = 404, {"detail": "Not Found"}
        elif failure:
            status, told = failure
        else:
            status, told = work()
        if failure is None:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        data = b"" if told is None else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def add(self, form, files):
        name, consent = form.get("name", ""), json.loads(form.get("consent", "null"))
        if self.path != "/api/voices" or set(form) != {"name", "title", "consent"} or set(files) != {"clip"}:
            return 422, problem("invalid_field")
        if not re.fullmatch(r"voice-[0-9a-f]{32}", name) or not form["title"]:
            return 422, problem("invalid_field")
        if set(consent or {}) != CONSENT or not all(consent.values()):
            return 422, problem("consent_required")
        clip = files["clip"]
        if hashlib.sha256(clip).hexdigest() != consent["clip_sha256"]:
            return 422, problem("consent_mismatch")
        known = self.server.voices.get(name)
        if known is not None and known[2] != clip:
            return 409, problem("voice_exists")
        self.server.voices[name] = (form["title"], consent, clip)
        return 201, {"name": name, "title": form["title"], "clip_sha256": consent["clip_sha256"]}

    def remove(self):
        name = self.path.removeprefix("/api/voices/")
        return (404, problem("unknown_voice")) if self.server.voices.pop(name, None) is None else (204, None)


def problem(code):
    return {"code": code, "detail": "说明", "status": 422}


@contextmanager
def voices_server():
    server = VoicesServer()
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
