"""The HTTPS proxy. Knows HTTP and callers; knows nothing about mel or pinyin."""

from __future__ import annotations

import logging
import re
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask, Response, g, request
from sqlalchemy import Engine
from werkzeug.middleware.proxy_fix import ProxyFix

from app import access, errors, rates, routes
from app.auth import ApiKeys, Door, Tokens
from app.database import connect
from app.disk import DiskGuard
from app.gateway import Gateway
from app.gateway.breaker import BreakerGateway
from app.gateway.catalogue import Catalogue
from app.gateway.predict import PredictGateway
from app.gateway.voices import VoiceStore
from app.identity import identify
from app.jobs import Prewarm
from app.keyring import Keyring, load_keyring
from app.labels import Labels
from app.leases import leases_in
from app.library import Library
from app.limits import CharacterQuota
from app.longform.jobs import Jobs
from app.longform.ledger import Ledger
from app.longform.making import Maker
from app.metrics import Metrics
from app.pruning import Pruner, Rules
from app.readiness import Parts, Readiness
from app.services import Services, attach, services
from app.speech import Presence, Speech, Terms
from app.storage import Storage
from app.storage.fallback import FallbackStorage
from app.storage.local import LocalStorage, link_secret
from app.streams import Streams
from app.tencent import Signatures
from app.voices import Voices
from settings import GatewaySettings, Settings, StorageSettings

_log = logging.getLogger(__name__)

_MB = 1024 * 1024
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)


def create_app(
    settings: Settings,
    *,
    gateway: Gateway | None = None,
    storage: Storage | None = None,
    clock: Callable[[], float] = time.time,
) -> Flask:
    """The proxy: the only place where its parts are put together.

    Args:
        settings: all of them.
        gateway: in place of the WebUI at ``settings.gateway.url``.
        storage: in place of the store of ``settings.storage``.
        clock: seconds since the epoch.

    Raises:
        SettingsError: a secret is missing or weak, the database does not open, a rate cannot be read.
        StorageError: the store cannot be used.
    """
    app = Flask("app", static_folder=None)
    app.url_map.merge_slashes = False  # an address with two slashes is none of ours; no redirect in HTML
    attach(app, _assemble(settings, gateway, storage, clock))
    app.before_request(_name_request)
    rates.install(app, settings.limits, access.subject)
    app.after_request(_finish)
    errors.register(app)
    routes.register(app)
    if settings.proxy.trusted_proxies:
        count = settings.proxy.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=0)  # type: ignore[method-assign]
    return app


def _assemble(
    settings: Settings, gateway: Gateway | None, storage: Storage | None, clock: Callable[[], float]
) -> Services:
    keyring = load_keyring(settings.auth)
    engine = connect(settings.database.url.get_secret_value(), settings.proxy.threads)
    links = _links(settings.storage, keyring, clock) if storage is None else ()
    store = storage or _store(settings.storage, links, clock)
    metrics = Metrics()
    speaker = _guarded(gateway or _engine_at(settings), settings.gateway, metrics)
    catalogue = Catalogue(speaker, settings.gateway.info_lifetime_s)
    identity = identify(settings, keyring, engine, clock)
    tokens, keys = Tokens(settings.auth, identity.signing, engine, clock), ApiKeys(engine, clock)
    quota = CharacterQuota(engine, settings.limits.characters_per_day, clock)
    library = Library(engine, clock, settings.cache.touch_interval_s)
    is_sure = store.is_sure if isinstance(store, FallbackStorage) else lambda: True
    presence = Presence(store, 0 if store in links else settings.cache.verify_interval_s, is_sure=is_sure)
    labels = Labels(settings.label, speaker)
    leases = leases_in(settings.limits.storage_uri.get_secret_value())
    pruner = Pruner(library, store, _rules(settings), clock)
    disk = DiskGuard(_place(settings), settings.proxy.min_free_mb * _MB, pruner.make_room)
    speech = Speech(
        speaker,
        catalogue,
        library,
        store,
        quota,
        _terms(settings),
        clock,
        presence,
        labels,
        leases=leases,
        check_room=disk.check,
        gave=metrics.gave,
    )
    return Services(
        settings=settings,
        engine=engine,
        gateway=speaker,
        catalogue=catalogue,
        storage=store,
        links=links,
        tokens=tokens,
        keys=keys,
        door=Door(tokens, keys),
        identity=identity,
        signatures=Signatures(keys, identity.root, clock) if identity.root and settings.compat.tencent else None,
        quota=quota,
        speech=speech,
        streams=_streams(settings, speaker, labels, quota),
        jobs=_jobs(settings, engine, speech, quota),
        voices=Voices(
            engine,
            VoiceStore(settings.gateway, _token(settings), settings.cloning.timeout_s),
            library,
            store,
            settings.cloning,
            clock,
        ),
        prewarm=Prewarm(engine, speech, clock),
        pruner=pruner,
        disk=disk,
        metrics=metrics,
        readiness=Readiness(_parts(settings, speaker, store, engine)),
        now=clock,
    )


