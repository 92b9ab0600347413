"""Audio in a private Tencent COS bucket, fetched straight from there through presigned links.

The SDK's defaults may hold a request for two minutes (30 s a try, four tries); here a call ends within 21 s.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import requests
from qcloud_cos import (  # type: ignore[import-untyped]
    CosClientError,
    CosConfig,
    CosS3Client,
    CosServiceError,
)
from urllib3.exceptions import HTTPError

from app.storage import NAME, AudioNotFoundError, StorageError, StoredFile, check_name

_PART_MB = 8
"""A larger file goes up in parts of this size."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CosOptions:
    """Which bucket, and who we are there."""

    bucket: str
    """With its APPID: ``name-1250000000``."""
    region: str
    """``ap-guangzhou`` …"""
    secret_id: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    """Session token of temporary credentials; its life bounds that of every link."""
    prefix: str = "tts/"
    """Before every name; the key's policy may be limited to it."""
    domain: str | None = None
    """A custom domain bound to the bucket (also CDN); None takes ``{bucket}.cos.{region}.myqcloud.com``."""
    scheme: str = "https"
    """``http`` only for a stand-in on loopback."""
    connections: int = 16
    """Kept open; the number of threads that may use the store at once."""
    timeout_s: tuple[float, float] = (2.0, 8.0)
    """To connect, and between two bytes of the answer."""
    retries: int = 1
    """After a connection error, a timeout or a 5xx; the SDK sleeps one second before it."""


class CosStorage:
    """The SDK behind the five calls of ``Storage``. Thread-safe."""

    def __init__(self, options: CosOptions) -> None:
        logging.getLogger("qcloud_cos").setLevel(logging.CRITICAL)  # logs tracebacks, and signing keys at DEBUG
        self._options = options
        config = CosConfig(
            Region=options.region,
            SecretId=options.secret_id,
            SecretKey=options.secret_key,
            Token=options.token,
            Scheme=options.scheme,
            Domain=options.domain,
            Timeout=options.timeout_s,
        )
        self._client = CosS3Client(config, retry=options.retries, session=_session(options.connections))

    def put(self, name: str, data: bytes, media_type: str) -> None:
        """Store ``data``; COS checks its MD5, and who may read it is the bucket's to say (which must be private).

        Raises:
            StorageError: refused, unreachable or too slow.
        """
        key = self._key(name)
        with _cos_errors():
            answer = self._client.put_object(
                Bucket=self._options.bucket,
                Body=data,
                Key=key,
                EnableMD5=True,
                ContentType=media_type,
                CacheControl="private, max-age=86400",
            )
        if "etag" not in {str(header).lower() for header in answer}:  # the SDK takes a redirect for success
            raise StorageError("COS 没有确认收到音频：请检查 COS 的地域与域名设置。")

    def put_file(self, name: str, path: Path, media_type: str) -> None:
        """Store the file at ``path``, in parts where it is large; as ``put``."""
        key = self._key(name)
        with _cos_errors():
            answer = self._client.upload_file(
                Bucket=self._options.bucket,
                Key=key,
                LocalFilePath=str(path),
                PartSize=_PART_MB,
                MAXThread=2,
                EnableMD5=True,
                ContentType=media_type,
                CacheControl="private, max-age=86400",
            )
        if "etag" not in {str(header).lower() for header in answer}:
            raise StorageError("COS 没有确认收到音频：请检查 COS 的地域与域名设置。")

    def read(self, name: str) -> bytes:
        """The whole object.

        Raises:
            AudioNotFoundError: it is not there.
            StorageError: refused, unreachable or too slow.
        """
        if not self.exists(name):
            raise AudioNotFoundError
        with _cos_errors():
            answer = self._client.get_object(Bucket=self._options.bucket, Key=self._key(name))
            data: bytes = answer["Body"].get_raw_stream().read()
        return data

    def url(self, name: str, lifetime_s: int) -> str:
        """A presigned GET link; computed here, so it costs no call and opens nothing that does not exist."""
        key = self._key(name)
        with _cos_errors():
            link: str = self._client.get_presigned_url(
                Bucket=self._options.bucket,
                Key=key,
                Method="GET",
                Expired=lifetime_s,
                Params={"x-cos-security-token": self._options.token} if self._options.token else {},
            )
        return link

    def size(self, name: str) -> int | None:
        """Bytes of the object (one HEAD); None where there is none.

        Raises:
            StorageError: COS did not say; never taken for "none".
        """
        key = self._key(name)
        with _cos_errors():
            try:
                found = self._client.head_object(Bucket=self._options.bucket, Key=key)
            except CosServiceError as error:
                if error.get_status_code() == 404:
                    return None
                raise
            return int({str(header).lower(): value for header, value in found.items()}["content-length"])

    def exists(self, name: str) -> bool:
        """Whether the object is there; as ``size``."""
        return self.size(name) is not None

    def delete(self, name: str) -> None:
        """Remove the object; COS answers the same when it is absent."""
        key = self._key(name)
        with _cos_errors():
            self._client.delete_object(Bucket=self._options.bucket, Key=key)

    def entries(self) -> Iterator[StoredFile]:
        """Every object directly under the prefix, a thousand a call."""
        marker = ""
        while True:
            page = self._page(marker)
            yield from self._stored(page)
            if page.get("IsTruncated") != "true":
                return
            if not marker < page.get("NextMarker", ""):  # would go round for ever
                raise StorageError("COS 的文件列表有误：分页标记没有前进。")
            marker = page["NextMarker"]

    def _page(self, marker: str) -> dict[str, Any]:
        with _cos_errors():
            page: dict[str, Any] = self._client.list_objects(
                Bucket=self._options.bucket, Prefix=self._options.prefix, Marker=marker, MaxKeys=1000
            )
        return page

    def _stored(self, page: dict[str, Any]) -> list[StoredFile]:
        with _cos_errors():
            files = [
                StoredFile(
                    item["Key"].removeprefix(self._options.prefix),
                    int(item["Size"]),
                    datetime.fromisoformat(item["LastModified"]).timestamp(),
                )
                for item in page.get("Contents", [])
            ]
        return [file for file in files if NAME.fullmatch(file.name)]

    def _key(self, name: str) -> str:
        return self._options.prefix + check_name(name)


