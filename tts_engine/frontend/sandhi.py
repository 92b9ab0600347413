"""Citation readings → surface readings: 不 and 一, reduplication, third tones, merged erhua.

Third tones change by prosodic feet: inside words first (展览|馆, 小|老虎), then between words, the left of two
adjoining third tones becoming a second one wherever the right one is still third. Works on one pause-free phrase.

Source: GB/T 16159-2012; Duanmu, The Phonology of Standard Chinese (2007), ch. 11, for the order of application.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tts_engine.frontend.readings import Syllable

HIDDEN = "〓"
"""Stands for a character whose reading the author fixed, so that no rule knows it."""
_DIGITS = frozenset("零〇一二三四五六七八九幺两")
_PLACES = frozenset("十百千万亿点")
_ORDINAL_AFTER = (
    "月",
    "号",
    "楼",
    "班",
    "年级",
    "等奖",
    "组",
    "单元",
    "栋",
    "中学",
    "把手",
    "流",
    "期工程",
    "季度",
    "车间",
    *(f"级{kind}" for kind in "运动 建造 学科 保护 甲等 响应 医 市场 演员 教师 能效 公路 战备 警 风险 英雄".split()),
)
_STAYS_FIRST = frozenset(
    (
        "统一",
        "唯一",
        "单一",
        "万一",
        "专一",
        "第一",
        "周一",
        "之一",
        "合一",
        "逐一",
        "星期一",
        "礼拜一",
        "划一",
    )
)
_COMPLEMENTS = frozenset("了起到清见下上出来去动住开完好懂过着及掉成通惯准全多少定透像")
_NOT_VERBS = frozenset(
    "也都就才还从并我你他她它的是若要如又却可绝毫永决再偏很太更最则便既且而但这那谁人们本边直总老竟君"
)
_FULL_ER = frozenset(
    "女儿 男儿 幼儿 婴儿 少儿 胎儿 台儿 孤儿 健儿 患儿 小儿 宠儿 弃儿 托儿 产儿 妻儿 犬儿 生儿 混血儿 新生儿 育儿 "
    "吾儿 爱儿 乳儿 一儿 氏儿 潮儿 运儿 形儿 馨儿 我儿 你儿 他儿 其儿 的儿 之儿 有儿 娇儿 抚儿".split()
)
_ER_WORDS = (
    "儿子",
    "儿童",
    "儿女",
    "儿孙",
    "儿科",
    "儿歌",
    "儿媳",
    "儿戏",
    "儿时",
    "儿园",
    "儿所",
    "儿化",
    "儿郎",
    "儿茶",
    "儿坐标",
)
_KEEPS_THIRD = frozenset("姐奶姥婶嫂宝")
_ERHUA_FIRST_TONE = frozenset(("慢慢儿", "好好儿", "快快儿", "早早儿", "远远儿", "轻轻儿", "满满儿"))


_VALUE = re.compile("比[零〇一二三四五六七八九]|点[零〇一二三四五六七八九]+(?![十分刻半整钟零〇一二三四五六七八九])")
"""Behind the 一 of a score or a decimal; 一点五分 is a time."""
_RANKED_LINE = re.compile(
    "线(?:城|都市|市场|楼市|房价|大[厂牌]|品牌|明星|演员|艺人|歌手|导演|主播|网红|球[队星]|豪门|强队|厂商?|企业|房企|券商|奢侈|白酒"
    "|[和及与跟到至或、]?(?:新一|准一|[二三四五])[、到至]?[二三四五]?线)"
)
"""Behind the 一 of a rank: 一线城市, 一二线; 一线希望 counts, 抗疫一线 is a front."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A syllable as it is said; ``[first, last)`` of the phrase's characters (two with merged erhua)."""

    text: str
    pinyin: str
    citation: str
    rule: str
    first: int
    last: int
    source: Syllable

    @property
    def word(self) -> int:
        """Index of its word in the sentence."""
        return self.source.word


def apply(syllables: Sequence[Syllable]) -> list[Spoken]:
    """Surface readings of a phrase of Chinese characters without a pause."""
    spoken = [
        Spoken(syllable.text, syllable.pinyin, syllable.pinyin, syllable.rule, index, index + 1, syllable)
        for index, syllable in enumerate(syllables)
    ]
    _weaken(spoken)
    _reduplicate(spoken)
    spoken = _merge_erhua(spoken)
    _negate(spoken)
    _one(spoken)
    _third_tones(spoken)
    return spoken


def _tone(spoken: Spoken) -> str:
    return spoken.pinyin[-1:]


