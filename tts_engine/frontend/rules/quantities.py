"""Numbers that count or measure: money, percentages, temperatures, fractions, units, ranges, scores, cardinals."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_engine.frontend.data import table
from tts_engine.frontend.numbers import by_digit, cardinal, number, quantity
from tts_engine.frontend.rules.base import (
    JOIN,
    NUMBER,
    Match,
    Part,
    Rule,
    clause,
    group,
    left,
    right,
    rule,
    whole,
)

CLASSIFIERS = (
    "个|位|名|只|条|张|把|本|台|辆|架|艘|座|栋|幢|间|家|所|件|套|双|对|副|杯|瓶|碗|盘|碟|盒|箱|包|袋|桶|罐|壶|锅|块|片|根|支|枝|颗|粒|滴|朵|"
    "棵|株|匹|头|口|顶|扇|面|幅|首|篇|章|部|集|场|次|回|遍|趟|下|步|种|样|类|项|门|节|堂|期|轮|届|批|群|伙|帮|队|组|排|行|列|层|倍|份|封|"
    "句|段|笔|天|周|年|小时|分钟|秒|秒钟|刻钟|个月|岁|米|厘米|毫米|公里|千米|里|里地|尺|寸|斤|公斤|千克|克|吨|两|升|毫升|亩|公顷|平米|"
    "平方米|平方公里|立方米|元|块钱|毛|毛钱|角|分钱|美元|欧元|日元|英镑|港元|港币|人|户|者|点钟|点|宗|起|例|票|站|局|盏|眼|发|枚|丝|股|道|"
    "通|桩|档|席|员|吋|英寸|英里|磅|盎司|加仑|度|瓦|千瓦|伏|安|兆|字节|年级|世纪|季度|拨|摞|沓|卷|捆|串|滩|床|身|尊|发|记|手|声|拍|招|趟|圈"
)
_CLASSIFIER = re.compile(rf"(?:多|余|来|几)?(?:大|小|整|满|长)?(?:{CLASSIFIERS})")
_NOT_COUNTED = re.compile(r"(?:月(?!份额)|号|日(?!元)|楼|层楼|班|等奖|中(?:学|$)|级|路|线|队|组|年级|年代)")
_ORDINAL_BEFORE = re.compile(
    r"(?:第|编号|序号|初|其|名列|排名|位列|周|星期|礼拜|图|表|例|附件|附录|步骤|选项|方案|版本|等级)$"
)

_UNITS = dict(table("units.tsv"))
_COUNTED_UNITS = frozenset("km cm mm m kg KG Kg g t L l ml mL h hr hour min s km² m² ㎡ m³ ha lb lbs oz".split())
"""Two of these is 两; two of the others is 二."""
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_CURRENCY = {
    "¥": "元",
    "￥": "元",
    "$": "美元",
    "€": "欧元",
    "£": "英镑",
    "₩": "韩元",
    "₽": "卢布",
    "₹": "卢比",
    "฿": "泰铢",
    "₫": "越南盾",
    "US$": "美元",
    "HK$": "港元",
    "A$": "澳元",
    "C$": "加元",
    "NT$": "新台币",
    "RMB": "元",
    "CNY": "元",
    "USD": "美元",
    "EUR": "欧元",
    "GBP": "英镑",
    "JPY": "日元",
    "HKD": "港元",
    "KRW": "韩元",
}
_SIGN = "|".join(re.escape(sign) for sign in sorted(_CURRENCY, key=len, reverse=True))
_SCALES = {"k": "千", "K": "千", "w": "万", "W": "万", "M": "百万", "m": "百万", "B": "十亿", "b": "十亿", "bn": "十亿"}
_MINUS = {"-": "负", "−": "负", "+": "正", "±": "正负", "": ""}
_SCORES = re.compile(
    r"比分|获胜|险胜|战胜|击败|领先|落后|大胜|惜败|告负|取胜|战平|逆转|打平|平局|胜出|晋级|淘汰|夺冠|先赢|横扫|力克|完胜|小胜|轻取|不敌|负于|憾负|扳回|追成|拿下"
)
_VALUE_BEFORE = re.compile(
    r"(?:[为是至到达于在约等得减加乘除差取填输低即成从和与或]|海拔|气温|温度|得分|利润|净利|增长|下降|跌幅|涨幅|数值|坐标|结果|读数|余额|增速|同比|环比|高程|水位|电压|"
    r"[=≈<>≤≥:：,，、(（+×÷*/]|最低|最高|读作|负数|零下|数字|指数|利率|参数|系数|[xyzXYZ]|^)$"
)
_PLAIN = re.compile(r"^\d+(?:\.\d+)?$")


def _money(value: str) -> str:
    """Money drops .00; ``6.50`` stays digit by digit."""
    whole_part, _, fraction = value.replace(",", "").partition(".")
    return number(whole_part if not fraction.strip("0") else f"{whole_part}.{fraction.rstrip('0')}")


def _amount(value: str) -> str:
    value = value.replace(",", "")
    return "两" if value == "2" else number(value)


def _currency(match: Match) -> Sequence[Part]:
    sign = _MINUS[match["minus"] or ""]
    amount = ("两" if match["n"] == "2" else _money(match["n"])) + _scale(match["k"])
    upper = ""
    if match["n2"]:
        upper = "到" + _money(match["n2"]) + _scale(match["k2"])
    return whole(match, sign + amount + upper + _CURRENCY[match["c"]])


def _scale(letter: str | None) -> str:
    return _SCALES.get(letter or "", letter or "")


def _currency_behind(match: Match) -> Sequence[Part]:
    return whole(
        match, ("两" if match["n"] == "2" else _money(match["n"])) + (match["k"] or "") + _CURRENCY[match["c"]]
    )


def _price(match: Match) -> Sequence[Part] | None:
    """128.00元, ¥-less amounts."""
    return [group(match, "n", _money(match["n"]))] if match["n"].endswith("0") else None


def _percent(match: Match) -> Sequence[Part]:
    head = {"%": "百分之", "‰": "千分之", "‱": "万分之"}[match["u"]]
    text = _percent_sign(match, match["s"]) + head + number(match["a"].replace(",", ""))
    if match["b"]:
        second = head if match["u1"] else ""
        text += "到" + _MINUS[match["s2"] or ""] + second + number(match["b"].replace(",", ""))
    return whole(match, text)


def _percent_sign(match: Match, sign: str | None) -> str:
    if sign in ("-", "−") and re.search(r"(?:\d|[A-Za-z])$", match.string[: match.start()][-1:]):
        return ""
    return _MINUS[sign or ""]


def _temperature(match: Match) -> Sequence[Part]:
    unit = _UNITS[match["u"]]
    minus = "零下" if unit == "摄氏度" else "负"
    first = (minus if match["s"] else "") + number(match["a"])
    second = ""
    if match["b"]:
        second = (
            "到" + (minus if match["s2"] else "零上" if match["s"] and unit == "摄氏度" else "") + number(match["b"])
        )
    return whole(match, first + second + unit)


def _angle(match: Match) -> Sequence[Part]:
    text = number(match["d"]) + "度"
    text += cardinal(match["m"]) + "分" if match["m"] else ""
    return whole(match, text + (number(match["s"]) + "秒" if match["s"] else ""))


def _fraction(match: Match) -> Sequence[Part] | None:
    top, bottom = match["a"], match["b"]
    if int(bottom) == 0 or re.match(r"[年月日号]", right(match)) or re.search(r"(?:比分|以)$", left(match)):
        return None
    sign = _MINUS[match["s"] or ""] if match["s"] and _is_value(match) else ""
    mixed = cardinal(match["w"]) + "又" if match["w"] else ""
    return whole(match, f"{sign}{mixed}{cardinal(bottom)}分之{cardinal(top)}")


_VULGAR = {
    "½": "二分之一",
    "⅓": "三分之一",
    "⅔": "三分之二",
    "¼": "四分之一",
    "¾": "四分之三",
    "⅕": "五分之一",
    "⅖": "五分之二",
    "⅗": "五分之三",
    "⅘": "五分之四",
    "⅙": "六分之一",
    "⅚": "六分之五",
    "⅛": "八分之一",
    "⅜": "八分之三",
    "⅝": "八分之五",
    "⅞": "八分之七",
}


def _vulgar(match: Match) -> Sequence[Part]:
    return whole(match, (cardinal(match["w"]) + "又" if match["w"] else "") + _VULGAR[match["f"]])


def _range_value(value: str) -> str:
    return number(value.replace(",", ""))


def _range(match: Match) -> Sequence[Part] | None:
    """7-9岁, 50~60公斤; scores and building numbers are told apart by what stands around."""
    first, second, after = match["a"], match["b"], right(match)
    hyphen = match["j"].strip() in ("-", "−", "–", "—")
    if (
        hyphen
        and (_SCORES.search(clause(match)) or re.search(r"比分.{0,4}$", left(match)))
        and _PLAIN.match(first + second)
    ):
        if not _CLASSIFIER.match(after) or re.match(r"[获险战]|胜|击|领|落", after):
            return _between(match, "比")
    if hyphen and (after[:1] == "=" or after.startswith("等于") or (after[:1] in "+×÷*=" and after)):
        return None
    if hyphen and not _rises(first, second) and not match["s2"]:
        return _between(match, "杠") if re.match(r"号|室|栋|单元|楼|班", after) else _descending(match, after)
    return _between(match, "到")


def _descending(match: Match, after: str) -> Sequence[Part] | None:
    return (
        _between(match, "到")
        if re.match(rf"(?:{CLASSIFIERS}|%|{_UNIT})", after) and after[:1] != "点"
        else _between(match, "比" if not after or not _CLASSIFIER.match(after) else "到")
    )


def _rises(first: str, second: str) -> bool:
    return float(first.replace(",", "")) < float(second.replace(",", ""))


def _between(match: Match, word: str) -> Sequence[Part]:
    sign, sign2 = _MINUS[match["s"] or ""] if _is_value(match) else "", _MINUS[match["s2"] or ""]
    middle = [group(match, "ua", _UNITS.get(match["ua"], match["ua"]))] if match["ua"] else []
    parts = [group(match, "a", sign + _range_value(match["a"])), *middle, group(match, "j", word)]
    if match["ub"]:
        tail = [group(match, "ub", _UNITS[match["ub"]])]
        return [*parts, group(match, "b", sign2 + _range_value(match["b"])), *tail]
    counted = (
        match["b"] == "2" and word == "到" and _CLASSIFIER.match(right(match)) and not _NOT_COUNTED.match(right(match))
    )
    return [*parts, group(match, "b", sign2 + ("两" if counted else _range_value(match["b"])))]


def _ratio(match: Match) -> Sequence[Part]:
    texts = [number(value) for value in re.split(r"\s?[:：∶]\s?", match[0])]
    return whole(match, "比".join(texts))


def _unit(match: Match) -> Sequence[Part] | None:
    unit = match["u"]
    if unit in ("A", "V", "W", "L", "B", "J", "t", "d", "h", "s", "m", "g", "l", "in", "A") and not _measures(match):
        return None
    amount = _amount(match["n"]) if unit in _COUNTED_UNITS else number(match["n"].replace(",", ""))
    parts = [group(match, "n", _sign_of(match) + amount + (match["k"] or ""))]
    return [*parts, group(match, "u", _UNITS[unit]), *_per_unit(match)]


def _per_unit(match: Match) -> list[Part]:
    if not match["per"]:
        return []
    count = (
        {None: "", "1": "", "100": "百", "1000": "千"}.get(match["pn"])
        if match["pn"] in (None, "1", "100", "1000")
        else number(match["pn"])
    )
    return [group(match, "per", f"每{count}{_UNITS.get(match['pu'], match['pu'])}")]


def _measures(match: Match) -> bool:
    """A single letter is a unit unless it stands in a name such as 5A级, 4S店, 3D."""
    if match["u"] in ("A", "V", "L", "B", "W") and re.match(r"[级股店座区类型码轮照]|\d", right(match)):
        return False
    return match["u"] not in ("A", "d", "B") or bool(re.search(r"电流|电压|天|周期|额定|输出|输入", clause(match)))


def _sign_of(match: Match) -> str:
    return _MINUS[match["s"] or ""] if match["s"] and _is_value(match) else ""


def _is_value(match: Match) -> bool:
    return bool(_VALUE_BEFORE.search(left(match)))


def _per(match: Match) -> Sequence[Part] | None:
    if not re.search(rf"(?:{CLASSIFIERS}|[一二两三四五六七八九十百千万亿])$", left(match, 4)):
        return None
    return whole(match, "每" + _UNITS.get(match["u"] or "", ""))


def _dimension(match: Match) -> Sequence[Part]:
    parts = []
    for found in re.finditer(rf"{NUMBER}|[a-zA-Z]+|[×xX*✕╳]", match[0]):
        begin = match.start() + found.start()
        text = "乘" if found[0] in "×xX*✕╳" else _UNITS.get(found[0]) or number(found[0].replace(",", ""))
        parts.append(Part(text, begin, begin + len(found[0])))
    return parts


def _holiday(match: Match) -> Sequence[Part] | None:
    month, day = match["a"], match["b"]
    after = right(match)
    if (
        re.match(
            r"长?假|节|黄金周|小长假|劳动节|国庆|放假|大促|购物节|狂欢节|晚会|预售|活动|事变|地震|阅兵|运动|大阅兵|讲话|案",
            after,
        )
        or match["p"] in "·・"
    ):
        if (month, day) == ("11", "11"):
            return whole(match, "双十一")
        both_short = (month, day) in (("5", "1"), ("6", "1"), ("8", "1"), ("7", "1"))
        joined = by_digit(month) + by_digit(day) if both_short or len(month) == 1 else cardinal(month) + cardinal(day)
        return whole(match, joined)
    if re.match(r"包邮|元包邮", after) and match["p"] == ".":
        return whole(match, f"{cardinal(month)}块{cardinal(day)}") if not after.startswith("元") else None
    return None


def _colloquial(match: Match) -> Sequence[Part]:
    """3块8, 1米75, 3千5: the last unit is not said."""
    tail = by_digit(match["t"]) if len(match["t"]) > 1 and match["u"] in "米" else cardinal(match["t"])
    return [group(match, "n", quantity(match["n"])), group(match, "u", match["u"]), group(match, "t", tail)]


def _roman(match: Match) -> Sequence[Part] | None:
    values = {"Ⅰ": 1, "Ⅱ": 2, "Ⅲ": 3, "Ⅳ": 4, "Ⅴ": 5, "Ⅵ": 6, "Ⅶ": 7, "Ⅷ": 8, "Ⅸ": 9, "Ⅹ": 10, "Ⅺ": 11, "Ⅻ": 12}
    return (
        whole(match, "".join(cardinal(str(values[letter])) for letter in match[0])) if match[0][0] in values else None
    )


def _latin_roman(match: Match) -> Sequence[Part] | None:
    """第III章, 二战II: capitals behind 第 only."""
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
    total = 0
    for index, letter in enumerate(match[0]):
        rest = match[0][index + 1 : index + 2]
        total += -values[letter] if rest and values[rest] > values[letter] else values[letter]
    return whole(match, cardinal(str(total)))


def _circled(match: Match) -> Sequence[Part]:
    number_of = str("①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳".index(match[0]) + 1)
    at_start = not left(match) or left(match)[-1] in "。；，！？：:,;\n"
    return (Part(cardinal(number_of) + ("，" if at_start else ""), match.start(), match.end()),)


def _list_number(match: Match) -> Sequence[Part]:
    """``1. 开机`` at the start of a line or behind a space: 一，开机."""
    return [group(match, "n", cardinal(match["n"])), group(match, "p", "，")]


def _signed(match: Match) -> Sequence[Part] | None:
    if not _is_value(match):
        return None
    return [group(match, "s", _MINUS[match["s"]]), *_counted(match)]


def _counted(match: Match) -> list[Part]:
    value, after = match["n"].replace(",", ""), right(match)
    counted = (
        value == "2"
        and _CLASSIFIER.match(after)
        and not _NOT_COUNTED.match(after)
        and not _ORDINAL_BEFORE.search(left(match))
    )
    scaled = value == "2" and re.match(r"[千万亿](?!分之)", after)
    return [group(match, "n", "两" if counted or scaled else number(value))]


def _cardinal(match: Match) -> Sequence[Part]:
    return _counted(match)


_N = NUMBER
RULES: tuple[Rule, ...] = (
    rule("list", r"(?:(?<=^)|(?<=[\n 。；]))(?P<n>\d{1,2})(?P<p>[.、]) ?(?=[一-鿿A-Za-z《“])", _list_number),
    rule("holiday", r"(?<![\d.])(?P<a>\d{1,2})(?P<p>[.·・])(?P<b>\d{1,2})(?![\d.%])", _holiday),
    rule(
        "money",
        rf"(?P<minus>[-−+])?(?P<c>{_SIGN})\s?(?P<n>{_N})(?P<k>[kKwWMB](?![A-Za-z])|[千万亿]+)?(?:{JOIN}(?:[¥￥$€£])?(?P<n2>{_N})(?P<k2>[kKwWMB](?![A-Za-z])|[千万亿]+)?)?",
        _currency,
    ),
    rule(
        "money",
        rf"(?P<n>{_N})(?P<k>[千万亿]+)?\s?(?P<c>RMB|CNY|USD|EUR|GBP|JPY|HKD|KRW|[¥￥$€£])(?![A-Za-z\d])",
        _currency_behind,
    ),
    rule("money", r"(?<![\d.])(?P<n>\d[\d,]*\.\d+)(?=元|美元|欧元|港元)", _price),
    rule(
        "percent",
        rf"(?P<s>[-−+±])?(?P<a>{_N})\s?(?:(?P<u1>[%‰])?{JOIN}(?P<s2>[-−+])?(?P<b>{_N})\s?)?(?P<u>[%‰‱])",
        _percent,
    ),
    rule(
        "temperature",
        r"(?P<s>[-−])?(?P<a>\d+(?:\.\d+)?)(?:(?:℃|°[CcF]|℉|°)?"
        + JOIN
        + r"(?P<s2>[-−])?(?P<b>\d+(?:\.\d+)?))?\s?(?P<u>℃|°[CcF]|℉)",
        _temperature,
    ),
    rule("angle", r"(?P<d>\d+(?:\.\d+)?)°(?:(?P<m>\d{1,2})[′'](?:(?P<s>\d{1,2}(?:\.\d+)?)[″\"])?)?(?![CcF])", _angle),
    rule(
        "fraction",
        r"(?<![\d./])(?P<s>[-−])?(?:(?P<w>\d+)[又 ])?(?P<a>\d{1,4})/(?P<b>\d{1,4})(?![\d/.]|[A-Za-z])",
        _fraction,
    ),
    rule("fraction", r"(?P<w>\d+)?(?P<f>[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])", _vulgar),
    rule("dimension", rf"(?<![\d.A-Za-z])(?:{_N}(?:cm|mm|m|km)?\s?[×xX*✕╳]\s?){{1,5}}{_N}(?![\d.]\d)", _dimension),
    rule("ratio", r"(?<![\d.:：])\d+(?:\.\d+)?(?:\s?[:：∶]\s?\d+(?:\.\d+)?){1,5}(?![\d:：]|\.\d)", _ratio),
    rule(
        "range",
        rf"(?<![\d.A-Za-z])(?P<s>[-−])?(?P<a>{_N})(?P<ua>(?:{_UNIT})(?![A-Za-z])|[万亿千元岁年个天米度])?(?P<j>{JOIN})(?P<s2>[-−])?(?P<b>{_N})(?:\s?(?P<ub>{_UNIT})(?![A-Za-z²³/]))?(?![\d-]|\.\d)",
        _range,
    ),
    rule(
        "unit",
        rf"(?:(?<![\dA-Za-z)%])(?P<s>[-−+±]))?(?P<n>{_N})(?P<k>[千万亿]+)?\s?(?P<u>{_UNIT})(?![A-Za-z²³])(?P<per>/(?P<pn>\d+)?(?P<pu>{_UNIT}|{CLASSIFIERS})(?![A-Za-z]))?",
        _unit,
    ),
    rule("per", rf"/(?:(?=[一-鿿])|(?P<u>{_UNIT})(?![A-Za-z]))", _per),
    rule(
        "colloquial",
        r"(?<![\d.])(?P<n>\d+)(?P<u>[块米千万斤])(?P<t>\d{1,2})(?![\d.]|[个米元块斤千万亿年月日号分]|公)",
        _colloquial,
    ),
    rule("roman", r"[Ⅰ-Ⅻ]+", _roman),
    rule("roman", r"(?<=第)[IVXLC]+(?![A-Za-z])", _latin_roman),
    rule("circled", r"[①-⑳]", _circled),
    rule("signed", rf"(?P<s>[-−+±])\s?(?P<n>{_N})", _signed),
)
CARDINAL = rule("cardinal", rf"(?P<n>{_N})", _cardinal)
"""Comes last of all."""