def _session(connections: int) -> requests.Session:
    session = requests.Session()
    adapter = requests.adapters.HTTPAdapter(pool_connections=connections, pool_maxsize=connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


@contextmanager
def _cos_errors() -> Iterator[None]:
    """Every way in which the SDK fails, as ``StorageError``; what COS said goes to the log."""
    try:
        yield
    except CosServiceError as error:
        status, code = error.get_status_code(), _error_code(error)
        _log.warning("COS answered %s %s, request %s", status, code, _request_id(error))
        raise StorageError(f"COS 拒绝了请求（{status} {code}）：请检查密钥、权限、存储桶与本机时间。") from error
    except CosClientError as error:
        _log.warning("COS unreachable: %s", type(error.__context__).__name__)
        raise StorageError("COS 没有及时应答：请稍后重试，或检查网络与 COS 设置。") from error
    except (requests.RequestException, HTTPError, OSError) as error:  # while the body was on its way
        _log.warning("COS broke off: %s", type(error).__name__)
        raise StorageError("COS 的应答中断：请稍后重试。") from error
    except (ParseError, KeyError, ValueError) as error:
        raise StorageError("COS 的应答无法读懂：请检查 COS 的域名设置。") from error


def _error_code(error: CosServiceError) -> str:
    digest = error.get_digest_msg()
    return str(digest.get("code", "Unknown"))[:64] if isinstance(digest, dict) else "Unknown"


def _request_id(error: CosServiceError) -> str:
    digest = error.get_digest_msg()
    return str(digest.get("requestid", "-"))[:64] if isinstance(digest, dict) else "-"
