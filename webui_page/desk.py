"""Admission to the engine: so many syntheses at a time, so many waiting, nobody past his deadline.

The engine blocks, so its work runs in threads, one step (one piece) at a time; the engine itself shares the processors
among them. Whoever leaves stops the work after the piece that is being made, and only then is the place given to the
next.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from tts_engine.engine import Engine as Engine
from tts_engine.errors import DeadlineExceededError, EngineBusyError, InputError, TTSError
from tts_engine.frontend.reading import Reading
from tts_engine.scheduler import Terms
from tts_engine.speech import Speech
from tts_engine.synthesizer import SynthesisOptions
from webui_page.meter import ABANDONED, Meter

_MAX_RETRY_AFTER_S = 60
MAX_SPOKEN_S = 3600.0
"""Longest sound of one text: what one file may hold (``sound.decode_wav``), and what bounds memory, since a digit may
be spoken as several syllables."""


@dataclass(frozen=True)
class Piece:
    """A sentence or a part of one."""

    speech: Speech
    number: int
    """1 for the first."""


@dataclass
class _Made:
    """What one text has come to so far."""

    duration_s: float = 0.0
    synthesis_s: float = 0.0

    def add(self, speech: Speech) -> None:
        self.duration_s += len(speech.samples) / speech.sample_rate
        self.synthesis_s += speech.synthesis_s

    def end(self, meter: Meter, characters: int, code: str = "") -> None:
        meter.note(characters, self.duration_s, self.synthesis_s, code)


class Desk:
    """Admits work to one engine; belongs to one event loop."""

    def __init__(self, engine: Engine, concurrency: int, queue_size: int, max_spoken_s: float = MAX_SPOKEN_S) -> None:
        self.engine = engine
        self.meter = Meter()
        self._max_spoken_s = max_spoken_s
        self._concurrency = concurrency
        self._queue_size = queue_size
        self._places = asyncio.Semaphore(concurrency)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="synthesis")
        self._waiting = self._busy = 0
        self._usual_s = 1.0

    async def speak(
        self, text: str, options: SynthesisOptions, deadline: float | None = None, priority: str = "normal"
    ) -> AsyncGenerator[Piece, None]:
        """The pieces of ``text``, as they are made; close the generator to stop.

        Args:
            text: checked text.
            options: checked options.
            deadline: time of the event loop after which nothing more is begun.
            priority: of ``tts_engine.scheduler``.

        Raises:
            EngineBusyError: as many wait already as may.
            DeadlineExceededError: the deadline passed while waiting or working.
            InputError: the text takes longer to say than one sound may.
            TTSError: whatever the engine finds wrong.
        """
        made = _Made()
        try:
            async with contextlib.aclosing(self._speak(text, options, deadline, priority)) as pieces:
                async for piece in pieces:
                    made.add(piece.speech)
                    yield piece
            made.end(self.meter, len(text))
        except TTSError as error:
            made.end(self.meter, len(text), error.code)
            raise
        except (GeneratorExit, asyncio.CancelledError):
            made.end(self.meter, len(text), ABANDONED)
            raise
        except BaseException:
            made.end(self.meter, len(text), "internal")
            raise

    async def _speak(
        self, text: str, options: SynthesisOptions, deadline: float | None, priority: str
    ) -> AsyncGenerator[Piece, None]:
        await self._enter(deadline)
        began, spoken_s = time.monotonic(), 0.0
        terms = _terms(deadline, priority)
        work = _pieces(self.engine, text, options, terms)
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
            terms.stop.set()
            self._leave(work, step)

    @property
    def at_work(self) -> int:
        """Syntheses that hold a place."""
        return self._busy

    @property
    def waiting(self) -> int:
        """Syntheses that wait for one."""
        return self._waiting

    @property
    def places(self) -> tuple[int, int]:
        """How many may work, and how many wait."""
        return self._concurrency, self._queue_size

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
            self._busy += 1
        finally:
            self._waiting -= 1

    def _leave(self, work: Generator[Piece, None, None], step: Future[Piece | None] | None) -> None:
        loop = asyncio.get_running_loop()

        def release() -> None:
            self._busy -= 1
            self._places.release()

        def give_back(_: Future[Piece | None] | None) -> None:
            try:
                work.close()
            finally:
                with contextlib.suppress(RuntimeError):  # the server is gone, and its places with it
                    loop.call_soon_threadsafe(release)

        if step is None:
            give_back(None)
        else:
            step.add_done_callback(give_back)


def _pieces(engine: Engine, text: str, options: SynthesisOptions, terms: Terms) -> Generator[Piece, None, None]:
    with contextlib.closing(engine.stream(text, options, terms)) as speeches:
        for number, speech in enumerate(speeches, start=1):
            yield Piece(speech, number)


def _terms(deadline: float | None, priority: str) -> Terms:
    if deadline is None:
        return Terms(priority=priority)
    return Terms(time.monotonic() + deadline - asyncio.get_running_loop().time(), priority)


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
