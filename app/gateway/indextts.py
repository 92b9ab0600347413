"""The official IndexTTS WebUI 2.0 and 2.5, through the queue of its Gradio server; never past it (``/run``).

Which values a call takes, and in which order, differs between versions, so both are read from the server: names,
choices and defaults from ``/gradio_api/info``, the hidden slots from ``/config``. A speaker is a recording in a folder
of ours; an emotion of the order, or ``name:emotion`` as its speaker, becomes an emotion vector.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from app.errors import EngineRefusedError, EngineTimeoutError, EngineUnreachableError, GatewayError
from app.gateway import Info, Order, Piece, Trip, Utterance, Voice, in_one_piece
from app.gateway.bulkhead import Bulkhead
from app.gateway.contract import VECTORS, Contract, read_contract
from app.gateway.predict import same_origin
from settings import GatewaySettings
from sound import SoundError, decode_wav

_log = logging.getLogger(__name__)

_CALL = "/gradio_api/call/gen_single"
_MAX_JSON_BYTES = 8 * 1024 * 1024
_MAX_LINE_BYTES = 1024 * 1024
_CHUNK_BYTES = 65_536
_QUICK_S = 2.0
_AUDIO = frozenset({".wav", ".mp3", ".flac", ".ogg", ".m4a"})
_TITLES = dict(zip(VECTORS, ("喜", "怒", "哀", "惧", "厌恶", "低落", "惊喜", "平静"), strict=True))
_WEIGHT = 0.8
"""Of an emotion; the WebUI scales vectors down to a sum of 0.8 anyway."""


class IndexTTSGateway:
    """One session, so that connections are kept. Thread-safe."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._base = settings.url.rstrip("/")
        self._bulkhead = Bulkhead(settings.concurrency, settings.queue_timeout_s)
        self._session = _open_session(settings.concurrency + 4)
        self._lock = threading.Lock()
        self._uploads: dict[str, str] = {}
        """SHA-256 of a recording to its path on the WebUI's disk, where the same bytes always get the same path."""

    def synthesize(self, order: Order, trip: Trip) -> Utterance:
        """Speak ``order``; every failure ends within ``trip.deadline_s``."""
        deadline_s = time.monotonic() + min(trip.deadline_s, self._settings.deadline_s)
        speaker, _, named = order.speaker.partition(":")
        recording = self._recordings().get(speaker)
        if recording is None or (named and named not in VECTORS):
            raise EngineRefusedError(422, "unknown_voice", f"没有“{order.speaker}”这个音色：可用的音色见 GET /voices。")
        emotion = _emotion(order, named)
        with self._bulkhead.slot(deadline_s - time.monotonic()):
            contract = self._contract(deadline_s)
            _check_speed(contract, order.speed)
            digest, path = self._uploaded(recording, deadline_s)
            values = contract.values(_wishes(contract, order, path, emotion))
            try:
                url = self._result(values, deadline_s)
            except GatewayError:
                with self._lock:
                    self._uploads.pop(digest, None)  # the WebUI may have lost it: it does not say why it fails
                raise
            wav = self._bytes(
                "GET", same_origin(self._base, url), deadline_s, self._settings.max_audio_mb * 1024 * 1024
            )
        return _utterance(wav, self._revision(contract))

    def stream(self, order: Order, trip: Trip) -> Generator[Piece, None, None]:
        """The whole as one piece: this WebUI cannot stream."""
        return in_one_piece(self, order, trip)

    def info(self) -> Info:
        """Speakers are the recordings; a version without ``duration_factor`` has one speed."""
        contract = self._contract(time.monotonic() + _QUICK_S)
        speeds = (0.5, 2.0) if contract.has_speed else (1.0, 1.0)
        return Info(self._revision(contract), tuple(_voices(sorted(self._recordings()))), *speeds)

    def is_healthy(self) -> bool:
        """``gen_single`` is offered, and there is a recording."""
        try:
            self._contract(time.monotonic() + _QUICK_S)
        except GatewayError:
            return False
        return bool(self._recordings())

    def close(self) -> None:
        """Close kept connections."""
        self._session.close()

    def _recordings(self) -> dict[str, Path]:
        try:
            files = sorted(self._settings.references_dir.iterdir())
        except OSError:
            return {}
        return {path.stem: path for path in files if path.suffix.lower() in _AUDIO and ":" not in path.stem}

    def _revision(self, contract: Contract) -> str:
        digest = hashlib.sha256(contract.fingerprint.encode())
        for name, path in sorted(self._recordings().items()):
            status = path.stat()
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
        return f"indextts-{digest.hexdigest()[:16]}"

    def _contract(self, deadline_s: float) -> Contract:
        info = self._json("GET", "/gradio_api/info", deadline_s)
        return read_contract(info, self._json("GET", "/config", deadline_s))

    def _uploaded(self, recording: Path, deadline_s: float) -> tuple[str, str]:
        try:
            data = recording.read_bytes()
        except OSError as error:
            raise GatewayError from error
        digest = hashlib.sha256(data).hexdigest()
        with self._lock:
            known = self._uploads.get(digest)
        if known is None:
            # a name of our own: that of the file may hold anything
            files = {"files": (f"{digest[:16]}{recording.suffix.lower()}", data)}
            reply = self._json("POST", "/gradio_api/upload", deadline_s, files=files)
            if not (isinstance(reply, list) and len(reply) == 1 and isinstance(reply[0], str)):
                raise GatewayError
            known = reply[0]
            with self._lock:
                self._uploads[digest] = known
        return digest, known

    def _result(self, values: list[object], deadline_s: float) -> str:
        """Where the sound is. Without ``session_hash``, with which the event could not be read; read by us alone."""
        reply = self._json("POST", _CALL, deadline_s, json={"data": values})
        event_id = reply.get("event_id") if isinstance(reply, dict) else None
        if not isinstance(event_id, str) or not event_id.isalnum():
            raise GatewayError
        with self._answer("GET", f"{self._base}{_CALL}/{event_id}", deadline_s) as response:
            for event, data in _events(response, deadline_s):
                if event == "complete":
                    return _url_in(data)
                if event == "error":
                    _log.warning("IndexTTS failed without saying why")
                    raise GatewayError
        raise EngineUnreachableError

    def _json(self, method: str, path: str, deadline_s: float, **options: Any) -> Any:
        body = self._bytes(method, self._base + path, deadline_s, _MAX_JSON_BYTES, **options)
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise GatewayError from error

    def _bytes(self, method: str, url: str, deadline_s: float, max_bytes: int, **options: Any) -> bytes:
        with self._answer(method, url, deadline_s, **options) as response:
            parts, size = [], 0
            while part := response.raw.read1(_CHUNK_BYTES):
                size += len(part)
                if size > max_bytes:
                    raise GatewayError
                parts.append(part)
        return b"".join(parts)

    @contextmanager
    def _answer(self, method: str, url: str, deadline_s: float, **options: Any) -> Iterator[requests.Response]:
        """A 200 that is cut at the deadline, however slowly it drips; never asked for twice."""
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            raise EngineTimeoutError
        timeout = (min(self._settings.connect_timeout_s, left_s), min(self._settings.read_timeout_s, left_s))
        try:
            response = self._session.request(
                method, url, timeout=timeout, allow_redirects=False, stream=True, **options
            )
            with response:
                if response.status_code != 200:
                    _log.warning("IndexTTS answered %d to %s", response.status_code, method)
                    raise GatewayError
                with _cut_at(response, deadline_s):
                    yield response
        except requests.exceptions.Timeout as error:
            raise EngineTimeoutError from error
        except (requests.RequestException, HTTPError, OSError) as error:
            if time.monotonic() >= deadline_s:
                raise EngineTimeoutError from error
            raise EngineUnreachableError from error


