"""Who is calling: JSON Web Tokens and API keys.

Both name a subject and its scopes. Why a credential was refused goes to the log, never to the caller.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jwt
from jwt.utils import base64url_decode
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Engine, Row, bindparam, delete, literal, or_, select, union_all, update
from sqlalchemy.exc import SQLAlchemyError

from app.body import strict_json
from app.database import ApiKey, RevokedSubject, RevokedToken, insert_into, record
from app.errors import BlockedError, CredentialError, MalformedBodyError
from app.keyring import write_private
from app.signing import Ring
from app.stamps import StampedRows
from settings import AuthSettings, SettingsError

_log = logging.getLogger(__name__)

SCOPES = ("tts", "voices", "admin")
"""``tts``: speak; ``voices``: clone voices; ``admin``: make audio ahead of need, read the audit."""
TOKEN_SCOPES = frozenset({"tts", "voices"})
"""What a token of ``POST /auth/token`` may carry: it ends up in a phone."""

_ALGORITHM = "HS256"
_TYPE = "at+jwt"
_MAX_TOKEN_CHARS = 4096
_KID = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_SUBJECT = r"^[A-Za-z0-9._:-]{1,64}$"
_KEY = re.compile(r"tts_([a-z0-9]{8})_([A-Za-z0-9_-]{43})", re.ASCII)
_CLAIM = re.compile(r"tts_([a-z0-9]{8})[_/]", re.ASCII)
_KEY_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_LAST_USED_EVERY_S = 60.0

_KeyRow = Row[str, str, float | None, float | None, float | None]

# built once: writing a statement costs more than running it, and these run at every request
_REVOCATIONS = union_all(
    select(literal(1)).where(RevokedToken.jti == bindparam("jti")),
    select(literal(1)).where(
        ApiKey.id == bindparam("key_id"), or_(ApiKey.revoked_s.is_not(None), ApiKey.expires_s <= bindparam("now_s"))
    ),
    select(literal(1)).where(
        RevokedSubject.subject == bindparam("subject"),
        or_(RevokedSubject.before_s >= bindparam("iat"), RevokedSubject.blocked == 1),
    ),
)
_BLOCKED = select(literal(1)).where(RevokedSubject.subject == bindparam("subject"), RevokedSubject.blocked == 1)
_KEY_ROW = select(ApiKey.hash, ApiKey.scopes, ApiKey.expires_s, ApiKey.revoked_s, ApiKey.last_used_s).where(
    ApiKey.id == bindparam("id")
)


@dataclass(frozen=True)
class Caller:
    """Somebody whose credential holds."""

    subject: str
    """Stable name under which limits and usage are counted; a key and its tokens share one."""
    scopes: frozenset[str]
    key_id: str | None = None
    """The API key that was shown, or that the token was made from."""
    by_token: bool = False


@dataclass(frozen=True)
class IssuedToken:
    """A new token."""

    text: str
    jti: str
    expires_in_s: int


@dataclass(frozen=True)
class NewKey:
    """What ``keys create`` asks for."""

    name: str
    scopes: tuple[str, ...]
    expires_s: float | None = None
    """Seconds since the epoch; None never expires."""


class _Claims(BaseModel):
    """A token's payload, beyond what PyJWT checks: shapes, sizes, no repeated names."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    sub: str = Field(pattern=_SUBJECT)
    jti: str = Field(pattern=_SUBJECT)
    iat: int = Field(ge=0, le=10**11)
    exp: int = Field(ge=0, le=10**11)
    nbf: int = Field(default=0, ge=0, le=10**11)
    scope: str = Field(default="", max_length=100)
    client_id: str | None = Field(default=None, pattern=_SUBJECT)


