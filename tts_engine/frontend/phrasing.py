"""Where a speaker breathes: a break level after each word of a stretch without marks.

0 none (inside a prosodic word), 1 prosodic word, 2 prosodic phrase, 3 intonational phrase (a short pause), 4 end of a
sentence; the levels of Chinese prosody annotation (Li, "Chinese prosody and prosodic labeling of spontaneous speech",
Speech Prosody 2002). Marks decide most of them; here are those that nobody wrote. A stretch gets a pause of its own
only where it is longer than a breath group, at the border that syntax likes best: before a predicate, a conjunction or
a time, never before a particle, inside a number, a name, or between a numeral and its classifier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tts_engine.frontend.pieces import Piece
from tts_engine.frontend.readings import Syllable
from tts_engine.frontend.segmentation import weight

NONE, WORD, PHRASE, PAUSE, SENTENCE = range(5)

BREATH = 14
"""Most syllables that are said without a pause where a good border is at hand."""
_LONGEST = 22
"""A longer stretch takes the best border that there is."""
_GROUP = 7
"""Most syllables of a prosodic phrase."""
_LEAST_PAUSE, _LEAST_PHRASE = 4, 3
"""Fewest syllables on each side of a break."""
_GOOD = 2.0
"""Score from which a border may hold a pause."""

_CLAUSE_STARTS = frozenset(
    "但 但是 而 而且 并 并且 所以 因此 因为 由于 如果 虽然 尽管 只要 只有 不过 然而 然后 于是 从而 以便 以免 以及 "
    "否则 无论 不管 即使 同时 其中 包括 尤其 特别是 甚至 或者 还是 直到 为了 随着".split()
)
_PREDICATE_STARTS = frozenset(
    "是 有 将 已 已经 会 能 能够 可以 可能 应该 应当 必须 需要 正 正在 即将 仍 仍然 也 都 就 才 却 又 还 再 便 曾 曾经 "
    "不 没 没有 不能 不会 不是 并非 均 皆 则 把 被 让 使 对 向 从 在 自 由 以 按 按照 根据 通过 经 经过 将要 一直 始终 "
    "刚 刚刚 终于 突然 立刻 马上 全部 共 一共 总共 属于 成为 位于 作为".split()
)
_SAYING = frozenset(
    "说 称 指出 表示 认为 觉得 以为 知道 相信 希望 发现 强调 透露 介绍 宣布 建议 要求 规定 显示 证明 说明 意味着 提醒 "
    "看到 听说 得知 预计 估计 据说".split()
)
_EVERY = frozenset("每天 每日 每晚 每周 每月 每年 每逢 每次".split())
_AND = frozenset("和 与 及 或 跟 同".split())
_CLITICS = frozenset(
    "的 地 得 了 着 过 们 吗 呢 吧 啊 呀 嘛 啦 之 等 所 里 上 中 下 内 外 后 前 时 间 儿 "
    "来 去 起来 下来 出来 下去".split()
)
_COMPLEMENTS = frozenset("在 到 给 成 为 向 自 于 至 往 入 出".split())
_OPENERS = frozenset(
    "的 地 得 之 所 第 每 各 这 那 某 该 本 不 没 很 太 最 更 和 与 及 或 跟 同 把 被 让 在 从 向 对".split()
)


BREATH_PAUSE = "、"
"""How a pause that nobody wrote is said: as the shortest of the marks."""


@dataclass(frozen=True)
class Unit:
    """A word, or an English word, of a stretch."""

    text: str
    tag: str
    """jieba's part of speech."""
    syllables: int
    bound: bool = False
    """Whether it must stay with the next one (one number, one name)."""


def break_levels(pieces: Sequence[Piece], syllables: Sequence[Syllable | None]) -> list[int]:
    """The break level after each piece of a stretch of Chinese characters and English words."""
    units: list[Unit] = []
    ends: list[int] = []
    begin = 0
    for index, piece in enumerate(pieces):
        here, after = syllables[index], syllables[index + 1] if index + 1 < len(pieces) else None
        if here and after and here.word == after.word:
            continue
        text = "".join(one.text for one in pieces[begin : index + 1])
        size = sum(weight(one) for one in pieces[begin : index + 1])
        tag = here.tag if here else "eng"
        units.append(Unit(text, tag, size, index + 1 < len(pieces) and _is_one(piece, pieces[index + 1])))
        ends.append(index)
        begin = index + 1
    found = [NONE] * len(pieces)
    for end, level in zip(ends, levels(units), strict=True):
        found[end] = level
    return found