@contextmanager
def _cut_at(response: requests.Response, deadline_s: float) -> Iterator[None]:
    late = threading.Timer(max(0.0, deadline_s - time.monotonic()), _shut_down, [response])
    late.daemon = True
    late.start()
    try:
        yield
    finally:
        late.cancel()
    if time.monotonic() >= deadline_s:
        raise EngineTimeoutError  # what was read may be a part


def _shut_down(response: requests.Response) -> None:
    try:
        response.raw.shutdown()
    except (ValueError, RuntimeError, OSError):  # read to its end meanwhile
        return


def _events(response: requests.Response, deadline_s: float) -> Iterator[tuple[str, str]]:
    """Server-sent events: name and data."""
    event, buffer = "", b""
    while part := response.raw.read1(_CHUNK_BYTES):
        buffer += part
        *lines, buffer = buffer.split(b"\n")
        if len(buffer) > _MAX_LINE_BYTES:
            raise GatewayError
        for line in lines:
            name, _, value = line.decode("utf-8", "replace").strip().partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                yield event, value
    if time.monotonic() >= deadline_s:
        raise EngineTimeoutError


def _url_in(data: str) -> str:
    """``data[0].value.url``: the result is an update of a component. A model that failed leaves ``value`` empty."""
    try:
        first = json.loads(data)[0]
        value = first.get("value", first)
        url = value["url"]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise GatewayError from error
    if not isinstance(url, str):
        raise GatewayError
    return url