def _set_tone(phrase: list[Spoken], index: int, tone: str, rule: str) -> None:
    old = phrase[index]
    if old.pinyin and _tone(old) != tone:
        phrase[index] = replace(old, pinyin=old.pinyin[:-1] + tone, rule=f"{old.rule}+{rule}")


def _weaken(phrase: list[Spoken]) -> None:
    """Neutral tones that belong to the word: 葡萄 pu2 tao5."""
    for index, spoken in enumerate(phrase):
        if spoken.source.neutral:
            _set_tone(phrase, index, "5", "neutral")


def _reduplicate(phrase: list[Spoken]) -> None:
    """看看 → kan4 kan5, inside one two-character word; 天天, 人人 keep their tones."""
    for index in range(1, len(phrase)):
        first, second = phrase[index - 1], phrase[index]
        after = phrase[index + 1] if index + 1 < len(phrase) else None
        alone = after is None or after.word != second.word or after.text == "看"  # 试试看
        starts = index == 1 or phrase[index - 2].word != first.word
        if first.text == second.text and alone and starts and first.text in _VERBS_AND_KIN:
            _set_tone(phrase, index, "5", "reduplication")


_VERBS_AND_KIN = frozenset(
    "看听说想走试等坐问找学写读谈聊玩逛尝用摸闻动歇查数谢猜算洗擦扫管劝讲教帮比改修躺站跳跑练唱念翻转遛瞧瞅查补"
    "爸妈哥姐弟妹爷奶姥公婆叔舅姑伯婶嫂宝娃星猩"
)


def _merge_erhua(phrase: list[Spoken]) -> list[Spoken]:
    merged: list[Spoken] = []
    text = "".join(syllable.text for syllable in phrase)
    for index, syllable in enumerate(phrase):
        if syllable.text == "儿" and merged and _is_erhua(text, index, merged[-1]):
            merged[-1] = _with_erhua(merged[-1], syllable, text[max(0, index - 2) : index + 1])
        else:
            merged.append(syllable)
    return merged


def _is_erhua(text: str, index: int, before: Spoken) -> bool:
    if before.pinyin[:-1].endswith("r") or not before.pinyin or before.text == HIDDEN:
        return False
    if text[index - 2 : index + 1] in ("打小儿", "从小儿"):
        return True
    full = text[index - 1 : index + 1] in _FULL_ER or text[index - 2 : index + 1] in _FULL_ER
    return not full and not text.startswith(_ER_WORDS, index)


def _with_erhua(host: Spoken, er: Spoken, around: str) -> Spoken:
    citation = f"{host.citation[:-1]}r{host.citation[-1]}"
    tone = "1" if around in _ERHUA_FIRST_TONE else _tone(host)
    pinyin = f"{host.pinyin[:-1]}r{tone}"
    return replace(
        host, text=host.text + "儿", pinyin=pinyin, citation=citation, rule=f"{host.rule}+erhua", last=er.last
    )


def _negate(phrase: list[Spoken]) -> None:
    for index, syllable in enumerate(phrase):
        if syllable.text != "不" or syllable.pinyin != "bu4":
            continue
        if _is_between(phrase, index):
            _set_tone(phrase, index, "5", "不")
        elif index + 1 < len(phrase) and _tone(phrase[index + 1]) == "4":
            _set_tone(phrase, index, "2", "不")


def _is_between(phrase: list[Spoken], index: int) -> bool:
    """A不A, verb–不–complement."""
    if index == 0 or index + 1 == len(phrase):
        return False
    before, after = phrase[index - 1].text[0], phrase[index + 1].text[0]
    if before == "得" or phrase[index - 1].pinyin == "le5":
        return False  # 急得不得了, 所得不多, 多了不少
    if before == after or (after == "得" and phrase[index + 1].pinyin == "de5"):
        return True
    if after == "见" and phrase[index - 1].source.tag[:1] == "n":
        return False  # 书不见了
    bound = phrase[index].word in (phrase[index - 1].word, phrase[index + 1].word)
    last = index + 2 >= len(phrase) or phrase[index + 2].word != phrase[index + 1].word
    return (bound or last) and after in _COMPLEMENTS and before not in _NOT_VERBS and last


def _one(phrase: list[Spoken]) -> None:
    text = "".join(syllable.text[0] for syllable in phrase)
    for index, syllable in enumerate(phrase):
        if syllable.text != "一" or syllable.pinyin != "yi1" or index + 1 == len(phrase) or syllable.source.is_digit:
            continue
        if _is_repeated(text, index):
            _set_tone(phrase, index, "5", "一")
        elif not _stays_first(text, index):
            _set_tone(phrase, index, "2" if _tone(phrase[index + 1]) in "45" else "4", "一")