@dataclass(frozen=True)
class Tokens:
    """Makes and checks JWTs. Thread-safe."""

    settings: AuthSettings
    keyring: Ring
    engine: Engine
    now: Callable[[], float]
    """Seconds since the epoch."""

    def issue(self, subject: str, scopes: Iterable[str], key_id: str | None = None) -> IssuedToken:
        """A token of ``settings.token_lifetime_s`` for ``subject``.

        Raises:
            ValueError: no token can carry this subject.
            BlockedError: the subject gets no tokens any more.
        """
        if not re.fullmatch(_SUBJECT, subject):
            raise ValueError("subject: 1 to 64 letters, digits or ._:-")
        with self.engine.connect() as connection:
            if connection.execute(_BLOCKED, {"subject": subject}).first() is not None:
                raise BlockedError
        issued_s, jti, ring = int(self.now()), secrets.token_hex(16), self.keyring.current()
        claims = {
            "iss": self.settings.issuer,
            "aud": self.settings.audience,
            "sub": subject,
            "iat": issued_s,
            "exp": issued_s + self.settings.token_lifetime_s,
            "jti": jti,
            "scope": " ".join(sorted(scopes)),
        }
        if key_id is not None:
            claims["client_id"] = key_id
        kid = ring.signing_kid
        text = jwt.encode(claims, ring.keys[kid], _ALGORITHM, headers={"kid": kid, "typ": _TYPE})
        record(self.engine, self.now(), subject, "token.issue", jti, scope=claims["scope"])
        return IssuedToken(text, jti, self.settings.token_lifetime_s)

    def verify(self, token: str) -> Caller:
        """Who holds ``token``.

        Raises:
            CredentialError: it is not ours, not yet or no longer valid, revoked, or its API key is revoked or expired.
        """
        claims = self._claims(token)
        now = self.now()
        begins_s = max(claims.iat, claims.nbf)
        if not begins_s - self.settings.leeway_s <= now < claims.exp + self.settings.leeway_s:
            raise _refused("outside its time")
        if claims.exp - claims.iat > self.settings.token_lifetime_s:
            raise _refused("lives too long")
        if self._is_revoked(claims, now):
            raise _refused("revoked, or its key is revoked or expired")
        return Caller(claims.sub, frozenset(claims.scope.split()) & set(SCOPES), claims.client_id, by_token=True)

    def revoke(self, token: str, actor: str | None = None) -> str:
        """Refuse ``token`` from now on; returns its ``jti``.

        Raises:
            CredentialError: it does not hold anyway.
        """
        self.verify(token)
        claims = self._claims(token)
        row = insert_into(self.engine, RevokedToken).values(jti=claims.jti, expires_s=claims.exp)
        with self.engine.begin() as connection:
            connection.execute(row.on_conflict_do_nothing())
        record(self.engine, self.now(), actor or claims.sub, "token.revoke", claims.jti)
        return claims.jti

    def revoke_subject(self, subject: str, actor: str = "cli", block: bool = False) -> None:
        """Refuse every token that ``subject`` has; with ``block``, also give it no new one."""
        values = {"before_s": self.now(), "blocked": int(block)}
        row = insert_into(self.engine, RevokedSubject).values(subject=subject, **values)
        kept = values if block else {"before_s": self.now()}  # logging out does not unblock
        with self.engine.begin() as connection:
            connection.execute(row.on_conflict_do_update(index_elements=[RevokedSubject.subject], set_=kept))
        record(self.engine, self.now(), actor, "subject.block" if block else "subject.revoke", subject)

    def unblock(self, subject: str, actor: str = "cli") -> bool:
        """Let ``subject`` have tokens again; False: it was not blocked."""
        change = update(RevokedSubject).where(RevokedSubject.subject == subject, RevokedSubject.blocked == 1)
        with self.engine.begin() as connection:
            if connection.execute(change.values(blocked=0)).rowcount == 0:
                return False
        record(self.engine, self.now(), actor, "subject.unblock", subject)
        return True

    def forget_expired(self) -> int:
        """Drop revocations of tokens that are long past; returns how many."""
        past = self.now() - 2 * self.settings.leeway_s
        ended = past - self.settings.token_lifetime_s
        subjects = delete(RevokedSubject).where(RevokedSubject.before_s < ended, RevokedSubject.blocked == 0)
        with self.engine.begin() as connection:
            tokens = connection.execute(delete(RevokedToken).where(RevokedToken.expires_s < past)).rowcount
            return tokens + connection.execute(subjects).rowcount

    def _claims(self, token: str) -> _Claims:
        if len(token) > _MAX_TOKEN_CHARS or not token.isascii():
            raise _refused("no JWT")
        try:
            self._check_signature(token)
            return _Claims.model_validate(strict_json(base64url_decode(token.split(".")[1])))
        # RecursionError and OverflowError: claims nested too deep, exp=Infinity
        except (
            jwt.PyJWTError,
            ValidationError,
            MalformedBodyError,
            ValueError,
            OverflowError,
            RecursionError,
        ) as error:
            raise _refused(type(error).__name__) from error

    def _check_signature(self, token: str) -> None:
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        if header.get("typ") != _TYPE or not isinstance(kid, str) or not _KID.fullmatch(kid):
            raise jwt.InvalidTokenError("header")
        key = self.keyring.current().keys.get(kid)
        if key is None:
            raise jwt.InvalidTokenError("unknown kid")
        jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            issuer=self.settings.issuer,
            audience=self.settings.audience,
            options={
                "require": ["iss", "aud", "sub", "iat", "exp", "jti"],
                "strict_aud": True,
                "enforce_minimum_key_length": True,
                # the time is checked against our own clock, by ``verify``
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )

    def _is_revoked(self, claims: _Claims, now_s: float) -> bool:
        values = {
            "jti": claims.jti,
            "key_id": claims.client_id or "",
            "now_s": now_s,
            "subject": claims.sub,
            "iat": claims.iat,
        }
        with self.engine.connect() as connection:
            return connection.execute(_REVOCATIONS, values).first() is not None


