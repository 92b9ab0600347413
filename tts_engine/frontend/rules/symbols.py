"""Signs that are words: mathematics, Greek letters, &, #, +, programming languages."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_engine.frontend.numbers import by_digit, cardinal, number
from tts_engine.frontend.rules.base import Match, Part, Rule, each, group, in_formula, left, right, rule, whole

_OPERATORS = {
    "+": "加",
    "−": "减",
    "-": "减",
    "×": "乘",
    "*": "乘",
    "÷": "除以",
    "=": "等于",
    "≠": "不等于",
    "≈": "约等于",
    "≥": "大于等于",
    "≤": "小于等于",
    ">=": "大于等于",
    "<=": "小于等于",
    "!=": "不等于",
    "==": "等于",
    ">": "大于",
    "<": "小于",
    "±": "正负",
    "≡": "恒等于",
    "∝": "正比于",
    "∈": "属于",
    "⊂": "包含于",
    "∪": "并",
    "∩": "交",
    "⇒": "推出",
    "→": "到",
    "⇔": "等价于",
    "⊃": "包含",
    "⊆": "包含于",
    "≒": "约等于",
    "≦": "小于等于",
    "≧": "大于等于",
    "≫": "远大于",
    "≪": "远小于",
}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψω",
        (
            "阿尔法 贝塔 伽马 德尔塔 艾普西隆 泽塔 伊塔 西塔 约塔 卡帕 兰姆达 缪 纽 克西 奥密克戎 派 柔 西格马 陶 "
            "宇普西隆 斐 希 普西 欧米伽"
        ).split(),
        strict=True,
    )
) | {"ς": "西格马", "ϕ": "斐", "ϵ": "艾普西隆"}
_SIGNS = {
    "√": "根号",
    "∞": "无穷大",
    "∝": "正比于",
    "∅": "空集",
    "∀": "任意",
    "∃": "存在",
    "∽": "相似于",
    "∼": "相似于",
    "≌": "全等于",
    "∇": "纳布拉",
    "∛": "三次根号",
    "♀": "女",
    "♂": "男",
    "∑": "求和",
    "∫": "积分",
    "∂": "偏",
    "∴": "所以",
    "∵": "因为",
    "∠": "角",
    "△": "三角形",
    "⊥": "垂直于",
    "∥": "平行于",
    "№": "第",
    "©": "版权所有",
    "®": "注册商标",
    "%": "百分号",
    "‰": "千分号",
    "@": "艾特",
    "€": "欧元",
    "£": "英镑",
    "¥": "元",
    "$": "美元",
    "￥": "元",
    "℃": "摄氏度",
    "°": "度",
    "㎡": "平方米",
    "㎥": "立方米",
}


def _operator(match: Match) -> Sequence[Part] | None:
    """Between two operands only; a lone sign is decoration."""
    before, after = left(match), right(match)
    operand_before = re.search(r"[\w一-鿿)²³¹⁰⁴-⁹ⁿ）%‰π!|′″°℃℉′∞]$", before)
    operand_after = re.match(r"[\w一-鿿(（\[{√∞πα-ωΔ∠△.|+\-−¥$]", after)
    if match[0] == "→" and (after[:1] == "∞" or re.match(r"[+-]∞", after) or re.search(r"lim\s?[(（]?[a-z]$", before)):
        return whole(match, "趋于")
    if match[0] == "→":
        if re.search(r"[\dA-Za-z%℃]$", before) and re.match(r"[\dA-Za-z]", after):
            return whole(match, "到")
        return (
            whole(match, "，") if re.search(r"[\w一-鿿”》）]$", before) and re.match(r"[\w一-鿿“《（]", after) else None
        )
    if not operand_after or (not operand_before and match[0] not in _PREFIXED):
        return None
    return whole(match, _OPERATORS[match[0]]) if _calculates(match, before, after) else None


_PREFIXED = frozenset(("≥", "≤", ">", "<", ">=", "<=", "≈", "±", "≧", "≦"))
_NARROW = frozenset("-*<>")


def _calculates(match: Match, before: str, after: str) -> bool:
    """``-``, ``*``, ``<`` are signs of arithmetic beside digits and variables, of typography elsewhere."""
    if match[0] not in _NARROW:
        return True
    variable = r"(?:\d|[)）²³¹⁰⁴-⁹]|(?:^|[^A-Za-z])[A-Za-z]|(?<=\d)[a-z])$"
    narrow = bool(re.search(variable, before) and re.match(r"[\d(（√]|[A-Za-z](?![A-Za-z])", after))
    compares = match[0] in "<>" and bool(re.match(r"[\d.]", after))
    return (narrow and (match[0] != "-" or in_formula(match))) or compares


def _power(match: Match) -> Sequence[Part]:
    """x², 10⁻³, m²; Ca²⁺ is a charge."""
    text = match[0].translate(_SUPERSCRIPTS)
    if text[-1] in "+-" and text != "-":
        return whole(match, (cardinal(text[:-1]) if text[:-1] else "") + ("正" if text[-1] == "+" else "负"))
    if re.search(r"[米里]$", left(match)) and text in ("2", "3"):
        return whole(match, "平方" if text == "2" else "立方")
    return whole(match, "的" + _exponent(text))


def _exponent(text: str) -> str:
    if text in ("2", "3"):
        return "平方" if text == "2" else "立方"
    if not text.lstrip("+-").isdigit():
        return f"{text.upper().replace('ⁿ', 'N').replace('⁻', '负')}次方"
    return ("负" if text[0] == "-" else "") + cardinal(text.lstrip("+-")) + "次方"


def _caret(match: Match) -> Sequence[Part]:
    return whole(match, "的" + _exponent(match["n"]))


def _factorial(match: Match) -> Sequence[Part] | None:
    return whole(match, "的阶乘") if in_formula(match) else None


def _bars(match: Match) -> Sequence[Part] | None:
    return [group(match, "a", "绝对值")] if in_formula(match) else None


def _divided(match: Match) -> Sequence[Part] | None:
    return whole(match, "除以") if in_formula(match) else None


def _plus_behind(match: Match) -> Sequence[Part] | None:
    """互联网+, A+, 18+; a plus behind a round number is 多."""
    if left(match)[-1:] in "千万亿":
        return whole(match, "多")
    if re.search(r"[A-Za-z]\s?\d+$", left(match)):
        return whole(match, "加")  # a version
    value = re.search(r"\d+$", left(match))
    return whole(match, "多" if value and len(value[0]) > 1 and value[0].endswith("0") else "加")


def _greek(match: Match) -> Sequence[Part]:
    return whole(match, _GREEK[match[0].lower()])


def _sign(match: Match) -> Sequence[Part] | None:
    if match[0] == "△" and not re.match(r"[A-Z]{3}", right(match)):
        return None
    if match[0] in "%‰" and re.search(r"[A-Za-z]$", left(match)):
        return whole(match, "百分比" if match[0] == "%" else "千分比")
    beside = bool(re.match(r"[\w一-鿿]", right(match))) or bool(re.search(r"[\w一-鿿]$", left(match)))
    return whole(match, _SIGNS[match[0]]) if beside else None


def _and(match: Match) -> Sequence[Part] | None:
    before, after = left(match)[-1:], right(match)[:1]
    if not (before.isalnum() and after.isalnum()):
        return None
    return whole(match, " and " if before.isascii() and after.isascii() else "和")


def _plus_plus(match: Match) -> Sequence[Part]:
    return whole(match, "加加")


def _sharp(match: Match) -> Sequence[Part]:
    return whole(match, "井" if left(match)[-1:].isalpha() and left(match)[-1:].isascii() else "井号")


def _number_sign(match: Match) -> Sequence[Part]:
    """#3 is the third, #1024 a code."""
    digits = match["n"]
    if len(digits) > 2:
        return [group(match, "s", "井号"), Part(by_digit(digits), match.start("n"), match.end("n"), each=True)]
    return [group(match, "s", "井号" if left(match)[-1:].isalnum() else "第"), group(match, "n", cardinal(digits))]


