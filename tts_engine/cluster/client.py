"""An ``Engine`` that asks a cluster: the caller's side, with the retries that Serve leaves to it.

A replica may die at any moment. What it had sent is kept, the call is made again, and the pieces that are there already
are skipped: the same text, options and revision give the same pieces everywhere.
"""

from __future__ import annotations

import contextlib
import json
import logging
import random
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import urllib3

from tts_engine.audio import FloatArray
from tts_engine.checkpoint import Voice
from tts_engine.cluster.token import ClusterError, read_token, speech_key
from tts_engine.cluster.wire import INFO, LEXICON_WANTED, LISTEN, SPEAK, Call, WireError, read_pieces
from tts_engine.errors import DeadlineExceededError, EngineBusyError, SynthesisError, TextTooLongError, TTSError
from tts_engine.frontend import Conventions, Frontend, lexicon
from tts_engine.frontend.lexicon import LexiconState
from tts_engine.frontend.reading import Reading
from tts_engine.frontend.ssml import INLINE, Markup
from tts_engine.identity import Identity
from tts_engine.scheduler import Terms
from tts_engine.speech import Speech
from tts_engine.synthesizer import SynthesisOptions, revision

_log = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 16
_RETRY_AFTER_S = 2
_AWAY = (urllib3.exceptions.HTTPError, OSError)


@dataclass(frozen=True)
class Patience:
    """How long is waited for what; seconds."""

    connect_s: float = 2.0
    stall_s: float = 20.0
    """Longest silence inside an answer, until the replica is taken for dead."""
    away_s: float = 30.0
    """Since the last piece, until a cluster that does not answer is given up."""
    busy_s: float = 5.0
    """Since the last piece, until a cluster whose queues are full is given up."""
    info_s: float = 2.0
    """How long ``info`` is believed."""


@dataclass(frozen=True)
class Site:
    """Where the cluster is."""

    urls: tuple[str, ...]
    """Of the proxies of its nodes, such as ``http://10.0.0.5:8000``; any one will do."""
    key: str
    """``speech_key`` of the cluster's token."""
    patience: Patience = field(default_factory=Patience)

    @classmethod
    def of(cls, urls: str, token_file: Path) -> Site:
        """The site of settings.

        Args:
            urls: separated by commas.
            token_file: the cluster's token, copied from its head.

        Raises:
            ClusterError: the token cannot be read.
        """
        named = tuple(url.strip().rstrip("/") for url in urls.split(",") if url.strip())
        return cls(named, speech_key(read_token(token_file)))


class _BusyError(Exception):
    """Queues are full: 503."""


class _AwayError(Exception):
    """Nobody answered, or the answer broke off."""


class _Door:
    """Makes requests, of another node when one does not answer. Thread-safe."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._turn = random.randrange(len(site.urls))  # noqa: S311  # no secret
        self._headers = {"Authorization": f"Bearer {site.key}", "Content-Type": "application/json"}
        timeout = urllib3.Timeout(connect=site.patience.connect_s, read=site.patience.stall_s)
        self._pool = urllib3.PoolManager(maxsize=64, timeout=timeout, retries=False)

    @contextlib.contextmanager
    def ask(self, method: str, path: str, body: bytes | None = None) -> Iterator[urllib3.BaseHTTPResponse]:
        """An answer of status 200 or 428; leaving the block early drops the connection, which ends the work there.

        Raises:
            _AwayError, _BusyError: worth another try.
            ClusterError: the token is refused.
        """
        url = self._site.urls[self._turn % len(self._site.urls)]
        try:
            response = self._pool.request(method, url + path, body, headers=self._headers, preload_content=False)
        except _AWAY as error:
            self._turn += 1
            raise _AwayError(type(error).__name__) from error
        is_done = False
        try:
            self._check(response)
            yield response
            is_done = True
        except _AWAY as error:
            self._turn += 1
            raise _AwayError(type(error).__name__) from error
        finally:
            if is_done:
                response.drain_conn()
                response.release_conn()
            else:
                response.close()

    def _check(self, response: urllib3.BaseHTTPResponse) -> None:
        if response.status in (200, LEXICON_WANTED):
            return
        if response.status == 503:
            self._turn += 1
            raise _BusyError
        if response.status == 401:
            raise ClusterError("集群不认这个令牌：请从头节点重新复制 engine.cluster_token_file。")
        self._turn += 1
        raise _AwayError(f"HTTP {response.status}")


class _Words:
    """The user's lexicon as the local reader uses it, as text for the replicas."""

    def __init__(self, frontend: Frontend, path: Path | None) -> None:
        self._frontend = frontend
        self._path = path
        self._kept = ("", "")

    def current(self) -> tuple[str, str]:
        """Digest and text; both empty where there are no words."""
        digest = self._frontend.lexicon_digest
        if digest != self._kept[0]:
            text = self._path.read_text(encoding="utf-8-sig") if digest and self._path else ""
            if digest and lexicon.parse(text).digest != digest:
                return self._kept  # it is being written: the next request will see it
            self._kept = (digest, text)
        return self._kept


