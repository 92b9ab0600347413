"""One bounded exchange with ``api.weixin.qq.com``; what its error codes mean is read by those who ask.

AppSecret and access tokens travel in the address, as WeChat wants it, so no address and no foreign exception that
quotes one is ever logged or chained.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from app.body import strict_json
from app.errors import MalformedBodyError, WeChatBusyError, WeChatDownError, WeChatError
from settings import WeChatSettings

_log = logging.getLogger(__name__)

_MAX_BYTES = 65_536
_CONCURRENCY = 8
"""Calls at the same time: a WeChat that hangs must not hold every thread of the proxy."""
_WORD = re.compile(r"[^A-Za-z0-9 _.:-]", re.ASCII)

BUSY, LIMITED, TOO_MANY = -1, 45011, 45009


class WeChat:
    """WeChat for one mini-program. Thread-safe."""

    def __init__(self, settings: WeChatSettings) -> None:
        self._base = settings.api_url.rstrip("/")
        self._timeouts = (settings.connect_timeout_s, settings.timeout_s)
        self._slots = threading.BoundedSemaphore(_CONCURRENCY)
        # at DEBUG urllib3 logs whole addresses, and these hold AppSecret
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc of whoever started us
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=_CONCURRENCY, max_retries=0))

    def get(self, path: str, values: Mapping[str, str]) -> dict[str, Any]:
        """The JSON object that WeChat answers to ``GET``.

        Raises:
            WeChatDownError: no answer in time.
            WeChatError: an answer that is none.
        """
        return self._exchange("GET", path, values, None)

    def post(self, path: str, values: Mapping[str, str], body: Mapping[str, object]) -> dict[str, Any]:
        """The JSON object that WeChat answers to ``POST``; as ``get``.

        ``body`` goes out as plain UTF-8: WeChat does not read JSON's escapes as the text they stand for.
        """
        return self._exchange("POST", path, values, json.dumps(body, ensure_ascii=False).encode())

    def _exchange(self, method: str, path: str, values: Mapping[str, str], body: bytes | None) -> dict[str, Any]:
        deadline_s = time.monotonic() + self._timeouts[1]
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        with self._slot():
            try:
                with self._session.request(
                    method,
                    self._base + path,
                    params=values,
                    data=body,
                    headers=headers,
                    timeout=self._timeouts,
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    data, status = _read(response, deadline_s), response.status_code
            except (requests.RequestException, HTTPError, OSError) as error:
                _log.warning("wechat %s: %s", path, type(error).__name__)
                raise WeChatDownError from None
        return _object(path, status, data)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(timeout=1.0):
            _log.warning("wechat: too many calls under way")
            raise WeChatDownError
        try:
            yield
        finally:
            self._slots.release()


def code_of(answer: Mapping[str, Any]) -> int:
    """``errcode``, which a success may leave out.

    Raises:
        WeChatError: it is no number.
    """
    code = answer.get("errcode", 0)
    if isinstance(code, bool) or not isinstance(code, int):
        raise WeChatError
    return code


def failure(path: str, answer: Mapping[str, Any]) -> WeChatError | WeChatDownError | WeChatBusyError:
    """What an error code means that says nothing about the caller; the log gets the code."""
    code = code_of(answer)
    if code == BUSY:
        _log.warning("wechat %s is busy", path)
        return WeChatDownError()
    if code == LIMITED:
        return WeChatBusyError()
    advice = _ADVICE.get(code, "")
    # WeChat's words carry a request id for its support; nothing else of them is kept
    _log.error("wechat %s errcode %d %s (%s)", path, code, advice, _WORD.sub("", str(answer.get("errmsg", "")))[:120])
    return WeChatDownError() if code == TOO_MANY else WeChatError()


_ADVICE = {
    40001: "the access token or AppSecret is wrong",
    40013: "wechat.appid is wrong",
    40125: "wechat.secret is wrong",
    40164: "this server's address is not on the mini-program's IP list",
    40066: "wechat.api_url is wrong",
    41002: "wechat.appid is missing",
    41004: "wechat.secret is missing",
    43104: "the user does not belong to this mini-program",
    45009: "the day's calls are used up",
    48001: "the mini-program may not use this interface",
    50002: "the mini-program is suspended",
}


def _read(response: requests.Response, deadline_s: float) -> bytes:
    """The whole body, a part at a time: a peer that drips is cut off at the deadline."""
    parts, size = [], 0
    while part := response.raw.read1(8192):
        size += len(part)
        if size > _MAX_BYTES:
            raise WeChatError
        if time.monotonic() > deadline_s:
            raise requests.Timeout
        parts.append(part)
    return b"".join(parts)


def _object(path: str, status: int, data: bytes) -> dict[str, Any]:
    if status >= 500:
        _log.warning("wechat %s answered %d", path, status)
        raise WeChatDownError
    if status != 200:
        _log.error("wechat %s answered %d: is wechat.api_url right?", path, status)
        raise WeChatError
    try:
        return strict_json(data)
    except MalformedBodyError:
        _log.error("wechat %s answered what is no JSON object", path)
        raise WeChatError from None
