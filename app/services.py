"""The parts of one proxy, as ``create_app`` put them together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, current_app
from sqlalchemy import Engine

from app.auth import ApiKeys, Door, Tokens
from app.disk import DiskGuard
from app.gateway import Gateway
from app.gateway.catalogue import Catalogue
from app.identity import Identity
from app.jobs import Prewarm
from app.limits import CharacterQuota
from app.longform.jobs import Jobs
from app.metrics import Metrics
from app.pruning import Pruner
from app.readiness import Readiness
from app.speech import Speech
from app.storage import Storage
from app.storage.local import LocalStorage
from app.streams import Streams
from app.tencent import Signatures
from app.voices import Voices
from settings import Settings

_EXTENSION = "tts"


@dataclass(frozen=True)
class Services:
    """Everything a route may need; all of it thread-safe."""

    settings: Settings
    engine: Engine
    gateway: Gateway
    catalogue: Catalogue
    storage: Storage
    links: tuple[LocalStorage, ...]
    """Verify and serve signed links, one for each key of the ring; empty when only a bucket serves them."""
    tokens: Tokens
    keys: ApiKeys
    door: Door
    identity: Identity
    signatures: Signatures | None
    """None: the interface of Tencent Cloud is off."""
    quota: CharacterQuota
    speech: Speech
    streams: Streams
    jobs: Jobs
    voices: Voices
    prewarm: Prewarm
    pruner: Pruner
    disk: DiskGuard
    metrics: Metrics
    readiness: Readiness
    now: Callable[[], float]
    """Seconds since the epoch."""


def attach(app: Flask, services: Services) -> None:
    """Give ``app`` its parts."""
    app.extensions[_EXTENSION] = services


def services_of(app: Flask) -> Services:
    """The parts of ``app``."""
    found: Services = app.extensions[_EXTENSION]
    return found


def services() -> Services:
    """The parts of the proxy that handles the current request."""
    return services_of(current_app)
