"""WeChat's access token: fetched once, shared by every thread, process and host through SQL, sealed there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine, bindparam, select

from app.database import SharedToken, insert_into
from app.errors import WeChatError
from app.sealing import RootSecret, SealError
from app.wechat.client import WeChat, code_of, failure
from settings import WeChatSettings

_log = logging.getLogger(__name__)

_PATH = "/cgi-bin/stable_token"
_PURPOSE = "wechat access token"
_EARLY_S = 300.0
"""WeChat renews that much before the end; both tokens hold meanwhile."""
_FORCE_EVERY_S = 60.0
"""WeChat allows a forced renewal every 30 s and 20 times a day."""
_MAX_CHARS = 2048
_ROW = select(SharedToken.sealed, SharedToken.expires_s, SharedToken.forced_s).where(
    SharedToken.name == bindparam("name")
)


@dataclass(frozen=True)
class _Held:
    text: str
    expires_s: float
    forced_s: float = 0.0


class AccessToken:
    """``stable_token``. Thread-safe; one thread of a process fetches, the others wait for it."""

    def __init__(
        self, settings: WeChatSettings, wechat: WeChat, engine: Engine, root: RootSecret, now: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._wechat = wechat
        self._engine = engine
        self._root = root
        self._now = now
        self._lock = threading.Lock()
        self._name = f"wechat:{settings.appid}"

    def get(self) -> str:
        """A token that holds.

        Raises:
            WeChatBusyError, WeChatDownError, WeChatError: WeChat gives none.
        """
        held = self._stored()
        if held is not None and self._holds(held):
            return held.text
        with self._lock:
            held = self._stored()  # fetched by another while we waited
            if held is not None and self._holds(held):
                return held.text
            return self._fetch(force=False, forced_s=held.forced_s if held else 0.0).text

    def replace(self, refused: str) -> str:
        """Another token than ``refused``, which WeChat no longer takes; as ``get``.

        A renewal is forced only where asking gives the same token again, and once a minute at most.
        """
        with self._lock:
            held = self._stored()
            if held is not None and held.text != refused and self._holds(held):
                return held.text
            fresh = self._fetch(force=False, forced_s=held.forced_s if held else 0.0)
            if fresh.text == refused and self._now() - fresh.forced_s >= _FORCE_EVERY_S:
                fresh = self._fetch(force=True, forced_s=self._now())
            return fresh.text

    def _holds(self, held: _Held) -> bool:
        return self._now() < held.expires_s - _EARLY_S

    def _fetch(self, force: bool, forced_s: float) -> _Held:
        secret = self._settings.secret.get_secret_value() if self._settings.secret else ""
        body = {
            "grant_type": "client_credential",
            "appid": self._settings.appid,
            "secret": secret,
            "force_refresh": force,
        }
        answer = self._wechat.post(_PATH, {}, body)
        if code_of(answer) != 0:
            raise failure(_PATH, answer)
        text, lifetime_s = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(text, str) or not 0 < len(text) <= _MAX_CHARS or not isinstance(lifetime_s, int):
            _log.error("wechat %s gave no token", _PATH)
            raise WeChatError
        held = _Held(text, self._now() + lifetime_s, forced_s)
        self._store(held)
        return held

    def _stored(self) -> _Held | None:
        with self._engine.connect() as connection:
            row = connection.execute(_ROW, {"name": self._name}).first()
        if row is None:
            return None
        try:
            return _Held(self._root.open(_PURPOSE, row.sealed), row.expires_s, row.forced_s)
        except SealError:
            return None

    def _store(self, held: _Held) -> None:
        values = {
            "sealed": self._root.seal(_PURPOSE, held.text),
            "expires_s": held.expires_s,
            "forced_s": held.forced_s,
        }
        row = insert_into(self._engine, SharedToken).values(name=self._name, **values)
        with self._engine.begin() as connection:
            connection.execute(row.on_conflict_do_update(index_elements=[SharedToken.name], set_=values))
