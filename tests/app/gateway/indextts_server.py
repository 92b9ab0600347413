"""The official IndexTTS WebUI as its Gradio 5.45 server behaves, on loopback and without a model.

Parameters, order, defaults and refusals: index-tts/index-tts, tag v2.0.0 and its head run as 2 and as 2.5.
"""

import hashlib
import io
import json
import re
import secrets
import threading
import time
import wave
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODES = {
    "zh": ["与音色参考音频相同", "使用情感参考音频", "使用情感向量控制"],
    "en": ["Same as the voice reference", "Use emotion reference audio", "Use emotion vectors"],
}
RATE = 22050


def parameters(version, language):
    """(name, component, has_default, default, range) in the order of ``data``; a state has no name."""
    rows = [("emo_control_method", "radio", True, MODES[language][0], MODES[language])]
    rows += [("prompt", "audio", False, None, None), ("text", "textbox", False, None, None)]
    if version == "2.5":
        rows.append(("lang_choice", "dropdown", True, "ZH", ["ZH", "EN", "JA", "AR", "ES"]))
    if version == "2-head":
        rows.append((None, "state", False, None, None))
    rows += [("emo_ref_path", "audio", False, None, None), ("emo_weight", "slider", True, 0.65, (0, 1))]
    rows += [(f"vec{number}", "slider", True, 0.0, (0, 1)) for number in range(1, 9)]
    rows += [("emo_text", "textbox", True, "", None), ("emo_random", "checkbox", True, False, None)]
    rows.append(("max_text_tokens_per_segment", "slider", True, 120, (20, 600)))
    if version != "2.0":
        rows.append(("duration_factor", "slider", True, 1.0, (0.5, 2.0)))
    sampling = [
        ("checkbox", True, None),
        ("slider", 0.8, (0, 1)),
        ("slider", 30, (0, 100)),
        ("slider", 0.8, (0.1, 2.0)),
        ("number", 0.0, (-2, 2)),
        ("slider", 3, (1, 10)),
        ("number", 10.0, (0.1, 20)),
        ("slider", 1500, (50, 1815)),
    ]
    for component, default, span in sampling:
        rows.append((f"param_{len(rows)}", component, True, default, span))
    return rows


