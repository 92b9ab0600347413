"""Names with digits: models, standards, plates, trains, flights, roads. A hyphen in them is silent."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_engine.frontend.data import table
from tts_engine.frontend.numbers import by_digit, cardinal, number
from tts_engine.frontend.rules.base import Match, Part, Rule, clause, each, group, in_formula, left, right, rule, whole
from tts_engine.frontend.rules.counting import COUNTED
from tts_engine.frontend.rules.english import in_english
from tts_engine.frontend.rules.units import UNIT

_BRANDS = dict(table("brands.tsv"))
"""Word before a number → ``digits`` or ``cardinal``."""
_BRAND = re.compile(rf"(?:{'|'.join(sorted(map(re.escape, _BRANDS), key=len, reverse=True))})$")
_CLASSES = "歼运直轰苏米图强教鹰霹红飞彩翼炸侦预"
_NAMED = re.compile(
    rf"(?:[{_CLASSES}]|长征|神舟|天宫|嫦娥|东风|巨浪|红旗|霹雳|武直|翼龙|彩虹|卫星|天舟|天问|空警|鹰击|直升机|枭龙|"
    r"快舟|捷龙|力箭|谷神星|风云|高分|北斗|实践|天链|海洋|资源|遥感|吉林|墨子|玉兔|祝融|雪龙|蛟龙|奋斗者|探索|联盟|猎鹰|阿波罗|"
    r"阿尔忒弥斯|好奇|旅行者|萨姆|爱国者|飞毛腿|辽宁|伊尔|米格|安|雅克|比亚迪|型|款|系列|型号|东方红|攻击|无侦|运油|山东舰|"
    r"朱雀|引力|双曲线|天龙|星舰|伽利略|先驱者|水手|勇气|机遇|战斧|民兵|三叉戟|海马斯|标枪|毒刺|海王星|布拉瓦|白杨|亚尔斯|图波列夫|"
    r"神龙|巡飞|海鹰|海红旗|长剑|鸿雁|实验|试验|通信|中星|亚太|新舟|鲲龙|翔龙|先锋|匕首|伊斯坎德尔|天弓|霹雳火)$"
)


def _digits_of(text: str) -> str:
    """One or two digits (and round tens) are a number, longer ones are read one by one."""
    if len(text) <= 2 and text[0] != "0":
        return cardinal(text)
    return by_digit(text)


def _hyphen_model(match: Match) -> Sequence[Part] | None:
    """歼-20, C-130, 长征-5B: the hyphen is silent; 为-47万 is a minus and not for this rule."""
    before = match.string[match.start() - 1 : match.start()]
    if re.search(r"(?:^|[^A-Za-z])[a-z]$", left(match)) and in_formula(match):
        return None
    named = _NAMED.search(left(match)) or _BRAND.search(left(match))
    if not before.isascii() and not named and not re.match(r"[A-Z]", match["x"]):
        return None
    tail = [group(match, "x", match["x"])] if match["x"] else []
    more = [each(match, "m", by_digit(match["m"]))] if match["m"] else []
    return [group(match, "n", _digits_of(match["n"])), *tail, *more]


def _silent_hyphen(match: Match) -> Sequence[Part]:
    """747-400, i7-13700K: the second part digit by digit."""
    return [each(match, "n", by_digit(match["n"]))]


def _letter_model(match: Match) -> Sequence[Part] | None:
    """G1372, iPhone16, SU7: digits straight behind letters."""
    before = left(match, 6)
    if re.search(r"(?:^|[^A-Za-z])[GDCKTZYSL]$", before) and len(match["n"]) <= 4 and _is_ride(match, _TRAIN):
        return [each(match, "n", by_digit(match["n"], "幺"))]
    if re.search(r"(?:^|[^A-Za-z])[A-Z]{2}$", before) and len(match["n"]) >= 3 and _is_ride(match, _FLIGHT):
        return [each(match, "n", by_digit(match["n"], "幺"))]
    if re.search(r"(?:^|[^A-Za-z])K?N$", before) and match["n"] in ("95", "99"):
        return [each(match, "n", by_digit(match["n"]))]
    if match["d"]:
        return [group(match, "n", cardinal(match["n"])), group(match, "d", "点" + by_digit(match["d"][1:]))]
    if re.search(r"(?:^|[^A-Za-z])x$", before) and match["n"] not in ("10", "12", "16", "20"):
        return [each(match, "n", by_digit(match["n"]))]
    return [group(match, "n", _digits_of(match["n"]))]


_TRAIN = re.compile(r"次|列车|车次|动车|高铁|乘|火车|开往|检票|候车|晚点|进站|车票|改签|停运")
_FLIGHT = re.compile(r"航班|飞往|起飞|降落|登机|客机|飞机|机票|值机|航空|飞")


def _is_ride(match: Match, words: re.Pattern[str]) -> bool:
    if re.match(r"航站|[号栋座楼口层]", right(match)):
        return False
    return bool(words.search(left(match, 12)) or words.search(right(match)))


_MEASURED = re.compile(rf"{UNIT}(?![A-Za-z\d])")


def _is_inch(match: Match) -> bool:
    """MacBook Pro 14": no quotation mark is open."""
    return match.string[match.end() : match.end() + 1] in ('"', "″") and not match.string.count('"', 0, match.end()) % 2