def _emotion(order: Order, named: str) -> str:
    """What the order feels, empty for the recording's own emotion; refuses what this WebUI would not do.

    Args:
        order: with its ``emotion``.
        named: the emotion in the speaker's name.
    """
    others = sorted(set(order.options) - {"emotion", "intensity"})
    if others:
        raise EngineRefusedError(422, "invalid_field", f"IndexTTS 的 WebUI 没有 {'、'.join(others)}：请去掉。")
    if order.emotion == "neutral":
        return named
    if named and named != order.emotion:
        raise EngineRefusedError(422, "invalid_field", "speaker 里的情感与 emotion 不同：只写一个。")
    if order.emotion not in VECTORS:
        raise EngineRefusedError(422, "emotion_unavailable", f"没有这种情感：可用 {'、'.join(VECTORS)}。")
    return order.emotion


def _check_speed(contract: Contract, speed: float) -> None:
    if speed != 1.0 and not contract.has_speed:
        raise EngineRefusedError(422, "invalid_field", "这个版本的 IndexTTS 不能改变语速：speed 只能是 1.0。")


def _wishes(contract: Contract, order: Order, path: str, emotion: str) -> dict[str, object]:
    """What differs from the WebUI's defaults, by parameter name."""
    wishes: dict[str, object] = {
        "emo_control_method": contract.modes[2 if emotion else 0],
        "prompt": {"path": path, "meta": {"_type": "gradio.FileData"}},
        "text": order.text,
        "emo_ref_path": None,
    }
    for number, name in enumerate(VECTORS, 1):
        wishes[f"vec{number}"] = round(_WEIGHT * order.intensity, 4) if name == emotion else 0.0
    if contract.has_speed:
        wishes["duration_factor"] = min(2.0, max(0.5, 1.0 / order.speed))
    return wishes


def _voices(names: list[str]) -> Iterator[Voice]:
    for name in names:
        yield Voice(name, name, "")
        for emotion in VECTORS:
            yield Voice(f"{name}:{emotion}", f"{name}（{_TITLES[emotion]}）", "")


def _utterance(wav: bytes, revision: str) -> Utterance:
    try:
        samples, sample_rate = decode_wav(wav)
    except SoundError as error:
        raise GatewayError from error
    return Utterance(samples, sample_rate, [], [], revision)


def _open_session(connections: int) -> requests.Session:
    """A session that keeps so many connections, and knows nothing of whoever started us."""
    session = requests.Session()
    session.trust_env = False  # no proxy and no .netrc of whoever started us
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"Accept-Encoding": "identity", "User-Agent": "tts-proxy"})
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
