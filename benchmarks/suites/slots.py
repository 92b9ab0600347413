"""Parts of generated sentences: what is written, and how it may be read. Knows nothing of our front end.

Cardinals come from cn2an; 二 and 两 before 千, 万, 亿 (and 百) are both accepted, as section 7's convention asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from random import Random

import cn2an

DIGITS = "零一二三四五六七八九"


@dataclass(frozen=True)
class Slot:
    """One part: its writing and the readings that are accepted for it."""

    written: str
    readings: tuple[str, ...]


Maker = Callable[[Random], Slot]


def compose(parts: tuple[str | Maker, ...], random: Random) -> Slot:
    """Join parts; in a string ``|`` divides choices, ``→`` writing from reading, ``¦`` readings."""
    slots = [_choice(part, random) if isinstance(part, str) else part(random) for part in parts]
    readings = ["".join(option) for option in product(*(slot.readings for slot in slots))]
    return Slot("".join(slot.written for slot in slots), tuple(readings))


def _choice(part: str, random: Random) -> Slot:
    written, arrow, read = random.choice(part.split("|")).partition("→")
    return Slot(written, tuple((read if arrow else written).split("¦")))


def cardinal(value: int, counted: bool = False) -> tuple[str, ...]:
    """Readings of a whole number; ``counted``: before a classifier, where 2 is 两."""
    if value == 2 and counted:
        return ("两",)
    text = cn2an.an2cn(str(value))
    liang = re.sub("二(?=[千万亿])", "两", text)
    return tuple(dict.fromkeys((text, re.sub("^二(?=[千万亿])", "两", text), liang, re.sub("二(?=百)", "两", liang))))


def digits(text: str, yao: bool = False) -> tuple[str, ...]:
    """Digit by digit; ``yao``: 一 and 幺 are both accepted."""
    plain = "".join(DIGITS[int(character)] if character.isdigit() else character for character in text)
    return (plain, plain.replace("一", "幺")) if yao and "一" in plain else (plain,)


def decimal(text: str) -> tuple[str, ...]:
    """A decimal: cardinal, 点, digits."""
    whole, _, fraction = text.partition(".")
    tail = "点" + digits(fraction)[0] if fraction else ""
    return tuple(reading + tail for reading in cardinal(int(whole or 0)))


def number(low: int, high: int, counted: bool = False) -> Maker:
    """A whole number."""

    def make(random: Random) -> Slot:
        value = random.randint(low, high)
        return Slot(str(value), cardinal(value, counted))

    return make


def either(*values: str) -> Maker:
    """A choice of ``written→reading¦reading``."""
    return lambda random: _choice(random.choice(values), random)


def comma_number(low: int, high: int) -> Maker:
    """With thousands commas."""

    def make(random: Random) -> Slot:
        value = random.randint(low, high)
        return Slot(f"{value:,}", cardinal(value))

    return make


def holed(random: Random) -> Slot:
    """An integer with zeros inside."""
    value = random.choice((1, 2, 3, 5, 8, 12, 40)) * 10_000 + random.choice((7, 30, 507, 1008, 2050))
    return Slot(str(value), cardinal(value))


def point(low: int, high: int, places: int, zero_end: bool = False) -> Maker:
    """A decimal with ``places`` digits behind the point."""

    def make(random: Random) -> Slot:
        fraction = "".join(str(random.randint(0, 9)) for _ in range(places))
        if not zero_end and fraction[-1] == "0":
            fraction = fraction[:-1] + str(random.randint(1, 9))
        text = f"{random.randint(low, high)}.{fraction}"
        return Slot(text, decimal(text))

    return make


def string(length: int, yao: bool = False, first: str = "0123456789") -> Maker:
    """A digit string read digit by digit."""

    def make(random: Random) -> Slot:
        text = random.choice(first) + "".join(random.choice("0123456789") for _ in range(length - 1))
        return Slot(text, digits(text, yao))

    return make


def grouped(pattern: str, yao: bool = True) -> Maker:
    """``3-4-4`` style patterns: ``#`` is a digit, anything else is silent writing."""

    def make(random: Random) -> Slot:
        text = "".join(str(random.randint(0, 9)) if character == "#" else character for character in pattern)
        return Slot(text, digits(re.sub(r"\D", "", text), yao))

    return make


def year(low: int = 1950, high: int = 2049) -> Maker:
    """A year's name."""

    def make(random: Random) -> Slot:
        text = str(random.randint(low, high))
        return Slot(text, digits(text))

    return make


def date(separator: str, pad: bool = False) -> Maker:
    """A full date; ``年`` as separator writes 年月日."""

    def make(random: Random) -> Slot:
        y, m, d = random.randint(1980, 2039), random.randint(1, 12), random.randint(1, 28)
        month, day = (f"{m:02}", f"{d:02}") if pad else (str(m), str(d))
        written = f"{y}年{month}月{day}日" if separator == "年" else separator.join((str(y), month, day))
        return Slot(written, (f"{digits(str(y))[0]}年{cardinal(m)[0]}月{cardinal(d)[0]}日",))

    return make


def rising(low: int, high: int, join: str = "-|~|～|—|–", counted: bool = False) -> Maker:
    """Two numbers, the second larger, with a range sign between."""

    def make(random: Random) -> Slot:
        first = random.randint(low, high - 1)
        second = random.randint(first + 1, high)
        sign = random.choice(join.split("|"))
        lower, upper = cardinal(first, counted), cardinal(second, counted)
        both = (*lower, *cardinal(first)), (*upper, *cardinal(second))
        return Slot(f"{first}{sign}{second}", tuple({f"{a}{to}{b}" for a in both[0] for b in both[1] for to in "到至"}))

    return make


def clock(hour: int, minute: int, oh: bool = True) -> tuple[str, ...]:
    """Readings of a time of day."""
    hours = cardinal(hour, counted=True)[0] + "点"
    if minute == 0:
        return (hours, hours + "整")
    if minute < 10:
        return (f"{hours}零{cardinal(minute)[0]}分", f"{hours}零{cardinal(minute)[0]}")
    base = f"{hours}{cardinal(minute)[0]}"
    return (base + "分", base, *((hours + "半",) if minute == 30 else ()))


def time(low: int, high: int, minutes: str = "") -> Maker:
    """``h:mm`` between two hours; ``minutes`` are the choices."""

    def make(random: Random) -> Slot:
        hour = random.randint(low, high)
        minute = int(random.choice(minutes.split("|"))) if minutes else random.randint(0, 59)
        return Slot(f"{hour}:{minute:02}", clock(hour, minute))

    return make


def half_day(random: Random) -> Slot:
    """``8:20 PM``: the part of the day moves to the front."""
    hour, minute, pm = random.randint(1, 11), random.randint(1, 59), random.random() < 0.5
    parts = ("下午", "晚上", "傍晚") if pm else ("上午", "早上", "凌晨", "清晨")
    marker = random.choice((" PM", "PM", "pm", " p.m.") if pm else (" AM", "AM", "am", " a.m."))
    return Slot(f"{hour}:{minute:02}{marker}", tuple(part + told for part in parts for told in clock(hour, minute)))
