"""Words → citation readings: own lexicon, context rules, a fitted ranker for polyphones, pypinyin's phrases.

Citation readings are what a dictionary prints: 一 yi1, third tones as they are, and full tones where a neutral one is
a matter of speech (衣服 yi1 fu2). ``neutral`` marks the syllables that speech weakens; ``sandhi.py`` does it.

Sources: pypinyin (MIT) with its phrase dictionary and, for rare characters, Unihan's readings; ``polyphones.py``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tts_engine.frontend.characters import is_han
from tts_engine.frontend.data import table
from tts_engine.frontend.phrasebook import LONGEST, beginning, is_phrase, phrase, readings_of
from tts_engine.frontend.polyphones import Occurrence, Phrase, Polyphones
from tts_engine.frontend.words import Word, Words

_CONTEXT = 8
_REMOVED = "!"
Rows = Callable[[str], list[list[str]]]
"""Rows of a table by its file's name."""


@dataclass(frozen=True, slots=True)
class Syllable:
    """One Chinese character with its citation reading."""

    text: str
    pinyin: str
    """Tone digit last, ü as v; empty where nobody knows a reading."""
    rule: str
    word: int
    """Index of its word in the sentence."""
    neutral: bool = False
    """Whether ordinary speech weakens it in this word."""
    tag: str = ""
    """Part of speech of its word, as jieba names them."""
    foot: int = 0
    """Index of its foot in the word: 展览|馆, 小|老虎."""
    is_digit: bool = False
    """Whether it ends a number that counts nothing: a score, a model."""


@dataclass(frozen=True)
class _Rule:
    """In this context the character is read so."""

    left: re.Pattern[str]
    right: re.Pattern[str]
    pinyin: str


