"""``msg_sec_check`` 2.0: whether WeChat would let a text be published."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from app.errors import LoginExpiredError, WeChatDownError, WeChatError
from app.wechat.access_token import AccessToken
from app.wechat.client import BUSY, WeChat, code_of, failure

_PATH = "/wxa/msg_sec_check"
_STALE = {40001, 40014, 42001}
"""The access token is no longer taken."""
_UNSEEN = {61010, 40003}
"""The user has not been seen for two hours, or is not this mini-program's."""
PART_CHARS = 2500
_BUDGET_S = 20.0
"""For all parts of one text."""
_OVERLAP = 64
"""Characters that two parts share where no sentence ends: nothing hides on the cut."""
_END = re.compile(r"[。！？!?；;\n]")

Suggestion = Literal["pass", "review", "risky"]


@dataclass(frozen=True)
class Verdict:
    """What WeChat says about a text."""

    suggest: Suggestion
    label: int
    """100 normal, 20001 politics, 20002 sex, 20003 abuse, 20006 crime …"""


@dataclass(frozen=True)
class TextSecurity:
    """Asks WeChat. Thread-safe."""

    wechat: WeChat
    access_token: AccessToken
    scene: int

    def judge(self, text: str, openid: str) -> Verdict:
        """The worst verdict on any part of ``text``; asking ends at the first risky one.

        Raises:
            LoginExpiredError: WeChat wants to see the user again first.
            WeChatBusyError, WeChatDownError, WeChatError: no verdict.
        """
        worst, deadline_s = Verdict("pass", 100), time.monotonic() + _BUDGET_S
        for part in parts(text):
            if time.monotonic() > deadline_s:
                raise WeChatDownError
            verdict = self._judge_part(part, openid)
            if verdict.suggest == "risky":
                return verdict
            if verdict.suggest == "review":
                worst = verdict
        return worst

    def _judge_part(self, part: str, openid: str) -> Verdict:
        body = {"version": 2, "scene": self.scene, "openid": openid, "content": part}
        token = self.access_token.get()
        answer = self.wechat.post(_PATH, {"access_token": token}, body)
        code = code_of(answer)
        if code in _STALE:
            answer = self.wechat.post(_PATH, {"access_token": self.access_token.replace(token)}, body)
        elif code == BUSY:
            answer = self.wechat.post(_PATH, {"access_token": token}, body)
        code = code_of(answer)
        if code in _UNSEEN:
            raise LoginExpiredError
        if code != 0:
            raise failure(_PATH, answer)
        return _verdict(answer.get("result"))


def parts(text: str) -> Iterator[str]:
    """``text`` in pieces of at most 2,500 characters, cut behind the end of a sentence where one is near."""
    begin = 0
    while len(text) - begin > PART_CHARS:
        ends = [match.end() for match in _END.finditer(text, begin + PART_CHARS // 2, begin + PART_CHARS)]
        end = ends[-1] if ends else begin + PART_CHARS
        yield text[begin:end]
        begin = end if ends else end - _OVERLAP
    yield text[begin:]


def _verdict(result: object) -> Verdict:
    if not isinstance(result, dict):
        raise WeChatError
    suggest, label = result.get("suggest"), result.get("label")
    if suggest not in ("pass", "review", "risky") or isinstance(label, bool) or not isinstance(label, int):
        raise WeChatError
    return Verdict(suggest, label)