def _arrow(match: Match) -> Sequence[Part] | None:
    """↑5%, 3%↓."""
    moves = re.match(r"[\d¥￥$]", right(match)) or re.search(r"[\d%‰]$", left(match))
    return whole(match, "上升" if match[0] == "↑" else "下降") if moves else None


def _charge(match: Match) -> Sequence[Part]:
    return whole(match, "正" if match[0] == "⁺" else "负")


def _tested(match: Match) -> Sequence[Part] | None:
    """HBsAg(+), 核酸(-): what a test found; 阳性(+) has said it."""
    if not re.search(r"(?:[A-Za-z\d]|抗[原体]|核酸|试验|[病肝检测验毒菌]|蛋白|隐血|尿糖|酮体)$", left(match)):
        return None
    found = {"+": "阳性", "-": "阴性", "−": "阴性", "±": "弱阳性"}.get(
        match["s"]
    ) or f"{number(str(len(match['s'])))}个加号"
    behind = "，" if right(match, 1).isalnum() else ""
    return whole(match, f"，{found.replace('二个', '两个')}{behind}")


_QUOTED = dict(
    zip(
        "+-−×÷=*#/\\@&%‰^_|~`<>≥≤≠≈√✓✔✗✘$¥￥€£→←↑↓★☆",
        (
            "加号 减号 减号 叉号 除号 等号 星号 井号 斜杠 反斜杠 艾特 和号 百分号 千分号 尖号 下划线 竖线 "
            "波浪号 反引号 小于号 大于号 大于等于号 小于等于号 不等号 约等号 对勾 对勾 对勾 叉号 叉号 "
            "美元符号 人民币符号 人民币符号 欧元符号 英镑符号 右箭头 左箭头 上箭头 下箭头 星号 星号"
        ).split(),
        strict=True,
    )
)
"""Signs of which somebody speaks."""
_MARKS = dict(
    zip(
        "，,。、；;：:？?！!·",
        "逗号 逗号 句号 顿号 分号 分号 冒号 冒号 问号 问号 感叹号 感叹号 间隔号".split(),
        strict=True,
    )
)
"""Marks, which alone in quotes may be all that somebody in a story says."""
_SPOKEN_OF = re.compile(r"[”’」』\"'](?:[号键]|符号|标点|按[钮键]|图标|是|表示|代表|分[隔开]|隔开|结[尾束]|开[头始])")
_SPEAKS_OF = re.compile(r"(?:[用按点击以加写打]|输入|选择|符号|标点|[一两几]个)[“‘「『\"']$")


