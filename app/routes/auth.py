"""``/auth/…``: an API key or a login at WeChat in, a short-lived token out; and its early end."""

from __future__ import annotations

from flask import Blueprint, Response, request

from app.access import caller
from app.auth import TOKEN_SCOPES, IssuedToken, bearer_of
from app.body import parse, parse_optional
from app.errors import CredentialError, FeatureOffError, ScopeError
from app.replies import reply
from app.schemas import RevokeReply, RevokeRequest, TokenReply, TokenRequest, WeChatLoginRequest
from app.services import services

blueprint = Blueprint("auth", __name__, url_prefix="/auth")


@blueprint.post("/token")
def token() -> Response:
    """A token for the holder of an API key; a token cannot beget another."""
    parts, holder = services(), caller()
    if holder.key_id is None or holder.by_token:
        raise CredentialError(given=True, wanted="换令牌要用 API 密钥：令牌不能再换令牌。")
    asked = parse_optional(TokenRequest, parts.settings.proxy.max_body_bytes)
    allowed = holder.scopes & TOKEN_SCOPES
    scopes: set[str] = set(asked.scopes) if asked.scopes is not None else set(allowed)
    for scope in sorted(scopes - allowed):
        raise ScopeError(scope)
    issued = parts.tokens.issue(holder.subject, scopes, holder.key_id)
    return _token_reply(issued, scopes)


@blueprint.post("/wechat")
def wechat() -> Response:
    """A token for the user of the mini-program who logged in with ``code``."""
    parts = services()
    identity, settings = parts.identity, parts.settings
    if identity.login is None:
        raise FeatureOffError("没有启用微信登录：请管理员设置 wechat.appid 与 TTS__WECHAT__SECRET。")
    asked = parse(WeChatLoginRequest, settings.proxy.max_body_bytes)
    openid = identity.login.openid(asked.code)
    subject = identity.login.subject(openid)
    scopes = set(settings.wechat.scopes.split())
    issued = parts.tokens.issue(subject, scopes)
    if identity.visitors is not None:
        identity.visitors.note(subject, openid)
    return _token_reply(issued, scopes)


@blueprint.post("/revoke")
def revoke() -> Response:
    """End the token that is shown, or every token of its subject."""
    parts, holder = services(), caller()
    if not holder.by_token:
        raise CredentialError(
            given=True, wanted="这里吊销的是令牌：请用令牌调用；API 密钥由管理员用 keys revoke 吊销。"
        )
    asked = parse_optional(RevokeRequest, parts.settings.proxy.max_body_bytes)
    if asked.everywhere:
        parts.tokens.revoke_subject(holder.subject, actor=holder.subject)
        return reply(RevokeReply(revoked="everywhere"))
    parts.tokens.revoke(bearer_of(request.headers.get("Authorization")))
    return reply(RevokeReply(revoked="token"))


def _token_reply(issued: IssuedToken, scopes: set[str]) -> Response:
    return reply(
        TokenReply(
            access_token=issued.text,
            token_type="Bearer",  # noqa: S106 (the type's name, RFC 6750)
            expires_in=issued.expires_in_s,
            scope=" ".join(sorted(scopes)),
        )
    )
