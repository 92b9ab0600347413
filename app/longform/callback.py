"""Telling a caller's own server that a job has ended: signed, and only to where it may go.

Signature: Standard Webhooks (standardwebhooks.com): HMAC-SHA256 over ``id.timestamp.body``. Against SSRF the name is
resolved once, every address must be public, and the connection goes to that very address; no redirect is followed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from app.errors import FieldError
from settings import JobSettings

_log = logging.getLogger(__name__)

_TIMEOUT_S = 5.0
_INSIDE = (".localhost", ".local", ".internal", ".home.arpa")
"""Names that never lead to the internet (RFC 6761, 6762, 8375, and ICANN's choice for private use)."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class CallbackError(Exception):
    """The callback could not be delivered; worth another try."""


@dataclass(frozen=True)
class Callbacks:
    """Thread-safe."""

    settings: JobSettings
    now: Callable[[], float]

    def check(self, url: str) -> str:
        """``url``, which may be called as far as can be told without asking anybody.

        Raises:
            FieldError: it may not.
        """
        if self.settings.callback_secret is None:
            raise FieldError("callback_url", "本服务没有开启回调（需要管理员设置 jobs.callback_secret）")
        parts = _split(url)
        schemes = ("https", "http") if self.settings.callback_private else ("https",)
        if parts is None or parts.scheme not in schemes or not parts.hostname:
            raise FieldError("callback_url", f"应为 {'、'.join(schemes)} 地址，不带用户名、空白与反斜杠")
        hosts = [host for host in self.settings.callback_hosts.lower().split(",") if host]
        if hosts and parts.hostname not in hosts:
            raise FieldError("callback_url", "这个主机不在允许回调的名单里")
        if not self._may_name(parts.hostname):
            raise FieldError("callback_url", "不能回调内网或保留地址")
        return url

    def _may_name(self, host: str) -> bool:
        literal = _address(host) or _short_form(host)
        if literal is not None:
            return self._may_reach(literal)
        return self.settings.callback_private or not f".{host.rstrip('.')}".endswith(_INSIDE)

    def deliver(self, url: str, job_id: str, body: dict[str, object]) -> None:
        """POST ``body``; any 2xx is success.

        Raises:
            CallbackError: refused, unreachable, or its address is one that may not be called.
        """
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        try:
            parts = urlsplit(self.check(url))
            address = self._resolved(parts)
            status = self._post(parts, address, data, self._signed(job_id, data))
        except (FieldError, OSError, HTTPError, ValueError) as error:
            raise CallbackError(type(error).__name__) from error
        if not 200 <= status < 300:
            raise CallbackError(f"status {status}")

    def _resolved(self, parts: SplitResult) -> str:
        port = parts.port or {"https": 443, "http": 80}[parts.scheme]
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in found]
        for text in addresses:
            address = _address(text)
            if address is None or not self._may_reach(address):
                raise CallbackError("the name leads to an address that may not be called")
        return addresses[0]

    def _may_reach(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        if self.settings.callback_private:
            return not (address.is_link_local or address.is_multicast or address.is_unspecified)
        return is_public(address)

    def _signed(self, job_id: str, data: bytes) -> dict[str, str]:
        secret, moment = self.settings.callback_secret, str(int(self.now()))
        key = secret.get_secret_value().encode() if secret else b""
        signature = hmac.digest(key, f"{job_id}.{moment}.".encode() + data, hashlib.sha256)
        return {
            "Content-Type": "application/json",
            "User-Agent": "tts-proxy",
            "webhook-id": job_id,
            "webhook-timestamp": moment,
            "webhook-signature": "v1," + base64.b64encode(signature).decode(),
        }

    def _post(self, parts: SplitResult, address: str, data: bytes, headers: dict[str, str]) -> int:
        host = parts.hostname or ""
        timeout = urllib3.Timeout(total=_TIMEOUT_S)
        pool: urllib3.HTTPConnectionPool
        if parts.scheme == "https":
            # the certificate must be for the name, though the connection goes to the address
            pool = urllib3.HTTPSConnectionPool(
                address, parts.port or 443, timeout=timeout, retries=False, assert_hostname=host, server_hostname=host
            )
        else:
            pool = urllib3.HTTPConnectionPool(address, parts.port or 80, timeout=timeout, retries=False)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        with pool:
            response = pool.request(
                "POST",
                target,
                body=data,
                headers={**headers, "Host": parts.netloc},
                redirect=False,
                preload_content=False,
            )
            response.close()  # what it says is of no interest, and may be endless
            return response.status


def is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether the address belongs to somebody on the internet, whatever it is wrapped in."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _short_form(host: str) -> ipaddress.IPv4Address | None:
    """What the C library takes for an address besides four decimal numbers: ``127.1``, ``0x7f000001``."""
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def _split(url: str) -> SplitResult | None:
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return None if parts.username is not None or parts.password is not None else parts
