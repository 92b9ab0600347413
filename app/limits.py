"""How much one caller may ask: requests by subject and by address, characters by day.

Requests are counted by Flask-Limiter in memory or Redis; characters in SQL, where a restart does not forget them.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Flask, Response, g, request
from flask_limiter import ApplicationLimit, Limiter, RequestLimit
from limits import parse_many
from limits.errors import ConfigurationError
from sqlalchemy import Engine, delete, update

from app.auth import claimed_key_id
from app.database import Usage, insert_into
from app.errors import QuotaError
from settings import LimitSettings, SettingsError

_log = logging.getLogger(__name__)

_FREE = {"health.healthz", "health.readyz"}
_RATES = (
    "per_subject",
    "per_address",
    "token_per_address",
    "failures_per_address",
    "failures_per_key",
    "uploads_per_subject",
)
_DAY_S = 86_400
_KEPT_DAYS = 400

_Limits = list[str | Callable[[], str] | ApplicationLimit]
"""As Flask-Limiter takes them."""


@dataclass(frozen=True)
class CharacterQuota:
    """Characters that one subject may have synthesised on one UTC day.

    A synthesis is paid by who starts it, and paid back when it fails or when another's identical request was already
    under way. What the cache answers costs nothing.
    """

    engine: Engine
    per_day: int
    now: Callable[[], float]

    def charge(self, subject: str, characters: int) -> str:
        """Take ``characters`` off today's allowance, atomically; returns the day that was charged.

        Raises:
            QuotaError: they do not fit; nothing was taken.
        """
        day = self._day()
        row = insert_into(self.engine, Usage).values(subject=subject, day=day, characters=characters)
        fits = Usage.characters + row.excluded.characters <= self.per_day
        charged = row.on_conflict_do_update(
            index_elements=[Usage.subject, Usage.day],
            set_={"characters": Usage.characters + row.excluded.characters},
            where=fits,
        )
        if characters <= self.per_day:
            with self.engine.begin() as connection:
                if connection.execute(charged).rowcount == 1:
                    return day
        raise QuotaError(self.per_day, _DAY_S - int(self.now()) % _DAY_S)

    def refund(self, subject: str, day: str, characters: int) -> None:
        """Give back what ``charge`` took."""
        row = update(Usage).where(Usage.subject == subject, Usage.day == day)
        with self.engine.begin() as connection:
            connection.execute(row.values(characters=Usage.characters - characters))

    def forget_old(self) -> int:
        """Drop days that are long past; returns how many rows went."""
        oldest = datetime.fromtimestamp(self.now() - _KEPT_DAYS * _DAY_S, UTC).date().isoformat()
        with self.engine.begin() as connection:
            return connection.execute(delete(Usage).where(Usage.day < oldest)).rowcount

    def _day(self) -> str:
        return datetime.fromtimestamp(self.now(), UTC).date().isoformat()


def install(app: Flask, settings: LimitSettings, subject: Callable[[], str | None]) -> Limiter:
    """Count every request of ``app`` but health checks.

    Args:
        app: the proxy.
        settings: rates and where to count.
        subject: who is calling, or None without a good credential; must not raise.

    Raises:
        SettingsError: a rate or the storage's address cannot be read.
    """
    rates = _checked(settings)
    uri = settings.storage_uri.get_secret_value()
    remote = not uri.startswith("memory://")
    try:
        if "://" not in uri:
            raise ValueError("no scheme")
        return Limiter(
            address_key,
            app=app,
            application_limits=_application_limits(rates, subject),
            storage_uri=uri,
            # a hung Redis must not hold a request; a dead one leaves limits per process
            storage_options={"socket_timeout": 0.2, "socket_connect_timeout": 0.2} if remote else {},  # type: ignore[dict-item]  # floats are what redis takes
            in_memory_fallback_enabled=remote,
            strategy="sliding-window-counter",
            key_prefix="tts",
            on_breach=_on_breach,
        )
    except (ConfigurationError, ValueError) as error:
        raise SettingsError("设置 limits.storage_uri 有误：应为 memory:// 或 redis://…。") from error


def address_key() -> str:
    """One address; an IPv6 customer has a whole /64."""
    return f"address:{network_of(request.remote_addr)}"


def network_of(address: str | None) -> str:
    """What counts as one address; a unix socket's peers, who have none, share a name."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "local"
    if parsed.version == 4:
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _application_limits(rates: dict[str, str], subject: Callable[[], str | None]) -> _Limits:
    def is_free() -> bool:
        return request.endpoint in _FREE

    def is_other_route() -> bool:
        return request.blueprint != "auth"

    def names_no_key() -> bool:
        return has_subject() or _claimed_key() is None

    def is_no_upload() -> bool:
        return request.endpoint != "voices.upload" or subject() is None

    def has_subject() -> bool:
        return is_free() or subject() is not None

    def has_none() -> bool:
        return is_free() or subject() is None

    def refused(response: Response) -> bool:
        return response.status_code == 401 or bool(g.get("credential_refused"))

    return [
        ApplicationLimit(rates["per_address"], key_function=address_key, scope="address", exempt_when=is_free),
        ApplicationLimit(rates["token_per_address"], scope="token", exempt_when=is_other_route),
        ApplicationLimit(rates["failures_per_address"], scope="401", exempt_when=has_subject, deduct_when=refused),
        ApplicationLimit(
            rates["failures_per_key"],
            key_function=lambda: f"key:{_claimed_key()}",
            scope="key",
            exempt_when=names_no_key,
            deduct_when=refused,
        ),
        ApplicationLimit(
            rates["uploads_per_subject"],
            key_function=lambda: f"subject:{subject()}",
            scope="upload",
            exempt_when=is_no_upload,
        ),
        ApplicationLimit(
            rates["per_subject"],
            key_function=lambda: f"subject:{subject()}",
            scope="subject",
            exempt_when=has_none,
        ),
    ]


def _claimed_key() -> str | None:
    return claimed_key_id(request.headers.get("Authorization"), request.headers.get("X-API-Key"))


def _checked(settings: LimitSettings) -> dict[str, str]:
    rates = {}
    for name in _RATES:
        rates[name] = getattr(settings, name)
        try:
            parse_many(rates[name])
        except ValueError as error:
            raise SettingsError(f"设置 limits.{name} 有误：应写作 60/minute 或 60/minute; 1000/hour。") from error
    return rates


def _on_breach(limit: RequestLimit) -> None:
    g.retry_after_s = max(1, math.ceil(limit.reset_at - time.time()))
