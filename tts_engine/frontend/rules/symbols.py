"""Signs that are words: mathematics, Greek letters, &, #, +, programming languages."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_engine.frontend.numbers import cardinal
from tts_engine.frontend.rules.base import Match, Part, Rule, left, right, rule, whole

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
    "≫": "远大于",
    "≪": "远小于",
}
_POWERS = {
    "²": "平方",
    "³": "立方",
    "⁴": "四次方",
    "⁵": "五次方",
    "⁶": "六次方",
    "⁷": "七次方",
    "⁸": "八次方",
    "⁹": "九次方",
    "ⁿ": "N次方",
}
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
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "零一二三四五六七八九", strict=True))


def _operator(match: Match) -> Sequence[Part] | None:
    """Between two operands only; a lone sign is decoration."""
    before, after = left(match), right(match)
    operand_before = re.search(r"[\w一-鿿)²³⁴⁵⁶⁷⁸⁹ⁿ)）%π]$", before)
    operand_after = re.match(r"[\w一-鿿(（√∞πα-ω.-]", after)
    if not operand_after or (not operand_before and match[0] not in ("≥", "≤", ">", "<", ">=", "<=", "≈", "±")):
        return None
    return whole(match, _OPERATORS[match[0]]) if _calculates(match, before, after) else None


def _calculates(match: Match, before: str, after: str) -> bool:
    """``-``, ``*``, ``<`` are signs of arithmetic beside digits and variables, of typography elsewhere."""
    if match[0] in ("-", "*", "<", ">"):
        narrow = bool(
            re.search(r"(?:\d|[)）²³]|(?:^|[^A-Za-z])[A-Za-z])$", before)
            and re.match(r"[\d(（√]|[A-Za-z](?![A-Za-z])", after)
        )
        compares = match[0] in "<>" and bool(re.match(r"\d", after))
        return (narrow and (match[0] != "-" or _in_formula(match))) or compares
    return True


def _in_formula(match: Match) -> bool:
    text = match.string
    around = text[max(0, match.start() - 20) : match.start()] + text[match.end() : match.end() + 20]
    return bool(re.search(r"[=≠≥≤><²³√×÷]|等于|是多少|得多少|得几", around))


def _power(match: Match) -> Sequence[Part]:
    word = _POWERS[match[0]]
    return whole(match, word if word in ("平方", "立方") and re.search(r"[米里]$", left(match)) else f"的{word}")


def _caret(match: Match) -> Sequence[Part]:
    word = {"2": "平方", "3": "立方"}.get(match["n"], f"{cardinal(match['n'])}次方")
    return whole(match, f"的{word}")


def _greek(match: Match) -> Sequence[Part]:
    return whole(match, _GREEK[match[0].lower()])


def _sign(match: Match) -> Sequence[Part] | None:
    beside = bool(re.match(r"[\w一-鿿]", right(match))) or bool(re.search(r"[\w一-鿿]$", left(match)))
    return whole(match, _SIGNS[match[0]]) if beside else None


def _and(match: Match) -> Sequence[Part] | None:
    before, after = left(match)[-1:], right(match)[:1]
    if not (before.isalnum() and after.isalnum()):
        return None
    return whole(match, "and" if before.isascii() and after.isascii() else "和")


def _plus_plus(match: Match) -> Sequence[Part]:
    return whole(match, "加加")


def _sharp(match: Match) -> Sequence[Part]:
    return whole(match, "井" if left(match)[-1:].isalpha() and left(match)[-1:].isascii() else "井号")


def _number_sign(match: Match) -> Sequence[Part]:
    return whole(match, "第" if re.match(r"\d", right(match)) and not left(match)[-1:].isalnum() else "井号")


def _subscript(match: Match) -> Sequence[Part]:
    return (Part("".join(_SUBSCRIPTS[digit] for digit in match[0]), match.start(), match.end(), each=True),)


def _behind_number(match: Match) -> Sequence[Part]:
    """50+ people: 五十多."""
    return whole(match, "多")


def _formula(match: Match) -> Sequence[Part]:
    """CO₂, H2O, PM, pH: letters one by one."""
    return whole(match, " ".join(match[0]))


_OPERATOR = "|".join(re.escape(sign) for sign in sorted(_OPERATORS, key=len, reverse=True))
RULES: tuple[Rule, ...] = (
    rule("plus-plus", r"(?<=[A-Za-z])\+\+", _plus_plus),
    rule("sharp", r"(?<=[A-GJ])#(?![A-Za-z\d])", _sharp),
    rule(
        "more",
        r"(?:(?<=\d)\+(?=[\s]?[个名人家款位项条只件种次年天岁万千百分米元])|(?<=[千万亿])\+(?=[一-鿿]))",
        _behind_number,
    ),
    rule(
        "formula",
        r"(?<![A-Za-z])(?:CO|SO|NO|NH|CH|SiO|TiO|Fe|Al|Na|Ca|Mg|H)(?=[₀-₉])|(?<=[₀-₉])(?:CO|SO|NO|NH|CH|O|H|Cl|S|C)(?=[₀-₉]|(?![A-Za-z]))",
        _formula,
    ),
    rule("formula", r"(?<![A-Za-z])(?:PM(?=\d)|pH(?![A-Za-z]))", _formula),
    rule("subscript", r"[₀-₉]+", _subscript),
    rule("power", r"[²³⁴⁵⁶⁷⁸⁹ⁿ]", _power),
    rule("power", r"(?<=[A-Za-z\d)）])\^(?P<n>\d+)", _caret),
    rule("and", r"\s?&\s?", _and),
    rule("operator", rf"\s?(?:{_OPERATOR})\s?", lambda match: _operator_trimmed(match)),
    rule("greek", r"[α-ωΑ-Ωϕϵ]", _greek),
    rule("sign", "[" + re.escape("".join(_SIGNS)) + "]", _sign),
    rule("number-sign", r"#(?=\d)", _number_sign),
    rule("key", r"[#*](?=号?键)", lambda match: whole(match, "井号" if match[0] == "#" else "星号")),
)


def _operator_trimmed(match: Match) -> Sequence[Part] | None:
    inner = re.compile(_OPERATOR).search(match.string, match.start(), match.end())
    parts = _operator(inner) if inner else None
    return [Part(part.text, match.start(), match.end()) for part in parts] if parts else None
