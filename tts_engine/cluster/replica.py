"""One process of the cluster: an engine, and how calls become frames. Knows nothing of Ray."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import shutil
import tempfile
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tts_engine.cluster.wire import END, Call, WireError, error_frame, frame, piece_frames
from tts_engine.engine import Engine
from tts_engine.errors import CloningUnavailableError, InputError, LexiconError, SynthesisError, TTSError
from tts_engine.frontend import Conventions, lexicon
from tts_engine.scheduler import PRIORITIES, CancelledError, Terms
from tts_engine.speech import Speech
from tts_engine.synthesizer import Synthesizer

_KEPT_LEXICONS = 4
_MIN_SAMPLES, _MAX_SAMPLES = 1, 22050 * 60

Opener = Callable[[Path | None], Engine]
"""The engine that reads with the user's words in a file; all share model and processors."""


class LexiconWantedError(Exception):
    """The caller's words are not here yet."""


@dataclass(frozen=True)
class Opened:
    """A call whose text has been read and accepted."""

    pieces: Generator[Speech, None, None]
    terms: Terms


class Replica:
    """Answers calls. Thread-safe."""

    def __init__(self, open_engine: Opener, conventions: Mapping[str, Any]) -> None:
        """Open the engine without a lexicon.

        Args:
            open_engine: see ``Opener``.
            conventions: of reading, told to whoever asks.
        """
        self._open = open_engine
        self._conventions = dict(conventions)
        self._plain = open_engine(None)
        self._folder = Path(tempfile.mkdtemp(prefix="tts-lexicon-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._lock = threading.Lock()
        self.largest_batch = 0
        """Calls that were begun together."""

    def info(self) -> dict[str, object]:
        """What this engine can do; ``revision`` is without a lexicon."""
        engine = self._plain
        return {
            "revision": engine.revision,
            "sample_rate": engine.sample_rate,
            "device": engine.device,
            "voices": [asdict(voice) for voice in engine.voices],
            "emotions": list(engine.emotions),
            "speakers": {name: [float(value) for value in vector] for name, vector in engine.speakers.items()},
            "listener": engine.listener.name if engine.listener else "",
            "conventions": self._conventions,
            "largest_batch": self.largest_batch,
        }

    def listen(self, data: bytes) -> dict[str, object]:
        """Who speaks in little-endian float32 samples.

        Raises:
            CloningUnavailableError: the model has no speaker encoder.
            BadClipError: no voice can be heard.
        """
        if self._plain.listener is None:
            raise CloningUnavailableError
        if len(data) % 4 or not _MIN_SAMPLES <= len(data) // 4 <= _MAX_SAMPLES:
            raise WireError("集群收到的录音不完整：请重试。")
        samples = np.frombuffer(data, dtype="<f4").astype(np.float32)
        if not np.isfinite(samples).all():
            raise InputError("参考音频里有不是数的采样：请重新导出这段录音。")
        identity = self._plain.listener.listen(samples)
        return {**vars(identity), "embedding": identity.embedding.tolist()}

    def begin(self, calls: Sequence[Call]) -> list[Opened | Exception]:
        """Read the texts of calls that came together, and have them spoken: the urgent and the short first."""
        self.largest_batch = max(self.largest_batch, len(calls))
        order = sorted(range(len(calls)), key=lambda i: (-PRIORITIES[calls[i].priority], len(calls[i].text)))
        opened: dict[int, Opened | Exception] = {}
        for index in order:
            try:
                opened[index] = self._begun(calls[index])
            except (TTSError, LexiconWantedError) as error:
                opened[index] = error
        return [opened[index] for index in range(len(calls))]

    def _begun(self, call: Call) -> Opened:
        engine = self._engine(call)
        if call.skip and call.revision != engine.revision:
            raise SynthesisError("朗读中途换了模型，接不上已读的部分：请重新合成。")
        deadline = None if call.left_s is None else time.monotonic() + call.left_s
        terms = Terms(deadline, call.priority)
        pieces = engine.stream(call.text, call.options, terms)
        return Opened(_without_first(pieces, call.skip), terms)

    def _engine(self, call: Call) -> Engine:
        if not call.lexicon:
            return self._plain
        with self._lock:
            engine = self._engines.get(call.lexicon)
            if engine is None:
                if call.words is None:
                    raise LexiconWantedError
                engine = self._engines[call.lexicon] = self._with_words(call.lexicon, call.words)
                if len(self._engines) > _KEPT_LEXICONS:
                    self._engines.popitem(last=False)
            self._engines.move_to_end(call.lexicon)
            return engine

    def _with_words(self, digest: str, words: str) -> Engine:
        if len(words.encode("utf-8", "surrogatepass")) > lexicon.MAX_BYTES or lexicon.parse(words).digest != digest:
            raise LexiconError("集群收到的用户词典与摘要不符：请重试。")
        path = self._folder / f"{hashlib.sha256(digest.encode()).hexdigest()}.yaml"
        path.write_text(words, encoding="utf-8")
        return self._open(path)


def answer(opened: Opened) -> Generator[bytes, None, None]:
    """The frames of a call, each as soon as it is there; close it to stop."""
    with contextlib.closing(opened.pieces) as pieces:
        try:
            for piece in pieces:
                yield piece_frames(piece)
        except TTSError as error:
            yield error_frame(error)
        except CancelledError:
            yield error_frame(SynthesisError("这个请求已被取消。"))
        else:
            yield frame(END)


def _without_first(pieces: Generator[Speech, None, None], count: int) -> Generator[Speech, None, None]:
    with contextlib.closing(pieces):
        yield from islice(pieces, count, None)


def load_synthesizer(model: str, device: str, threads: int, conventions: Mapping[str, Any]) -> Opener:
    """The real engine, loaded once whatever lexicons it is asked for.

    Raises:
        CheckpointError: the model is missing or damaged.
    """
    synthesizer = Synthesizer.load(model, device, threads, Conventions(**conventions))

    def open_engine(path: Path | None) -> Engine:
        if path is None:
            return synthesizer
        return replace(synthesizer, frontend=synthesizer.frontend.with_lexicon(path))

    return open_engine


def loader(name: str) -> Callable[..., Opener]:
    """The function ``module:function`` that makes an ``Opener``."""
    module, _, function = name.partition(":")
    found: Callable[..., Opener] = getattr(importlib.import_module(module), function)
    return found