@dataclass
class IndexTTS:
    """Change ``version``, ``fault`` or the texts (BOOM, EMPTY, SLOW2) to see it behave otherwise."""

    version: str = "2.5"
    language: str = "zh"
    fault: str = ""
    """``hang``, ``cut``, ``html``, ``elsewhere`` or ``drip``."""
    calls: list = field(default_factory=list)
    """What reached the model, by name."""
    uploads: dict = field(default_factory=dict)
    events: dict = field(default_factory=dict)
    made: dict = field(default_factory=dict)
    paths: list = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    model: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self):
        handler = type("Handler", (_Handler,), {"tts": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def info(self):
        told = []
        for name, component, has_default, default, span in parameters(self.version, self.language):
            if name is None:
                continue
            kind = {"type": "string", "enum": span} if component in ("radio", "dropdown") else {"type": "any"}
            row = {"label": name, "parameter_name": name, "parameter_has_default": has_default}
            told.append(row | {"parameter_default": default, "type": kind, "component": component.title()})
        return {"named_endpoints": {"/gen_single": {"parameters": told, "returns": []}}, "unnamed_endpoints": {}}

    def config(self):
        rows = parameters(self.version, self.language)
        components = [{"id": 100 + place, "type": row[1]} for place, row in enumerate(rows)]
        call = {"id": 21, "api_name": "gen_single", "inputs": [each["id"] for each in components]}
        return {
            "version": "5.45.0",
            "api_prefix": "/gradio_api",
            "components": [*components, {"id": 1, "type": "button"}],
            "dependencies": [{"id": 1, "api_name": "on_preset_load", "inputs": [1]}, call],
        }

    def check(self, values):
        """The values by name, or None when Gradio would refuse them."""
        rows = parameters(self.version, self.language)
        if len(values) != len(rows):
            return None
        for value, (name, component, _, _, span) in zip(values, rows, strict=True):
            if component == "state":
                if value is not None:
                    return None
            elif component in ("radio", "dropdown"):
                if value not in span:
                    return None
            elif component == "slider":
                if isinstance(value, bool) or not isinstance(value, int | float) or not span[0] <= value <= span[1]:
                    return None
            elif (component == "audio" and not self.is_file(value, name)) or (
                component == "textbox" and not isinstance(value, str)
            ):
                return None
        return {row[0]: value for value, row in zip(values, rows, strict=True) if row[0]}

    def is_file(self, value, name):
        if value is None:
            return name == "emo_ref_path"
        meta = value.get("meta", {}).get("_type") if isinstance(value, dict) else None
        return meta == "gradio.FileData" and value.get("path") in self.uploads

    def speak(self, call):
        """0.1 s for every character, stretched as asked; its level names the recording. None: nothing was made."""
        text = call["text"]
        slow = re.search(r"SLOW([0-9.]+)", text)
        if slow:
            self.released.wait(float(slow[1]))
        if "BOOM" in text:
            raise RuntimeError("model")
        if "EMPTY" in text:
            return None
        frames = round(0.1 * RATE * len(text) * call.get("duration_factor", 1.0))
        level = 1000 + 100 * list(self.uploads).index(call["prompt"]["path"])
        data = io.BytesIO()
        with wave.open(data, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(int(level).to_bytes(2, "little") * frames)
        path = f"/tmp/gradio/{hashlib.sha256(data.getvalue()).hexdigest()}/spk_{int(time.time())}.wav"
        self.made[path] = data.getvalue()
        return path


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    tts: IndexTTS

    def log_message(self, *_):
        pass

    def send(self, status, body, media_type="application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.tts.paths.append(self.path)
        if self.tts.fault == "html":
            return self.send(200, b"<html>login</html>", "text/html")
        if self.path == "/gradio_api/info":
            return self.send(200, self.tts.info())
        if self.path == "/config":
            return self.send(200, self.tts.config())
        if self.path.startswith("/gradio_api/call/gen_single/"):
            return self.events(self.path.rpartition("/")[2])
        if self.path.startswith("/gradio_api/file=") and self.path[17:] in self.tts.made:
            return self.send(200, self.tts.made[self.path[17:]], "application/octet-stream")
        return self.send(404, {"detail": "Not Found"})

    def do_POST(self):
        self.tts.paths.append(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/gradio_api/upload":
            return self.send(200, [self.store(body)])
        if self.path != "/gradio_api/call/gen_single":
            return self.send(404, {"detail": "Not Found"})
        asked, event_id = json.loads(body), secrets.token_hex(16)
        self.tts.events[event_id] = None if "session_hash" in asked else asked["data"]
        return self.send(200, {"event_id": event_id})

    def store(self, body):
        head, _, rest = body.partition(b"\r\n\r\n")
        name = re.search(rb'name="files"; filename="([^"]+)"', head)[1].decode()
        data = rest[: rest.rindex(b"\r\n--")]
        path = f"/tmp/gradio/{hashlib.sha256(data).hexdigest()}/{name}"
        self.tts.uploads[path] = data
        return path

    def events(self, event_id):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if event_id not in self.tts.events:
            return self.last("error", '"404: Not Found"')
        values = self.tts.events[event_id]
        self.tts.events[event_id] = "read"
        if values is None:
            return self.last("error", '"404: Not Found"')
        if values == "read" or self.tts.fault in ("hang", "drip"):
            return self.heartbeats()
        if self.tts.fault == "cut":
            self.close_connection = True
            return None
        self.chunk("event: heartbeat\ndata: null\n\n")
        return self.run(values)

    def run(self, values):
        call = self.tts.check(values)
        if call is None:
            return self.last("error", "null")
        self.tts.calls.append(call)
        with self.tts.model:
            try:
                path = self.tts.speak(call)
            except RuntimeError:
                return self.last("error", "null")
        origin = "http://192.0.2.1" if self.tts.fault == "elsewhere" else self.tts.url
        file = path and {"path": path, "url": f"{origin}/gradio_api/file={path}", "meta": {"_type": "gradio.FileData"}}
        return self.last("complete", json.dumps([{"visible": True, "value": file, "__type__": "update"}]))

    def heartbeats(self):
        while not self.tts.released.wait(0.1):
            self.chunk("event: heartbeat\ndata: null\n\n")

    def chunk(self, text):
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def last(self, event, data):
        self.chunk(f"event: {event}\ndata: {data}\n\n")
        self.wfile.write(b"0\r\n\r\n")
