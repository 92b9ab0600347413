"""Where careful readers differ: one documented default each, and a switch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Conventions:
    """How numbers, units and emoji are said. The defaults are those of ``docs/frontend.md``."""

    yao: bool = True
    """1 is 幺 in telephone, room, train and account numbers; else 一."""
    liang: Literal["counting", "always", "never"] = "counting"
    """2 before 千, 万, 亿 is 两 (``counting``); before 百 as well (``always``); 二 in both (``never``)."""
    half_hour: bool = False
    """:30 is 半, else 三十分."""
    range_word: Literal["到", "至"] = "到"
    """Between the ends of a range."""
    celsius: Literal["摄氏度", "度"] = "摄氏度"
    kilogram: Literal["千克", "公斤"] = "千克"
    kilometre: Literal["公里", "千米"] = "公里"
    emoji: Literal["silent", "named"] = "silent"
    """Emoji are left out with a notice, or said by their Chinese names."""

    def said(self, text: str, rule: str) -> str:
        """What a rule wrote, in these conventions. A text read digit by digit keeps its length."""
        for switched, pattern, replacement, rules in self._changes():
            if switched and (rules is None or rule in rules):
                text = pattern.sub(replacement, text)
        return text

    def _changes(self) -> tuple[tuple[bool, re.Pattern[str], str, frozenset[str] | None], ...]:
        return (
            (not self.yao, _YAO, "一", None),
            (self.liang == "always", _TWO_HUNDRED, "两百", None),
            (self.liang == "never", _TWO_THOUSAND, "二", None),
            (self.half_hour, _HALF_HOUR, "点半", _CLOCKS),
            (self.range_word == "至", _TO, "至", _RANGES),
            (self.celsius == "度", _CELSIUS, "度", None),
            (self.kilogram == "公斤", _KILOGRAM, "公斤", None),
            (self.kilometre == "千米", _KILOMETRE, "千米", None),
        )


_YAO = re.compile("幺")
_TWO_HUNDRED = re.compile("(?<![一-龥])二百|(?<=[万亿到至比乘负])二百")
_TWO_THOUSAND = re.compile("两(?=[千万亿])")
_HALF_HOUR = re.compile("点三十分(?!.{1,3}秒)")
_TO = re.compile("到")
_CELSIUS = re.compile("摄氏度")
_KILOGRAM = re.compile("千克")
_KILOMETRE = re.compile("(?<!平方)(?<!立方)公里")
_CLOCKS = frozenset({"clock"})
_RANGES = frozenset(
    "range year-range month-range time-range money percent temperature model-range date-range unit".split()
)