@dataclass(frozen=True)
class RemoteEar:
    """Hears who speaks, in the cluster."""

    name: str
    _client: ClusterEngine

    def listen(self, samples: FloatArray) -> Identity:
        """See ``Ear``.

        Raises:
            BadClipError: nothing is voiced.
            SynthesisError: the cluster does not answer.
        """
        body = np.ascontiguousarray(samples, dtype="<f4").tobytes()
        heard = self._client.fetch("POST", LISTEN, body)
        return Identity(**{**heard, "embedding": np.asarray(heard["embedding"], dtype=np.float32)})


class ClusterEngine:
    """See ``Engine``; reads texts for display itself and has them spoken elsewhere. Thread-safe."""

    def __init__(self, site: Site, lexicon_path: Path | None = None, max_chars: int = 100_000) -> None:
        """Ask what the cluster can do.

        Args:
            site: where it is.
            lexicon_path: the user's own words; travel with the requests when they change.
            max_chars: longest text.

        Raises:
            ClusterError: it does not answer, or refuses the token.
        """
        self._site = site
        self._door = _Door(site)
        self._max_chars = max_chars
        self._lock = threading.Lock()
        self._asked = time.monotonic()
        self._info = self._first_info()
        self._frontend = Frontend(Conventions(**self._info["conventions"]), lexicon_path)
        self._words = _Words(self._frontend, lexicon_path)

    def _first_info(self) -> dict[str, Any]:
        try:
            return self.fetch("GET", INFO)
        except SynthesisError as error:
            raise ClusterError(
                f"语音集群 {'、'.join(self._site.urls)} 没有回答：请在头节点运行 python -m tts_engine.cluster status，"
                "并检查 engine.cluster_urls 与防火墙。"
            ) from error

    @property
    def voices(self) -> tuple[Voice, ...]:
        """Every voice by name."""
        return tuple(Voice(**row) for row in self._known()["voices"])

    @property
    def revision(self) -> str:
        """Changes with everything that changes the sound; follows an upgrade within seconds."""
        return revision(self._known()["revision"], self._frontend.lexicon_digest)

    @property
    def lexicon(self) -> LexiconState:
        """The user's words in use, and what is wrong with their file; they travel with the requests."""
        return self._frontend.lexicon

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return int(self._info["sample_rate"])

    @property
    def device(self) -> str:
        """Of the replica that was asked last."""
        return str(self._known()["device"])

    @property
    def emotions(self) -> tuple[str, ...]:
        """What may be felt beside ``neutral``."""
        return tuple(self._known()["emotions"])

    @property
    def speakers(self) -> Mapping[str, FloatArray]:
        """What the acoustic model is told for each voice."""
        return {name: np.asarray(row, dtype=np.float32) for name, row in self._known()["speakers"].items()}

    @property
    def listener(self) -> RemoteEar | None:
        """Hears who speaks in a clip; None where the model cannot clone."""
        return RemoteEar(self._info["listener"], self) if self._info["listener"] else None

    def read(self, text: str, options: SynthesisOptions | None = None) -> Reading:
        """How ``text`` is pronounced; computed here, with the cluster's conventions.

        Raises:
            InputError: the text is at fault.
        """
        if len(text) > self._max_chars:
            raise TextTooLongError(len(text), self._max_chars)
        options, info = options or SynthesisOptions(), self._known()
        markup = INLINE
        if options.ssml:
            markup = Markup(True, options.on_unsupported, tuple(info["speakers"]), tuple(info["emotions"]))
        return self._frontend.read(text, markup)

    def stream(
        self, text: str, options: SynthesisOptions | None = None, terms: Terms | None = None
    ) -> Generator[Speech, None, None]:
        """The pieces of ``text``; close it to stop.

        Raises:
            InputError: the text or an option is at fault.
            EngineBusyError: the cluster's queues stay full, or it is away.
            DeadlineExceededError: the deadline passed.
            SynthesisError: the computation failed.
        """
        terms = terms or Terms()
        digest, _ = self._words.current()
        call = Call(text, options or SynthesisOptions(), priority=terms.priority, lexicon=digest)
        tries = _Tries(self._site.patience, terms)
        while True:
            try:
                for piece in self._pieces(replace(call, left_s=tries.left_s())):
                    call = replace(call, skip=call.skip + 1, revision=piece.revision)
                    yield piece
                    tries.progressed()
                return
            except (_AwayError, _BusyError, WireError, EngineBusyError) as error:
                tries.failed(error)

    def fetch(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        """A small answer, as JSON.

        Raises:
            TTSError: the replica's, or the cluster does not answer.
        """
        tries = _Tries(self._site.patience, Terms())
        while True:
            try:
                with self._door.ask(method, path, body) as response:
                    data = response.read()
                    if data[:1] != b"{":
                        list(read_pieces([data]))  # an error
                        raise WireError("集群的回答不对：请让各处运行同一版本。")
                    document: dict[str, Any] = json.loads(data)
                    return document
            except ValueError as error:
                tries.failed(_AwayError(type(error).__name__))
            except (_AwayError, _BusyError, WireError) as error:
                tries.failed(error)

    def _pieces(self, call: Call) -> Iterator[Speech]:
        with self._door.ask("POST", SPEAK, call.encode()) as response:
            if response.status != LEXICON_WANTED:
                yield from read_pieces(iter(lambda: response.read1(_CHUNK_BYTES), b""))
                return
        digest, words = self._words.current()
        with self._door.ask("POST", SPEAK, replace(call, lexicon=digest, words=words).encode()) as response:
            if response.status == LEXICON_WANTED:
                raise WireError("集群没有收下用户词典：请重试。")
            yield from read_pieces(iter(lambda: response.read1(_CHUNK_BYTES), b""))

    def _known(self) -> dict[str, Any]:
        """What the cluster said last; asked again beside, so that nobody waits for it."""
        with self._lock:
            if time.monotonic() - self._asked >= self._site.patience.info_s:
                self._asked = time.monotonic()
                threading.Thread(target=self._refresh, name="cluster-info", daemon=True).start()
            return self._info

    def _refresh(self) -> None:
        try:
            info = self.fetch("GET", INFO)
        except TTSError as error:
            _log.warning("the cluster did not say what it can do: %s", error)
            return
        with self._lock:
            self._info = info


class _Tries:
    """When to try again, and when no more."""

    def __init__(self, patience: Patience, terms: Terms) -> None:
        self._patience = patience
        self._terms = terms
        self.progressed()

    def progressed(self) -> None:
        """Begin to count anew."""
        self._since = time.monotonic()
        self._count = 0

    def left_s(self) -> float | None:
        """Until the deadline.

        Raises:
            DeadlineExceededError: it has passed.
        """
        if self._terms.deadline is None:
            return None
        left_s = self._terms.deadline - time.monotonic()
        if left_s <= 0:
            raise DeadlineExceededError
        return left_s

    def failed(self, error: Exception) -> None:
        """Wait a little, longer each time and never in step with others; or give up.

        Raises:
            DeadlineExceededError, EngineBusyError, SynthesisError: it was tried long enough, or nobody wants it.
        """
        is_busy = isinstance(error, _BusyError | EngineBusyError)
        limit_s = self._patience.busy_s if is_busy else self._patience.away_s
        pause_s = random.uniform(0.5, 1.0) * min(1.0, 0.05 * 2**self._count)  # noqa: S311  # no secret
        self._count += 1
        left_s = self.left_s()
        is_over = time.monotonic() + pause_s - self._since > limit_s
        if self._terms.stop.is_set() or is_over or (left_s is not None and left_s < pause_s):
            if left_s is not None and left_s < pause_s:
                raise DeadlineExceededError from error
            if is_busy:
                raise EngineBusyError(_RETRY_AFTER_S) from error
            raise SynthesisError(
                "语音集群没有回答：请稍后重试，管理员请看 python -m tts_engine.cluster status。"
            ) from error
        _log.info("asking the cluster again: %s %s", type(error).__name__, error)
        self._terms.stop.wait(pause_s)
