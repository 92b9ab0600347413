"""Amounts with a currency sign or code: the amount first, then the currency."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

from tts_engine.frontend.data import table
from tts_engine.frontend.numbers import by_digit, cardinal, number, quantity
from tts_engine.frontend.rules.base import JOIN, MINUS, NUMBER, Match, Part, Rule, group, right, rule, whole

_CURRENCY = dict(table("currencies.tsv"))
_SIGN = "|".join(re.escape(sign) for sign in sorted(_CURRENCY, key=len, reverse=True))
_CODES = "|".join(sign for sign in _CURRENCY if sign.isalpha())
_SCALES = {"k": 3, "K": 3, "w": 4, "W": 4, "M": 6, "m": 6, "B": 9, "b": 9, "bn": 9, "mn": 6}
_SCALE = r"[kKwWMB](?![A-Za-z])|bn(?![A-Za-z])|mn(?![A-Za-z])|[十百千万亿]+"


def plain(value: str) -> str:
    """Money drops trailing zeros of its decimals: ``6.50`` → 六点五, ``5.00`` → 五."""
    whole_part, _, fraction = value.replace(",", "").partition(".")
    return number(whole_part if not fraction.strip("0") else f"{whole_part}.{fraction.rstrip('0')}")


def _amount(value: str, scale: str | None) -> str:
    """With a scale: 1.2M → 一百二十万, 3.5万 → 三点五万, 3.5k → 三千五百."""
    bare = value.replace(",", "")
    if scale and scale in "wW":
        scale = "万"
    if not scale or scale not in _SCALES:
        two = bare == "2" and (not scale or scale[0] in "千万亿")
        return ("两" if two else plain(value)) + (scale or "")
    moved = Decimal(bare) * 10 ** _SCALES[scale]
    if moved % 10000 == 0 and moved >= 100_000_000:
        return f"{plain(format((moved / 100_000_000).normalize(), 'f'))}亿"
    return cardinal(format(moved, "f").partition(".")[0])


def _currency(match: Match) -> Sequence[Part]:
    sign = MINUS[match["minus"] or match["minus2"] or ""]
    amount = _amount(match["n"], match["k"])
    upper = _joined(match) + _amount(match["n2"], match["k2"]) if match["n2"] else ""
    name = _CURRENCY[match["c"]]
    written = match["w"] or ""
    unit = "块" if written.startswith("块") else name
    return whole(match, sign + amount + upper + unit)


def _joined(match: Match) -> str:
    """到; 减 where the second amount is the smaller one: 满¥300-50."""
    if match["k"] or match["k2"]:
        return "到"
    first, second = (Decimal(match[name].replace(",", "")) for name in ("n", "n2"))
    return "减" if first > second else "到"


def _currency_behind(match: Match) -> Sequence[Part]:
    return whole(match, MINUS[match["minus"] or ""] + _amount(match["n"], match["k"]) + _CURRENCY[match["c"]])


def _price(match: Match) -> Sequence[Part] | None:
    """128.00元, 6.50元: amounts in front of a written unit."""
    value = match["n"]
    if not value.endswith("0"):
        return None
    text = plain(value)
    return [group(match, "n", "两" if text == "二" else text)]


def _cents(match: Match) -> Sequence[Part]:
    """3块8, 2万3: the last unit is not said."""
    tail = by_digit(match["t"]) if len(match["t"]) > 1 and match["u"] == "米" else cardinal(match["t"])
    if match["t"][0] == "0":
        tail = by_digit(match["t"])
    return [group(match, "n", quantity(match["n"])), group(match, "u", match["u"]), group(match, "t", tail)]


def _free_post(match: Match) -> Sequence[Part]:
    """9.9包邮 is a price."""
    return whole(match, f"{cardinal(match['a'])}块{by_digit(match['b'].rstrip('0') or '0')}")


def _thousand_more(match: Match) -> Sequence[Part] | None:
    """20k, 3.5w of salaries and followers, where no unit of measure follows."""
    if re.match(r"[A-Za-z]", right(match, 1)):
        return None
    upper = "到" + _amount(match["n2"], match["k2"]) if match["n2"] else ""
    return whole(match, _amount(match["n"], match["k"]) + upper)


MONEY: tuple[Rule, ...] = (
    rule(
        "money",
        rf"(?P<minus>[-−+])?(?<![A-Za-z])(?P<c>{_SIGN})\s?(?P<minus2>[-−])?(?P<n>{NUMBER})\s?(?P<k>{_SCALE})?"
        rf"(?:{JOIN}(?:[¥￥$€£])?(?P<n2>{NUMBER})(?P<k2>{_SCALE})?)?(?P<w>元整?|块钱?|人民币|美元|美金|欧元|英镑|港[元币])?",
        _currency,
    ),
    rule(
        "money",
        rf"(?P<minus>[-−])?(?P<n>{NUMBER})\s?(?P<k>{_SCALE})?\s?(?P<c>{_CODES}|[¥￥$€£](?![\d.]))(?![A-Za-z\d])",
        _currency_behind,
    ),
    rule("money", r"(?<![\d.])(?P<n>\d[\d,]*\.\d+)(?=元|美元|欧元|港元|块|英镑|日元)", _price),
    rule("money", r"(?<![\d.])(?P<a>\d{1,4})\.(?P<b>\d{1,2})(?=包邮|秒杀|抢)", _free_post),
    rule(
        "money",
        rf"(?<![\d.A-Za-z])(?P<n>{NUMBER})(?P<k>[kw]|W(?=粉|人|元|播放|阅读|点赞|年薪|存款|用户|\+))(?![A-Za-z\dΩ])"
        rf"(?:{JOIN}(?P<n2>{NUMBER})(?P<k2>[kwW])(?![A-Za-z\d]))?(?!\s?(?:视频|屏|分辨|电视|画质|高清|超清|显示|修复))",
        _thousand_more,
    ),
)
COLLOQUIAL = rule(
    "colloquial",
    r"(?<![\d.])(?P<n>\d+)(?P<u>[块米千万亿斤])(?P<t>0?\d{1,2})(?![\d.]|[个米元块斤千万亿年月日号分秒%]|公|平|人|名)",
    _cents,
)
