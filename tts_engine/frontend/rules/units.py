"""Symbols of units and how they are read; compounds with ``/`` and ``·`` from their parts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_engine.frontend.data import table
from tts_engine.frontend.numbers import number
from tts_engine.frontend.rules.base import NUMBER, Match, Part, Rule, clause, group, left, right, rule, sign_of
from tts_engine.frontend.rules.counting import CLASSIFIERS

_UNITS = dict(table("units.tsv"))
_LIANG = frozenset("km cm mm m kg KG Kg g t L l ml mL h hr hour min s km² m² ㎡ m³ ha lb lbs oz d".split())
"""Two of these is 两; two of the others is 二."""
_ATOM = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
UNIT = (
    rf"(?:(?:{_ATOM})(?:[·⋅•]?(?<=[·⋅•])(?:{_ATOM}))?(?![A-Za-z²³])"
    rf"(?:/(?:{_ATOM})(?![A-Za-z²³])(?:/(?:{_ATOM})(?![A-Za-z²³]))?|/[(（](?:{_ATOM})[·⋅•](?:{_ATOM})[)）])?)"
)
_SINGLE = frozenset("A V W L B J t d h s m g l N T F K".split())
_NAMES = re.compile(r"[级股店座区类型码轮照课班组队公线档]|\d")

_TELLING = {
    "A": re.compile("电流|电压|额定|输出|输入|保险|快充|安培"),
    "d": re.compile("天|周期|疗程|[咳热烧痛疼病症药泻吐晕肿血]|连用|术[前后]|入院|出院|住院|随访|服用|连服|间隔|每隔"),
}
"""What the clause must speak of for these letters to be units: 3d is three days of a cough, or a film."""


def unit_name(symbol: str) -> str:
    """Chinese name of a unit: ``mg/dL`` → 毫克每分升."""
    if symbol in _UNITS:
        return _UNITS[symbol]
    if "/" in symbol:
        first, _, second = symbol.partition("/")
        shared = re.split("[·⋅•]", second[1:-1]) if second[0] in "(（" else [second]
        return "每".join(unit_name(one) for one in (first, *shared))
    parts = re.split("[·⋅•]", symbol)
    return "".join(_UNITS.get(part, part) for part in parts)


def amount(value: str, symbol: str) -> str:
    """``value`` before a unit; two kilograms are 两千克, two volts 二伏."""
    value = value.replace(",", "")
    return "两" if value == "2" and symbol in _LIANG else number(value)


def _unit(match: Match) -> Sequence[Part] | None:
    symbol = match["u"]
    if symbol in _SINGLE and not _measures(match):
        return None
    parts = [group(match, "n", sign_of(match) + amount(match["n"], symbol) + (match["k"] or ""))]
    return [*parts, group(match, "u", unit_name(symbol)), *_per_part(match)]


def _per_part(match: Match) -> list[Part]:
    if not match["per"]:
        return []
    count = {None: "", "1": "", "100": "百", "1000": "千"}.get(match["pn"], "") or (
        number(match["pn"]) if match["pn"] not in (None, "1") else ""
    )
    return [group(match, "per", f"每{count}{_UNITS.get(match['pu'], match['pu'])}")]


def _measures(match: Match) -> bool:
    """A single letter is a unit unless it stands in a name such as 5A级, 4S店, 3D."""
    symbol, after = match["u"], right(match)
    if symbol in "TFKBN":
        return False
    if symbol.isupper() and _NAMES.match(after):
        return False
    if symbol == "m" and re.match(r"信|流量|宽带|网", after):
        return False
    if symbol == "d" and re.match("打印|电影|建模|模型|动画|效果|游戏|眼镜|视频|影", after):
        return False
    told = _TELLING.get(symbol)
    return told is None or bool(told.search(clause(match)))


def _behind_power(match: Match) -> Sequence[Part]:
    """3×10⁸m/s."""
    return [group(match, "u", unit_name(match["u"]))]


def _per(match: Match) -> Sequence[Part] | None:
    """The stroke of 元/斤, 次/天, 10⁹/L; 男/女 is no rate."""
    before = left(match, 6)
    if match["u"]:
        rate = re.search(rf"(?:{CLASSIFIERS}|[一二两三四五六七八九十百千万亿元角分\d²³⁴-⁹]|\d[kKwW])$", before)
        return [Part("每" + unit_name(match["u"]), match.start(), match.end())] if rate else None
    rate = re.search(rf"(?:\d[kKwW]?|[千百万亿]|[块元角分])$|\d[千万亿]?(?:{CLASSIFIERS})$|[¥￥$€£]\s?[\d,.]+$", before)
    again = re.search(rf"/\s?(?:{CLASSIFIERS}|[月日分只单字])$", before)
    return [Part("每", match.start(), match.end())] if rate or again or before.endswith(("元", "次")) else None


def _each(match: Match) -> Sequence[Part]:
    """5.98元/500g."""
    return [Part("每", match.start(), match.end())]


def _adapter(match: Match) -> Sequence[Part]:
    """12V2A, 5V/3A, 48V20Ah: a voltage and a current or a charge."""
    parts = [group(match, "a", number(match["a"])), group(match, "v", "伏")]
    return [*parts, group(match, "b", number(match["b"])), group(match, "i", unit_name(match["i"]))]


UNITS: tuple[Rule, ...] = (
    rule(
        "unit",
        rf"(?<![\dA-Za-z.])(?P<a>{NUMBER})(?P<v>V)[/⎓ -]?(?P<b>{NUMBER})(?P<i>mAh|Ah|A|W)(?![A-Za-z\d])",
        _adapter,
    ),
    rule(
        "unit",
        rf"(?:(?<![\dA-Za-z)%])(?P<s>[-−+±]))?(?P<n>{NUMBER})(?P<k>[千万亿]+)?\s?(?P<u>{UNIT})(?![A-Za-z²³])"
        rf"(?P<per>/(?P<pn>10{{0,4}}(?!\d))?(?P<pu>(?:{_ATOM})(?![A-Za-z])|{CLASSIFIERS}))?",
        _unit,
    ),
    rule(
        "unit",
        rf"(?:(?<=[⁰¹²³⁴-⁹])|(?<=\^\d)|(?<=\^-\d)|(?<=\^\d\d))\s?(?P<u>{UNIT})(?![A-Za-z²³])",
        lambda match: [group(match, "u", unit_name(match["u"]))],
    ),
    rule("per", rf"(?<=[元块角分])\s?/\s?(?=\d+(?:\.\d+)?\s?(?:{_ATOM}|{CLASSIFIERS}))", _each),
    rule("per", rf"\s?/\s?(?:(?=(?:{CLASSIFIERS}|月|日|分|只|单|字|斗))|(?P<u>{_ATOM})(?![A-Za-z]))", _per),
)
