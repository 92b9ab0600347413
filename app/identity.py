"""The parts that know who people are, put together: the root secret, the ring, WeChat's users, what they may say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from app.keyring import Keyring
from app.screening import BlockList, Remembered, Screening
from app.sealing import RootSecret, load_root
from app.signing import SigningKeys
from app.wechat.access_token import AccessToken
from app.wechat.client import WeChat
from app.wechat.login import Login, Visitors
from app.wechat.security import TextSecurity
from settings import Settings


@dataclass(frozen=True)
class Identity:
    """All of it thread-safe."""

    root: RootSecret | None
    """None: not made yet, and nothing that is switched on needs it."""
    signing: SigningKeys
    login: Login | None
    """None: no mini-program is configured."""
    visitors: Visitors | None
    """None: no text is checked with WeChat, so no openid is kept."""
    screening: Screening


def identify(settings: Settings, keyring: Keyring, engine: Engine, now: Callable[[], float]) -> Identity:
    """Put the parts together.

    Raises:
        SettingsError: the root secret is needed and missing or weak, or the block list cannot be read.
    """
    root = _root(settings)
    signing = SigningKeys(keyring, engine, root, now)
    words = BlockList(settings.safety.block_list_file) if settings.safety.block_list_file else None
    passed = Remembered(settings.safety.remember_s)
    if root is None or not settings.wechat.appid:
        return Identity(root, signing, None, None, Screening(settings.safety, words, None, None, passed))
    wechat = WeChat(settings.wechat)
    login = Login(settings.wechat, wechat, root)
    if not settings.safety.wechat_check:
        return Identity(root, signing, login, None, Screening(settings.safety, words, None, None, passed))
    token = AccessToken(settings.wechat, wechat, engine, root, now)
    judge = TextSecurity(wechat, token, settings.safety.wechat_scene)
    visitors = Visitors(engine, root, now)
    return Identity(root, signing, login, visitors, Screening(settings.safety, words, judge, visitors, passed))


def _root(settings: Settings) -> RootSecret | None:
    auth = settings.auth
    is_needed = bool(settings.wechat.appid) or settings.compat.tencent
    if not is_needed and auth.root_secret is None and not auth.root_secret_file.exists():
        return None
    return load_root(auth)