class Readings:
    """Reads sentences. Immutable, so any number of threads may share it."""

    def __init__(self, polyphones: Polyphones | None = None, rows: Rows = table) -> None:
        """Load the dictionaries.

        Args:
            polyphones: instead of the package's own.
            rows: of the tables, instead of all.
        """
        self._lexicon, removed = _lexicon(rows)
        self._neutral = {row[0]: tuple(row[1].split(" ")) if row[1:] else () for row in rows("neutral.tsv")}
        self._rules = _polyphone_rules(rows)
        compounds = {word: tuple(pinyin.split(" ")) for word, pinyin in rows("compounds.tsv")}
        added = {word: 200 for word in (*self._lexicon, *self._neutral) if len(word) > 1}
        self._words = Words(added, removed, compounds.keys() - removed)
        self._lexicon = compounds | self._lexicon
        self._polyphones = polyphones or Polyphones.load()

    def read(self, text: str) -> list[Syllable | None]:
        """One syllable for each Chinese character of a sentence, None for its other characters."""
        words = self._words.words(text)
        known = [reading for word in words for reading in self._word(text, word)]
        for before, word, after in zip(words, words[1:], words[2:], strict=False):
            if word.text == "地" and known[word.begin][1] in _OPEN and _is_manner(text, before, after):
                known[word.begin] = ("de5", "context")
        for place in _inside(words) if "里" in text else ():
            known[place] = ("li5", "context")
        for place in _experienced(text, words) if "过" in text else ():
            known[place] = ("guo5", "context")
        chosen = self._chosen(text, words, [place for place, (_, rule) in enumerate(known) if rule in _OPEN])
        syllables: list[Syllable | None] = [None] * len(text)
        for index, word in enumerate(words):
            weak = () if known[word.end - 1][1] == "context" else self._weak(word)
            feet = self._words.feet(word.text)
            for place in range(word.begin, word.end):
                pinyin, rule = chosen.get(place, known[place])
                neutral = place in weak
                if neutral and place not in chosen:
                    pinyin = pinyin[:-1] + "5"
                if is_han(text[place]):
                    rule = rule if pinyin else "unknown"
                    syllables[place] = Syllable(
                        text[place], pinyin, rule, index, neutral, word.tag, feet[place - word.begin]
                    )
        return syllables

    def word_ends(self, text: str) -> set[int]:
        """Positions in ``text`` where a word ends."""
        return {word.end for word in self._words.words(text)}

    def words(self) -> Iterator[tuple[str, int, tuple[str, ...]]]:
        """Every word of two or more characters that has a known reading, with jieba's count of it and that reading."""
        for word, count in self._words.FREQ.items():
            pinyin = self._lexicon.get(word) or phrase(word)
            if len(word) > 1 and pinyin:
                yield word, count, pinyin

    def occurrences(self, text: str, places: Sequence[int]) -> list[Occurrence]:
        """What the ranker sees of the characters of ``text`` at ``places``."""
        return self._occurrences(text, self._words.words(text), places)

    def _occurrences(self, text: str, words: Sequence[Word], places: Sequence[int]) -> list[Occurrence]:
        candidates = self._polyphones.candidates
        found: list[Occurrence] = []
        index = 0
        for place in places:
            while words[index].end <= place:
                index += 1
            phrases = _phrases(text, place)
            frequency = self._words.FREQ.get(words[index].text, 0)
            found.append(Occurrence(text, place, words, index, phrases, candidates[text[place]], frequency))
        return found

    def _chosen(self, text: str, words: Sequence[Word], places: Sequence[int]) -> dict[int, tuple[str, str]]:
        several = [place for place in places if text[place] in self._polyphones.candidates]
        readings = self._polyphones.choose(self._occurrences(text, words, several))
        return {place: (pinyin, "polyphone") for place, pinyin in zip(several, readings, strict=True)}

    def _weak(self, word: Word) -> tuple[int, ...]:
        """Places of neutral syllables: the end of a listed word (朋友, also in 朋友们) or of an unknown one like it."""
        if len(word.text) == 4 and word.text[:2] in self._neutral and word.text[2:] in self._neutral:
            return word.begin + 1, word.end - 1  # 亲戚朋友
        stem = word.text.removesuffix("们")
        if stem != word.text and stem in self._neutral:
            return word.end - 2, word.end - 1
        listed = word.text in self._neutral
        if not listed and (word.text in self._lexicon or is_phrase(word.text)):
            return ()
        like = any(word.text[-length:] in self._neutral for length in range(2, len(word.text)))
        return (word.end - 1,) if listed or like else ()

    def _word(self, text: str, word: Word) -> list[tuple[str, str]]:
        """Reading and source of each character; ``_OPEN`` sources yield to the ranker."""
        fitting = self._in_context(text, word.begin, word.text) if len(word.text) > 1 else None
        if fitting:
            return [(pinyin, "context") for pinyin in fitting.split(" ")]
        known: list[tuple[str, str]] = []
        while len(known) < len(word.text):
            at = len(known)
            known += self._phrase(word.text[at:]) or [self._character(text, word.begin + at)]
        return known

    def _phrase(self, text: str) -> list[tuple[str, str]]:
        """The longest known phrase of two or more characters at the start of ``text``."""
        for length in range(min(len(text), LONGEST), 1, -1):
            known = text[:length]
            own = self._lexicon.get(known) or self._neutral.get(known)
            if own:
                return [(pinyin, "lexicon") for pinyin in own]
            if is_phrase(known):
                return [(pinyin, "phrase") for pinyin in phrase(known)]
        return []

    def _character(self, text: str, at: int) -> tuple[str, str]:
        character = text[at]
        fitting = self._in_context(text, at, character)
        if fitting:
            return fitting, "context"
        if character in self._lexicon:
            return self._lexicon[character][0], "lexicon"
        if character == "儿":  # whether it merges is for sandhi.py to say
            return "er2", "儿"
        return _first(character), "character"

    def _in_context(self, text: str, at: int, word: str) -> str | None:
        """What the context rules say of ``word`` at ``at``."""
        end = at + len(word)
        for rule in self._rules.get(word, ()):
            if rule.left.search(text[max(0, at - _CONTEXT) : at]) and rule.right.match(text[end : end + _CONTEXT]):
                return rule.pinyin
        return None


_OPEN = frozenset(("phrase", "character"))


_MANNER = frozenset(("a", "ad", "al", "an", "d", "i", "l", "o", "z", "v", "vi", "vd", "nz", ""))
_PREDICATE = frozenset("vadpzi")
_STATIVE = frozenset("是 有 在 为 位于 处于 属于 种 种植 包括 成为".split())


def _is_manner(text: str, before: Word, after: Word) -> bool:
    """Whether 地 between two words says how something is done: 热烈地鼓掌, 笑嘻嘻地看; not 这地方, 实验地种."""
    if not (is_han(text[before.begin]) and is_han(text[after.begin])):
        return False
    doubled = len(before.text) > 2 and before.text[-1] == before.text[-2]
    manner = doubled or (before.tag in _MANNER and (len(before.text) > 1 or before.tag in ("d", "z")))
    if before.tag == "n" and len(before.text) > 1:
        return after.tag in ("v", "vn", "vd") and after.text not in _STATIVE
    return manner and (after.tag[:1] in _PREDICATE or (not after.tag and len(after.text) > 1))


