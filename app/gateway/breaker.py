"""A circuit breaker before the speech engine: one that fails again and again is left alone for some seconds."""

from __future__ import annotations

import math
from collections.abc import Generator

from circuitbreaker import CircuitBreaker  # type: ignore[import-untyped]

from app.errors import EngineBusyError, EngineRefusedError, EngineUnreachableError, GatewayError
from app.gateway import Gateway, Info, Order, Piece, Trip, Utterance


class BreakerGateway:
    """``inner`` while it works; otherwise an error at once, which costs neither a thread nor the engine anything.

    What the engine refuses, and that it is busy, are answers of an engine that works. After the pause requests go
    through again: the first that succeeds closes the circuit, the first that fails opens it anew. Thread-safe.
    """

    def __init__(self, inner: Gateway, failures: int, pause_s: float) -> None:
        self._inner = inner
        self._circuit = CircuitBreaker(failures, pause_s, _is_failure, "engine")

    def synthesize(self, order: Order, trip: Trip) -> Utterance:
        """As ``Gateway.synthesize``."""
        self._check()
        with self._circuit:
            return self._inner.synthesize(order, trip)

    def stream(self, order: Order, trip: Trip) -> Generator[Piece, None, None]:
        """As ``Gateway.stream``."""
        self._check()
        try:
            with self._circuit:
                yield from self._inner.stream(order, trip)
        except GeneratorExit:  # the caller hung up
            return

    def info(self) -> Info:
        """As ``Gateway.info``; asked rarely, so never held back."""
        return self._inner.info()

    def is_healthy(self) -> bool:
        """As ``Gateway.is_healthy``."""
        return self._inner.is_healthy()

    @property
    def is_open(self) -> bool:
        """Whether the engine is being left alone."""
        return bool(self._circuit.opened)

    def _check(self) -> None:
        if self._circuit.opened:
            raise EngineUnreachableError(retry_after_s=max(1, math.ceil(self._circuit.open_remaining)))


def _is_failure(_kind: type[BaseException], error: BaseException) -> bool:
    return isinstance(error, GatewayError) and not isinstance(error, EngineRefusedError | EngineBusyError)