def _quoted(match: Match) -> Sequence[Part] | None:
    """点击“+”, 用“、”隔开: a sign alone in quotes is named."""
    after = right(match)
    name = _QUOTED.get(match[0]) or _MARKS[match[0]]
    if match[0] in _MARKS and not (_SPOKEN_OF.match(after) or _SPEAKS_OF.search(left(match))):
        return None
    said_again = next((ending for ending in ("符号", "号") if after[1:].startswith(ending)), "")
    return whole(match, name.removesuffix(said_again))


def _subscript(match: Match) -> Sequence[Part]:
    return whole(match, cardinal("".join(str("₀₁₂₃₄₅₆₇₈₉".index(digit)) for digit in match[0])))


def _behind_number(match: Match) -> Sequence[Part]:
    """50+ people: 五十多."""
    return whole(match, "多")


def _and_more(match: Match) -> Sequence[Part]:
    """3+年, 2+小时: 三年多, 两个多小时; 多 goes into a number that is round alone."""
    count, unit = ("两" if match["n"] == "2" else cardinal(match["n"])), match["u"]
    if unit.endswith(("小时", "月")):
        return whole(match, f"{count}个多{unit.removeprefix('个')}")
    return whole(match, f"{count}{unit}多")


_ELEMENT = "Na|Mg|Al|Si|Cl|Ca|Cr|Mn|Fe|Co|Ni|Cu|Zn|Br|Ag|Cd|Sn|Ba|Hg|Pb|Li|Ti|Au|Pt|Be|Sr|[HBCNOFPSKI]"
"""Symbols of the elements that everyday compounds are made of."""
_SMALL = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def _compound(match: Match) -> Sequence[Part] | None:
    """NaCl, Ca(OH)₂, NaHCO3: letters one by one, numbers as numbers; brackets are silent."""
    symbols = re.findall(_ELEMENT, match[0])
    if len(symbols) < 2 or len(set(symbols)) == 1 or not any(len(symbol) == 2 for symbol in symbols):
        return None
    spoken = re.findall(r"[A-Za-z]|\d+", match[0].translate(_SMALL))
    return whole(match, " ".join(cardinal(one) if one.isdigit() else one for one in spoken))


_DOSES = {
    "qd": "每日一次",
    "bid": "每日两次",
    "tid": "每日三次",
    "qid": "每日四次",
    "qod": "隔日一次",
    "qn": "每晚一次",
    "prn": "必要时",
}
"""How often, as prescriptions abbreviate it."""
_PRESCRIBED = re.compile(r"口服|[片粒支丸滴]|m[gl]|\d\s?g|[静肌]|注射|毫[克升]|服用|外用|用法|用量|医嘱|剂量|吸入")


def _dose(match: Match) -> Sequence[Part] | None:
    return whole(match, _DOSES[match[0].lower()]) if _PRESCRIBED.search(left(match, 16)) else None


def _formula(match: Match) -> Sequence[Part]:
    """CO₂, H2O, PM, pH: letters one by one."""
    return whole(match, " ".join(match[0]))


