"""``wx.login``'s code to a subject. The session key is not read; the openid goes no further than it must."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine, bindparam, delete, select

from app.database import WeChatUser, insert_into
from app.errors import BlockedError, LoginCodeError, WeChatError
from app.sealing import RootSecret, SealError
from app.wechat.client import BUSY, WeChat, code_of, failure
from settings import WeChatSettings

_log = logging.getLogger(__name__)

_PATH = "/sns/jscode2session"
_PURPOSE = "openid"
_OPENID = re.compile(r"[A-Za-z0-9_-]{6,64}", re.ASCII)
_USED_UP = {40029, 40163}
_BLOCKED = 40226

SEEN_S = 7200.0
"""How long WeChat lets the text of a user be checked after the login."""
_USER = select(WeChatUser.openid).where(WeChatUser.subject == bindparam("subject"), WeChatUser.seen_s > bindparam("s"))


@dataclass(frozen=True)
class Login:
    """Users of one mini-program. Thread-safe."""

    settings: WeChatSettings
    wechat: WeChat
    root: RootSecret

    def openid(self, code: str) -> str:
        """Who logged in with ``code``.

        Raises:
            LoginCodeError: WeChat does not know the code, or it has been used.
            BlockedError: WeChat holds this user for a danger.
            WeChatBusyError, WeChatDownError, WeChatError: as they say.
        """
        secret = self.settings.secret.get_secret_value() if self.settings.secret else ""
        values = {
            "appid": self.settings.appid,
            "secret": secret,
            "js_code": code,
            "grant_type": "authorization_code",
        }
        answer = self.wechat.get(_PATH, values)
        if code_of(answer) == BUSY:  # WeChat asks for one more try; the code is not used up by it
            answer = self.wechat.get(_PATH, values)
        errcode = code_of(answer)
        if errcode in _USED_UP:
            raise LoginCodeError
        if errcode == _BLOCKED:
            raise BlockedError
        if errcode != 0:
            raise failure(_PATH, answer)
        openid = answer.get("openid")
        if not isinstance(openid, str) or not _OPENID.fullmatch(openid):
            _log.error("wechat %s gave no openid", _PATH)
            raise WeChatError
        return openid

    def subject(self, openid: str) -> str:
        """The name under which the user is known here: the same at every login, without a way back to the openid."""
        return f"wx:{self.root.digest(_PURPOSE, f'{self.settings.appid}:{openid}')[:40]}"


@dataclass(frozen=True)
class Visitors:
    """The openids that checking texts needs, sealed, for as long as WeChat takes them. Thread-safe."""

    engine: Engine
    root: RootSecret
    now: Callable[[], float]

    def note(self, subject: str, openid: str) -> None:
        """``subject`` has just logged in."""
        values = {"openid": self.root.seal(_PURPOSE, openid), "seen_s": self.now()}
        row = insert_into(self.engine, WeChatUser).values(subject=subject, **values)
        with self.engine.begin() as connection:
            connection.execute(row.on_conflict_do_update(index_elements=[WeChatUser.subject], set_=values))

    def openid(self, subject: str) -> str | None:
        """The openid of ``subject`` if it logged in lately."""
        with self.engine.connect() as connection:
            sealed = connection.execute(_USER, {"subject": subject, "s": self.now() - SEEN_S}).scalar()
        if sealed is None:
            return None
        try:
            return self.root.open(_PURPOSE, sealed)
        except SealError:  # the root secret was changed since: the user logs in again
            return None

    def forget_old(self) -> int:
        """Drop who was not seen lately; returns how many."""
        with self.engine.begin() as connection:
            return connection.execute(delete(WeChatUser).where(WeChatUser.seen_s <= self.now() - SEEN_S)).rowcount
