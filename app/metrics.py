"""What Prometheus reads at ``/metrics``, over all processes of one host; never a text, a subject or an address."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from app.errors import ProxyError
from app.gateway import Gateway, Info, Order, Piece, Trip, Utterance

_log = logging.getLogger(__name__)

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 55.0)
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Set by ``app/gunicorn.conf.py``: a folder in which all processes keep their numbers."""


@dataclass(frozen=True)
class Level:
    """Something that is looked up when somebody reads the metrics."""

    name: str
    what: str
    value: Callable[[], float]


class Metrics:
    """The numbers of one proxy. Thread-safe."""

    def __init__(self) -> None:
        self._own = CollectorRegistry()
        self._requests = Counter(
            "tts_requests", "Answers by route and status", ("route", "method", "status"), registry=self._own
        )
        self._seconds = Histogram(
            "tts_request_seconds", "From headers to answer", ("route",), buckets=_SECONDS, registry=self._own
        )
        self._answers = Counter("tts_answers", "Sounds given out", ("cached",), registry=self._own)
        self._characters = Counter("tts_characters", "Characters given out as sound", ("cached",), registry=self._own)
        self._engine_seconds = Histogram(
            "tts_engine_seconds", "One synthesis, waiting for its turn included", buckets=_SECONDS, registry=self._own
        )
        self._sound_seconds = Counter("tts_sound_seconds", "Sound that the engine made", registry=self._own)
        self._failures = Counter("tts_engine_failures", "Syntheses that failed", ("code",), registry=self._own)
        self._asking = Gauge(
            "tts_engine_asking", "Syntheses under way or waiting", multiprocess_mode="livesum", registry=self._own
        )

        # finding a child by its labels takes a lock and longer than counting with it
        self._answer_of = lru_cache(1024)(
            lambda route, method, status: (
                self._requests.labels(route, method, str(status)),
                self._seconds.labels(route),
            )
        )
        self._gave_of = {
            cached: (self._answers.labels(word), self._characters.labels(word))
            for cached, word in ((True, "true"), (False, "false"))
        }

    def answered(self, route: str, method: str, status: int, took_s: float) -> None:
        """One HTTP answer; ``route`` is the pattern. A full disk loses the count, never the answer."""
        try:
            requests, seconds = self._answer_of(route, method, status)
            requests.inc()
            seconds.observe(took_s)
        except OSError as error:
            _log.warning("an answer was not counted: %s", error.strerror)

    def gave(self, cached: bool, characters: int) -> None:
        """One sound."""
        answers, spoken = self._gave_of[cached]
        answers.inc()
        spoken.inc(characters)

    def metered(self, gateway: Gateway) -> Gateway:
        """``gateway``, whose work is counted."""
        return _MeteredGateway(gateway, self)

    def text(self, levels: list[Level]) -> bytes:
        """Everything, in Prometheus's text format."""
        registry = self._own
        if os.environ.get(FOLDER_VARIABLE):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        scraped = CollectorRegistry()
        scraped.register(_Levels(levels))
        return generate_latest(registry) + generate_latest(scraped)

    def began(self) -> float:
        """A synthesis begins; returns when."""
        self._asking.inc()
        return time.monotonic()

    def ended(self, begun_s: float, sound_s: float, failure: str | None) -> None:
        """It is over."""
        self._asking.dec()
        if failure is None:
            self._engine_seconds.observe(time.monotonic() - begun_s)
            self._sound_seconds.inc(sound_s)
        else:
            self._failures.labels(failure).inc()


class _MeteredGateway:
    def __init__(self, inner: Gateway, metrics: Metrics) -> None:
        self._inner = inner
        self._metrics = metrics

    def synthesize(self, order: Order, trip: Trip) -> Utterance:
        begun_s, made = self._metrics.began(), None
        failure: str | None = "unexpected"
        try:
            made = self._inner.synthesize(order, trip)
            failure = None
        except ProxyError as error:
            failure = error.code
            raise
        finally:
            self._metrics.ended(begun_s, made.duration_s if made else 0.0, failure)
        return made

    def stream(self, order: Order, trip: Trip) -> Generator[Piece, None, None]:
        begun_s, sound_s = self._metrics.began(), 0.0
        failure: str | None = "cancelled"
        try:
            for piece in self._inner.stream(order, trip):
                sound_s += len(piece.samples) / piece.sample_rate
                yield piece
            failure = None
        except ProxyError as error:
            failure = error.code
            raise
        finally:
            self._metrics.ended(begun_s, sound_s, failure)

    def info(self) -> Info:
        return self._inner.info()

    def is_healthy(self) -> bool:
        return self._inner.is_healthy()


class _Levels(Collector):
    def __init__(self, levels: list[Level]) -> None:
        self._levels = levels

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for level in self._levels:
            yield GaugeMetricFamily(level.name, level.what, value=level.value())
