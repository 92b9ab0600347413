"""A Hugging Face Hub on loopback: one public repository, with the routes that ``huggingface_hub`` uses."""

import hashlib
import json
import re
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c" * 40


@dataclass
class HubServer:
    """Serves ``files`` as ``repository``; ``cut_after`` breaks each body there, ``broken`` answers 500."""

    repository: str = "owner/voice"
    files: dict = field(default_factory=dict)
    cut_after: int = 0
    """Bytes of a body after which the connection breaks; 0 never."""
    cuts: int = 0
    """How many bodies are still to be cut."""
    broken: bool = False
    breaks_when_cut: bool = False
    """It is ``broken`` from the first cut on, before whoever was cut can ask again."""
    requests: list = field(default_factory=list)
    """(method, path, Range or '')"""

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def fetched(self, name):
        """The ``Range`` of every GET of a file's body."""
        return [asked for method, path, asked in self.requests if method == "GET" and path.endswith(f"/{name}")]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def log_message(self, *_):
        pass

    def do_any(self):
        hub = self.hub
        asked = self.headers.get("Range", "")
        hub.requests.append((self.command, self.path, asked))
        info = re.fullmatch(rf"/api/models/{hub.repository}/revision/([^/?]+)(?:\?.*)?", self.path)
        resolve = re.fullmatch(rf"/{hub.repository}/resolve/([^/]+)/(.+)", self.path)
        if hub.broken:
            self.answer(500, b"broken")
        elif info and info[1] in ("main", COMMIT):
            body = json.dumps({"id": hub.repository, "sha": COMMIT, "siblings": [], "tags": [], "private": False})
            self.answer(200, body.encode(), {"Content-Type": "application/json"})
        elif info:
            self.answer(404, b"", {"X-Error-Code": "RevisionNotFound"})
        elif resolve and resolve[1] == COMMIT and resolve[2] in hub.files:
            self.file(hub.files[resolve[2]], asked)
        elif resolve:
            self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
        else:
            self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})

    do_GET = do_HEAD = do_any

    def file(self, body, asked):
        headers = {"ETag": f'"{hashlib.sha256(body).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        begin = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(body) - 1}/{len(body)}"
        self.answer(206 if begin else 200, body[begin:], headers)

    def answer(self, status, body, headers=None):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.hub.cuts and len(body) > self.hub.cut_after > 0:
            self.hub.cuts -= 1
            self.hub.broken = self.hub.breaks_when_cut
            self.wfile.write(body[: self.hub.cut_after])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.wfile.write(body)