def _spaced_model(match: Match) -> Sequence[Part] | None:
    """IPhone 16, iOS 17.4, Windows 11: a name of letters, a space, a number."""
    if in_english(match):
        return None
    if COUNTED.match(right(match)) and not re.match(r"[a-zA-Z]", right(match)):
        return None
    if _MEASURED.match(right(match)) or _is_inch(match):
        return None
    whole_part = match["n"].partition(".")[0]
    if len(whole_part) > 2 and right(match)[:1] in ("×", "*"):
        return None  # PLT 230×10⁹/L counts
    return whole(match, number(match["n"]) if len(whole_part) <= 2 else by_digit(match["n"]).replace(".", "点"))


def _brand(match: Match) -> Sequence[Part] | None:
    """波音737, 骁龙888: by the custom of the brand, told in ``brands.tsv``."""
    found = _BRAND.search(left(match))
    after = right(match)
    named = re.match(r"[A-Z][a-z]?(?![A-Za-z])", after)
    if found is None or (COUNTED.match(after) and not named):
        return None
    by = _BRANDS[found[0]]
    return [each(match, "n", by_digit(match["n"]))] if by == "digits" else [group(match, "n", cardinal(match["n"]))]


def _digit_letters(match: Match) -> Sequence[Part]:
    """4G, 3D, 2B, 88VIP: digits straight before capitals; storage such as 256G is a number."""
    sized = match["x"] in ("G", "T", "M", "K") and len(match["n"]) > 2 and match["n"] != "1080"
    return [group(match, "n", cardinal(match["n"]) if sized else _digits_of(match["n"])), group(match, "x", match["x"])]


def _oil(match: Match) -> Sequence[Part]:
    """5W-30: the W is winter, not watt."""
    return [group(match, "a", number(match["a"])), group(match, "w", "W"), group(match, "b", number(match["b"]))]


def _plate(match: Match) -> Sequence[Part]:
    parts = []
    for found in re.finditer(r"[A-Z]+|\d+", match["n"]):
        begin = match.start("n") + found.start()
        parts.append(Part(by_digit(found[0]), begin, begin + len(found[0]), each=found[0].isdigit()))
    return [group(match, "c", match["c"]), *parts]


def _standard(match: Match) -> Sequence[Part]:
    parts = [group(match, "k", match["k"])]
    parts += [group(match, "t", match["t"][1:])] if match["t"] else []
    for name in "ny":
        for found in re.finditer(r"\d+|\.", match[name] or ""):
            begin = match.start(name) + found.start()
            parts.append(Part(by_digit(found[0]).replace(".", "点"), begin, begin + len(found[0]), each=True))
    return parts


