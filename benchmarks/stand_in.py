"""A WebUI whose every synthesis takes the same time: what is measured with it is the proxy alone.

``python -m benchmarks.stand_in PORT DELAY_MS``; ``GET /count`` says how many texts it has spoken. It keeps connections
open and knows no more of the contract than the proxy asks for.
"""

from __future__ import annotations

import asyncio
import io
import json
import sys
import wave

REVISION = "stand-in"
SAMPLE_RATE = 22_050
SOUND_S = 1.0


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
                status, kind, answer = await self._answer(head.split(" ", 2)[:2], body)
                writer.write(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n".encode())
                writer.write(f"Content-Length: {len(answer)}\r\n\r\n".encode() + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, asked: list[str], body: bytes) -> tuple[str, str, bytes]:
        method, path = asked
        if (method, path) == ("POST", "/api/predict/"):
            text = json.loads(body)["data"][0]
            self._spoken += 1
            await asyncio.sleep(self._delay_s)
            return "200 OK", "application/json", _told(_prediction(text))
        if path.startswith("/api/audio/"):
            return "200 OK", "audio/wav", self._wav
        if path == "/api/info":
            return "200 OK", "application/json", _told(_INFO)
        if path == "/api/health":
            return "200 OK", "application/json", _told({"status": "ok"})
        if path == "/count":
            return "200 OK", "application/json", _told({"spoken": self._spoken})
        return "404 Not Found", "application/json", _told({})


_INFO = {
    "revision": REVISION,
    "voices": [{"name": "female", "title": "女声", "gender": "female"}],
    "emotions": [],
    "speed": {"min": 0.5, "max": 2.0},
}


def _prediction(text: str) -> dict[str, object]:
    step_ms = 1000 * SOUND_S / len(text)
    timings = [
        {"begin_ms": i * step_ms, "end_ms": (i + 1) * step_ms, "begin": i, "end": i + 1, "text": text[i]}
        for i in range(len(text))
    ]
    details = {"duration_s": SOUND_S, "sample_rate": SAMPLE_RATE, "timings": timings, "warnings": []}
    return {"data": [{"url": "/api/audio/silence.wav"}, details | {"revision": REVISION}], "duration": 0.0}


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
    asyncio.run(StandIn(float(sys.argv[2]) / 1000).serve(int(sys.argv[1])))