def _inside(words: Sequence[Word]) -> list[int]:
    """Places of the 里 that says where: 盒子里, 锅里; not 五公里, 邻里, 里面."""
    found = [word.end - 1 for word in words if _ends_inside(word)]
    return found + [word.begin for before, word in itertools.pairwise(words) if word.text == "里" and _is_place(before)]


def _ends_inside(word: Word) -> bool:
    """锅里 as one word, of a kind that is no measure and no name."""
    text = word.text
    if text[-1:] != "里" or len(text) < 2 or text[-2] in _NOT_PLACES:
        return False
    return word.tag in ("", "n", "s", "f") or text[:-1] in _CONTAINERS or text[:-1] in _GROUNDS


def _is_place(word: Word) -> bool:
    if word.text in _CONTAINERS:
        return True
    return word.tag[:1] not in _COUNTS and (len(word.text) > 1 or word.tag in ("n", "ng", "s", "r"))


_CONTAINERS = frozenset("碗杯盘盆桶瓶袋箱盒罐锅包柜车船屋壶缸坛")
_GROUNDS = frozenset("庙塔河湖江溪沟渠池塘井洞坑店厂寺院殿楼房棚窝笼田园林谷山村")
"""With 里 they look like names, as 庙里 does to jieba."""
_NOT_PLACES = frozenset("公海英华千百万邻故乡哪那这几十半里北")
_COUNTS = frozenset("mq")
_PASSED = re.compile(
    r"(?:[经通超越渡度路错胜难不好躲闪掠擦穿跨迈吹接递转回掉熬挺逃避瞒骗透淌涉捱饶放盖赛强大高多少长重早晚改悔记功罪思太再已刚正又也就才都只闯"
    r"绕漫拂扫流驶驰挤混蒙信得侧别背扭抢夺揭略年月日节欠]|[走跑飞翻爬跳游滑开冲晃飘驾])$"
)
"""Before a 过 that goes past something; of the verbs of motion it may also be the particle."""
_MOVED = frozenset("走跑飞翻爬跳游滑开冲飘转熬躲改骗逃挤闯")
_EVER = re.compile(r"(?:没有?|未|从来?|曾经?|不曾|有没有)[一-鿿]{0,4}$")
_TIMES = re.compile(r"过(?:[一二两三四五六七八九十百几好多]+[次回遍趟场]|吗|步)")
_NEVER_PARTICLE = re.compile(
    r"过(?:[去来程于度敏滤渡错失问节期剩硬头量界境户滤瘾火奖目关多高低大小早晚慢快热冷轻重长短]|日子)"
)


def _experienced(text: str, words: Sequence[Word]) -> list[int]:
    """Places of the 过 that says what was once done: 去过, 吃过饭, 没飞过; not 经过, 穿过, 过桥."""
    found = []
    for index, word in enumerate(words):
        place = text.find("过", word.begin + (len(word.text) > 1 and word.text[0] != "过"), word.end)
        if place < 1 or not is_han(text[place - 1]) or _NEVER_PARTICLE.match(text, place):
            continue
        inside = place > word.begin
        before = word.text[: place - word.begin] if inside else words[index - 1].text
        tag = word.tag if inside else words[index - 1].tag
        if inside and len(word.text) > 3 and place + 1 < word.end:
            continue
        cut_off = word.text != "过" and not word.tag and len(word.text) == 2  # 住|过院
        if not inside and word.text != "过" and not cut_off:
            continue
        denied = (
            tag[:1] in ("d", "") and len(before) > 1 and bool(_EVER.search(text[max(0, place - 12) : place - 1]))
        )  # 没听说|过
        done = (tag[:1] in _DONE and tag != "vn") or (cut_off and tag == "f") or denied
        if not inside and not done and not _is_named_action(tag, before, text, place):
            continue
        ever = text[place - 1] in _MOVED and (
            _EVER.search(text[max(0, place - 12) : place - 1]) or _TIMES.match(text, place)
        )
        if ever or not _PASSED.search(before):
            found.append(place)
    return found


_DONE = frozenset("valbz")