_OPERATOR = "|".join(re.escape(sign) for sign in sorted(_OPERATORS, key=len, reverse=True))
COMPOUNDS: tuple[Rule, ...] = (
    rule("key", r"(?<=[按选])\d(?=号?键|[转查办听返退，。；、]|$)", lambda match: [each(match, 0, by_digit(match[0]))]),
    rule("quoted", rf"(?<=[“‘「『\"'])[{re.escape(''.join(_QUOTED | _MARKS))}](?=[”’」』\"'])", _quoted),
    rule(
        "formula",
        rf"(?<![A-Za-z\d])(?:\((?=[A-Z])|(?:{_ELEMENT})(?:[₀-₉]+|\d{{1,2}})?|\)(?:[₀-₉]+|\d)?){{2,14}}(?![A-Za-z\d])",
        _compound,
    ),
    rule("quoted", r"(?<=[“‘「『\"'])\+(?=\d)", lambda match: whole(match, "加")),
    rule("test", r"[(（]\s?(?P<s>\+{1,4}|[-−±])\s?[)）]", _tested),
    rule(
        "more",
        r"(?<![\d.+*/×A-Za-z-])(?P<n>\d{0,3}[1-9])\+\s?(?P<u>年(?!级)|周(?![一二三四五六日年])|天|岁|公里|个?小时|个月)",
        _and_more,
    ),
    rule("dose", r"(?<![A-Za-z])(?i:qd|bid|tid|qid|qod|qn|prn)(?![A-Za-z\d])", _dose),
)
RULES: tuple[Rule, ...] = (
    rule("sign", r"\+/[-−]", lambda match: whole(match, "正负")),
    rule("plus-plus", r"(?<=[A-Za-z])\+\+", _plus_plus),
    rule("sharp", r"(?<=[A-GJ])#(?![A-Za-z\d])", _sharp),
    rule(
        "more",
        r"(?:(?<=\d)\+(?=[\s]?[个名人家款位项条只件种次年天岁万千百分米元小公斤])|(?<=[千万亿])\+(?=[一-鿿]))",
        _behind_number,
    ),
    rule("plus", r"(?<=[\w一-鿿])\+(?![\w.+(（])", _plus_behind),
    rule(
        "formula",
        r"(?<![A-Za-z])(?:CO|SO|NO|NH|CH|SiO|TiO|Fe|Al|Na|Ca|Mg|H)(?=[₀-₉])|(?<=[₀-₉])(?:CO|SO|NO|NH|CH|O|H|Cl|S|C)(?=[₀-₉]|(?![A-Za-z]))",
        _formula,
    ),
    rule("formula", r"(?<![A-Za-z])(?:PM(?=\d)|pH(?![A-Za-z]))", _formula),
    rule("subscript", r"[₀-₉]{1,8}", _subscript),
    rule("power", r"[⁻⁺]?[⁰¹²³⁴-⁹ⁿ]{1,8}[⁺⁻]?", _power),
    rule("power", r"(?<=[A-Za-z\d)）])\^[({]?(?P<n>[+-]?\d{1,6}|[a-z](?![A-Za-z]))[)}]?", _caret),
    rule("underscore", r"(?<=[一-鿿\dA-Za-z])_(?=[一-鿿\dA-Za-z])", lambda match: whole(match, "下划线")),
    rule("power", r"(?<=[A-Za-z₀-₉])[⁺⁻]", _charge),
    rule("arrow", "[↑↓]", _arrow),
    rule("factorial", r"(?<=\d)!(?==)|(?<=[a-z])!(?=[=+*/×])", _factorial),
    rule("absolute", r"(?P<a>\|)(?=[\w+\-.]{1,12}\|)", _bars),
    rule("divided", r"(?<=[\w)）])\s?/\s?(?=[\w(（])", _divided),
    rule("and", r"\s?&\s?", _and),
    rule("operator", rf"\s?(?:{_OPERATOR})\s?", lambda match: _operator_trimmed(match)),
    rule("greek", r"[α-ωΑ-Ωϕϵ]", _greek),
    rule("sign", "[" + re.escape("".join(_SIGNS)) + "]", _sign),
    rule("number-sign", r"(?P<s>#)(?P<n>\d{1,12})(?![\d.])", _number_sign),
    rule("key", r"[#*](?:号(?![楼线院])|(?=键))", lambda match: whole(match, "井号" if match[0][0] == "#" else "星号")),
)


def _operator_trimmed(match: Match) -> Sequence[Part] | None:
    inner = re.compile(_OPERATOR).search(match.string, match.start(), match.end())
    parts = _operator(inner) if inner else None
    return [Part(part.text, match.start(), match.end()) for part in parts] if parts else None
