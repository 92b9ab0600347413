"""Addresses on the net and names in a computer: mail, URL, IP, port, path, file, version, identifier."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_engine.frontend.numbers import by_digit, cardinal, number
from tts_engine.frontend.rules.base import Match, Part, Rule, each, group, left, right, rule

_SIGNS = {
    ".": "点", "@": "艾特", "/": "斜杠", "\\": "反斜杠", "-": "杠", "_": "下划线", ":": "冒号", "?": "问号",
    "=": "等于", "&": "和", "#": "井号",
    "%": "百分号", "+": "加", "~": "波浪号", "!": "叹号", "$": "美元符", "*": "星号",
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z]+|\d+|[^A-Za-z\d]")


def _spelled(match: Match, name: str | int = 0) -> list[Part]:
    """Words, digits one by one, signs by name."""
    parts = [_part(found[0], match.start(name) + found.start()) for found in _WORD.finditer(match[name])]
    return [part for part in parts if part.text]


def _part(text: str, begin: int) -> Part:
    end = begin + len(text)
    if text.isdigit():
        return Part(by_digit(text), begin, end, each=True)
    if text.lower() == "www":
        return Part("三W", begin, end)
    return Part(text if text.isalpha() else _SIGNS.get(text, ""), begin, end)


def _address(match: Match) -> Sequence[Part]:
    """A network address part by part; the scheme is not said."""
    return _spelled(match, "body")


def _ip(match: Match) -> Sequence[Part] | None:
    if any(int(part) > 255 for part in match["ip"].split(".")):
        return None
    parts = [each(match, "ip", by_digit(match["ip"]).replace(".", "点"))]
    if match["port"]:
        parts += [group(match, "colon", "冒号"), each(match, "port", by_digit(match["port"]))]
    if match["net"]:
        parts += [group(match, "slash", "斜杠"), group(match, "net", number(match["net"]))]
    return parts


def _port(match: Match) -> Sequence[Part]:
    return [group(match, "colon", "冒号"), each(match, "port", by_digit(match["port"]))]


def _version(match: Match) -> Sequence[Part] | None:
    if not match["v"] and match["n"].count(".") < 2:
        return None
    head = [group(match, "v", "V")] if match["v"] else []
    first = re.match(r"[1-9]\d(?=\.)", match["n"])
    if first is None:
        return [*head, each(match, "n", by_digit(match["n"]).replace(".", "点"))]
    begin = match.start("n") + first.end()  # 18.1.1: the first is a number, as in 18.1
    rest = by_digit(match["n"][first.end() :]).replace(".", "点")
    return [*head, Part(cardinal(first[0]), match.start("n"), begin), Part(rest, begin, match.end("n"), each=True)]


def _whole(match: Match) -> Sequence[Part]:
    return _spelled(match)


def _path(match: Match) -> Sequence[Part] | None:
    """``/usr/bin``, ``C:/Windows``, ``~/a.txt``; 1/2 and 男/女 are not paths."""
    return _spelled(match) if re.search(r"[A-Za-z]{2}", match[0]) else None


def _underscore(match: Match) -> Sequence[Part]:
    tail = [each(match, "n", by_digit(match["n"]))] if match["n"] else []
    return [group(match, "u", "下划线"), *tail]


def _initials(match: Match) -> Sequence[Part]:
    """U.S., e.g.: letters one by one."""
    return [Part(" ".join(re.findall("[A-Za-z]", match[0])), *match.span())]


def _hidden(match: Match) -> Sequence[Part]:
    """.gitignore, *.log."""
    return [Part("星点" if match["s"] else "点", *match.span())]


def _section(match: Match) -> Sequence[Part]:
    """附录A.3 is a part of a book; A.3米 B.5米 are answers to choose from."""
    named = re.search(r"(?:附录|附件|附表|[图表式节章条])[A-Z]$", left(match))
    return [Part("点" if named else "，", *match.span())]


def _hexadecimal(match: Match) -> Sequence[Part]:
    """0x1F: sign by sign."""
    return [
        Part("零 X " + " ".join(by_digit(one) if one.isdigit() else one.upper() for one in match["n"]), *match.span())
    ]


def _mention(match: Match) -> Sequence[Part] | None:
    return [Part("艾特", match.start(), match.end())] if right(match, 1) or left(match, 1) else None


_TOP = (
    "com|cn|net|org|edu|gov|mil|int|io|ai|cc|top|xyz|info|app|dev|me|tv|co|uk|us|jp|kr|de|fr|ru|hk|tw|mo|sg|eu|biz|"
    "name|mobi|asia|vip|shop|store|site|tech|club|online|wang|ren|link|live|cloud|fun|art|wiki|ltd|group|work|news|"
    "pro|law|life|world|city|pub|one|red|fit|run|zone|plus|space|website|email|design|studio|media|team|chat|gg|ly|la|so|im|fm|ink"
)
_DOMAIN = rf"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?\.){{1,5}}(?:{_TOP})"
_EXTENSIONS = (
    "py|ipynb|js|jsx|mjs|ts|tsx|vue|css|scss|less|txt|md|rst|tex|pdf|docx?|dotx?|xlsx?|xlsm|pptx?|wps|csv|tsv|json|jsonl|ya?ml|toml|ini|"
    "conf|cfg|env|log|xml|sql|db|zip|rar|7z|tar|gz|tgz|bz2|xz|iso|img|dmg|exe|msi|dll|so|apk|ipa|deb|rpm|jar|war|class|"
    "mp3|mp4|m4a|wav|flac|ogg|aac|amr|avi|mkv|mov|flv|webm|jpe?g|png|gif|bmp|svg|webp|ico|tiff?|psd|ai|html?|php|jsp|asp|"
    "sh|bat|ps1|go|rs|c|cc|cpp|h|hpp|java|kt|swift|rb|pl|lua|dart|scala|vbs|srt|ass|epub|mobi|torrent|pem|key|crt|lock|bak|tmp|onnx|pt|pth|safetensors|wxml|wxss"
)
_RUN = r"[A-Za-z0-9._~%+@=-]"

NET: tuple[Rule, ...] = (
    rule("mail", rf"(?<![A-Za-z0-9])(?P<body>[A-Za-z0-9][A-Za-z0-9._%+-]{{0,63}}@{_DOMAIN})(?![A-Za-z])", _address),
    rule(
        "url",
        r"(?<![A-Za-z0-9])(?:(?:https?|ftps?|wss?|rtmp|file|weixin|git|ssh)://)"
        r"(?P<body>[A-Za-z0-9/][A-Za-z0-9._~:/?#@!$&'()*+,;=%-]{0,2000}[A-Za-z0-9/])",
        _address,
    ),
    rule(
        "url",
        rf"(?<![A-Za-z0-9@])(?P<body>{_DOMAIN}(?::\d+)?(?:/[A-Za-z0-9._~/?#=&%+-]{{0,2000}}[A-Za-z0-9])?/?)"
        r"(?![A-Za-z0-9])",
        _address,
    ),
    rule(
        "ip",
        r"(?<![\d.])(?P<ip>\d{1,3}(?:\.\d{1,3}){3})(?:(?P<colon>[:：])(?P<port>\d{1,5}))?"
        r"(?:(?P<slash>/)(?P<net>\d{1,2}))?(?![\d.]\d|\d)",
        _ip,
    ),
    rule("port", r"(?<=[A-Za-z])(?P<colon>:)(?P<port>\d{2,5})(?![\d:])", _port),
    rule(
        "file",
        rf"(?<![A-Za-z0-9])[A-Za-z0-9][A-Za-z0-9_-]{{0,60}}(?:\.[A-Za-z0-9_-]{{1,20}}){{0,3}}\.(?i:{_EXTENSIONS})"
        r"(?![A-Za-z0-9])(?<![\d]\.h)(?<![\d]\.c)",
        lambda match: _file(match),
    ),
    rule("file", rf"(?<=[一-龥）)_]) ?\.(?i:{_EXTENSIONS})(?![A-Za-z0-9])", _whole),
    rule(
        "path",
        rf"(?<![A-Za-z0-9])(?:[A-Za-z]:(?=[\\/])|~(?=/)|\.{{1,2}}(?=/))?(?:[\\/]{_RUN}{{1,60}}){{2,20}}[\\/]?"
        rf"|(?<![A-Za-z0-9])(?:[A-Za-z]:\\|~/|\./)(?:{_RUN}{{1,60}}[\\/]?){{1,20}}",
        _path,
    ),
)
"""Come first: addresses hold dates, fractions and numbers."""

NAMES: tuple[Rule, ...] = (
    rule(
        "version", r"(?<![\d.A-Za-z])(?P<v>[vV](?:er(?:sion)?)?\.?\s?)?(?P<n>\d+(?:\.\d+){1,6})(?![\d.]\d|\d)", _version
    ),
    rule("initials", r"(?<![A-Za-z.])(?:[A-Za-z]\.){2,8}(?:[A-Za-z](?![A-Za-z]))?", _initials),
    rule("member", r"(?<=[A-Za-z\d_)\]])\.(?=[a-z_])|(?<=[A-Z])\.(?=[A-Z])", lambda match: [Part("点", *match.span())]),
    rule("member", r"(?<![A-Za-z\d.…])(?P<s>\*?)\.(?=[a-z]{2,20}(?![A-Za-z]))", _hidden),
    rule("member", r"(?<=[A-Z])(?<![A-Za-z][A-Z])\.(?=\d)", _section),
    rule("hexadecimal", r"(?<![A-Za-z\d])0[xX](?P<n>[0-9A-Fa-f]{1,16})(?![A-Za-z\d])", _hexadecimal),
    rule("identifier", r"(?<=[A-Za-z0-9])(?P<u>_)(?:(?P<n>\d+)(?!\.\d)|(?=[A-Za-z0-9]))", _underscore),
    rule("mention", r"@(?=[\w])", _mention),
)


def _file(match: Match) -> Sequence[Part] | None:
    """``a.c`` is a file only where its name has letters; ``3.8.h`` is none."""
    return _spelled(match) if re.search(r"[A-Za-z]", match[0].rpartition(".")[0]) else _numbered_file(match)


def _numbered_file(match: Match) -> Sequence[Part] | None:
    return _spelled(match) if re.fullmatch(r"[\d_-]+\.[A-Za-z]{2,5}\d?", match[0]) else None