def _links(settings: StorageSettings, keyring: Keyring, clock: Callable[[], float]) -> tuple[LocalStorage, ...]:
    """One view of the folder for each key of the ring, the signing one first: links outlive a rotation too."""
    if settings.kind != "local" and not settings.cos_fallback:
        return ()
    return tuple(LocalStorage(settings.dir, link_secret(secret), now=clock) for secret in keyring.keys.values())


def _store(settings: StorageSettings, links: tuple[LocalStorage, ...], clock: Callable[[], float]) -> Storage:
    if settings.kind == "local":
        return links[0]
    return FallbackStorage(_bucket(settings), links[0], settings.url_lifetime_s, clock) if links else _bucket(settings)


def _engine_at(settings: Settings) -> Gateway:
    if settings.gateway.kind == "webui":
        return PredictGateway(settings.gateway, _token(settings))
    from app.gateway.indextts import IndexTTSGateway  # here: few need it

    return IndexTTSGateway(settings.gateway)


def _guarded(gateway: Gateway, settings: GatewaySettings, metrics: Metrics) -> Gateway:
    return metrics.metered(BreakerGateway(gateway, settings.breaker_failures, settings.breaker_pause_s))


def _bucket(settings: StorageSettings) -> Storage:
    from app.storage.cos import (
        CosOptions,
        CosStorage,
    )  # here: the SDK costs start time and memory that most need not pay

    secret_id, secret_key = settings.cos_secret_id, settings.cos_secret_key
    return CosStorage(
        CosOptions(
            bucket=settings.cos_bucket,
            region=settings.cos_region,
            secret_id=secret_id.get_secret_value() if secret_id else "",
            secret_key=secret_key.get_secret_value() if secret_key else "",
            prefix=settings.cos_prefix,
            domain=settings.cos_endpoint or None,
            scheme=settings.cos_scheme,
            # with a folder to stand in, nobody needs to wait for a second try
            retries=0 if settings.cos_fallback else 1,
            timeout_s=(1.0, 4.0) if settings.cos_fallback else (2.0, 8.0),
        )
    )


def _token(settings: Settings) -> str | None:
    return settings.webui.token.get_secret_value() if settings.webui.token else None


def _terms(settings: Settings) -> Terms:
    return Terms(
        deadline_s=settings.gateway.deadline_s,
        wait_s=settings.proxy.request_timeout_s - 1,
        url_lifetime_s=settings.storage.url_lifetime_s,
        public_url=settings.proxy.public_url,
    )


def _jobs(settings: Settings, engine: Engine, speech: Speech, quota: CharacterQuota) -> Jobs:
    ledger = Ledger(engine, speech.now, settings.jobs.lease_s)
    return Jobs(settings.jobs, ledger, Maker(ledger, speech, quota), quota)


def _streams(settings: Settings, gateway: Gateway, labels: Labels, quota: CharacterQuota) -> Streams:
    places = threading.Semaphore(max(1, settings.proxy.threads // 2))
    return Streams(gateway, labels, quota, settings.proxy.stream_timeout_s - 2, places)


def _rules(settings: Settings) -> Rules:
    return Rules(
        # a use is written that much late at most, and the link given out at it must open its file to the end
        max_age_s=settings.storage.max_age_h * 3600 + settings.cache.touch_interval_s,
        max_total_bytes=settings.storage.max_total_mb * _MB,
        orphan_age_s=settings.worker.orphan_age_s,
        url_lifetime_s=settings.storage.url_lifetime_s,
    )


def _parts(settings: Settings, gateway: Gateway, storage: Storage, engine: Engine) -> Parts:
    return Parts(gateway, engine, storage, _place(settings), settings.proxy.min_free_mb * _MB)


def _place(settings: Settings) -> Path:
    """Anywhere on the disk that fills up."""
    return settings.storage.dir if settings.storage.kind == "local" or settings.storage.cos_fallback else Path()


def _name_request() -> None:
    """A client's id is kept when it cannot break a log line."""
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
    g.begun_s = time.monotonic()


def _known(method: str) -> str:
    """A client may invent methods; each would be a new series."""
    return method if method in {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"} else "other"


def _finish(response: Response) -> Response:
    if request.blueprint != "health":
        # the route's pattern, never the address: that holds signatures
        route, took_ms = request.url_rule or "-", 1000 * (time.monotonic() - g.begun_s)
        _log.info(
            "%s %s %s %d %.0f ms %s",
            g.request_id,
            request.method,
            route,
            response.status_code,
            took_ms,
            access.subject() or "-",
            extra={
                "method": request.method,
                "route": str(route),
                "status": response.status_code,
                "ms": round(took_ms, 1),
                "subject": access.subject(),
            },
        )
        services().metrics.answered(str(route), _known(request.method), response.status_code, took_ms / 1000)
    response.headers["X-Request-Id"] = g.request_id
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response
