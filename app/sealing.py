"""The root secret: what a stolen database does not hold. From it come names without a way back, and sealed values."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

from cryptography.fernet import Fernet, InvalidToken

from app.keyring import read_private
from settings import AuthSettings, SettingsError

_MIN_BYTES = 32
_MIN_DIFFERENT = 10
"""Different bytes: ``aaaa…`` is long, yet anybody's guess."""


class SealError(Exception):
    """A sealed value that this root secret does not open."""


@dataclass(frozen=True)
class RootSecret:
    """One secret from which every purpose gets a key of its own (HMAC-SHA-256). Thread-safe."""

    secret: bytes = field(repr=False)

    def digest(self, purpose: str, text: str) -> str:
        """A name for ``text`` (hexadecimal, 64 characters): the same every time, without a way back to the text."""
        return hmac.digest(self._key(f"digest:{purpose}"), text.encode(), hashlib.sha256).hex()

    def seal(self, purpose: str, text: str) -> str:
        """``text`` encrypted and authenticated (Fernet), for a column of the database."""
        return self._fernet(purpose).encrypt(text.encode()).decode()

    def open(self, purpose: str, sealed: str) -> str:
        """What ``seal`` was given.

        Raises:
            SealError: sealed under another root secret or for another purpose, or damaged.
        """
        try:
            return self._fernet(purpose).decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise SealError("sealed under another root secret") from error

    def _fernet(self, purpose: str) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self._key(f"seal:{purpose}")))

    def _key(self, purpose: str) -> bytes:
        return hmac.digest(self.secret, purpose.encode(), hashlib.sha256)


def load_root(settings: AuthSettings) -> RootSecret:
    """The root secret from the environment or, without any there, from its 0600 file.

    Raises:
        SettingsError: none, too short, too simple, or in a file that others can read.
    """
    given = settings.root_secret
    source = "环境变量 TTS__AUTH__ROOT_SECRET" if given else str(settings.root_secret_file)
    secret = (given.get_secret_value() if given else read_private(settings.root_secret_file)).strip().encode()
    if len(secret) < _MIN_BYTES or len(set(secret)) < _MIN_DIFFERENT:
        raise SettingsError(f"{source} 里的根密钥太弱：至少 {_MIN_BYTES} 字节且足够随机。")
    return RootSecret(secret)
