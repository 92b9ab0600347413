"""The synthesizer as a Ray Serve deployment: batches, replicas, fractions of a GPU, bounded queues.

Kubernetes names ``tts_engine.cluster.deployment:build`` and a ``Plan``; everybody else runs ``python -m
tts_engine.cluster``.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from tts_engine.cluster.replica import LexiconWantedError, Opened, Replica, answer, loader
from tts_engine.cluster.token import speech_key, token_of
from tts_engine.cluster.wire import INFO, LEXICON_WANTED, LISTEN, SPEAK, Call, error_frame
from tts_engine.errors import TTSError

_log = logging.getLogger(__name__)

_MAX_BODY_BYTES = 16 << 20
_FRAMES = "application/octet-stream"


class Plan(BaseModel):
    """What is to run. A changed plan replaces the replicas one after another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = "models/v23"
    """Folder, as the nodes see it."""
    device: str = "auto"
    threads: int = Field(default=0, ge=0, le=256)
    conventions: dict[str, Any] = Field(default_factory=dict)
    """``tts_engine.frontend.Conventions``."""
    min_replicas: int = Field(default=1, ge=1, le=1000)
    max_replicas: int = Field(default=1, ge=1, le=1000)
    cpus: float = Field(default=2.0, ge=0)
    """Of one replica."""
    gpus: float = Field(default=0.0, ge=0)
    """Of one replica; 0.25 puts four on a card."""
    target_ongoing: float = Field(default=8.0, gt=0)
    """Requests at a time in a replica, around which the number of replicas is chosen."""
    max_ongoing: int = Field(default=16, ge=1, le=1000)
    """Requests at a time in a replica, at most."""
    max_queued: int = Field(default=64, ge=1, le=100_000)
    """Requests that wait for a replica, for each proxy; one more is answered 503."""
    max_batch: int = Field(default=8, ge=1, le=256)
    batch_wait_s: float = Field(default=0.005, ge=0, le=1)
    upscale_delay_s: float = Field(default=10.0, ge=0)
    downscale_delay_s: float = Field(default=300.0, ge=0)
    drain_s: float = Field(default=60.0, ge=0)
    """How long a replica that is to go may end what it has begun."""
    loader: str = "tts_engine.cluster.replica:load_synthesizer"


class Speech:
    """One replica, as Serve calls it."""

    def __init__(self, plan: Plan) -> None:
        """Load the model.

        Raises:
            CheckpointError: it cannot be loaded, or the cluster has no token.
        """
        self._key = speech_key(token_of(os.environ)).encode()
        threads = plan.threads or max(1, round(plan.cpus))
        open_engine = loader(plan.loader)(plan.model, plan.device, threads, plan.conventions)
        self._replica = Replica(open_engine, plan.conventions)
        self._pool = ThreadPoolExecutor(plan.max_ongoing + 1, thread_name_prefix="speech")
        self._begin.set_max_batch_size(plan.max_batch)
        self._begin.set_batch_wait_timeout_s(plan.batch_wait_s)

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        given = request.headers.get("authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, b"Bearer " + self._key):
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        routes = {("GET", INFO): self._info, ("POST", LISTEN): self._listen, ("POST", SPEAK): self._speak}
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        route = routes.get((request.method, path))
        if route is None:
            return Response(status_code=404)
        try:
            return await route(await _body(request))
        except TTSError as error:
            return Response(error_frame(error), media_type=_FRAMES)
        except LexiconWantedError:
            return Response(status_code=LEXICON_WANTED)

    async def _info(self, _: bytes) -> Response:
        return JSONResponse(self._replica.info())

    async def _listen(self, body: bytes) -> Response:
        heard = await asyncio.get_running_loop().run_in_executor(self._pool, self._replica.listen, body)
        return Response(json.dumps(heard), media_type="application/json")

    async def _speak(self, body: bytes) -> Response:
        opened = await self._begin(Call.decode(body))
        if isinstance(opened, Exception):
            raise opened
        return StreamingResponse(self._frames(opened), media_type=_FRAMES)

    @serve.batch  # type: ignore[untyped-decorator]  # Ray is optional
    async def _begin(self, calls: list[Call]) -> list[Opened | Exception]:
        """Calls that came within some milliseconds are read and queued together."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._replica.begin, calls)

    async def _frames(self, opened: Opened) -> AsyncGenerator[bytes, None]:
        """The frames, made in threads; whoever leaves stops the work after the piece that is being made."""
        frames = answer(opened)
        step: Future[bytes | None] | None = None
        try:
            while True:
                step = self._pool.submit(next, frames, None)
                made = await asyncio.wrap_future(step)
                if made is None:
                    return
                yield made
        finally:
            opened.terms.stop.set()
            _close_after(step, frames)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise ClientDisconnect
    return bytes(body)


def _close_after(step: Future[bytes | None] | None, frames: Generator[bytes, None, None]) -> None:
    if step is None:
        frames.close()
    else:
        step.add_done_callback(lambda _: frames.close())


def build(plan: Plan | dict[str, Any]) -> Any:
    """The application of a plan, as Serve's configuration files want it, whose ``args`` come as they are written.

    Raises:
        pydantic.ValidationError: they are no plan.
    """
    plan = Plan.model_validate(plan)
    scaling = {
        "min_replicas": plan.min_replicas,
        "max_replicas": max(plan.min_replicas, plan.max_replicas),
        "target_ongoing_requests": plan.target_ongoing,
        "upscale_delay_s": plan.upscale_delay_s,
        "downscale_delay_s": plan.downscale_delay_s,
    }
    deployment = serve.deployment(
        Speech,
        name="speech",
        ray_actor_options={"num_cpus": plan.cpus, "num_gpus": plan.gpus},
        autoscaling_config=scaling,
        max_ongoing_requests=plan.max_ongoing,
        max_queued_requests=plan.max_queued,
        graceful_shutdown_timeout_s=plan.drain_s,
        graceful_shutdown_wait_loop_s=0.5,
        health_check_period_s=5,
        health_check_timeout_s=15,
    )
    return deployment.bind(plan)


def deploy(plan: Plan, name: str = "speech", route: str = "/") -> None:
    """Run a plan on the cluster that this process is connected to, in place of what has that name; wait until it does.

    Raises:
        RuntimeError: the replicas do not start.
    """
    serve.run(build(plan), name=name, route_prefix=route, blocking=False)


def listen_at(host: str, port: int, every_node: bool = True) -> None:
    """Start Serve with its HTTP proxies; once for each cluster."""
    serve.start(
        proxy_location="EveryNode" if every_node else "HeadOnly",
        http_options={"host": host, "port": port},
    )