@dataclass(frozen=True)
class ApiKeys:
    """Makes and checks API keys: ``tts_<id>_<secret>``. Thread-safe."""

    engine: Engine
    now: Callable[[], float]
    rows: StampedRows[_KeyRow] = field(default_factory=StampedRows, repr=False)

    def create(self, wanted: NewKey, actor: str = "cli") -> tuple[str, str]:
        """The key's id and its whole text, which is never to be seen again."""
        key_id = "".join(secrets.choice(_KEY_ALPHABET) for _ in range(8))
        secret = secrets.token_urlsafe(32)
        values = {
            "id": key_id,
            "name": wanted.name,
            "hash": _hash(secret),
            "scopes": " ".join(wanted.scopes),
            "created_s": self.now(),
            "expires_s": wanted.expires_s,
        }
        with self.engine.begin() as connection:
            connection.execute(insert_into(self.engine, ApiKey).values(**values))
        record(self.engine, self.now(), actor, "key.create", key_id)
        return key_id, f"tts_{key_id}_{secret}"

    def create_in(self, path: Path, wanted: NewKey) -> str:
        """The id of a key whose text stands in the new 0600 file ``path`` and nowhere else.

        Raises:
            SettingsError: the file cannot be written; then the key is revoked.
        """
        key_id, text = self.create(wanted)
        try:
            write_private(path, text)
        except OSError as error:
            self.revoke(key_id)
            raise SettingsError(f"密钥写不进 {path}，已作废：请检查目录与权限。") from error
        return key_id

    def verify(self, text: str) -> Caller:
        """Who holds the key ``text``.

        Raises:
            CredentialError: unknown, revoked, expired, or not a key at all.
        """
        match = _KEY.fullmatch(text)
        if match is None:
            raise _refused("no API key")
        row = self._row(match[1])
        stored = row.hash if row else _hash("")
        if not hmac.compare_digest(stored.encode(), _hash(match[2]).encode()) or row is None:
            raise _refused("unknown key")
        return self._admitted(match[1], row)

    def holder(self, key_id: str) -> Caller:
        """Who has the key ``key_id``, for one who has proved it in another way.

        Raises:
            CredentialError: unknown, revoked or expired.
        """
        return self._admitted(key_id, self._row(key_id))

    def _row(self, key_id: str) -> _KeyRow | None:
        return self.rows.get(self.engine, key_id, lambda: self._asked(key_id))

    def _asked(self, key_id: str) -> _KeyRow | None:
        with self.engine.connect() as connection:
            return connection.execute(_KEY_ROW, {"id": key_id}).first()

    def _admitted(self, key_id: str, row: _KeyRow | None) -> Caller:
        now = self.now()
        if row is None or row.revoked_s is not None or (row.expires_s is not None and row.expires_s <= now):
            raise _refused("unknown, revoked or expired key")
        if row.last_used_s is None or now - row.last_used_s > _LAST_USED_EVERY_S:
            self._touch(key_id, now)
        return Caller(f"key:{key_id}", frozenset(row.scopes.split()) & set(SCOPES), key_id)

    def all(self) -> Sequence[ApiKey]:
        """Every key, oldest first, without anything that opens a door."""
        columns = select(*(column for column in ApiKey.__table__.columns if column.name != "hash"))
        with self.engine.connect() as connection:
            rows = connection.execute(columns.order_by(ApiKey.created_s)).mappings().all()
        return [ApiKey(**row) for row in rows]

    def revoke(self, key_id: str, actor: str = "cli") -> bool:
        """Refuse the key and every token made from it from now on; False: there is no such key, or it is revoked."""
        change = update(ApiKey).where(ApiKey.id == key_id, ApiKey.revoked_s.is_(None)).values(revoked_s=self.now())
        with self.engine.begin() as connection:
            if connection.execute(change).rowcount == 0:
                return False
        record(self.engine, self.now(), actor, "key.revoke", key_id)
        return True

    def _touch(self, key_id: str, now: float) -> None:
        try:
            with self.engine.begin() as connection:
                connection.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_s=now))
        except SQLAlchemyError as error:  # a full disk: who may come in may still hear what is there
            _log.warning("last use of a key not written: %s", type(error).__name__)


