"""Years, dates, clock times, durations."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_engine.frontend.numbers import by_digit, cardinal, quantity
from tts_engine.frontend.rules.base import JOIN, Match, Part, Rule, clause, each, group, left, right, rule, whole
from tts_engine.frontend.rules.english import in_english

_YEAR = r"(?:1[0-9]|20|21)\d\d"
_SPAN_BEFORE = re.compile(r"(?:近|约|有|经|时|过|达|逾|足足|上下|距今|跨越|持续|传承|长达|满|整整|了|再过|每|第)$")
_SPAN_AFTER = re.compile(r"(?:历史|的历史|之久|光阴|寿命|漫长|时间|以上的|多|期|后的|免费|质保|保修|间)")
_SHORT_YEAR_AFTER = re.compile(
    r"(?:\d{1,2}月|[春夏秋冬]|初|底|末|年[初底末中]|前后|那年|那会|左右出|的[春夏秋冬]|出生|生人|毕业|入学|款|级|版|世界杯|奥运|春晚|上半年|下半年|的时候)"
)
_SCORE = re.compile(
    r"比分|获胜|险胜|战胜|击败|领先|落后|大胜|惜败|告负|取胜|战平|逆转|打平|平局|胜出|晋级|淘汰|夺冠|局分|盘分|总分为|力克|横扫|完胜|不敌|轻取|输给|扳平|决胜局|羽毛球|乒乓|[排网篮]球|[女男][排篮单双]|混双|首盘|抢七"
)
_RATIO_BEFORE = re.compile(r"(?:比例|比值|配比|比率|之比|宽高比|长宽比|按|比|成|约为|赔率|以)[为是按约]?$")
_DAYPART = re.compile(r"(?:上午|下午|晚上|早上|凌晨|中午|傍晚|清晨|夜里|午后|深夜|今晚|明早|今早|明晚|早|晚)$")
_ELAPSED_AFTER = re.compile(r"的?(?:成绩|时间完|完赛|夺冠|冲线|刷新|打破|跑完|获得|用时)")
_ELAPSED = re.compile(
    r"(?:用时|成绩|时长|耗时|历时|片长|完整版|加长版|剪辑版|导演版|全长|跑出|游出|花了|纪录|记录|倒计时|计时|剩余(?:时间)?|还剩)[为是了仅:：]?\s?$"
)
_ERA = re.compile(
    r"(?:民国|昭和|平成|令和|大正|明治|康熙|雍正|乾隆|嘉庆|道光|咸丰|同治|光绪|宣统|洪武|永乐|嘉靖|万历|崇祯|贞观|开元|天宝)$"
)
"""Names of eras: their years are counted."""


def _month_day(month: str, day: str) -> bool:
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31


def _full_date(match: Match) -> Sequence[Part] | None:
    """2024-03-05, 2024.6.1-6.18."""
    if not _month_day(match["m"], match["d"]):
        return None
    parts = [
        each(match, "y", by_digit(match["y"])),
        group(match, "s", "年"),
        group(match, "m", cardinal(match["m"]) + "月"),
        group(match, "d", cardinal(match["d"]) + "日"),
    ]
    if match["m2"]:
        if not _month_day(match["m2"], match["d2"]):
            return None
        parts += [group(match, "j", "到"), group(match, "m2", cardinal(match["m2"]) + "月")]
        parts += [group(match, "d2", cardinal(match["d2"]) + "日")]
    return parts


def _compact_date(match: Match) -> Sequence[Part] | None:
    """20241101: a date behind a word for one, else a number that nobody counts with."""
    if not _COMPACT_BEFORE.search(left(match)):
        counts = _COUNTS_AFTER.match(right(match)) or left(match, 1) in ("约", "共", "达", "有")
        return None if counts else [each(match, 0, by_digit(match[0]))]
    text = f"{by_digit(match['y'])}年{cardinal(match['m'])}月{cardinal(match['d'])}日"
    return whole(match, text)


_COMPACT_BEFORE = re.compile(
    r"(?:日期|[生款期账薪货]日|有效期|保质期|时间|截[止至]|期限|自|从|起|[至到])[至到为是:：]?\s?$"
)


def _month_first(match: Match) -> Sequence[Part] | None:
    """03/05/2024: month first unless that cannot be."""
    month, day = match["m"], match["d"]
    if int(month) > 12:
        month, day = day, month
    if not _month_day(month, day):
        return None
    return whole(match, f"{by_digit(match['y'])}年{cardinal(month)}月{cardinal(day)}日")


def _slash_date(match: Match) -> Sequence[Part] | None:
    """3/5 is a date beside words of dates, or where it is no proper fraction; else a fraction."""
    month, day = match["m"], match["d"]
    if not _month_day(month, day):
        return None
    around = _DATE_BEFORE.search(left(match)) or _DATE_AFTER.match(right(match))
    improper = match["s"] == "/" and int(month) >= int(day) and int(month) > 1
    if not around and not (improper and match["s"] == "/"):
        return None
    return [group(match, "m", cardinal(month) + "月"), group(match, "d", cardinal(day) + "日")]


_DATE_BEFORE = re.compile(
    r"(?:日期|时间|截止|截至|截至到|[生款期账薪货工]日|日程|预约|今天|明天|昨天|今日|明日|发布于|更新于|摄于|写于|定于|将于|自|从|起|年|至|周[一二三四五六日]|星期[一二三四五六日天])[是为：:（(]{0,2}$"
)
_DATE_AFTER = re.compile(
    r"[（(]?周[一二三四五六日]|星期|[早晚]上?[八九十\d]|上午|下午|中午|凌晨|当天|当晚|前(?!进)|之前|以前|起|截止|截至|发布|更新|上线|开[业播始幕售学盘]|举[行办]|出发|入住|退房|到期|"
    r"发货|到货|交付|放假|休息|调休|停[水电业课诊]|恢复|见|聚|集合|结束|生日|过期|预售|首[映发播]|上映|更|赛|圣诞|元旦|国庆|中秋|春节|除夕|平安夜|[~～—至到-]\s?\d{1,2}[./]\d{1,2}"
)


def _dotted_range(match: Match) -> Sequence[Part] | None:
    """3.5-3.8放假: two dates of a notice."""
    values = (match["a"], match["b"], match["c"], match["d"])
    if not (_month_day(*values[:2]) and _month_day(*values[2:])):
        return None
    if (int(values[0]), int(values[1])) >= (int(values[2]), int(values[3])):
        return None
    if not (
        _DATE_AFTER.match(right(match))
        or _DATE_BEFORE.search(left(match))
        or re.search(r"期间|活动|公告|通知", clause(match))
    ):
        return None
    first, second, third, fourth = map(cardinal, values)
    return whole(match, f"{first}月{second}日到{third}月{fourth}日")


def _bare_years(match: Match) -> Sequence[Part] | None:
    """1998～2003: two years that nothing counts."""
    if int(match["a"]) >= int(match["b"]) or _COUNTS_AFTER.match(right(match)):
        return None
    return [each(match, "a", by_digit(match["a"])), group(match, "j", "到"), each(match, "b", by_digit(match["b"]))]


_COUNTS_AFTER = re.compile(r"[元块个名人家米公吨万亿千辆台件套只斤克年度转级点分个位户亩页次层℃%a-zA-Z]")


def _short_years(match: Match) -> Sequence[Part] | None:
    """98-03年, 95~98级."""
    if not (match["b"][0] == "0" or (int(match["a"]) >= 60 and re.search(r"(?:^|[从在于自，。；])$", left(match)))):
        return None
    return [each(match, "a", by_digit(match["a"])), group(match, "j", "到"), each(match, "b", by_digit(match["b"]))]


def _season(match: Match) -> Sequence[Part]:
    """2023/24赛季."""
    return [each(match, "a", by_digit(match["a"])), group(match, "j", "到"), each(match, "b", by_digit(match["b"]))]


def _padded(match: Match) -> Sequence[Part] | None:
    """03月05日, 08点, 1小时05分: a leading zero is silent in months, days and hours, said in minutes and seconds."""
    if match["u"] in "分秒" and re.search(r"[点时分]$|小时$", left(match)):
        return [group(match, "n", "零" + cardinal(match["n"]))]
    return [group(match, "n", quantity(str(int(match["n"]))) if match["u"] in "点时" else cardinal(match["n"]))]


def _hundredths(match: Match) -> Sequence[Part]:
    """9秒58, 33秒660: what is below a second digit by digit."""
    return [group(match, "n", quantity(match["n"])), group(match, "u", "秒"), each(match, "t", by_digit(match["t"]))]


_PITCH = re.compile(
    r"进球|破门|换[人下上]|[黄红]牌|点球|射门|射[进入偏]|助攻|头球|补时|扳平|上半场|下半场|绝杀|推射|抽射|任意球|角球|越位|乌龙|VAR|梅开二度|帽子戏法|门将|比赛"
)


def _minute_of_match(match: Match) -> Sequence[Part] | None:
    """第67'进球, 90+3': minutes of a match on the pitch."""
    if not _PITCH.search(clause(match)):
        return None
    parts = [group(match, "m", quantity(match["m"]))]
    parts += [group(match, "j", "加"), group(match, "x", cardinal(match["x"]))] if match["x"] else []
    return [*parts, group(match, "p", "分钟")]


def _verse(match: Match) -> Sequence[Part] | None:
    """约翰福音3:16: chapter and verse of a scripture."""
    if not _SCRIPTURE.search(left(match)):
        return None
    chapter = "篇" if left(match).endswith("诗篇") else "章"
    parts = [group(match, "c", cardinal(match["c"])), group(match, "j", chapter)]
    if match["w"]:
        return [*parts, group(match, "v", cardinal(match["v"])), group(match, "k", "到"), _verse_end(match, "w")]
    return [*parts, _verse_end(match, "v")]


def _verse_end(match: Match, name: str) -> Part:
    return group(match, name, cardinal(match[name]) + "节")


_SCRIPTURE = re.compile(
    "(?:圣经|福音|旧约|新约|古兰经|可兰经|诗篇|箴言|雅歌|创世[记纪]|出埃及记|利未记|民数记|申命记|士师记|约书亚记|路得记|约伯记|传道书|亚书|利米书|西结书|以理书|"
    "使徒行传|启示录|罗马书|林多[前后]书|太书|弗所书|立比书|西书|迦[前后]书|提摩太[前后]书|希伯来书|雅各书|彼得[前后]书|约翰[一二三]书|犹大书|列王[纪记][上下]|历代志[上下]|撒母耳记[上下])$"
)


def _long_prime(match: Match) -> Sequence[Part]:
    """1'23"45 and 2'05 behind a word of race times."""
    tail = by_digit(match["t"]) if match["t"] else ""
    seconds = match["s"]
    minute = f"{quantity(match['m'])}分" + ("零" if seconds[0] == "0" and seconds != "00" else "") + cardinal(seconds)
    return whole(match, minute + "秒" + tail)


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
        named = re.search(r"(?:公元|元前|西元)$", before) or _REIGN.match(rest)
        return [each(match, "y", by_digit(value))] if named and not _SPAN_BEFORE.search(before) else None
    if len(value) == 2 and not rest.startswith("代") and not _SPAN_BEFORE.search(before) and not _ERA.search(before):
        is_named = (_SHORT_YEAR_AFTER.match(rest) or value >= "60") and not _SPAN_AFTER.match(rest)
        return [each(match, "y", by_digit(value))] if is_named or value[0] == "0" else None
    return None


_REIGN = re.compile(
    "(?:正式)?(?:建[立国都]|灭[亡国于]|即位|登基|称帝|驾崩|病逝|去世|出生|统一|攻[占入破]|迁都|爆发|平定|叛乱|起义|之乱|改元|退位|禅让|复国|亡国|东征|西征|北伐|归降)"
)
"""Behind a year of three digits of history: 618年建立."""


def _lifetime(match: Match) -> Sequence[Part] | None:
    """(1881—1936): the years of a life or a reign."""
    if not 0 < int(match["b"]) - int(match["a"]) < 130:
        return None
    return [each(match, "a", by_digit(match["a"])), group(match, "j", "到"), each(match, "b", by_digit(match["b"]))]


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
    if second and _is_race(match):
        hours = f"{quantity(str(int(hour)))}小时" if int(hour) else ""
        return whole(match, f"{hours}{_minute(minute, True)}{cardinal(second)}秒")
    if not second and _ELAPSED.search(left(match)):
        return whole(match, f"{quantity(str(int(hour)))}分{_two(minute)}秒")
    time = _hour(hour) + (_minute(minute, bool(second)) if minute != "00" or (second or "00") != "00" else "")
    return whole(match, _day_part(match) + time + (f"{_two(second)}秒" if second and second != "00" else ""))


def _is_race(match: Match) -> bool:
    """Hours, minutes and seconds of a race, not of the day."""
    told = _ELAPSED.search(left(match)) or _ELAPSED_AFTER.match(right(match))
    return bool(told or re.search(r"马拉松|全马|半马|越野赛|铁三|PB", clause(match)))


def _is_clock(match: Match) -> bool:
    if int(match["h"]) > 24 or int(match["m"]) > 59:
        return False
    if match["half"]:
        return True
    if match["s"]:
        return True
    if re.search(
        r"(?:时间|开放|营业|截止|集合|出发|开始|开会|上班|下班|服务|开门|闭馆|关门|[点日号早晚午天周一二三四五六末])[:：为是于]?\s?$",
        left(match),
    ):
        return True
    if _RATIO_BEFORE.search(left(match)) and not re.search(r"(?:成立|之前|以前)", right(match)):
        return False
    return (
        not _SCORE.search(clause(match))
        or bool(re.search(r"(?:开始|开球|今晚|于)$", left(match)))
        or bool(re.match(r"(?:准时)?(?:开[始球赛打]|举行|打响|直播|进行|集合|播出)", right(match)))
    )


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


def _half_first(match: Match) -> Sequence[Part] | None:
    """PM 6:00: the half of the day in front."""
    if not 1 <= int(match["h"]) <= 12:
        return None
    minute = "" if match["m"] == "00" else _minute(match["m"], False)
    return whole(match, _day_part(match) + _hour(match["h"]) + minute)


def _hour_only(match: Match) -> Sequence[Part] | None:
    return whole(match, _day_part(match) + _hour(match["h"])) if 1 <= int(match["h"]) <= 12 else None


def _time_join(match: Match) -> Sequence[Part] | None:
    """The sign between two times, days or dates: 到."""
    before = left(match, 11)
    if match[0].strip() in ("-", "−") and _FROST.match(right(match, 12)) and not before[-1:].isdigit():
        return None
    spelled = re.search(
        r"(?:[日号月年点分时秒周天晚早午]|点\d\d|周[一二三四五六日末]|星期[一二三四五六日天]|\d[:：]\d\d|[ap]\.?m\.?|\d{4}[-/.]\d\d?[-/.]\d\d?|(?<!\d)\d\d?/\d\d?)$",
        before,
        re.I,
    )
    after = re.match(
        r"(?:\d{1,4}(?:[-/.年月日号:：点时]|\D|$))|周|星期|[AaPp]\.?[Mm]\.?\s?\d|[一二三四五六七八九十]+[月日号点]|[上下]午|晚|次|翌|今|明",
        right(match),
    )
    return whole(match, "到") if spelled and after else None


_FROST = re.compile(rf"\d+(?:\.\d+)?(?:\s?(?:度|℃)?{JOIN}[-−]?\d+(?:\.\d+)?)?\s?(?:度|℃|°C)(?!角)")
"""今晚-8度: behind a day, but no other time."""


def _elapsed(match: Match) -> Sequence[Part] | None:
    """1h25min, 3′20″."""
    text = ""
    for name, unit in (("h", "小时"), ("m", "分钟"), ("s", "秒")):
        if match[name]:
            text += quantity(match[name]) + (unit if name != "m" or not match["s"] else "分")
    return whole(match, text) if sum(bool(match[name]) for name in "hms") > 1 else None


def _sprint(match: Match) -> Sequence[Part]:
    """12″5: seconds, and what is below a second."""
    return whole(match, f"{quantity(match['s'])}秒{by_digit(match['t'])}")


def _lap(match: Match) -> Sequence[Part]:
    """1:10.365: minutes, seconds and what is below a second."""
    hours = f"{quantity(match['h'])}小时" if match["h"] else ""
    return whole(match, f"{hours}{quantity(str(int(match['m'])))}分{_two(match['s'])}秒{by_digit(match['t'])}")


def _decade(match: Match) -> Sequence[Part] | None:
    """1990s, 90s: a decade as English writes it."""
    if in_english(match):
        return None
    return whole(match, (by_digit(match["y"]) if match["y"] else cardinal(match["d"] or match["e"])) + "年代")


def _beat(match: Match) -> Sequence[Part]:
    """3/4拍: 四三拍, as musicians say it."""
    return whole(match, by_digit(match["b"] + match["a"]))


def _prime_time(match: Match) -> Sequence[Part]:
    return whole(match, f"{quantity(match['m'])}分{cardinal(match['s'])}秒")


_HALF = r"(?:\s?(?P<half>[AaPp]\.?[Mm]\.?)(?![A-Za-z]))"
RULES: tuple[Rule, ...] = (
    rule(
        "verse",
        r"(?<=[经音约篇言歌记纪书传录上下])(?<!\d)\s?(?P<c>\d{1,3})(?P<j>[:：])(?P<v>\d{1,3})"
        r"(?:(?P<k>[-–—~～])(?P<w>\d{1,3}))?(?!\d|[:：])",
        _verse,
    ),
    rule("beat", r"(?<![\d./])(?P<a>\d)(?P<j>/)(?P<b>[248])(?=拍)", _beat),
    rule(
        "date",
        rf"(?<![\d./])(?P<y>{_YEAR})\s?(?P<s>[-/.．。])\s?(?P<m>\d{{1,2}})\s?(?P=s)\s?(?P<d>\d{{1,2}})"
        rf"(?:(?P<j>{JOIN})(?P<m2>\d{{1,2}})(?P=s)(?P<d2>\d{{1,2}})(?![\d./-]))?(?![\d.]\d|\d)",
        _full_date,
    ),
    rule(
        "date",
        r"(?<![\dA-Za-z.])(?P<y>20[0-4]\d)(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?![\dA-Za-z.])",
        _compact_date,
    ),
    rule(
        "date",
        r"(?<![\d./-])(?P<m>\d{1,2})(?P<s>[/-])(?P<d>\d{1,2})(?P=s)(?P<y>(?:19|20)\d\d)(?![\d/-])",
        _month_first,
    ),
    rule("date", r"(?<![\d./])(?P<m>\d{1,2})(?P<s>/)(?P<d>\d{1,2})(?![\d/%]|\.\d)", _slash_date),
    rule(
        "date-range",
        rf"(?<![\d.])(?P<a>\d{{1,2}})\.(?P<b>\d{{1,2}}){JOIN}(?P<c>\d{{1,2}})\.(?P<d>\d{{1,2}})(?![\d.%])",
        _dotted_range,
    ),
    rule(
        "season",
        r"(?<!\d)(?P<a>(?:19|20)?\d\d)(?P<j>[/-])(?P<b>(?:19|20)?\d\d)(?=\s?(?:赛季|学年|财年|年度|雪季|榨季))",
        _season,
    ),
    rule("year-range", rf"(?<![\d.])(?P<a>(?:19|20)\d\d)(?P<j>{JOIN})(?P<b>(?:19|20)\d\d)(?![\d.年])", _bare_years),
    rule("year-range", rf"(?<=[(（])(?P<a>1\d{{3}}|20\d\d)(?P<j>{JOIN})(?P<b>1\d{{3}}|20\d\d)(?=[)）,，])", _lifetime),
    rule("year-range", rf"(?<![\d.])(?P<a>\d\d)(?P<j>{JOIN})(?P<b>\d\d)(?=年(?!代|级|龄))", _short_years),
    rule("year-range", rf"(?<=[(（])(?P<a>\d{{3}})(?P<u>年?)(?P<j>{JOIN})(?P<b>\d{{3,4}})(?=年[)）])", _year_range),
    rule("padded", r"(?<![\d.])(?P<n>0\d)(?=(?P<u>[月日号时点分秒]))", _padded),
    rule("year-month", r"(?<![\d.\-/])(?P<y>(?:19|20)\d\d)(?P<s>[-/])(?P<m>0[1-9]|1[0-2])(?![\d./%])", _year_month),
    rule(
        "year-range",
        rf"(?<!\d)(?P<a>{_YEAR})(?P<u>年?)(?P<j>{JOIN})(?P<b>{_YEAR}|\d\d(?=赛季|学年|财年|年度))(?!\d)",
        _year_range,
    ),
    rule("year", r"(?<![\d.])(?P<y>\d{2,4})(?=\s?年)", _year),
    rule("year", r"(?<![\d.A-Za-z])(?P<y>(?:19|20)\d\d)(?![\d.A-Za-z])", _bare_year),
    rule(
        "decade",
        r"(?<![\d.A-Za-z])(?:['’]?(?P<y>(?:19|20)\d0)['’]?s(?![A-Za-z\d])|['’](?P<d>[2-9]0)s(?![A-Za-z\d])|(?P<e>[5-9]0)s(?=年代|复古|怀旧|老歌|金曲|港风|音乐|摇滚|风[格味情]?))(?:年代)?",
        _decade,
    ),
    rule("generation", r"(?<![\d.])(?P<n>[05-9][05]|10)(?=后(?!天|面|方|来|续|期))", _generation),
    rule(
        "month-range",
        rf"(?<!\d)(?P<n>\d{{1,2}})(?P<u>[月日号]?)(?P<j>{JOIN})(?=\d{{1,2}}[月日号](?!楼|线|院|门|库|厅))",
        _month_day_range,
    ),
    rule(
        "duration",
        r"(?<![\d:.])(?:(?P<h>\d{1,2}):)?(?P<m>\d{1,2}):(?P<s>[0-5]\d)\.(?P<t>\d{2,3})(?!\d|\.\d)",
        _lap,
    ),
    rule(
        "clock",
        rf"(?<![\d:.])(?<!\d：)(?P<h>\d{{1,2}})[:：](?P<m>\d\d)(?:[:：](?P<s>[0-5]\d))?(?![\d:：]){_HALF}?",
        _clock,
    ),
    rule(
        "clock",
        r"(?<![A-Za-z])(?P<half>[AaPp]\.?[Mm]\.?)\s?(?P<h>\d{1,2})[:：](?P<m>[0-5]\d)(?![\d:：.%A-Za-z])",
        _half_first,
    ),
    rule("clock", rf"(?<![\d:：.])(?P<h>\d{{1,2}})(?P<m>)(?P<s>){_HALF}", _hour_only),
    rule("time-range", JOIN, _time_join),
    rule(
        "duration",
        r"(?<![\d.A-Za-z])(?:(?P<h>\d+)\s?h(?:ours?|rs?)?\s?)?(?:(?P<m>\d+)\s?min(?:utes?|s)?\s?)?(?:(?P<s>\d+)\s?s(?:ec)?)?(?![A-Za-z\d])",
        _elapsed,
    ),
    rule(
        "duration",
        r"(?<![\d.°+])(?P<m>\d{1,3})(?:(?P<j>\s?\+\s?)(?P<x>\d{1,2}))?(?P<p>['’′])(?!\d|['’′A-Za-z])",
        _minute_of_match,
    ),
    rule("duration", r"(?<![\d°])(?P<m>\d+)[′'](?P<s>\d{2})(?:″|\"|''|\.)(?P<t>\d{1,2})(?!\d)", _long_prime),
    rule("duration", r"(?<![\d.'′°])(?P<s>\d{1,2})″(?P<t>\d{1,2})(?![\d.×xX])", _sprint),
    rule("duration", r"(?<![\d°])(?P<m>\d+)[′'’](?P<s>\d{1,2})(?:″|\"|''|′′|”)", _prime_time),
    rule("duration", r"(?<![\d.])(?P<n>\d+)(?P<u>秒)(?P<t>\d{1,3})(?!\d|[分个元])", _hundredths),
)