def _is_one(left: Piece, right: Piece) -> bool:
    """Whether both stand for the same characters of the caller's text, such as a number."""
    return left.begin == right.begin or right.begin < left.end


def levels(units: Sequence[Unit]) -> list[int]:
    """The break level after each unit; 0 after the last one, where a mark decides."""
    found = [_least(left, right) for left, right in pairwise(units)]
    found += [NONE] * (len(units) - len(found))
    scores = [_score(left, right) for left, right in pairwise(units)]
    for begin, end in _divided(units, scores, (0, len(units)), PAUSE, found):
        _divided(units, scores, (begin, end), PHRASE, found)
    return found


def _divided(
    units: Sequence[Unit], scores: Sequence[float], span: tuple[int, int], level: int, found: list[int]
) -> list[tuple[int, int]]:
    """Write ``level`` at the borders inside ``span`` that deserve it, and give what lies between."""
    begin, end = span
    longest, least = (BREATH, _LEAST_PAUSE) if level == PAUSE else (_GROUP, _LEAST_PHRASE)
    total = sum(unit.syllables for unit in units[begin:end])
    if total <= longest:
        return [span]
    best = _best(units, scores, span, least)
    if best is None or (scores[best] < _GOOD and not (level == PAUSE and total > _LONGEST)):
        return [span]
    found[best] = max(found[best], level)
    left = _divided(units, scores, (begin, best + 1), level, found)
    return left + _divided(units, scores, (best + 1, end), level, found)


def _best(units: Sequence[Unit], scores: Sequence[float], span: tuple[int, int], least: int) -> int | None:
    """The border that syntax and balance like best."""
    begin, end = span
    total = sum(unit.syllables for unit in units[begin:end])
    best, highest = None, float("-inf")
    said = 0
    for index in range(begin, end - 1):
        said += units[index].syllables
        if min(said, total - said) < least or scores[index] <= _NEVER:
            continue
        value = scores[index] - 4 * abs(2 * said - total) / total
        if value > highest:
            best, highest = index, value
    return best


_NEVER = -50.0


def _score(left: Unit, right: Unit) -> float:
    """How much syntax likes a break between two words."""
    if left.bound or _is_inseparable(left, right):
        return 2 * _NEVER
    split_object = left.tag[:1] == "v" and right.tag[:1] in ("n", "r", "m")
    return _opening(left, right) - (1.5 if split_object else 0)


def _opening(left: Unit, right: Unit) -> float:
    """How clearly something new begins with ``right``."""
    if right.text in _CLAUSE_STARTS:
        return 5
    if left.text in _SAYING:
        return 4
    if right.text in _AND or right.text == "不":
        return 1
    if right.text in _EVERY and left.tag[:1] in ("n", "t", "m"):
        return 3
    if right.text in _PREDICATE_STARTS or right.tag in ("d", "p", "c"):
        return 3 if left.tag[:1] in "nrtsqf" or not left.tag else 2
    return _BEGINNINGS.get(right.tag[:1], 0) if left.tag[:1] in ("n", "t", "s", "q", "u") or right.tag == "t" else 0


_BEGINNINGS = {"t": 3, "v": 1, "r": 1, "m": 1}
"""By the right word's part of speech, behind a noun."""


_NUMERALS = frozenset("零一二两三四五六七八九十百千幺")


def _is_inseparable(left: Unit, right: Unit) -> bool:
    if left.text[-1] in "年月点时" and left.text[0] in _NUMERALS and right.text[0] in _NUMERALS:
        return True  # one date, one time
    if right.text in _CLITICS or right.tag[:1] in ("u", "y", "k", "f", "q"):
        return right.text not in _PREDICATE_STARTS or right.tag[:1] in ("u", "y", "k")
    if left.text in _OPENERS or left.tag[:1] in ("p", "d", "h", "c") or left.text in _CLAUSE_STARTS:
        return True
    if left.text in _PREDICATE_STARTS or left.tag[:1] == "m":
        return True
    if left.syllables == 1 and left.tag[:1] in ("v", "a", "r"):
        return True
    if left.tag[:1] == "v" and right.text in _COMPLEMENTS:
        return True
    return left.tag[:2] == "nr" and right.tag[:2] == "nr"


def _least(left: Unit, right: Unit) -> int:
    """Whether the words make one prosodic word."""
    if left.bound or right.text in _CLITICS or right.tag[:1] in ("u", "y", "k"):
        return NONE
    return NONE if left.syllables == right.syllables == 1 and left.tag[:1] in ("m", "d", "r", "p") else WORD
