"""Text for the teacher to speak: any number of sentences, from word lists that ship with jieba and from patterns here.

Meaning does not matter, sound does: every syllable in every tone and next to every other, erhua, neutral tones,
numbers, letters and English words, questions and exclamations, one syllable to thirty.
"""

from __future__ import annotations

import gzip
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jieba  # type: ignore[import-untyped]
from pypinyin import pinyin_dict
from pypinyin.contrib.tone_convert import to_tone3

_PATTERNS = (
    "{r}{d}{v}{m}{q}{n}", "{n}的{n}{d}{a}", "{t}{r}{v}了{n}", "{ns}{v}{a}的{n}", "{r}把{n}{v}到{s}了",
    "{n}和{n}都{d}{v}", "因为{n}{a}，所以{r}{v}{n}", "{t}，{r}在{ns}{v}{n}", "{r}{v}{n}的时候{d}{v}了{m}{q}{n}",
    "{n}、{n}、{n}都{v}过", "{l}", "{i}，{i}", "{nr}说{r}{d}{v}{n}", "如果{r}{v}{n}，{nr}就{d}{v}",
    "{a}的{n}{v}着{a}的{n}", "{v}一{v}{n}，{v}不{v}", "请{v}{n}", "{n}{v}{n}{v}", "{a}{n}{f}有{m}{q}{n}",
    "{r}不{v}{n}，也没{v}{n}", "{d}{v}得{d}{a}", "{vn}{n}{vn}", "这{q}{n}那{q}{n}", "{r}们{v}来{v}去",
    "{n}子{n}头，{v}得很",
)  # fmt: skip
_QUESTIONS = (
    "{r}{v}{n}吗", "谁{v}了{n}", "{n}在哪里", "{r}什么时候{v}{n}", "为什么{n}这么{a}", "{r}{d}{a}吧", "怎么{v}{n}呢",
)  # fmt: skip
_EXCLAMATIONS = ("{n}真{a}啊", "快{v}{n}", "太{a}了", "多么{a}的{n}", "别{v}{n}")
_NUMBERS = (
    "{y}年{mo}月{dd}日{t}{v}{n}", "{hh}点{mi}分{r}{v}{n}", "一共{big}元", "增长了{pc}%", "电话是{tel}", "温度{deg}℃",
    "第{small}{q}{n}有{big}人", "{small}比{small2}", "{n}卖{price}元一斤", "{ns}有{big}{q}{n}", "编号{code}，请{v}",
)  # fmt: skip
_MIXED = (
    "{r}用{en}{v}{n}", "{en}的{n}{d}{a}", "{v}{en}和{en}", "{abc}{n}{v}了", "请打开{en} {en}", "{r}在{abc}座{v}{n}",
    "{n}是{en}{en}的", "{en}，{r}{d}{v}", "{ns}的{abc}公司",
)  # fmt: skip
_ERHUA = (
    "花儿", "小孩儿", "玩儿", "一点儿", "一会儿", "这儿", "那儿", "哪儿", "事儿", "门儿", "味儿", "聊天儿", "老头儿",
    "冰棍儿", "豆芽儿", "瓜子儿", "小曲儿", "有趣儿", "胡同儿", "蛋黄儿", "眼镜儿", "小熊儿", "面条儿", "唱歌儿",
    "干活儿", "墨水儿", "打滚儿", "没准儿", "好玩儿", "拐弯儿", "脸蛋儿", "饭馆儿", "差点儿", "金鱼儿",
)  # fmt: skip


@dataclass(frozen=True)
class Words:
    """What sentences are made of."""

    by_class: dict[str, tuple[list[str], list[float]]]
    """jieba's word class → words and their weights."""
    by_syllable: dict[str, list[str]]
    """Every toned syllable → characters that have it as their first reading."""
    english: list[str]

    @classmethod
    def load(cls) -> Words:
        """Read the lists of jieba (MIT), pypinyin (MIT) and our pronouncing dictionary."""
        classes: dict[str, tuple[list[str], list[float]]] = defaultdict(lambda: ([], []))
        for line in Path(jieba.__file__).with_name("dict.txt").read_text(encoding="utf-8").splitlines():
            word, count, word_class = line.split(" ")
            if len(word) <= 4 and int(count) >= 5 and all("一" <= letter <= "龥" for letter in word):
                classes[word_class][0].append(word)
                classes[word_class][1].append(float(count) ** 0.5)
        return cls(dict(classes), _characters_by_syllable(), _english_words())

    def draw(self, word_class: str, rng: random.Random) -> str:
        """One word of a class, by weight."""
        words, weights = self.by_class[word_class]
        return rng.choices(words, weights)[0]


