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
    r"(?<![A-Za-z0-9])(?:[TtQ][_.]+[TtQ]|Q[AaWw]Q|T[AaOo]T|[oO]_+[oO]|[oO]\.[oO]|[xX][_]+[xX]|[oO]rz|OTZ|[:;]-?[)DPp3*|]+|[:;]'?-?\((?=[\s。，！？,.!?]|$))(?![A-Za-z0-9])"
    r"|(?<![\w])[\^><=;+*@-][_.ωo]{1,3}[\^><=;+*@-]+(?!\w)|\^\^|≧[▽ω﹏◡]≦|[≧>]﹏[≦<]|(?<![\d])>_<"
)
_TAG = re.compile(
    r"</?(?:a|b|i|u|s|p|br|hr|em|h[1-6]|li|ol|ul|td|th|tr|div|img|pre|sub|sup|code|font|span|html|body|head|table|tbody|thead|strong|section|small|center|blockquote|del|ins|mark|nbsp|script|style|title|meta|link|input|button|form|label|video|audio|iframe)"
    r"(?:\s[^<>\n]{0,500})?/?>|<!--[^<>]{0,500}-->",
    re.IGNORECASE,
)
_BREAKING = re.compile(r"</?(?:br|hr|p|li|tr|div|h[1-6]|section|blockquote|table|ol|ul)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Figure:
    """A stretch of the caller's text that is not read as characters."""

    begin: int
    end: int
    said: str
    """Empty: silent with a notice; a line end: a pause."""


def figures(text: str, conventions: Conventions) -> list[Figure]:
    """Faces, tags and named emoji of ``text`` in order, none overlapping."""
    found = [*_faces(text), *_tags(text)]
    if conventions.emoji == "named":
        found += _named(text)
    kept: list[Figure] = []
    for figure in sorted(found, key=lambda figure: (figure.begin, -figure.end)):
        if not kept or figure.begin >= kept[-1].end:
            kept.append(figure)
    return kept


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


def _named(text: str) -> Iterator[Figure]:
    import emoji  # imported here: only readers that name emoji pay for it

    for match in emoji.emoji_list(text):
        name = emoji.EMOJI_DATA[match["emoji"]].get("zh", "")
        said = name.strip(":").replace("_", "，")
        yield Figure(match["match_start"], match["match_end"], f"，{said}，" if said else "")