def _bus(match: Match) -> Sequence[Part] | None:
    if len(match["n"]) < 3:
        return [group(match, "n", cardinal(match["n"]))]
    return [each(match, "n", by_digit(match["n"], "幺"))]


def _road(match: Match) -> Sequence[Part]:
    return [each(match, "n", by_digit(match["n"], "幺"))]


_ROUTE = re.compile(
    r"航班|航线|列车|车次|高铁|动车|机票|车票|船票|火车|直飞|往返|路线|线路|大巴|班车|快线|单程|里程|全程|车程|"
    r"(?<![A-Za-z])(?:[GDCKTZ]\d{1,4}|[A-Z]{2}\d{3,4})(?!\d)"
)


def _formation(match: Match) -> Sequence[Part] | None:
    """3-5-2阵型: the lines of a team."""
    if not re.search(r"阵[型容式]|排出|首发", clause(match)):
        return None
    return [
        Part(by_digit(one[0]), match.start() + one.start(), match.start() + one.end())
        for one in re.finditer(r"\d", match[0])
    ]


def _letters(match: Match) -> Sequence[Part]:
    """A-B-C: a name, nothing is taken away."""
    return [
        Part(one[0], match.start() + one.start(), match.start() + one.end()) for one in re.finditer("[A-Z]", match[0])
    ]


def _tyre(match: Match) -> Sequence[Part]:
    """225/45 R17."""
    wide, flat = each(match, "w", by_digit(match["w"])), each(match, "f", by_digit(match["f"]))
    return [wide, group(match, "j", "，"), flat, group(match, "r", "R"), group(match, "d", cardinal(match["d"]))]


def _route(match: Match) -> Sequence[Part] | None:
    """北京-上海 of a train or a flight: 到."""
    before = re.search(r"(?<![一-龥])[一-龥]{2,4}$", left(match))
    after = re.match(r"[一-龥]{2}", right(match))
    return whole(match, "到") if before and after and _ROUTE.search(clause(match)) else None


def _same_letter(match: Match) -> Sequence[Part] | None:
    """P35-P37, K12~K15."""
    before = re.search(r"(?:^|[^A-Za-z])([A-Za-z])\d{1,4}$", left(match))
    return whole(match, "到") if before and right(match).startswith(before[1]) else None


