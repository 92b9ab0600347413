"""Who may talk to the server at all: host, origin and credentials. Pure functions of a request's headers.

A server on loopback is reachable from every page that the operator's browser has open. Such a page is stopped by its
``Origin``; a page that pointed its own name at 127.0.0.1 (DNS rebinding) by ``Host``.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from settings import WebUISettings, is_loopback
from webui_page.problems import RefusalError

MIN_TOKEN_CHARS = 16
MIN_PASSWORD_CHARS = 12


class BindError(Exception):
    """This address may not be served with these settings; the message is one Chinese sentence."""


def check_bind(settings: WebUISettings) -> None:
    """Refuse an open door.

    Raises:
        BindError: the page is open to others, and token or page password is missing or short.
    """
    token = settings.token.get_secret_value() if settings.token else ""
    password = settings.password.get_secret_value() if settings.password else ""
    if is_loopback(settings.host):
        if settings.allowed_hosts and len(password) < MIN_PASSWORD_CHARS:
            raise BindError(
                f"webui.allowed_hosts 让别的机器也能打开页面：请设置 webui.password，至少 {MIN_PASSWORD_CHARS} 个字符。"
            )
        return
    if len(token) < MIN_TOKEN_CHARS or len(password) < MIN_PASSWORD_CHARS:
        raise BindError(
            f"webui.host 是 {settings.host}，别的机器也能访问：请设置 webui.token（至少 {MIN_TOKEN_CHARS} 个字符）"
            f"与 webui.password（至少 {MIN_PASSWORD_CHARS} 个字符），或改回 127.0.0.1。"
        )


@dataclass(frozen=True)
class Guard:
    """The rules of one server; immutable, safe for concurrent use."""

    loopback: bool
    """Only loopback names are accepted in ``Host``."""
    token: bytes | None
    """Bearer token that ``/api/*`` requires."""
    login: tuple[bytes, bytes] | None
    """User name and password that everything else requires."""
    names: frozenset[str] = frozenset()
    """Public names of the page, lower case, beside those of loopback."""

    @classmethod
    def from_settings(cls, settings: WebUISettings) -> Guard:
        """The rules that ``settings`` ask for."""
        token = settings.token.get_secret_value().encode() if settings.token else None
        password = settings.password.get_secret_value().encode() if settings.password else None
        login = (settings.username.encode(), password) if password else None
        names = frozenset(name.lower() for name in settings.allowed_hosts.split(",") if name)
        return cls(is_loopback(settings.host), token, login, names)

    def check(self, method: str, path: str, headers: Headers) -> None:
        """Let a request pass.

        Raises:
            RefusalError: 400 bad ``Host``, 403 foreign page, 401 missing or wrong credentials.
        """
        host = self._checked_host(headers)
        _check_origin(method, host, headers)
        if path == "/api" or path.startswith("/api/"):
            self._check_token(headers)
        else:
            self._check_login(headers)

    def _checked_host(self, headers: Headers) -> str:
        hosts = headers.getlist("host")
        name = _hostname(hosts[0]) if len(hosts) == 1 else None
        if name is None:
            raise RefusalError(400, "bad_host", "请求的 Host 有误。")
        if self.loopback and not is_loopback(name) and name not in self.names:
            raise RefusalError(403, "foreign_host", "本服务只接受发往 localhost 或 127.0.0.1 的请求。")
        return hosts[0]

    def _check_token(self, headers: Headers) -> None:
        if self.token is None:
            return
        scheme, _, given = _only(headers, "authorization").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(_bytes(given.strip()), self.token):
            raise RefusalError(
                401,
                "unauthorized",
                "缺少或错误的令牌：请用 Authorization: Bearer <webui.token>。",
                {"WWW-Authenticate": "Bearer"},
            )

    def _check_login(self, headers: Headers) -> None:
        if self.login is None:
            return
        username, password = _basic(_only(headers, "authorization"))
        known = hmac.compare_digest(username, self.login[0])
        if not (hmac.compare_digest(password, self.login[1]) and known):
            challenge = {"WWW-Authenticate": 'Basic realm="TTS", charset="UTF-8"'}
            raise RefusalError(401, "unauthorized", "请登录后使用本页面。", challenge)


def _check_origin(method: str, host: str, headers: Headers) -> None:
    """A browser says where a request comes from; whoever is no browser says nothing and passes."""
    origins = headers.getlist("origin")
    if any(_netloc(origin) != host.lower() for origin in origins):
        raise RefusalError(403, "foreign_origin", "拒绝来自其他网页的请求。")
    site = headers.get("sec-fetch-site", "none")
    is_link = headers.get("sec-fetch-mode") == "navigate" and method == "GET"
    if site not in ("none", "same-origin") and not is_link:
        raise RefusalError(403, "foreign_origin", "拒绝来自其他网页的请求。")


def _hostname(host: str) -> str | None:
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    clean = parts.netloc == host and parts.username is None and not any(c in host for c in "\\@ \t")
    return parts.hostname if clean else None


def _netloc(origin: str) -> str | None:
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme in ("http", "https") else None


def _only(headers: Headers, name: str) -> str:
    values = headers.getlist(name)
    return values[0] if len(values) == 1 else ""


def _bytes(value: str) -> bytes:
    return value.encode("latin-1")  # as Starlette decoded it


def _basic(value: str) -> tuple[bytes, bytes]:
    scheme, _, given = value.partition(" ")
    if scheme.lower() != "basic":
        return b"", b""
    try:
        username, _, password = base64.b64decode(_bytes(given.strip()), validate=True).partition(b":")
    except binascii.Error:
        return b"", b""
    return username, password
