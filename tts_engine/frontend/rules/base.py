"""What a rule is, and how its reading keeps the place of what it reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Match = re.Match[str]

NUMBER = r"(?:\d{1,3}(?:,\d{3}){1,8}(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
"""A cardinal, with thousands commas, or a decimal."""
JOIN = r"\s?(?:[~～至到]|[-−–—]{1,2})\s?"
"""Between the ends of a range."""


@dataclass(frozen=True)
class Part:
    """What is read for ``[begin, end)`` of the folded text."""

    text: str
    begin: int
    end: int
    each: bool = False
    """Character ``i`` of ``text`` is character ``i`` of the span (digits read one by one)."""
    pause: str = ""
    """A pause behind it that nobody wrote."""


Read = Callable[[Match], Sequence[Part] | None]


@dataclass(frozen=True)
class Rule:
    """A pattern in its context and how it is read; ``read`` may decline with ``None``."""

    name: str
    pattern: re.Pattern[str]
    read: Read


def rule(name: str, pattern: str, read: Read) -> Rule:
    """A rule whose pattern is written without flags."""
    return Rule(name, re.compile(pattern, re.ASCII), read)


def whole(match: Match, text: str) -> tuple[Part, ...]:
    """One reading for all that matched."""
    return (Part(text, match.start(), match.end()),)


def group(match: Match, name: str, text: str) -> Part:
    """A reading for one named group."""
    return Part(text, match.start(name), match.end(name))


def each(match: Match, name: str | int, text: str, pause: str = "") -> Part:
    """A reading of a group character by character."""
    return Part(text, match.start(name), match.end(name), each=True, pause=pause)


def left(match: Match, length: int = 8) -> str:
    """The text before the match, without spaces at its end."""
    return match.string[max(0, match.start() - length) : match.start()].rstrip()


def right(match: Match, length: int = 8) -> str:
    """The text behind the match, without spaces at its beginning."""
    return match.string[match.end() : match.end() + length].lstrip()


def clause(match: Match) -> str:
    """The clause around the match, for words that decide from afar."""
    text = match.string
    begin = max((text.rfind(mark, max(0, match.start() - 40), match.start()) for mark in "。！？；\n"), default=-1) + 1
    ends = [text.find(mark, match.end(), match.end() + 40) for mark in "。！？；\n"]
    return text[max(begin, match.start() - 40) : min((end for end in ends if end >= 0), default=match.end() + 40)]


MINUS = {"-": "负", "−": "负", "－": "负", "+": "正", "±": "正负", "": ""}
_VALUE_BEFORE = re.compile(
    r"(?:[为是至到达于在约等得减加乘除差取填输低即成从和与或高降升跌涨亏按计]|海拔|标高|高程|气温|温度|得分|利润|净利|增长|下降|跌幅|涨幅|数值|坐标|"
    r"结果|读数|余额|增速|同比|环比|水位|电压|度数|视力|近视|度|净额|收益率?|增幅|降幅|收入|盈亏|现金流|偏差|误差|涨跌幅?|涨跌额|价差|净值|"
    r"读作|负数|零下|数字|指数|利率|参数|系数|体感|旋转|偏转|转动|倾斜|偏移|平移|移动|偏航|俯仰|滚转|相位|[仰俯倾夹]角|埋深|吃水|深度|屈光|经度|纬度|角度|电位|电平|增益|分贝|年|月|日|季度|半年|"
    r"[=≈<>≤≥:：,，、(（×÷*/|；。]|^)$"
)


def is_value(match: Match) -> bool:
    """Whether a sign at the head of the match belongs to a number: nothing is subtracted from."""
    return bool(_VALUE_BEFORE.search(left(match)))


def sign_of(match: Match, name: str = "s") -> str:
    """负, 正 or nothing for the group that holds a sign."""
    return MINUS[match[name] or ""] if match[name] and is_value(match) else ""


def in_formula(match: Match) -> bool:
    """Whether signs of arithmetic stand near."""
    text = match.string
    around = text[max(0, match.start() - 20) : match.start()] + text[match.end() : match.end() + 20]
    return bool(re.search(r"[=≠≥≤><²³√×÷≈]|等于|是多少|得多少|得几", around))