_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_STANDARDS = "GB|ISO|IEC|DB|YY|HG|QB|JB|SJ|YD|IEEE|RFC|ANSI|ASTM|DIN|EN"
MODELS: tuple[Rule, ...] = (
    rule(
        "plate",
        rf"(?<=[{_PROVINCES}])(?P<c>[A-Z])\s?[·・•.\- ]?\s?(?P<n>(?=[A-Z0-9]*\d)[A-Z0-9]{{5,6}})(?![A-Za-z0-9])",
        _plate,
    ),
    rule(
        "standard",
        rf"(?<![A-Za-z])(?P<k>{_STANDARDS})(?P<t>/[A-Z]{{1,3}})? ?"
        r"(?P<n>\d+(?:[.-]\d+)*)(?::(?P<y>\d{4}))?(?![\d%])",
        _standard,
    ),
    rule("model", r"(?<![\dA-Za-z.])(?P<a>\d{1,2})(?P<w>W)-(?P<b>[2-6]\d)(?![\dA-Za-z.])", _oil),
    rule("letters", r"(?<![A-Za-z\d+=-])[A-Z](?:-[A-Z]){2,}(?![A-Za-z\d+=-])", _letters),
    rule("route", r"(?<=[一-龥])\s?[-‐–—→]{1,2}\s?(?=[一-龥])", _route),
    rule("formation", r"(?<![\d-])[1-6](?:-[1-6]){2,3}(?![\d-])", _formation),
    rule("tyre", r"(?<![\d.])(?P<w>\d{3})(?P<j>/)(?P<f>\d{2})\s?Z?(?P<r>R)\s?(?P<d>\d{2})(?![\d.])", _tyre),
    rule(
        "generation",
        r"(?<![\d.])(?P<n>[5-9]\d|0\d)(?=[A-Z]?式)",
        lambda match: [each(match, "n", by_digit(match["n"]))],
    ),
    rule("model-range", r"(?<=[A-Za-z]\d)-(?=[A-Za-z]\d)", lambda match: whole(match, "到")),
    rule(
        "model-range",
        r"(?<=\d)\s?[-–—~～]\s?(?=\d{1,4}(?!\d))",
        lambda match: whole(match, "到") if re.search(r"(?<![A-Za-z])[Pp]\d{1,4}$", left(match)) else None,
    ),
    rule("model-range", r"(?<=\d)\s?[-–—~～]\s?(?=[A-Za-z]\d)", _same_letter),
    rule(
        "generation",
        r"(?<![\d.第共有日增至])(?P<n>[5-9]\d|0\d)(?=版(?![本块面画权式税次])(?:[的和与《“、，。！？]|[一-龥]{2}))",
        lambda match: [each(match, "n", by_digit(match["n"]))],
    ),
    rule("bus", r"(?<![\d.])(?P<n>\d{1,3})(?=路(?:公交|车|电车|巴士|汽车|线|[，。到去在站可和、或；]|$))", _bus),
    rule("road", r"(?<=[国省县乡]道)\s?(?P<n>\d{3})(?!\d)", _road),
    rule(
        "road",
        r"(?<![\d.])(?P<n>\d{3})(?=足金|足银|纯银|银(?!行)|国道|省道|县道|乡道|医院|厂(?!家)|矿|高地|所(?!学)|团(?!队)|师(?!生|傅))",
        _road,
    ),
    rule("road", r"(?<![\d.])(?P<n>\d{4,6})(?=部队|次列车|次航班)", _road),
    rule("model", r"(?<![\d.A-Za-z])7[-‐–]11(?=便利|超市|门店|[里店])", lambda match: whole(match, "Seven Eleven")),
    rule("operator", r"(?<=[A-Z])[-−](?=\d+(?:\.\d+)?\s?(?:BP|bp|个?基点))", lambda match: whole(match, "减")),
    rule(
        "model",
        r"(?:(?<=[A-Za-z一-龥])|(?<=[A-Za-z]\d))-(?P<n>\d{1,6})(?P<x>[A-Z]{0,3})(?:-(?P<m>\d{1,4}))?"
        r"(?![\d.%℃A-Za-z]|-\d|[万亿]|度)",
        _hyphen_model,
    ),
    rule(
        "model",
        r"(?:(?<=[A-Za-z]\d\d\d)|(?<=[客音]\d\d\d)|(?<=[A-Za-z]\d\d\d\d))-(?P<n>\d{2,4})(?![\d.%])",
        _silent_hyphen,
    ),
    rule("model", r"(?<=[A-Za-z])(?P<n>\d+)(?P<d>\.\d+)?", _letter_model),
    rule(
        "model",
        r"(?<=[A-Za-z]) ?(?P<n>\d{1,4}(?:\.\d{1,2})?)(?![\d.:：/%-])",
        _spaced_model,
    ),
    rule("model", r"(?<=[一-龥])\s?(?P<n>\d{2,5})(?![\d.:：/%])", _brand),
)
DIGITS_FIRST = rule(
    "model", r"(?<![\d.])(?P<n>\d{1,6})(?P<x>[A-Z]{1,4}(?![a-z])|(?<=\d{3})p(?![A-Za-z]))", _digit_letters
)
"""Comes last, behind the units of measure (``16GB``)."""
