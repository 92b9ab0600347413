"""What a marked-up text says, for those who judge texts before the engine reads them. Knows no pinyin."""

from __future__ import annotations

import html
import re

_INLINE = re.compile(
    r"[(（][^()（）\n\u3400-\u9fff]{1,60}[)）]|[\[［]pause\s*[:：][^\]］\n]{0,24}[\]］]", re.IGNORECASE
)
_TAG = re.compile(
    r"<!--.*?-->|<\?.*?\?>|<!\[CDATA\[(?P<data>.*?)\]\]>"
    r"|<(?P<close>/?)(?P<name>[^\s/>\"'<]+)(?P<rest>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*+)>",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"(?P<name>[^\s=\"']+)\s*=\s*(?:\"(?P<one>[^\"]*)\"|'(?P<two>[^']*)')")


def spoken(text: str, is_ssml: bool) -> str:
    """``text`` without tags, readings and pauses, and with what ``<sub>`` has said instead; linear in its length.

    A parenthesis that is no reading is left out too, so whoever judges looks at ``text`` as well.
    """
    return _INLINE.sub("", _of_ssml(text) if is_ssml else text)


def _of_ssml(text: str) -> str:
    said: list[str] = []
    at, depth = 0, 0  # how many <sub> are open
    while (start := text.find("<", at)) >= 0:
        tag = _TAG.match(text, start)
        if tag is None:
            return text  # not well-formed: the engine refuses it
        if not depth:
            said += [_blanks(text[at:start]), tag["data"] or ""]
        at = tag.end()
        name = (tag["name"] or "").rpartition(":")[2]
        if name in ("p", "s"):
            said.append("\n")
        elif name == "sub":
            depth = _sub(tag, depth, said)
    return "".join(said) + ("" if depth else _blanks(text[at:]))


def _sub(tag: re.Match[str], depth: int, said: list[str]) -> int:
    if tag["close"]:
        return max(0, depth - 1)
    if not depth:
        found = _ATTRIBUTE.finditer(tag["rest"])
        said += [_blanks(each["one"] or each["two"] or "") for each in found if each["name"] == "alias"]
    return depth if tag["rest"].endswith("/") else depth + 1


def _blanks(text: str) -> str:
    """References resolved; a line's end is a blank, as in XML."""
    return re.sub(r"\s+", " ", html.unescape(text))
