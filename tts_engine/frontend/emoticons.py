"""Faces made of signs, mark-up residue and emoji: where they are and what, if anything, is said for them.

Faces and tags are silent (with a notice); emoji are silent or named, as the conventions ask. Names come from the
``emoji`` package (BSD-3-Clause), which is loaded only when they are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tts_engine.frontend.conventions import Conventions

_EYES = (
    r"\^\-_=><;:'`´~・･·•.。｡oOTtQq*°ºω▽△∀Д口皿益﹏﹃︶﹀◕◡‿ᴗᴥಠಥ╥≧≦✧╹ʘ눈ㅅ╯╰╭╮□■ﾟдε"
    r"ε￣＿＾＞＜＝；：｀ー—～!！?？ ヮ艸ﾉノヽゞシツｼｯヘΣΦ≡★☆♡♥ʕʔ┻━┳彡┬┴︵\\/|"
)
_FACE = re.compile(
    rf"[ヽヾ＼\\⊂٩oOσdbq]?[(（ʕ](?=[^()（）\n]{{0,10}}"
    rf"[\^_'`´・･•｡ω▽∀Д皿益﹏﹃︶◕◡‿ᴗᴥಠಥ╥≧≦╹╯╰￣＾｀])"
    rf"[{_EYES}]{{2,12}}[)）ʔ][ノﾉﾉoO/σdbq︵ヾ╯つっ۶و┻━☆★♡♥゛～~彡]{{0,6}}"
)
_BARE = re.compile(
    r"¯?\\_?[(（][ツヅ][)）]_?/¯?|"
    r"(?<![A-Za-z0-9])(?:[TtQ][_.]+[TtQ]|Q[AaWw]Q|T[AaOo]T|[oO]_+[oO]|[oO]\.[oO]|[xX][_]+[xX]|[oO]rz|OTZ|[:;]-?[)DPp3*|]+|[:;]'?-?\((?=[\s。，！？,.!?]|$))(?![A-Za-z0-9])"
    r"|(?<![\w])[\^><=;+*@-][_.ωo]{1,3}[\^><=;+*@-]+(?!\w)|\^\^|≧[▽ω﹏◡]≦|[≧>]﹏[≦<]|(?<![\d])>_<"
)
_TAG = re.compile(
    r"</?(?:a|b|i|u|s|p|br|hr|em|h[1-6]|li|ol|ul|td|th|tr|div|img|pre|sub|sup|code|font|span|html|body|head|table|tbody|thead|strong|section|small|center|blockquote|del|ins|mark|nbsp|script|style|title|meta|link|input|button|form|label|video|audio|iframe)"
    r"(?:\s[^<>\n]{0,500})?/?>|<!--[^<>]{0,500}-->",
    re.IGNORECASE,
)
_BREAKING = re.compile(r"</?(?:br|hr|p|li|tr|div|h[1-6]|section|blockquote|table|ol|ul)\b", re.IGNORECASE)


_WECHAT = (
    "微笑 撇嘴 色 发呆 得意 流泪 害羞 闭嘴 睡 大哭 尴尬 发怒 调皮 呲牙 惊讶 难过 囧 抓狂 吐 偷笑 愉快 白眼 "
    "傲慢 困 惊恐 流汗 憨笑 悠闲 奋斗 咒骂 疑问 嘘 晕 衰 骷髅 敲打 再见 擦汗 抠鼻 鼓掌 坏笑 左哼哼 右哼哼 "
    "哈欠 鄙视 委屈 快哭了 阴险 亲亲 可怜 笑脸 生病 脸红 破涕为笑 恐惧 失望 无语 嘿哈 捂脸 奸笑 机智 皱眉 耶 "
    "吃瓜 加油 汗 天啊 Emm 社会社会 旺柴 好的 打脸 哇 翻白眼 666 让我看看 叹气 苦涩 裂开 嘴唇 爱心 心碎 拥抱 "
    "强 弱 握手 胜利 抱拳 勾引 拳头 OK 合十 啤酒 咖啡 蛋糕 玫瑰 凋谢 菜刀 炸弹 便便 月亮 太阳 庆祝 礼物 红包 "
    "發 福 烟花 爆竹 猪头 跳跳 发抖 转圈"
).split()
"""What WeChat's keyboard writes into copied text for its own pictures: [捂脸]."""
_CODE = re.compile(rf"\[({'|'.join(_WECHAT)})\]")


_KEYCAP = re.compile("([0-9])\ufe0f?\u20e3\ufe0f?")
_JOINED = re.compile("[\u2600-\u27bf\U0001f000-\U0001faff][\ufe0f\U0001f3fb-\U0001f3ff]*\u200d[♀♂]\ufe0f?")


@dataclass(frozen=True)
class Figure:
    """A stretch of the caller's text that is not read as characters."""

    begin: int
    end: int
    said: str
    """Empty: silent with a notice; a line end: a pause."""


def figures(text: str, conventions: Conventions) -> list[Figure]:
    """Faces, tags, codes of WeChat's pictures and named emoji of ``text`` in order, none overlapping."""
    found = [*_keycaps(text), *_faces(text), *_tags(text), *_codes(text, conventions)]
    found += _named(text) if conventions.emoji == "named" else _joined(text)
    kept: list[Figure] = []
    for figure in sorted(found, key=lambda figure: (figure.begin, -figure.end)):
        if not kept or figure.begin >= kept[-1].end:
            kept.append(figure)
    return kept


def _keycaps(text: str) -> Iterator[Figure]:
    """1️⃣ is the number of a step."""
    if "\u20e3" in text:
        for match in _KEYCAP.finditer(text):
            before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
            said = match[1] if after == "键" else f"{'，' if before.isalnum() else ''}{match[1]}，"
            yield Figure(match.start(), match.end(), said)


def _joined(text: str) -> Iterator[Figure]:
    """Emoji made of several, one of which would be read by itself: 🏃‍♂️ is no 男."""
    for match in _JOINED.finditer(text):
        yield Figure(match.start(), match.end(), "")


def load_names() -> None:
    """Load the Chinese names of emoji, about 30 ms."""
    import emoji  # imported here: only readers that name emoji pay for it

    emoji.config.load_language("zh")


def _faces(text: str) -> Iterator[Figure]:
    for pattern in (_FACE, _BARE):
        for match in pattern.finditer(text):
            yield Figure(match.start(), match.end(), "")


def _tags(text: str) -> Iterator[Figure]:
    if "<" in text:
        lower = text.lower()
        for match in _TAG.finditer(text):
            name = re.sub(r"\W", "", match[0].split()[0]).lower()
            if len(name) == 1 and f"</{name}>" not in lower:
                continue  # a<b>c is arithmetic
            yield Figure(match.start(), match.end(), "\n" if _BREAKING.match(match[0]) else "")


def _codes(text: str, conventions: Conventions) -> Iterator[Figure]:
    for match in _CODE.finditer(text):
        yield Figure(match.start(), match.end(), f"，{match[1]}，" if conventions.emoji == "named" else "")


def _named(text: str) -> Iterator[Figure]:
    import emoji  # imported here: only readers that name emoji pay for it

    for match in emoji.emoji_list(text):
        name = emoji.EMOJI_DATA[match["emoji"]].get("zh", "")
        said = name.strip(":").replace("_", "，")
        yield Figure(match["match_start"], match["match_end"], f"，{said}，" if said else "")
