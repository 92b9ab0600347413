"""A WebUI whose every sound proves its text (``proof``): ``python engine.py PORT LOG``.

Speaks the contract of docs/architecture.md as far as the proxy uses it. ``POST /control`` changes how it behaves:
``{"delay_s": 0.05, "status": 0}``; what it spoke is a line of ``LOG`` each, so that it can be counted after a kill.
"""

import json
import struct
import sys
import threading
import time
import wave
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults.proof import SAMPLE_RATE, SAMPLES, sentences_of, sound_of

REVISION = "stand-in-1"


class Engine(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port, log):
        super().__init__(("127.0.0.1", port), Handler)
        self.log = log.open("a", encoding="utf-8", buffering=1)
        self.lock = threading.Lock()
        self.control = {"delay_s": 0.05, "status": 0}
        self.sounds = {}
        self.number = 0

    def handle_error(self, request, client_address):
        """A proxy that was killed is no error of ours."""

    def keep(self, text):
        """The name of the finished sound of ``text``."""
        with self.lock:
            self.log.write(json.dumps(text, ensure_ascii=False) + "\n")
            self.number += 1
            name = f"{self.number:032x}.wav"
            self.sounds[name] = wav(text)
            return name


def wav(text):
    file = BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SAMPLE_RATE)
        sound.writeframes(sound_of(text))
    return file.getvalue()


def timing(text, begin=0):
    length_ms = 1000 * SAMPLES / SAMPLE_RATE
    return {"begin_ms": 0.0, "end_ms": length_ms, "begin": begin, "end": begin + len(text), "text": text}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = urlsplit(self.path).path
        if path == "/api/health":
            self.answer({"status": "ok"})
        elif path == "/api/info":
            voices = [{"name": "female", "title": "女声", "gender": "female"}]
            self.answer({"revision": REVISION, "voices": voices, "speed": {"min": 0.5, "max": 2.0}})
        elif path.startswith("/api/audio/") and (sound := self.server.sounds.get(path.rpartition("/")[2])):
            self.send(200, sound, "audio/wav")
        else:
            self.refuse(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/control":
            self.server.control.update(json.loads(body))
            self.answer({})
            return
        control = dict(self.server.control)
        text = json.loads(body)["data"][0]
        if control["status"]:
            self.refuse(control["status"])
        elif self.path == "/api/stream":
            self.stream(text, control["delay_s"])
        else:
            time.sleep(control["delay_s"])
            self.predict(text)

    def predict(self, text):
        name = self.server.keep(text)
        details = {
            "duration_s": SAMPLES / SAMPLE_RATE,
            "sample_rate": SAMPLE_RATE,
            "timings": [timing(text)],
            "warnings": [],
            "revision": REVISION,
        }
        self.answer({"data": [{"url": f"http://{self.headers['Host']}/api/audio/{name}"}, details]})

    def stream(self, text, delay_s):
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.frame(b"J", json.dumps({"sample_rate": SAMPLE_RATE, "encoding": "pcm_s16le"}).encode())
        place = 0
        for sentence in sentences_of(text):
            time.sleep(delay_s)
            told = {"timings": [timing(sentence, place)], "warnings": [], "progress": 1.0}
            place += len(sentence)
            self.frame(b"J", json.dumps(told).encode())
            self.frame(b"A", sound_of(sentence))
        self.frame(b"Z", b"")

    def frame(self, kind, payload):
        self.wfile.write(struct.pack("<cI", kind, len(payload)) + payload)
        self.wfile.flush()

    def answer(self, value):
        self.send(200, json.dumps(value).encode(), "application/json")

    def refuse(self, status):
        self.send(status, json.dumps({"code": "told_to_fail", "detail": "x"}).encode(), "application/problem+json")

    def send(self, status, body, media_type):
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


if __name__ == "__main__":
    with Engine(int(sys.argv[1]), Path(sys.argv[2])) as server:
        server.serve_forever(poll_interval=0.05)
