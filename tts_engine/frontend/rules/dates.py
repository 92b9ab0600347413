"""Years, dates, clock times, durations."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_engine.frontend.numbers import by_digit, cardinal, quantity
from tts_engine.frontend.rules.base import JOIN, Match, Part, Rule, clause, each, group, left, right, rule, whole

_YEAR = r"(?:1[0-9]|20|21)\d\d"
_SPAN_BEFORE = re.compile(r"(?:近|约|有|经|时|过|达|逾|足足|上下|距今|跨越|持续|传承|长达|满|整整|了|再过|每|第)$")
_SPAN_AFTER = re.compile(r"(?:历史|的历史|之久|光阴|寿命|漫长|时间|以上的|多|期|后的|免费|质保|保修|间)")
_SHORT_YEAR_AFTER = re.compile(
    r"(?:\d{1,2}月|[春夏秋冬]|初|底|末|年初|出生|生人|毕业|入学|款|级|版|世界杯|奥运|春晚|上半年|下半年|的时候)"
)
_SCORE = re.compile(r"比分|获胜|险胜|战胜|击败|领先|落后|大胜|惜败|告负|取胜|战平|逆转|打平|平局|胜出|晋级|淘汰|夺冠")
_RATIO_BEFORE = re.compile(r"(?:比例|比值|配比|比率|之比|宽高比|长宽比|按|比|成|约为|赔率|以)[为是按约]?$")
_DAYPART = re.compile(r"(?:上午|下午|晚上|早上|凌晨|中午|傍晚|清晨|夜里|午后|深夜|今晚|明早|今早|明晚|早|晚)$")
_ELAPSED = re.compile(r"(?:用时|成绩|时长|耗时|历时|片长|全长|跑出|游出|花了|纪录|记录)[为是了:：]?$")


def _month_day(month: str, day: str) -> bool:
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31


def _full_date(match: Match) -> Sequence[Part] | None:
    if not _month_day(match["m"], match["d"]):
        return None
    parts = [
        each(match, "y", by_digit(match["y"])),
        group(match, "s", "年"),
        group(match, "m", cardinal(match["m"]) + "月"),
        group(match, "d", cardinal(match["d"]) + "日"),
    ]
    return parts


def _year_month(match: Match) -> Sequence[Part] | None:
    if right(match, 1) in ("年", "-", "/"):
        return None
    return [
        each(match, "y", by_digit(match["y"])),
        group(match, "s", "年"),
        group(match, "m", cardinal(match["m"]) + "月"),
    ]


def _month_day_range(match: Match) -> Sequence[Part]:
    return [group(match, "n", cardinal(match["n"])), group(match, "u", match["u"]), group(match, "j", "到")]


def _year_range(match: Match) -> Sequence[Part] | None:
    after = right(match, 3)
    if not match["u"] and not re.match(r"年|赛季|学年|财年|年度", after):
        return None
    parts = [each(match, "a", by_digit(match["a"]))]
    parts += [group(match, "u", "年")] if match["u"] else []
    return [*parts, group(match, "j", "到"), each(match, "b", by_digit(match["b"]))]


def _year(match: Match) -> Sequence[Part] | None:
    value, before, after = match["y"], left(match), right(match, 6)
    rest = after.removeprefix("年")
    if len(value) == 4 and "1000" <= value <= "2199":
        spans = _SPAN_BEFORE.search(before) or re.match(r"历史|的历史|之久|光阴|寿命|多", rest)
        return None if spans else [each(match, "y", by_digit(value))]
    if len(value) == 3:
        return [each(match, "y", by_digit(value))] if re.search(r"(?:公元|元前|西元)$", before) else None
    if len(value) == 2 and not rest.startswith("代") and not _SPAN_BEFORE.search(before):
        named = (_SHORT_YEAR_AFTER.match(rest) and not _SPAN_AFTER.match(rest)) or value[0] == "0"
        return [each(match, "y", by_digit(value))] if named else None
    return None


def _generation(match: Match) -> Sequence[Part]:
    return [each(match, "n", by_digit(match["n"]))]


def _bare_year(match: Match) -> Sequence[Part] | None:
    named = re.match(
        r"世界杯|奥运|春晚|赛季|届|新年|国庆|春节|亚运|财年|学年|欧洲杯|高考|考研|中考|秋招|春招|款|版|级", right(match)
    )
    before = re.search(r"(?:截至|公元|自|致|告别|迎接|你好|展望|回顾|再见|于|在)$", left(match))
    alone = not right(match, 1) or right(match, 1) in "，。！？、；)）】》”,.!?-—:："
    return (
        [each(match, "y", by_digit(match["y"]))] if named or (before and alone) or (alone and not left(match)) else None
    )


def _clock(match: Match) -> Sequence[Part] | None:
    if not _is_clock(match):
        return None
    hour, minute, second = match["h"], match["m"], match["s"]
    if second and _ELAPSED.search(left(match)):
        return whole(match, f"{quantity(str(int(hour)))}小时{_minute(minute, True)}{cardinal(second)}秒")
    if not second and _ELAPSED.search(left(match)):
        return whole(match, f"{quantity(str(int(hour)))}分{_minute(second or minute, False)}秒")
    time = _hour(hour) + (_minute(minute, bool(second)) if minute != "00" or (second or "00") != "00" else "")
    return whole(match, _day_part(match) + time + (f"{_two(second)}秒" if second and second != "00" else ""))


def _is_clock(match: Match) -> bool:
    if int(match["h"]) > 24 or int(match["m"]) > 59:
        return False
    if match["half"]:
        return True
    if _RATIO_BEFORE.search(left(match)) and not re.search(r"(?:成立|之前|以前)", right(match)):
        return False
    return not _SCORE.search(clause(match)) or bool(re.search(r"(?:开始|开球|今晚|于)$", left(match)))


def _hour(hour: str) -> str:
    return quantity(str(int(hour))) + "点"


def _two(minute: str) -> str:
    return "零" + cardinal(minute) if minute[0] == "0" and minute != "00" else cardinal(minute)


def _minute(minute: str, seconds_follow: bool) -> str:
    return _two(minute) + ("分" if minute or seconds_follow else "")


def _day_part(match: Match) -> str:
    """Morning or evening of an am/pm time, unless the text says it already."""
    half = (match["half"] or "").lower().replace(".", "")
    hour = int(match["h"])
    if not half or _DAYPART.search(left(match)):
        return ""
    if half == "am":
        return "凌晨" if hour < 5 or hour == 12 else "上午"
    return "中午" if hour == 12 else "下午" if hour < 6 else "晚上"


def _hour_only(match: Match) -> Sequence[Part] | None:
    return whole(match, _day_part(match) + _hour(match["h"])) if 1 <= int(match["h"]) <= 12 else None


def _time_join(match: Match) -> Sequence[Part] | None:
    """The sign between two times, days or dates: 到."""
    before = left(match, 4)
    spelled = re.search(
        r"(?:[日号月年点分时秒周天晚早午]|周[一二三四五六日末]|星期[一二三四五六日天]|\d:\d\d|[ap]\.?m\.?)$",
        before,
        re.I,
    )
    after = re.match(r"\d|周|星期|[一二三四五六七八九十]+[月日号点]|[上下]午|晚|次|翌|今|明", right(match))
    return whole(match, "到") if spelled and after else None


def _elapsed(match: Match) -> Sequence[Part] | None:
    """1h25min, 3′20″."""
    text = ""
    for name, unit in (("h", "小时"), ("m", "分钟"), ("s", "秒")):
        if match[name]:
            text += quantity(match[name]) + (unit if name != "m" or not match["s"] else "分")
    return whole(match, text) if sum(bool(match[name]) for name in "hms") > 1 else None


def _prime_time(match: Match) -> Sequence[Part]:
    return whole(match, f"{quantity(match['m'])}分{cardinal(match['s'])}秒")


_HALF = r"(?:\s?(?P<half>[AaPp]\.?[Mm]\.?)(?![A-Za-z]))"
RULES: tuple[Rule, ...] = (
    rule(
        "date",
        rf"(?<![\d.\-/])(?P<y>{_YEAR})(?P<s>[-/.])(?P<m>\d{{1,2}})(?P=s)(?P<d>\d{{1,2}})(?![\d.]\d|\d)",
        _full_date,
    ),
    rule("year-month", r"(?<![\d.\-/])(?P<y>(?:19|20)\d\d)(?P<s>[-/])(?P<m>0[1-9]|1[0-2])(?![\d./%])", _year_month),
    rule(
        "year-range",
        rf"(?<!\d)(?P<a>{_YEAR})(?P<u>年?)(?P<j>{JOIN})(?P<b>{_YEAR}|\d\d(?=赛季|学年|财年|年度))(?!\d)",
        _year_range,
    ),
    rule("year", r"(?<![\d.])(?P<y>\d{2,4})(?=\s?年)", _year),
    rule("year", r"(?<![\d.A-Za-z])(?P<y>(?:19|20)\d\d)(?![\d.A-Za-z])", _bare_year),
    rule("generation", r"(?<![\d.])(?P<n>[05-9][05]|10)(?=后(?!天|面|方|来|续|期))", _generation),
    rule(
        "month-range",
        rf"(?<!\d)(?P<n>\d{{1,2}})(?P<u>[月日号]?)(?P<j>{JOIN})(?=\d{{1,2}}[月日号](?!楼|线|院|门|库|厅))",
        _month_day_range,
    ),
    rule("clock", rf"(?<![\d:：.])(?P<h>\d{{1,2}})[:：](?P<m>\d\d)(?:[:：](?P<s>[0-5]\d))?(?![\d:：]){_HALF}?", _clock),
    rule("clock", rf"(?<![\d:：.])(?P<h>\d{{1,2}})(?P<m>)(?P<s>){_HALF}", _hour_only),
    rule("time-range", JOIN, _time_join),
    rule(
        "duration",
        r"(?<![\d.A-Za-z])(?:(?P<h>\d+)\s?h(?:ours?|rs?)?\s?)?(?:(?P<m>\d+)\s?min(?:utes?|s)?\s?)?(?:(?P<s>\d+)\s?s(?:ec)?)?(?![A-Za-z\d])",
        _elapsed,
    ),
    rule("duration", r"(?<![\d°])(?P<m>\d+)[′'](?P<s>\d{1,2})(?:″|\"|'')", _prime_time),
)
