"""Admission to the engine: so many syntheses at a time, so many waiting, nobody past his deadline.

The engine blocks, so its work runs in threads, one step (one sentence) at a time; whoever leaves stops the work after
the sentence that is being made, and only then is the place given to the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from tts_engine.audio import FloatArray
from tts_engine.checkpoint import Voice
from tts_engine.errors import DeadlineExceededError, EngineBusyError, InputError
from tts_engine.frontend.reading import Reading
from tts_engine.listening import Listener
from tts_engine.synthesizer import Speech, SynthesisOptions

_MAX_RETRY_AFTER_S = 60
MAX_SPOKEN_S = 3600.0
"""Longest sound of one text: what one file may hold (``sound.decode_wav``), and what bounds memory, since a digit may
be spoken as several syllables."""


class Engine(Protocol):
    """What the WebUI asks of a synthesizer."""

    @property
    def voices(self) -> tuple[Voice, ...]:
        """Every voice by name."""

    @property
    def revision(self) -> str:
        """Changes with everything that changes the sound."""

    @property
    def sample_rate(self) -> int:
        """Hz."""

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda:0``."""

    @property
    def emotions(self) -> tuple[str, ...]:
        """What may be felt beside ``neutral``."""

    @property
    def speakers(self) -> Mapping[str, FloatArray]:
        """What the acoustic model is told for each voice."""

    @property
    def listener(self) -> Listener | None:
        """Hears who speaks in a clip; None where the model cannot clone."""

    def read(self, text: str, options: SynthesisOptions | None = None) -> Reading:
        """How ``text`` is pronounced."""

    def stream(self, text: str, options: SynthesisOptions) -> Iterator[Speech]:
        """One ``Speech`` per spoken sentence, in order."""


@dataclass(frozen=True)
class Piece:
    """One spoken sentence and how far the text has come with it."""

    speech: Speech
    number: int
    """1 for the first."""
    sentences: int
    """Spoken sentences of the whole text."""


class Desk:
    """Admits work to one engine; belongs to one event loop."""

    def __init__(self, engine: Engine, concurrency: int, queue_size: int, max_spoken_s: float = MAX_SPOKEN_S) -> None:
        self.engine = engine
        self._max_spoken_s = max_spoken_s
        self._concurrency = concurrency
        self._queue_size = queue_size
        self._places = asyncio.Semaphore(concurrency)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="synthesis")
        self._waiting = 0
        self._usual_s = 1.0

    async def speak(
        self, text: str, options: SynthesisOptions, deadline: float | None = None
    ) -> AsyncGenerator[Piece, None]:
        """The sentences of ``text``, as they are made; close the generator to stop.

        Args:
            text: checked text.
            options: checked options.
            deadline: time of the event loop after which nothing more is begun.

        Raises:
            EngineBusyError: as many wait already as may.
            DeadlineExceededError: the deadline passed while waiting or working.
            InputError: the text takes longer to say than one sound may.
            TTSError: whatever the engine finds wrong.
        """
        await self._enter(deadline)
        began, spoken_s = time.monotonic(), 0.0
        work = _pieces(self.engine, text, options)
        step: Future[Piece | None] | None = None
        try:
            while True:
                async with _until(deadline):
                    step = self._pool.submit(next, work, None)
                    piece = await asyncio.wrap_future(step)
                if piece is None:
                    self._usual_s += 0.2 * (time.monotonic() - began - self._usual_s)
                    return
                spoken_s += len(piece.speech.samples) / piece.speech.sample_rate
                if spoken_s > self._max_spoken_s:
                    raise InputError(f"读完这段文本要超过 {self._max_spoken_s / 60:.0f} 分钟：请分段发送。")
                yield piece
        finally:
            self._leave(work, step)

    async def read(self, text: str, options: SynthesisOptions | None = None) -> Reading:
        """How ``text`` is pronounced; needs no place, it is quick."""
        return await asyncio.to_thread(self.engine.read, text, options)

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _enter(self, deadline: float | None) -> None:
        if self._places.locked() and self._waiting >= self._queue_size:
            expected_s = self._usual_s * (self._waiting + 1) / self._concurrency
            raise EngineBusyError(min(_MAX_RETRY_AFTER_S, max(1, math.ceil(expected_s))))
        self._waiting += 1
        try:
            async with _until(deadline):
                await self._places.acquire()
        finally:
            self._waiting -= 1

    def _leave(self, work: Generator[Piece, None, None], step: Future[Piece | None] | None) -> None:
        loop = asyncio.get_running_loop()

        def give_back(_: Future[Piece | None] | None) -> None:
            try:
                work.close()
            finally:
                with contextlib.suppress(RuntimeError):  # the server is gone, and its places with it
                    loop.call_soon_threadsafe(self._places.release)

        if step is None:
            give_back(None)
        else:
            step.add_done_callback(give_back)


def _pieces(engine: Engine, text: str, options: SynthesisOptions) -> Generator[Piece, None, None]:
    sentences = sum(1 for sentence in engine.read(text, options).sentences if sentence.phonemes)
    for number, speech in enumerate(engine.stream(text, options), start=1):
        yield Piece(speech, number, max(sentences, number))


@contextlib.asynccontextmanager
async def _until(deadline: float | None) -> AsyncGenerator[None, None]:
    """Leave the block when ``deadline`` passes; never begin it afterwards."""
    if deadline is not None and asyncio.get_running_loop().time() >= deadline:
        raise DeadlineExceededError
    try:
        async with asyncio.timeout_at(deadline) as limit:
            yield
    except TimeoutError:
        if limit.expired():
            raise DeadlineExceededError from None
        raise