def _is_named_action(tag: str, before: str, text: str, place: int) -> bool:
    """效力过六个: a noun of two characters that is no day, behind which nothing is over."""
    return (
        tag == "n"
        and len(before) > 1
        and bool(re.match("过[一二两三四五六七八九十几这那包许很]", text[place : place + 2]))
    )


def _phrases(text: str, place: int) -> list[Phrase]:
    """Known phrases that cover the character at ``place``."""
    found = []
    for begin in range(max(0, place + 1 - LONGEST), place + 1):
        for known in beginning(text[begin : begin + LONGEST]):
            if begin + len(known) > place:
                found.append(Phrase(begin, begin + len(known), phrase(known)[place - begin]))
    return found


def _first(character: str) -> str:
    return next(iter(readings_of(character)), "")


def _lexicon(rows: Rows) -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    """Own readings, and the dictionary entries that are no words."""
    lexicon = {}
    removed = set()
    for name in ("words.tsv", "names.tsv"):
        for word, pinyin in rows(name):
            if pinyin == _REMOVED:
                removed.add(word)
            else:
                lexicon[word] = tuple(pinyin.split(" "))
    return lexicon, frozenset(removed)


def _polyphone_rules(rows: Rows) -> dict[str, tuple[_Rule, ...]]:
    rules: dict[str, list[_Rule]] = {}
    for word, left, right, pinyin in rows("polyphones.tsv"):
        rule = _Rule(re.compile(f"(?:{_edges(left)})$" if left else ""), re.compile(_edges(right)), pinyin)
        rules.setdefault(word, []).append(rule)
    for character, *fields in rows("surnames.tsv"):
        rules[character] = [*_surname_rules(*fields), *rules.get(character, [])]
    return {word: tuple(listed) for word, listed in rules.items()}


def _edges(pattern: str) -> str:
    """``^`` and ``$`` as the ends of a run of Chinese characters: marks may follow."""
    begun = re.sub(r"(?<![\[\\])\^", "(?<![一-鿿])", pattern)
    return re.sub(r"(?<!\\)\$", "(?![一-鿿])", begun)


def _surname_rules(pinyin: str, familiar: str = "") -> list[_Rule]:
    """Where a character is a surname: 姓单, 单老师, 记者单某, 小单."""
    found = [("姓|免贵姓|复姓", ""), (_BEFORE_NAME, _TITLE), (_ROLE, f"(?:{_GIVEN}{{1,2}}|某)(?!{_GIVEN})")]
    found.append((_BEFORE_NAME, f"{_GIVEN}{{2}}(?!{_GIVEN})"))
    if familiar:
        found.append((f"{_BEFORE_NAME}(?:小|老|阿)", "(?![一-鿿])|[说问来去是在的和跟也都又不把，。！？]"))
    return [_Rule(re.compile(f"(?:{left})$"), re.compile(right), pinyin) for left, right in found]


_BEFORE_NAME = "(?:^|[^一-鿿]|[个位叫是和与跟找请问给让对向见的了]|姓)"
_TITLE = (
    "(?:老师|先生|女士|小姐|太太|夫人|经理|总(?![是会要算之共的体])|医生|大夫|教授|同学|教练|主任|师傅|阿姨|叔叔|叔|姨|哥|姐|"
    "伯伯|爷爷|奶奶|"
    "院长|局长|书记|市长|省长|县长|镇长|部长|处长|科长|班长|队长|校长|组长|董事长|秘书|律师|警官|法官|导演|编辑|记者|博士|护士|工程师|"
    "将军|司令|某|氏)"
)
_ROLE = (
    "(?:记者|作者|主演|导演|编剧|歌手|演员|作家|画家|诗人|学者|教授|教练|队长|选手|队员|同学|老师|医生|律师|"
    "市长|书记|主任|主席|总裁|经理|校长|院长|代表|委员|同志|嫌疑人|被告人|受害人|当事人|村民|居民|女儿|儿子|丈夫|妻子|名叫|叫做)"
)
_GIVEN = (
    "[伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英玉兰红建国文华志海春梅林峰波宇浩轩梓涵欣怡佳琪瑶婷雪莹晶晓小云飞龙凤鹏鑫"
    "斌辉健俊凯博思雨晨阳东立永庆德贵福祥根宝珍淑惠慧燕琴萍莉洁颖倩蕾雯薇琳彤昊然睿泽铭翔瑞宏达嘉伦毅弘皓哲豪瀚琦璐璇芷菲茜妍婕媛艺政铭锦绍仁]"
)
"""Characters that are common in given names and rare at the start of a predicate."""
