"""What a fresh clone lacks: a JWT secret, a root secret, a certificate for this machine, and a first API key.

What is there already is kept, but for a certificate of our own making that is about to expire.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sqlalchemy.exc import SQLAlchemyError

from app.auth import SCOPES, ApiKeys, NewKey
from app.database import connect
from app.keyring import load_keyring, write_private
from settings import ProxySettings, Settings, SettingsError

_ISSUER = "tts self-signed"
_LIFETIME = datetime.timedelta(days=730)
_RENEW_BEFORE = datetime.timedelta(days=30)


def prepare(settings: Settings, now: datetime.datetime) -> list[str]:
    """Make what is missing; returns one Chinese line for each thing that was made.

    Raises:
        SettingsError: what is there cannot be used, or the place cannot be written.
    """
    made = []
    try:
        if settings.auth.jwt_secret is None and not settings.auth.jwt_secret_file.exists():
            write_private(settings.auth.jwt_secret_file, f"{now:%Y%m%d}:{secrets.token_urlsafe(48)}")
            made.append(f"已生成 JWT 密钥 {settings.auth.jwt_secret_file}（0600）")
        if settings.auth.root_secret is None and not settings.auth.root_secret_file.exists():
            write_private(settings.auth.root_secret_file, secrets.token_urlsafe(48))
            made.append(f"已生成根密钥 {settings.auth.root_secret_file}（0600，请备份）")
        if settings.proxy.tls and settings.proxy.unix_socket is None and _wants_certificate(settings.proxy, now):
            _write_certificate(settings.proxy, now)
            made.append(f"已生成自签名证书 {settings.proxy.tls_certificate}（仅供本机使用）")
    except OSError as error:
        raise SettingsError(f"无法写入 {error.filename}（{error.strerror}）：请检查目录权限与磁盘空间。") from error
    load_keyring(settings.auth)
    return made


def make_key(settings: Settings, now: datetime.datetime) -> list[str]:
    """A first API key in ``auth.demo_key_file`` where there has never been any; as :func:`prepare` otherwise.

    Raises:
        SettingsError: the database does not open, or the file cannot be written.
    """
    path = settings.auth.demo_key_file
    if path.exists():
        return []
    engine = connect(settings.database.url.get_secret_value())
    try:
        keys = ApiKeys(engine, now.timestamp)
        if keys.all():
            return []
        keys.create_in(path, NewKey("首次运行", SCOPES))
    except SQLAlchemyError as error:
        raise SettingsError("数据库暂时不可用：请检查它的位置、权限与剩余空间。") from error
    finally:
        engine.dispose()
    return [f"已生成第一个 API 密钥 {path}（0600）"]


def _wants_certificate(proxy: ProxySettings, now: datetime.datetime) -> bool:
    there = [path.exists() for path in (proxy.tls_certificate, proxy.tls_key)]
    if not any(there):
        return True
    if not all(there):
        missing = proxy.tls_certificate if there[1] else proxy.tls_key
        raise SettingsError(f"证书与私钥应成对放置，缺少 {missing}：请补上它，或删除另一个后重新运行。")
    try:
        certificate = x509.load_pem_x509_certificate(proxy.tls_certificate.read_bytes())
    except ValueError as error:
        raise SettingsError(f"{proxy.tls_certificate} 不是 PEM 证书：请更换，或连同私钥一起删除后重新运行。") from error
    is_ours = certificate.issuer == _name()
    return is_ours and certificate.not_valid_after_utc < now + _RENEW_BEFORE


def _write_certificate(proxy: ProxySettings, now: datetime.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(key, _names(proxy), now)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _replace(proxy.tls_key, key_pem, 0o600)
    _replace(proxy.tls_certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _sign(key: ec.EllipticCurvePrivateKey, names: list[x509.GeneralName], now: datetime.datetime) -> x509.Certificate:
    public = key.public_key()
    usage = {name: False for name in _USAGES} | {"digital_signature": True, "key_cert_sign": True}
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    builder = x509.CertificateBuilder(_name(), _name(), public, x509.random_serial_number())
    return (
        builder.not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)  # it is its own trust anchor
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _name() -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _ISSUER)])


def _names(proxy: ProxySettings) -> list[x509.GeneralName]:
    """localhost, and what this proxy is called in ``host`` and ``public_url``."""
    hosts = ["localhost", "127.0.0.1", "::1", proxy.host, urlsplit(proxy.public_url).hostname or "localhost"]
    return [_general_name(host) for host in dict.fromkeys(hosts) if host not in ("0.0.0.0", "::")]  # noqa: S104 (left out)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _replace(path: Path, data: bytes, mode: int) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
    part.replace(path)
