"""Numbers that measure or compare: percentages, temperatures, fractions, ranges, scores, dimensions, cardinals."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_engine.frontend.characters import is_han
from tts_engine.frontend.numbers import by_digit, cardinal, number
from tts_engine.frontend.rules.base import (
    JOIN,
    MINUS,
    NUMBER,
    Match,
    Part,
    Rule,
    clause,
    group,
    is_value,
    left,
    right,
    rule,
    sign_of,
    whole,
)
from tts_engine.frontend.rules.counting import CLASSIFIER, CLASSIFIERS, counted
from tts_engine.frontend.rules.units import UNIT, unit_name

_SCORES = re.compile(
    r"比分|比数|获胜|险胜|战胜|击败|领先|落后|大胜|惜败|告负|取胜|战平|逆转|打平|平局|胜出|晋级|淘汰|夺冠|先赢|横扫|力克|完胜|小胜|轻取|不敌|"
    r"负于|憾负|扳回|追成|拿下|逼平|绝杀|扳平|战成|打成|踢成|握手言和|输给|赢了|赢下|输了|惨败|完败|败给|复仇|总分|局分|盘分|点球|加时|决胜局|(?<![半大])决赛|半场|"
    r"首回合|次回合|主场|客场|赛点|双杀|零封|连胜|首局|末节|首节|次节|第[一二三四五\d][局节盘]|对阵|队以|速胜|爆冷|带走|抢七|翻盘"
)
_PLAIN = re.compile(r"^\d+$")
_HYPHENS = ("-", "−", "–", "—")


def _percent(match: Match) -> Sequence[Part]:
    head = {"%": "百分之", "‰": "千分之", "‱": "万分之"}[match["u"]]
    text = _percent_sign(match) + head + number(match["a"].replace(",", ""))
    if match["b"]:
        second = head if match["u1"] else ""
        text += "到" + MINUS[match["s2"] or ""] + second + number(match["b"].replace(",", ""))
    return whole(match, text)


def _percent_sign(match: Match) -> str:
    sign = match["s"]
    if sign in ("-", "−") and re.search(r"[\dA-Za-z%]$", match.string[match.start() - 1 : match.start()]):
        return ""
    return MINUS[sign or ""]


def _temperature(match: Match) -> Sequence[Part]:
    unit = unit_name(match["u"])
    return _degrees(match, unit, celsius=unit == "摄氏度")


_WEATHER = re.compile(
    r"(?:[今明昨后][天日晚早晨夜]?|周[一二三四五六日末]|星期[一二三四五六日天]|[夜午]间|夜[里晚]|白天|[清早凌]晨|傍晚|晚上|[早中下上]午|"
    r"(?:气|室|水|体|地|库)?温度?|体感|最[低高]|低至|高达|[降跌升回][至到]|只有|达到?)(?:[为是约在有：:，\s]|大概|可能|只有|将?[达降至到]){0,3}$"
)


def _weather(match: Match) -> Sequence[Part] | None:
    """今晚-8度: degrees of the air, where ℃ has been left out."""
    below = any(match[sign] in ("-", "−") for sign in ("s", "s2"))
    return _degrees(match, "度", celsius=True) if below and _WEATHER.search(left(match, 12)) else None


def _degrees(match: Match, unit: str, celsius: bool) -> Sequence[Part]:
    minus, plus = ("零下", "零上") if celsius else ("负", "正")
    told = re.search(r"零[上下]$", left(match))
    first = ({"+": plus}.get(match["s"], minus) if match["s"] and not told else "") + number(match["a"])
    second = ""
    if match["b"]:
        below = match["s2"] in ("-", "−")
        above = plus if celsius and match["s"] in ("-", "−") else ""
        second = "到" + ("" if not float(match["b"]) else minus if below else above) + number(match["b"])
    return whole(match, first + second + unit)


def _angle(match: Match) -> Sequence[Part]:
    text = MINUS[match["g"] or ""] + number(match["d"]) + "度"
    text += number(match["m"]) + "分" if match["m"] else ""
    text += number(match["s"]) + "秒" if match["s"] else ""
    side = {"N": "北纬", "S": "南纬", "E": "东经", "W": "西经", None: ""}[match["q"]]
    return whole(match, side + text)


def _page(match: Match) -> Sequence[Part]:
    """第5/10页: the fifth of ten."""
    parts = [group(match, "a", cardinal(match["a"]) + match["u"]), group(match, "j", "，共")]
    return [*parts, group(match, "b", cardinal(match["b"]))]


def _fraction(match: Match) -> Sequence[Part] | None:
    top, bottom = match["a"], match["b"]
    if int(bottom) == 0 or re.match(r"[年月日号]", right(match)) or re.search(r"(?:比分|以)$", left(match)):
        return None
    if (top, bottom) == ("24", "7"):
        return whole(match, "二十四七")
    if re.search(r"血压|高压|低压", clause(match)) and int(top) > int(bottom) > 30:
        return [group(match, "a", cardinal(top)), group(match, "j", "比"), group(match, "b", cardinal(bottom))]
    if shots := _SHOTS.search(left(match)):
        throw = "罚" if shots[0].startswith("罚球") else "投"
        return whole(match, f"{cardinal(bottom)}{throw}{cardinal(top)}中")
    sign = sign_of(match)
    mixed = cardinal(match["w"]) + "又" if match["w"] else ""
    return whole(match, f"{sign}{mixed}{cardinal(bottom)}分之{cardinal(top)}")


_SHOTS = re.compile(r"(?:三分球?|[二两]分球?|投篮|罚球|出手)(?:命中率?|投)?[为是：:]?$")
"""What is thrown in basketball: three points 6/11 are eleven thrown, six in."""
_VULGAR = {
    "½": "二分之一", "⅓": "三分之一", "⅔": "三分之二", "¼": "四分之一", "¾": "四分之三", "⅕": "五分之一",
    "⅖": "五分之二", "⅗": "五分之三", "⅘": "五分之四", "⅙": "六分之一", "⅚": "六分之五", "⅛": "八分之一",
    "⅜": "八分之三", "⅝": "八分之五", "⅞": "八分之七", "⅐": "七分之一", "⅑": "九分之一", "⅒": "十分之一",
}  # fmt: skip


def _vulgar(match: Match) -> Sequence[Part]:
    return whole(match, (cardinal(match["w"]) + "又" if match["w"] else "") + _VULGAR[match["f"]])


def _range(match: Match) -> Sequence[Part] | None:
    """7-9岁, 50~60公斤; scores and building numbers are told apart by what stands around."""
    first, second, after = match["a"], match["b"], right(match)
    hyphen = match["j"].strip() in _HYPHENS
    if left(match, 1) == "点" and re.match("[点时:：]", after):
        return None  # 7点25—7点40
    if hyphen and _is_score(match, after):
        return _between(match, "比")
    if hyphen and (after[:1] == "=" or after.startswith("等于") or _calculates_on(after)):
        return None
    if hyphen and not _rises(first, second) and not match["s2"]:
        if left(match, 1) == "满":
            return _between(match, "减")
        return (
            _between(match, "杠")
            if re.match(r"号|室|栋|单元|楼|班", after) or left(match, 1) == "第"
            else _descending(match, after)
        )
    return _between(match, "，" if (match["ua"], match["ub"]) == ("V", "Hz") else "到")


def _calculates_on(after: str) -> bool:
    """5-3×2; 3.5-9.5×10⁹ is a range."""
    return after[:1] in tuple("+×÷*=") and not re.match(r"[×*]\s?10[⁰¹²³⁴-⁹^]", after)


def _is_score(match: Match, after: str) -> bool:
    if not _PLAIN.match(match["a"] + match["b"]) or match["ua"] or match["ub"]:
        return False
    if re.search(r"(?:比分|比数)(?:为|是|[:：]|来到|变为|改写为|变成|定格在|锁定为|锁定在)?.{0,2}$", left(match, 10)):
        return True
    around = clause(match)
    if not (_SCORES.search(around) or _is_in_list(around, match)):
        return False
    return not CLASSIFIER.match(after) or bool(re.match(r"[获险战]|胜|击|领|落|次|大|小", after))


_SET = re.compile(r"(?<![\d.-])(\d{1,3})[-−–—](\d{1,3})(?![\d.-])")


def _is_in_list(around: str, match: Match) -> bool:
    """25-20，22-25，25-18: scores of sets, some won and some lost."""
    pairs = [(int(one[1]), int(one[2])) for one in _SET.finditer(around)]
    begins = re.search(r"[（(，,、\s]$", match.string[max(0, match.start() - 1) : match.start()])
    return len(pairs) > 2 and any(a > b for a, b in pairs) and bool(begins)


def _descending(match: Match, after: str) -> Sequence[Part] | None:
    counts = re.match(rf"(?:{CLASSIFIERS}|%|{UNIT})", after) and after[:1] != "点"
    return _between(match, "到" if counts or match["ub"] else "比")


def _rises(first: str, second: str) -> bool:
    return float(first.replace(",", "")) < float(second.replace(",", ""))


def _between(match: Match, word: str) -> Sequence[Part]:
    sign, sign2 = sign_of(match), MINUS[match["s2"] or ""]
    middle = [group(match, "ua", _middle_unit(match["ua"]))] if match["ua"] else []
    parts = [group(match, "a", sign + number(match["a"].replace(",", ""))), *middle, group(match, "j", word)]
    value = number(match["b"].replace(",", ""))
    if match["ub"]:
        return [*parts, group(match, "b", sign2 + value), group(match, "ub", unit_name(match["ub"]))]
    if word == "到":
        value = counted(match, match["b"].replace(",", ""))
    return [*parts, group(match, "b", sign2 + value)]


def _thousands_range(match: Match) -> Sequence[Part]:
    """月薪4K-6K, 4-6K."""
    parts = [group(match, "a", number(match["a"]))] + ([group(match, "x", match["x"])] if match["x"] else [])
    return [*parts, group(match, "j", "到"), group(match, "b", number(match["b"])), group(match, "y", match["y"])]


def _middle_unit(symbol: str) -> str:
    return unit_name(symbol) if symbol.isascii() or not re.match("[一-龥]", symbol) else symbol


def _ratio(match: Match) -> Sequence[Part]:
    texts = [number(value) for value in re.split(r"\s?[:：∶]\s?", match[0])]
    return whole(match, "比".join(texts))


def _blood_pressure(match: Match) -> Sequence[Part]:
    parts = [group(match, "a", cardinal(match["a"])), group(match, "j", "比"), group(match, "b", cardinal(match["b"]))]
    return [*parts, group(match, "u", "毫米汞柱")]


def _inches(match: Match) -> Sequence[Part] | None:
    """15.6″; a quotation mark that closes is none."""
    if match["u"] == '"' and match.string.count('"', 0, match.start()) % 2:
        return None
    return [group(match, "n", number(match["n"])), group(match, "u", "英寸")]


def _dimension(match: Match) -> Sequence[Part]:
    parts = []
    for found in re.finditer(rf"{NUMBER}|[×xX*✕╳✖]|{UNIT}|[一-龥]+", match[0]):
        begin = match.start() + found.start()
        if found[0] in "×xX*✕╳✖":
            text = "乘"
        elif found[0][0] in "0123456789.":
            text = number(found[0].replace(",", ""))
        else:
            text = found[0] if "一" <= found[0][0] <= "龥" else unit_name(found[0])
        parts.append(Part(text, begin, begin + len(found[0])))
    return parts


def _times(match: Match) -> Sequence[Part]:
    """可乐x2, 纸巾*3: so many of them."""
    return [group(match, "x", "乘"), group(match, "n", number(match["n"]))]


_FEASTS = frozenset(
    "1.1 2.14 3.7 3.8 3.12 3.15 4.1 5.1 5.4 5.12 5.20 5.30 6.1 6.18 7.1 7.7 8.1 "
    "8.15 8.18 9.1 9.3 9.9 9.10 9.11 9.18 10.1 10.24 11.11 "
    "12.4 12.9 12.12 12.13 12.25 12.26".split()
)
_FEAST_AFTER = re.compile(
    r"长?假|节|黄金周|小长假|劳动节|国庆|放假|大促|购物节|狂欢|晚会|预售|活动|事变|事件|地震|阅兵|运动|讲话|案|妇女|青年|儿童|建军|建党|消费者|"
    r"惨案|枪击|恐袭|主题|促销|电商|年中|当[天日晚]|零点|全天|开[抢售卖门]|好价|来袭|倒计时|返场|期间|前后|曝光|打假|维权|诚信|投诉|档|出[行游]|纪念|女神|女王|情人|植树|愚人|护士|记者|教师|光棍|劳动"
)


def _holiday(match: Match) -> Sequence[Part] | None:
    month, day = match["a"], match["b"]
    dotted = match["p"] in "·・•"
    if not dotted and (f"{int(month)}.{day}" not in _FEASTS or not _FEAST_AFTER.match(right(match))):
        return None
    if dotted and not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    if (month, day) in (("11", "11"), ("12", "12")):
        return whole(match, f"双{cardinal(month)}")
    if month == "10" and day == "1":
        return whole(match, "十一")
    return whole(match, (by_digit(month) if len(month) == 1 else cardinal(month)) + _feast_day(month, day))


def _feast_day(month: str, day: str) -> str:
    return by_digit(day) if len(month) == 1 else cardinal(day)


def _roman(match: Match) -> Sequence[Part]:
    return whole(match, "".join(cardinal(str("ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩⅪⅫ".index(letter.upper()) + 1)) for letter in match[0]))


def roman_value(text: str) -> int:
    """``XIV`` → 14; 0 for what is no Roman numeral."""
    if not re.fullmatch(r"C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})", text):
        return 0
    values = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
    pairs = zip(text, f"{text[1:]}I", strict=True)
    return sum(-values[one] if values[one] < values[two] else values[one] for one, two in pairs)


def _latin_roman(match: Match) -> Sequence[Part] | None:
    """第III章, IV期, 路易XIV世: capitals in the place of a number."""
    value = roman_value(match[0])
    return whole(match, cardinal(str(value))) if value else None


_CIRCLED = (
    "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳",
    "⑴⑵⑶⑷⑸⑹⑺⑻⑼⑽⑾⑿⒀⒁⒂⒃⒄⒅⒆⒇",
    "⒈⒉⒊⒋⒌⒍⒎⒏⒐⒑⒒⒓⒔⒕⒖⒗⒘⒙⒚⒛",
    "❶❷❸❹❺❻❼❽❾❿",
    "㈠㈡㈢㈣㈤㈥㈦㈧㈨㈩",
)


_FIRST_ITEM = re.compile("[①⑴⒈❶㈠]")
_LIST_REACH = 200
"""Characters within which ② belongs to the list that ① began."""


def _circled(match: Match) -> Sequence[Part]:
    character = match[0]
    place = next(row.index(character) for row in _CIRCLED if character in row) + 1
    if _begins_item(match.string, match.start()):
        return whole(match, cardinal(str(place)) + "，")
    first = _FIRST_ITEM.search(match.string, max(0, match.start() - _LIST_REACH), match.start())
    listed = first and _begins_item(match.string, first.start()) and is_han(right(match, 1) or " ")
    return whole(match, f"，{cardinal(str(place))}，" if listed else cardinal(str(place)))


def _begins_item(text: str, at: int) -> bool:
    before = text[max(0, at - 8) : at].rstrip(" ")
    return not before or before[-1] in "。；，！？：:,;\n"


def _list_number(match: Match) -> Sequence[Part]:
    """``1. 开机`` at the start of a line or behind a space: 一，开机; what stood before it has ended."""
    before = match.string[: match.start()].rstrip(" ")[-1:]
    ended = "。" if before.isalnum() else ""
    return [group(match, "n", ended + cardinal(match["n"])), group(match, "p", "，")]


def _numero(match: Match) -> Sequence[Part]:
    return [group(match, "w", "第"), group(match, "n", cardinal(match["n"]))]


def _signed(match: Match) -> Sequence[Part] | None:
    if not is_value(match):
        return None
    alone = match["n"] == "1" and re.match(r"[，。！；、\s]|$", match.string[match.end() : match.end() + 1])
    if match["s"] == "+" and (alone or re.match("[元块]", right(match))):  # +1: I am with you
        return [group(match, "s", "加"), group(match, "n", counted(match, match["n"].replace(",", "")))]
    return [group(match, "s", MINUS[match["s"]]), group(match, "n", counted(match, match["n"].replace(",", "")))]


def _discount(match: Match) -> Sequence[Part]:
    """95折 is 九五折."""
    return [Part(by_digit(match["n"]), match.start("n"), match.end("n"), each=True)]


def _cardinal(match: Match) -> Sequence[Part]:
    return [group(match, "n", counted(match, match["n"].replace(",", "")))]


_N = NUMBER
LIST = rule(
    "list",
    r"(?:(?<=^)|(?<=[\n 。；：:]))(?P<n>\d{1,2})(?P<p>[.、．]) ?(?=[一-鿿A-Za-z《“【(（])(?![a-z]{2,5}\b)",
    _list_number,
)
QUANTITIES: tuple[Rule, ...] = (
    LIST,
    rule("holiday", r"(?<![\d.])(?P<a>\d{1,2})(?P<p>[.·・•])(?P<b>\d{1,2})(?![\d.%])", _holiday),
    rule(
        "percent",
        rf"(?P<s>[-−+±])?(?P<a>{_N})\s?(?:(?P<u1>[%‰])?{JOIN}(?P<s2>[-−+])?(?P<b>{_N})\s?)?(?P<u>[%‰‱])",
        _percent,
    ),
    rule(
        "temperature",
        r"(?P<s>[-−+])?(?P<a>\d+(?:\.\d+)?)(?:\s?(?:℃|°[CcF]|℉|°|度)?"
        + JOIN
        + r"(?P<s2>[-−+])?(?P<b>\d+(?:\.\d+)?))?\s?(?P<u>℃|°\s?[CcF]|℉)",
        _temperature,
    ),
    rule(
        "temperature",
        r"(?<![\d.])(?P<s>[-−+])?(?P<a>\d+(?:\.\d+)?)(?:\s?度?"
        + JOIN
        + r"(?P<s2>[-−+])?(?P<b>\d+(?:\.\d+)?))?\s?(?P<u>度)(?![角数电])",
        _weather,
    ),
    rule("range", r"(?<=°)\s?[-−–—~～]\s?(?=\d)", lambda match: whole(match, "到")),
    rule(
        "angle",
        r"(?:(?<![\dA-Za-z)°′″])(?P<g>[-−+±]))?(?P<d>\d+(?:\.\d+)?)°(?:(?P<m>\d{1,2}(?:\.\d+)?)[′'](?:(?P<s>\d{1,2}(?:\.\d+)?)(?:″|\"|''|′′))?)?(?P<q>[NSEW](?![A-Za-z]))?(?!\s?[CcF](?![A-Za-z]))",
        _angle,
    ),
    rule("pressure", r"(?<![\d./])(?P<a>\d{2,3})(?P<j>/)(?P<b>\d{2,3})\s?(?P<u>mmHg|毫米汞柱)", _blood_pressure),
    rule("inch", r"(?<![\d.'′°])(?P<n>\d{1,3}(?:\.\d)?)(?P<u>\"|″)", _inches),
    rule("page", r"(?<=第)(?P<a>\d{1,4})(?P<j>\s?/\s?)(?P<b>\d{1,4})(?=\s?(?P<u>[页集章讲期节题卷季]))", _page),
    rule(
        "fraction",
        r"(?<![\d./])(?P<s>[-−])?(?:(?P<w>\d+)[又 ])?(?P<a>\d{1,4})\s?(?P<j>[/／⁄])\s?"
        r"(?P<b>\d{1,4})(?![\d/]|\.\d|[A-Za-z])",
        _fraction,
    ),
    rule("fraction", rf"(?P<w>\d+)?(?P<f>[{''.join(_VULGAR)}])", _vulgar),
    rule(
        "dimension",
        rf"(?<![\d.A-Za-z])(?:{_N}\s?(?:{UNIT}|厘米|毫米|米|公里|寸|英寸|小时|元|天|个)?\s?[×xX*✕╳✖]\s?){{1,5}}{_N}(?:\s?{UNIT}(?![A-Za-z²³]))?(?![\d.]\d|D(?![A-Za-z]))",
        _dimension,
    ),
    rule("times", r"(?<=[一-龥）)])\s?(?P<x>[×x*✕])\s?(?P<n>\d{1,4})(?![\d.A-Za-z])", _times),
    rule(
        "range",
        rf"(?<![\d.A-Za-z])(?P<a>\d+(?:\.\d+)?)(?P<x>[kKwW])?(?P<j>{JOIN})(?P<b>\d+(?:\.\d+)?)(?P<y>[kKwW])(?![A-Za-z\d])",
        _thousands_range,
    ),
    rule("ratio", r"(?<![\d.:：])\d+(?:\.\d+)?(?:\s?[:：∶]\s?\d+(?:\.\d+)?){1,5}(?![\d:：]|\.\d)", _ratio),
    rule(
        "range",
        rf"(?<![\d.A-Za-z])(?P<s>[-−])?(?P<a>{_N})\s?(?P<ua>(?:{UNIT})(?![A-Za-z])|[万亿千百元岁年个天米度人块分斤次点名]|公里|公斤|小时|分钟|万元|亿元)?(?P<j>{JOIN})(?P<s2>[-−])?(?P<b>{_N})(?:\s?(?P<ub>{UNIT})(?![A-Za-z²³/]))?(?![\d-]|\.\d|\s?[%‰])",
        _range,
    ),
)
SIGNS: tuple[Rule, ...] = (
    rule("discount", r"(?<![\d.])(?P<n>[1-9][1-9])(?=折(?!叠|合|算|扣率|线|磨|腾|射|断|返|痕))", _discount),
    rule("numero", r"(?<![A-Za-z])(?P<w>[Nn][Oo]\.\s?|No(?=\d)|№\s?)(?P<n>\d{1,6})(?![\d.])", _numero),
    rule("roman", r"[Ⅰ-Ⅻⅰⅱⅲⅳⅴⅵⅶⅷⅸⅹⅺⅻ]+", _roman),
    rule("roman", r"(?<=第)[IVXLC]+(?![A-Za-z])", _latin_roman),
    rule(
        "roman",
        r"(?<![A-Za-z0-9])(?:[IVX]{2,6}|I(?=期|型糖|类切|级响))(?=(?:期|型|级|类|度|世|部|卷|册|章|区|段|组|号|代|阶段)(?!超))(?![A-Za-z])",
        _latin_roman,
    ),
    rule(
        "roman",
        r"(?<=[一-龥])(?=[VX]{0,3}I|I)[IVX]{2,5}(?![A-Za-z\d])(?!设计|系统|识别|形象|的)",
        _latin_roman,
    ),
    rule("circled", r"[①-⒛㈠-㈩❶-❿]", _circled),
    rule("signed", rf"(?<![\dA-Za-z)）%])(?P<s>[-−+±])\s?(?P<n>{_N})", _signed),
)
CARDINAL = rule("cardinal", rf"(?P<n>{_N})", _cardinal)
"""Comes last of all."""