@dataclass(frozen=True)
class Door:
    """Tells keys from tokens."""

    tokens: Tokens
    keys: ApiKeys

    def admit(self, authorization: str | None, api_key: str | None) -> Caller:
        """The caller behind the two headers.

        Raises:
            CredentialError: neither, both, or one that does not hold.
        """
        if authorization is None and api_key is None:
            raise CredentialError(given=False)
        if authorization is not None and api_key is not None:
            raise _refused("two credentials")
        if api_key is not None:
            return self.keys.verify(api_key.strip())
        credential = bearer_of(authorization)
        return self.keys.verify(credential) if credential.startswith("tts_") else self.tokens.verify(credential)


def bearer_of(authorization: str | None) -> str:
    """The credential in an ``Authorization`` header.

    Raises:
        CredentialError: there is none, or it is of another scheme.
    """
    scheme, _, credential = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer":
        raise _refused("not Bearer")
    return credential.strip()


def claimed_key_id(authorization: str | None, api_key: str | None) -> str | None:
    """The id of the API key that somebody says to have, right or wrong; None: they name none."""
    for text in (api_key, (authorization or "").strip().partition(" ")[2]):
        match = _CLAIM.match((text or "").strip().removeprefix("Credential="))
        if match:
            return match[1]
    return None


def _hash(secret: str) -> str:
    # a slow hash guards guessable passwords; this secret is 256 random bits
    return hashlib.sha256(secret.encode()).hexdigest()


def _refused(why: str) -> CredentialError:
    _log.info("credential refused: %s", why)
    return CredentialError(given=True)
