"""``POST /auth/token``: an API key in, a short-lived token out."""

from __future__ import annotations

from flask import Blueprint, Response

from app.access import caller
from app.auth import TOKEN_SCOPES
from app.body import parse_optional
from app.errors import CredentialError, ScopeError
from app.replies import reply
from app.schemas import TokenReply, TokenRequest
from app.services import services

blueprint = Blueprint("auth", __name__, url_prefix="/auth")


@blueprint.post("/token")
def token() -> Response:
    """A token for the holder of an API key; a token cannot beget another."""
    parts, holder = services(), caller()
    if holder.key_id is None or holder.by_token:
        raise CredentialError(given=True)
    asked = parse_optional(TokenRequest, parts.settings.proxy.max_body_bytes)
    allowed = holder.scopes & TOKEN_SCOPES
    scopes = set(asked.scopes) if asked.scopes is not None else allowed
    for scope in sorted(scopes - allowed):
        raise ScopeError(scope)
    issued = parts.tokens.issue(holder.subject, scopes, holder.key_id)
    return reply(
        TokenReply(
            access_token=issued.text,
            token_type="Bearer",  # noqa: S106 (the type's name, RFC 6750)
            expires_in=issued.expires_in_s,
            scope=" ".join(sorted(scopes)),
        )
    )