def _is_repeated(text: str, index: int) -> bool:
    """看一看; neither 一个一个 nor 二一二."""
    around = text[max(0, index - 2) : index], text[index + 1]
    return around[0][-1:] == around[1] not in _DIGITS and around[0][:-1] not in _DIGITS | _PLACES


def _stays_first(text: str, index: int) -> bool:
    """Digits, ordinals and the ends of words keep yī."""
    before, after = text[max(0, index - 1) : index], text[index + 1]
    if before in tuple("东西南北中") and after in "路街环区段巷":
        return True
    if any(text[max(0, index + 1 - len(word)) : index + 1] == word for word in _STAYS_FIRST):
        return after not in "个"
    if after in _DIGITS or before == "第" or before == "初" or _VALUE.match(text, index + 1):
        return True
    if before in _DIGITS or before in _PLACES:
        return after not in "百千万亿" or before == "点"
    if _RANKED_LINE.match(text, index + 1) or (after == "线" and before in ("新", "准", "超")):
        return True
    if after == "日":
        return before == "月"  # 一日三餐 counts days; 1日 is told apart by who wrote it
    return before not in ("这", "那", "每", "有") and text.startswith(_ORDINAL_AFTER, index + 1)


def _third_tones(phrase: list[Spoken]) -> None:
    feet = _feet(phrase)
    for begin, end in feet:
        for left in range(begin, end - 1):
            _raise_left(phrase, left)
    for begin, _ in feet[1:]:
        _raise_left(phrase, begin - 1)


def _raise_left(phrase: list[Spoken], left: int) -> None:
    first, second = phrase[left], phrase[left + 1]
    if _tone(first) != "3":
        return
    weakened = _tone(second) == "5" and second.citation[-1:] == "3" and first.text not in _KEEPS_THIRD
    weakened = weakened and second.text != "子"  # 本子, 点子: the suffix has no tone to yield to
    lexical = first.text + second.text in ("哪里", "小姐", "想起", "老鼠", "等等", "早起", "打手")
    if _tone(second) == "3" or weakened or (lexical and _tone(second) == "5"):
        _set_tone(phrase, left, "2", "third")


def _feet(phrase: list[Spoken]) -> list[tuple[int, int]]:
    """Spans of the feet: the parts of words; neighbouring words of one syllable pair up as their grammar asks."""
    parts = [(begin, end) for begin, end in _parts(phrase)]
    feet: list[tuple[int, int]] = []
    index = 0
    while index < len(parts):
        if _pairs(phrase, parts, index):
            feet.append((parts[index][0], parts[index + 1][1]))
            index += 2
        else:
            feet.append(parts[index])
            index += 1
    return feet


def _parts(phrase: list[Spoken]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for index, spoken in enumerate(phrase):
        before = phrase[index - 1].source if index else None
        if before and (before.word, before.foot) == (spoken.source.word, spoken.source.foot):
            spans[-1] = (spans[-1][0], index + 1)
        else:
            spans.append((index, index + 1))
    return spans


def _pairs(phrase: list[Spoken], parts: list[tuple[int, int]], index: int) -> bool:
    """Whether two words of one syllable make a foot; 五把, 很好 make one before 买五, 我很 do."""
    if index + 1 == len(parts) or not (_is_single(phrase, parts[index]) and _is_single(phrase, parts[index + 1])):
        return False
    if index + 2 == len(parts) or not _is_single(phrase, parts[index + 2]):
        return True
    return not _belongs_right(phrase[parts[index + 1][0]], phrase[parts[index + 2][0]]) or _belongs_right(
        phrase[parts[index][0]], phrase[parts[index + 1][0]]
    )


def _is_single(phrase: list[Spoken], part: tuple[int, int]) -> bool:
    """Whether the part is a whole word of one syllable."""
    begin, end = part
    around = [phrase[place].word for place in (begin - 1, end) if 0 <= place < len(phrase)]
    return end - begin == 1 and phrase[begin].word not in around


def _belongs_right(left: Spoken, right: Spoken) -> bool:
    """A numeral and its classifier, an adverb and what it modifies."""
    tags = left.source.tag[:1], right.source.tag[:1]
    return tags in (("m", "q"), ("d", "a"), ("d", "v"), ("r", "q"), ("p", "n"), ("p", "r"))