def _characters_by_syllable() -> dict[str, list[str]]:
    table: dict[str, list[str]] = defaultdict(list)
    for code, readings in pinyin_dict.pinyin_dict.items():
        if 0x4E00 <= code <= 0x9FA5:
            first = to_tone3(readings.split(",")[0], neutral_tone_with_five=True, v_to_u=False)
            table[first].append(chr(code))
    return dict(table)


def _english_words() -> list[str]:
    path = Path(__file__).parents[1] / "frontend" / "data" / "english.tsv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        words = (line.split("\t")[0] for line in lines)
        return [word.lower() for word in words if word.isalpha() and 2 <= len(word) <= 9]


def sentences(words: Words, seed: int) -> Iterator[str]:
    """Sentences without end; the same seed gives the same ones."""
    rng = random.Random(seed)  # noqa: S311  # to be repeatable, not secret
    kinds = (_plain, _spoken, _numbers, _mixed, _rare, _short, _english)
    weights = (40, 12, 12, 14, 14, 5, 3)
    while True:
        yield rng.choices(kinds, weights)[0](words, rng)


def _plain(words: Words, rng: random.Random) -> str:
    clauses = [_fill(rng.choice(_PATTERNS), words, rng) for _ in range(rng.choice((1, 1, 1, 2)))]
    return rng.choice(("，", "；", "，")).join(clauses) + rng.choice("。。。。！？")


def _spoken(words: Words, rng: random.Random) -> str:
    if rng.random() < 0.6:
        return _fill(rng.choice(_QUESTIONS), words, rng) + "？"
    return _fill(rng.choice(_EXCLAMATIONS), words, rng) + "！"


def _numbers(words: Words, rng: random.Random) -> str:
    return _fill(rng.choice(_NUMBERS), words, rng) + "。"


def _mixed(words: Words, rng: random.Random) -> str:
    return _fill(rng.choice(_MIXED), words, rng) + rng.choice("。。？！")


def _rare(words: Words, rng: random.Random) -> str:
    """Syllables drawn evenly, so that the rare ones are heard as often as 的."""
    syllables = rng.choices(sorted(words.by_syllable), k=rng.randint(3, 9))
    text = "".join(rng.choice(words.by_syllable[syllable][:6]) for syllable in syllables)
    if rng.random() < 0.35:
        text += "，" + rng.choice(_ERHUA) + words.draw("v", rng) + rng.choice(_ERHUA)
    return text + rng.choice("。？！")


def _short(words: Words, rng: random.Random) -> str:
    return words.draw(rng.choice(("n", "v", "a", "r", "t")), rng) + rng.choice("。？！")


def _english(words: Words, rng: random.Random) -> str:
    return " ".join(rng.choices(words.english, k=rng.randint(1, 5))) + rng.choice(".?!")


def _fill(pattern: str, words: Words, rng: random.Random) -> str:
    parts = pattern.split("{")
    out = parts[0]
    for part in parts[1:]:
        name, rest = part.split("}")
        out += _slot(name, words, rng) + rest
    return out


def _slot(name: str, words: Words, rng: random.Random) -> str:
    makers: dict[str, Callable[[], str]] = {
        "en": lambda: rng.choice(words.english),
        "abc": lambda: "".join(rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=rng.randint(1, 4))),
        "y": lambda: str(rng.randint(1900, 2099)),
        "mo": lambda: str(rng.randint(1, 12)),
        "dd": lambda: str(rng.randint(1, 31)),
        "hh": lambda: str(rng.randint(1, 24)),
        "mi": lambda: str(rng.randint(1, 59)),
        "big": lambda: str(rng.randint(100, 10 ** rng.randint(3, 8))),
        "small": lambda: str(rng.randint(1, 99)),
        "small2": lambda: str(rng.randint(1, 99)),
        "pc": lambda: f"{rng.uniform(0, 100):.{rng.randint(0, 2)}f}",
        "deg": lambda: str(rng.randint(-20, 40)),
        "price": lambda: f"{rng.uniform(1, 99):.2f}",
        "tel": lambda: "1" + "".join(rng.choices("0123456789", k=10)),
        "code": lambda: "".join(rng.choices("0123456789", k=rng.randint(3, 6))),
    }
    return makers[name]() if name in makers else words.draw(name, rng)
