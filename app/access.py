"""Who may come in: the request's caller, found once, and what a route asks of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import g, request
from sqlalchemy.exc import SQLAlchemyError

from app.auth import Caller
from app.body import read_body
from app.errors import BodyTooLargeError, CredentialError, ScopeError
from app.gateway import Order
from app.markup import spoken
from app.services import services
from app.tencent import SignedRequest

P = ParamSpec("P")
T = TypeVar("T")


def caller() -> Caller:
    """Who is calling.

    Raises:
        CredentialError: nobody that we know.
        SQLAlchemyError: the database could not be asked.
    """
    found = _found()
    if not isinstance(found, Caller):
        raise found
    return found


def subject() -> str | None:
    """The caller's subject, or None without a good credential; never raises."""
    found = _found()
    return found.subject if isinstance(found, Caller) else None


def permit(order: Order) -> None:
    """Return when the caller may have ``order`` spoken: the voice is theirs or everybody's, the text passes.

    Marked-up text is judged as it is written and as it is said, so that no mark hides a word.

    Raises:
        VoiceNotFoundError: 404.
        TextRefusedError: 422; and what ``Screening.check`` raises besides.
    """
    parts, who = services(), caller().subject
    parts.voices.check(order.speaker, who)
    for text in dict.fromkeys((order.text, spoken(order.text, order.ssml))):
        parts.identity.screening.check(text, who)


def requires(*scopes: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let in only who has one of ``scopes``.

    Raises (when called):
        CredentialError: 401.
        ScopeError: 403.
    """

    def wrap(view: Callable[P, T]) -> Callable[P, T]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            if not caller().scopes & set(scopes):
                raise ScopeError(scopes[0])
            return view(*args, **kwargs)

        return guarded

    return wrap


def _found() -> Caller | CredentialError | BodyTooLargeError | SQLAlchemyError:
    found: Caller | CredentialError | BodyTooLargeError | SQLAlchemyError | None = g.get("caller")
    if found is None:
        try:
            found = _admit()
        except (CredentialError, BodyTooLargeError, SQLAlchemyError) as error:
            found = error
        g.caller = found
    return found


def _admit() -> Caller:
    parts = services()
    if request.blueprint == "tencent" and parts.signatures is not None:
        return parts.signatures.verify(_signed(parts.settings.proxy.max_body_bytes))
    return parts.door.admit(request.headers.get("Authorization"), request.headers.get("X-API-Key"))


def _signed(max_bytes: int) -> SignedRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = request.query_string.decode("latin-1")
    return SignedRequest(request.method, ("/", request.path), query, headers, read_body(max_bytes, keep=True))
