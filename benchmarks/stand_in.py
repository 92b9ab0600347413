"""A WebUI whose every synthesis takes the same time: what is measured with it is the proxy alone.

``python -m benchmarks.stand_in PORT DELAY_MS``; ``GET /count`` says how many texts it has spoken. It keeps connections
open and knows no more of the contract than the proxy asks for.

The delay counts from the moment when the request was read, and the answer is put together within it, so that neither
its JSON nor a late clock is taken for the proxy's: ``epoll`` waits whole milliseconds, hence ``select``.
"""

from __future__ import annotations

import asyncio
import io
import json
import selectors
import struct
import sys
import wave

REVISION = "stand-in"
SAMPLE_RATE = 22_050
SOUND_S = 1.0
FRAMES = "application/octet-stream"


class StandIn:
    """One port. Every sound is the same second of silence."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._wav = _silence()
        self._spoken = 0

    async def serve(self, port: int) -> None:
        """Answer until the process ends."""
        server = await asyncio.start_server(self._connection, "127.0.0.1", port)
        async with server:
            await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                body = await reader.readexactly(_length(head))
                status, kind, answer = await self._answer(head, body)
                writer.write(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n".encode())
                writer.write(f"Content-Length: {len(answer)}\r\n\r\n".encode() + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, head: str, body: bytes) -> tuple[str, str, bytes]:
        method, path = head.split(" ", 2)[:2]
        if (method, path) == ("POST", "/api/predict/"):
            return await self._spoken_text(json.loads(body)["data"][0], FRAMES in head)
        if path.startswith("/api/audio/"):
            return "200 OK", "audio/wav", self._wav
        if path == "/api/info":
            return "200 OK", "application/json", _told(_INFO)
        if path == "/api/health":
            return "200 OK", "application/json", _told({"status": "ok"})
        if path == "/count":
            return "200 OK", "application/json", _told({"spoken": self._spoken})
        return "404 Not Found", "application/json", _told({})

    async def _spoken_text(self, text: str, in_frames: bool) -> tuple[str, str, bytes]:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + self._delay_s
        self._spoken += 1
        if in_frames:
            kind, answer = FRAMES, _frame(b"J", _told(_details(text))) + _frame(b"A", self._wav) + _frame(b"Z")
        else:
            kind, answer = "application/json", _told(_prediction(text))
        await asyncio.sleep(due_s - loop.time())
        return "200 OK", kind, answer


_INFO = {
    "revision": REVISION,
    "voices": [{"name": "female", "title": "女声", "gender": "female"}],
    "emotions": [],
    "speed": {"min": 0.5, "max": 2.0},
}


def _prediction(text: str) -> dict[str, object]:
    return {"data": [{"url": "/api/audio/silence.wav"}, _details(text)], "duration": 0.0}


def _details(text: str) -> dict[str, object]:
    step_ms = 1000 * SOUND_S / len(text)
    timings = [
        {"begin_ms": i * step_ms, "end_ms": (i + 1) * step_ms, "begin": i, "end": i + 1, "text": text[i]}
        for i in range(len(text))
    ]
    return {
        "duration_s": SOUND_S,
        "sample_rate": SAMPLE_RATE,
        "timings": timings,
        "warnings": [],
        "revision": REVISION,
    }


def _frame(kind: bytes, payload: bytes = b"") -> bytes:
    return struct.pack("<cI", kind, len(payload)) + payload


def _silence() -> bytes:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(bytes(2 * int(SAMPLE_RATE * SOUND_S)))
    return sound.getvalue()


def _told(value: object) -> bytes:
    return json.dumps(value).encode()


def _length(head: str) -> int:
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            return int(value)
    return 0


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(StandIn(float(sys.argv[2]) / 1000).serve(int(sys.argv[1])))
