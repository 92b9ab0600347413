"""Digits → Chinese numerals.

Conventions: 零 once for any run of inner zeros; 十 alone, 一十 inside; 两 before 千, 万 and 亿 at the head;
decimals digit by digit with trailing zeros kept; 幺 for 1 in telephone-like digit strings.
"""

from __future__ import annotations

_DIGITS = "零一二三四五六七八九"
_GROUPS = ("", "万", "亿", "万亿")
_LONGEST = 16


def cardinal(digits: str) -> str:
    """``10507`` → 一万零五百零七; more than 16 digits are read one by one."""
    digits = digits.replace(",", "").lstrip("0") or "0"
    if len(digits) > _LONGEST:
        return by_digit(digits)
    if digits == "0":
        return "零"
    text = _grouped(digits)
    if text.startswith("一十"):
        text = text[1:]
    return "两" + text[1:] if text[:2] in ("二千", "二万", "二亿") else text


def quantity(digits: str) -> str:
    """A cardinal before a classifier: 2 alone is 两."""
    return "两" if digits == "2" else cardinal(digits)


def number(text: str) -> str:
    """A cardinal or decimal with an optional sign: ``-0.5`` → 负零点五."""
    sign = {"-": "负", "−": "负", "+": "正"}.get(text[:1], "")
    whole, point, fraction = text.lstrip("+-−").partition(".")
    return sign + cardinal(whole or "0") + ("点" + by_digit(fraction) if point else "")


def by_digit(text: str, one: str = "一") -> str:
    """Each digit by its name; other characters stay."""
    return "".join(one if character == "1" else _digit(character) for character in text)


def _digit(character: str) -> str:
    return _DIGITS[int(character)] if character in "0123456789" else character


def _grouped(digits: str) -> str:
    groups = []
    while digits:
        groups.append(digits[-4:])
        digits = digits[:-4]
    text = ""
    for index in range(len(groups) - 1, -1, -1):
        part = _thousands(groups[index])
        needs_zero = text and groups[index].zfill(4)[0] == "0" and part and not text.endswith("零")
        if part:
            text += ("零" if needs_zero else "") + part + _GROUPS[index]
        elif index == 2 and "万亿" in text:
            text = text.replace("万亿", "万") + "亿"
    return text.replace("万亿", "万", 1) if text.count("亿") > 1 else text


def _thousands(group: str) -> str:
    """1–9999; empty for 0."""
    text = ""
    zero = False
    for digit, place in zip(group.zfill(4), ("千", "百", "十", ""), strict=True):
        if digit == "0":
            zero = bool(text)
            continue
        text += ("零" if zero else "") + _DIGITS[int(digit)] + place
        zero = False
    return text
