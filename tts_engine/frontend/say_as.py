"""What ``<say-as>`` makes of its content: the same characters as a number, digits, a date, a price.

Gives Chinese text for the stages behind. Uses the normaliser's own numerals, so both say a number alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tts_engine.frontend.numbers import by_digit, cardinal, number

_NUMBER = re.compile(r"[+\-−]?\d[\d,]*(?:\.\d+)?")
_DATE = re.compile(r"(\d{1,4})(?:[-/.年](\d{1,4}))?(?:[-/.月](\d{1,4}))?[日号]?")
_TIME = re.compile(r"(\d{1,2})[:：点时](\d{1,2})?分?(?:[:：]?(\d{1,2})秒?)?\s*([AaPp]\.?[Mm]\.?)?")
_MONEY = re.compile(r"([^\d\s.,+\-]{0,4})\s*([+\-]?\d[\d,]*(?:\.\d+)?)\s*([^\d\s.,]{0,4})")
_CURRENCIES = {
    "¥": "元", "￥": "元", "CNY": "元", "RMB": "元", "元": "元", "$": "美元", "USD": "美元", "€": "欧元", "EUR": "欧元",
    "£": "英镑", "GBP": "英镑", "HK$": "港元", "HKD": "港元", "JPY": "日元", "₩": "韩元", "KRW": "韩元",
    "TWD": "新台币",
    "": "元",
}  # fmt: skip
_SIGNS = {
    ".": "点", "-": "杠", "_": "下划线", "@": "艾特", "/": "斜杠", "#": "井号", "*": "星号", "+": "加", ":": "冒号",
    "%": "百分号", "&": "和", "=": "等于",
}  # fmt: skip
_SURNAMES = {
    "解": "xie4", "单": "shan4", "任": "ren2", "曾": "zeng1", "仇": "qiu2", "查": "zha1", "朴": "piao2", "区": "ou1",
    "盖": "ge3", "华": "hua4", "乐": "yue4", "员": "yun4", "召": "shao4", "纪": "ji3", "缪": "miao4", "覃": "qin2",
    "翟": "zhai2", "燕": "yan1", "应": "ying1", "尹": "yin3", "折": "she2", "种": "chong2", "重": "chong2", "黑": "he4",
    "秘": "bi4", "繁": "po2", "钭": "tou3", "冼": "xian3", "逄": "pang2", "哈": "ha3", "宁": "ning4", "葛": "ge3",
    "尉迟": "yu4 chi2", "万俟": "mo4 qi2", "长孙": "zhang3 sun1", "单于": "chan2 yu2", "澹台": "tan2 tai2",
    "令狐": "ling2 hu2", "宰父": "zai3 fu3",
}  # fmt: skip


class SayAsError(ValueError):
    """The content is not what it is said to be; the message is Chinese."""


def surname(name: str) -> tuple[str, ...]:
    """Readings of the surname that ``name`` begins with, where they differ from the usual; else none."""
    return tuple((_SURNAMES.get(name[:2]) or _SURNAMES.get(name[:1]) or "").split())


def spoken(kind: str, format: str, text: str) -> str:
    """``text`` read as a ``kind``.

    Raises:
        KeyError: nobody knows that kind.
        SayAsError: the content does not fit.
    """
    reader = _KINDS[kind]
    if len(text) > 200:
        raise SayAsError("say-as 的内容超过 200 个字符")
    return reader(text.strip(), format.lower())


def _cardinal(text: str, _: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise SayAsError(f"“{text[:20]}”不是数字")
    return number(text.replace(",", ""))


def _ordinal(text: str, _: str) -> str:
    digits = text.removeprefix("第")
    if not digits.isdigit() or not digits.isascii():
        raise SayAsError(f"“{text[:20]}”不是整数")
    return "第" + cardinal(digits)


def _digits(text: str, _: str) -> str:
    return _one_by_one(text, "一")


def _telephone(text: str, _: str) -> str:
    if not re.search(r"\d", text):
        raise SayAsError(f"“{text[:20]}”里没有数字")
    groups = [_one_by_one(group, "幺") for group in re.split(r"[\s\-()（）]+", text) if group]
    return "、".join(groups)


def _characters(text: str, _: str) -> str:
    return _one_by_one(text, "一")


def _one_by_one(text: str, one: str) -> str:
    """Digits and signs by name, letters apart."""
    read = []
    for character in text:
        if character.isspace():
            continue
        read.append(by_digit(character, one) if character in "0123456789" else _SIGNS.get(character, character))
        if character.isascii() and character.isalpha():
            read[-1] = f" {character.upper()} "
    return "".join(read)


def _date(text: str, format: str) -> str:
    match = _DATE.fullmatch(text)
    if match is None:
        raise SayAsError(f"“{text[:20]}”不是日期，应像 2024-05-01 或 10/8")
    parts = [part for part in match.groups() if part]
    short = len(parts) == 2 and len(parts[0]) < 3
    order = format or ("md" if short else "ymd"[: len(parts)])
    if sorted(order) not in [sorted(known) for known in ("ymd", "ym", "md", "y", "m", "d")] or len(order) != len(parts):
        raise SayAsError(f"日期格式“{format[:10]}”与“{text[:20]}”不符，可用 ymd、mdy、dmy、ym、my、md、dm、y、m、d")
    found = dict(zip(order, parts, strict=True))
    if not 1 <= int(found.get("m", 1)) <= 12 or not 1 <= int(found.get("d", 1)) <= 31:
        raise SayAsError(f"“{text[:20]}”里的月或日超出范围，请检查 format 的顺序")
    year = by_digit(found["y"]) + "年" if "y" in found else ""
    month = cardinal(found["m"]) + "月" if "m" in found else ""
    return year + month + (cardinal(found["d"]) + "日" if "d" in found else "")


def _time(text: str, _: str) -> str:
    match = _TIME.fullmatch(text)
    if match is None or int(match[1]) > 24 or int(match[2] or 0) > 59 or int(match[3] or 0) > 59:
        raise SayAsError(f"“{text[:20]}”不是时刻，应像 10:08 或 10:08:30")
    half = {"a": "上午", "p": "下午"}.get((match[4] or "")[:1].lower(), "")
    hour = "两" if int(match[1]) == 2 else cardinal(match[1])
    read = f"{half}{hour}点"
    if match[2] and (int(match[2]) or match[3]):
        read += _two(match[2]) + "分"
    return read + (_two(match[3]) + "秒" if match[3] else "")


def _two(digits: str) -> str:
    return ("零" if 0 < int(digits) < 10 and len(digits) == 2 else "") + cardinal(digits)


def _currency(text: str, format: str) -> str:
    match = _MONEY.fullmatch(text)
    sign = (match[1] or match[3] or format).upper() if match else ""
    if match is None or sign not in _CURRENCIES:
        raise SayAsError(f"“{text[:20]}”不是金额，应像 ¥12.50 或 20USD")
    amount = match[2].replace(",", "")
    whole, point, cents = amount.partition(".")
    cents = cents.rstrip("0")
    return number(whole + (point + cents if cents else "")) + _CURRENCIES[sign]


def _fraction(text: str, _: str) -> str:
    match = re.fullmatch(r"(\d{1,16})\s*[/／]\s*(\d{1,16})", text)
    if match is None:
        raise SayAsError(f"“{text[:20]}”不是分数，应像 3/5")
    return f"{cardinal(match[2])}分之{cardinal(match[1])}"


def _as_written(text: str, _: str) -> str:
    """Measures, addresses and names: the rules for running text read them."""
    return text


_KINDS: dict[str, Callable[[str, str], str]] = {
    "cardinal": _cardinal, "number": _cardinal, "value": _cardinal, "ordinal": _ordinal, "digits": _digits,
    "number_digit": _digits, "id": _digits, "telephone": _telephone, "characters": _characters,
    "spell-out": _characters, "verbatim": _characters, "date": _date, "time": _time, "currency": _currency,
    "fraction": _fraction, "measure": _as_written, "unit": _as_written, "address": _as_written, "name": _as_written,
}  # fmt: skip

KINDS = tuple(_KINDS)
"""Values of ``interpret-as``."""
