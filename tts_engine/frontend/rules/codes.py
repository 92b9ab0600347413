"""Digit strings that are names: telephone numbers, codes, accounts, addresses on the net, models, plates, rooms."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_engine.frontend.numbers import by_digit, cardinal, number
from tts_engine.frontend.rules.base import Match, Part, Rule, each, group, left, right, rule, whole

_SIGNS = {
    ".": "点", "@": "艾特", "/": "斜杠", "-": "杠", "_": "下划线", ":": "冒号", "?": "问号", "=": "等于", "&": "和",
    "#": "井号", "%": "百分号", "+": "加", "~": "波浪号",
}  # fmt: skip
_CODE_WORDS = (
    "验证码|订单号?|单号|邮编|邮政编码|学号|工号|取件码|取餐码|取货码|提货码|卡号|账号|帐号|账户|密码|编号|序列号|身份证号?码?|证件号?码?|"
    "股票代码|代码|代号|端口号?|房间号?|房号|车牌号?|QQ|尾号|"
    "末四位|后四位|前四位|号码|座机|固话|手机号?码?|电话|热线|客服|传真|"
    "微信号?|分机号?|会议号|会议室|ID|口令|条形码|条码|货号|批号|许可证号?|准考证号?|护照号?|银行卡|卡|信用卡|"
    "桌号|车次|航班号?|班次|流水号|票号|区号|频道|直播间|"
    "邀请码|兑换码|核销码|校验码|激活码|识别码|国标|执行标准|文号|证号|档案号|病历号|就诊号|总机|致电|拨打|拨|呼叫|短信|发送|回复"
)
_AFTER_CODE = re.compile(
    rf"(?:{_CODE_WORDS})(?:是|为|：|:|为：|是：|\s|尾号|末四位|后四位|\(|（|分别是|改为|变更为|即){{0,2}}$"
)
_WELL_KNOWN = frozenset(
    "110 119 120 122 114 911 996 007 985 211 404 12306 12315 12345 12348 12320 12333 10086 10010 10000 95588 95533 "
    "95599 95566 95555 12123 12329 360 315 618 520 1314 5201314 12309 12318 12388".split()
)
_CALLS = re.compile(r"(?:打|拨|呼叫|报|叫|call|致电|拨通|打通|热线|电话|急救|报警)(?:了|过|个|通)?$")
_NICKNAMES = frozenset("996 007 985 211 404 12306 12315 12345 10086 10010 618 520 1314 5201314 315 360".split())
_COUNTED = re.compile(
    r"[个人名只件元块次页天年月日岁米分斤吨种家位条张辆台套箱本台度%℃万亿千百多余几]|公里|公斤|小时|平方|[a-zA-Z]"
)


def _phone_parts(match: Match, names: str) -> list[Part]:
    present = [name for name in names if match[name]]
    return [_digits_only(match, name, "、" if name != present[-1] else "") for name in present]


def _digits_only(match: Match, name: str, pause: str) -> Part:
    spoken = by_digit(re.sub(r"\D", "", match[name]), "幺")
    return Part(spoken, match.start(name), match.end(name), each=len(spoken) == len(match[name]), pause=pause)


def _mobile(match: Match) -> Sequence[Part]:
    country = [group(match, "z", "加八六")] if match["z"] else []
    return [*country, *_phone_parts(match, "abc")]


def _landline(match: Match) -> Sequence[Part]:
    parts = _phone_parts(match, "ab")
    if match["x"]:
        parts += [group(match, "t", "转"), each(match, "x", by_digit(match["x"], "幺"))]
    return parts


def _hotline(match: Match) -> Sequence[Part]:
    return _phone_parts(match, "abc")


def _well_known(match: Match) -> Sequence[Part] | None:
    text = match[0]
    if text not in _WELL_KNOWN or re.match(r"\.\d|[-~:：/]\d|,\d{3}", match.string[match.end() : match.end() + 4]):
        return None
    called = _CALLS.search(left(match)) or re.match(
        r"报警|急救|热线|指挥|晚会|电话|客服|平台|高校|院校|工程|大促", right(match)
    )
    if not called and (
        text not in _NICKNAMES or _COUNTED.match(right(match)) or re.search(r"[第共约￥¥$]$", left(match))
    ):
        return None
    one = "幺" if called or text in ("12306", "12315", "10086", "10010", "12345", "315", "211") else "一"
    return [each(match, 0, by_digit(text, one))]


def _code(match: Match) -> Sequence[Part] | None:
    """Digits behind a word such as 验证码, hyphens and spaces silent, a pause between groups of four."""
    if not _AFTER_CODE.search(left(match, 14)) or _COUNTED.match(right(match)) or not re.search(r"\d", match[0]):
        return None
    one = (
        "幺"
        if re.search(r"\d{4} \d{4}|^1?\d{10,}$", match[0]) or re.search(r"电话|手机|拨|致电|呼叫", left(match, 14))
        else "一"
    )
    parts = []
    for found in re.finditer(r"[A-Za-z]+|\d+", match[0]):
        begin = match.start() + found.start()
        broken = match[0][found.end() : found.end() + 1] == " "
        letters = found[0].upper() if found[0].isalpha() else by_digit(found[0], one)
        parts.append(Part(letters, begin, begin + len(found[0]), each=found[0].isdigit(), pause="、" if broken else ""))
    return parts


def _account(match: Match) -> Sequence[Part]:
    parts = []
    for found in re.finditer(r"[\dXx]+", match[0]):
        begin = match.start() + found.start()
        last = found.end() == len(match[0])
        text = by_digit(found[0].upper(), "幺")
        parts.append(Part(text, begin, begin + len(found[0]), each=True, pause="" if last else "、"))
    return parts


def _address(match: Match) -> Sequence[Part]:
    """A network address part by part; the scheme is not said."""
    parts: list[Part] = []
    for found in re.finditer(r"[A-Za-z]+|\d+|[^A-Za-z\d]", match["body"]):
        begin = match.start("body") + found.start()
        parts.append(_address_part(found[0], begin))
    return [part for part in parts if part.text]


def _address_part(text: str, begin: int) -> Part:
    if text.isdigit():
        return Part(by_digit(text), begin, begin + len(text), each=True)
    if text.lower() == "www":
        return Part("三W", begin, begin + len(text))
    return Part(text if text.isalpha() else _SIGNS.get(text, ""), begin, begin + len(text))


def _ip(match: Match) -> Sequence[Part] | None:
    if any(int(part) > 255 for part in match["ip"].split(".")):
        return None
    spoken = by_digit(match["ip"]).replace(".", "点")
    port = [group(match, "colon", "冒号"), each(match, "port", by_digit(match["port"]))] if match["port"] else []
    return [each(match, "ip", spoken), *port]


def _version(match: Match) -> Sequence[Part] | None:
    if not match["v"] and match["n"].count(".") < 2:
        return None
    head = [group(match, "v", "V")] if match["v"] else []
    return [*head, each(match, "n", by_digit(match["n"]).replace(".", "点"))]


def _file_name(match: Match) -> Sequence[Part]:
    return [
        _address_part(found[0], match.start() + found.start())
        for found in re.finditer(r"[A-Za-z]+|\d+|[^A-Za-z\d]", match[0])
    ]


_CLASSES = "歼运直轰苏米图强教鹰霹红飞彩翼"
_NAMED = re.compile(
    rf"(?:[{_CLASSES}]|长征|神舟|天宫|嫦娥|东风|巨浪|红旗|霹雳|武直|翼龙|彩虹|卫星|天舟|天问|空警|鹰击|直升机|枭龙|"
    r"快舟|捷龙|力箭|谷神星|风云|高分|北斗|实践|天链|海洋|资源|遥感|吉林|墨子|玉兔|祝融|雪龙|蛟龙|奋斗者|探索|联盟|猎鹰|阿波罗|"
    r"阿尔忒弥斯|好奇|旅行者|萨姆|爱国者|飞毛腿|辽宁|伊尔|米格|安|雅克|比亚迪|型|款|系列|型号)$"
)


def _model_digits(text: str) -> str:
    """One or two digits (and round tens) are a number, longer ones are read one by one."""
    if len(text) <= 2 and text[0] != "0":
        return cardinal(text)
    return by_digit(text)


def _hyphen_model(match: Match) -> Sequence[Part] | None:
    """歼-20, C-130, 长征-5B: the hyphen is silent; 为-47万 is a minus and not for this rule."""
    before = match.string[match.start() - 1 : match.start()]
    letter = before.isascii()
    if not letter and not _NAMED.search(left(match)) and not re.match(r"[A-Z]", match["x"]):
        return None
    tail = [group(match, "x", match["x"])] if match["x"] else []
    return [group(match, "n", _model_digits(match["n"])), *tail]


def _letter_model(match: Match) -> Sequence[Part] | None:
    """G1372, iPhone16, SU7, PM2.5: digits straight behind letters."""
    before = left(match)
    if re.search(r"(?:^|[^A-Za-z])[GDCKTZYSL]$", before) and len(match["n"]) <= 4 and _is_train(match):
        return [each(match, "n", by_digit(match["n"], "幺"))]
    if match["d"]:
        return [group(match, "n", cardinal(match["n"])), group(match, "d", "点" + by_digit(match["d"][1:]))]
    if re.search(r"(?:^|[^A-Za-z])x$", before):
        return [each(match, "n", by_digit(match["n"]))]
    return [group(match, "n", _model_digits(match["n"]))]


def _is_train(match: Match) -> bool:
    around = left(match, 10) + right(match)
    return bool(re.search(r"次|列车|车次|动车|高铁|乘|航班|火车|开往", around))


def _spaced_model(match: Match) -> Sequence[Part] | None:
    """IPhone 16, iOS 17.4, Windows 11: a name of letters, a space, a number."""
    if _COUNTED.match(right(match)) and not re.match(r"[a-zA-Z]", right(match)):
        return None
    return whole(
        match, number(match["n"]) if len(match["n"].partition(".")[0]) <= 2 else by_digit(match["n"]).replace(".", "点")
    )


def _digit_letters(match: Match) -> Sequence[Part]:
    """4G, 3D, 2B, 88VIP: digits straight before capitals."""
    return [group(match, "n", _model_digits(match["n"])), group(match, "x", match["x"])]


def _plate(match: Match) -> Sequence[Part]:
    parts = []
    for found in re.finditer(r"[A-Z]+|\d+", match["n"]):
        begin = match.start("n") + found.start()
        parts.append(Part(by_digit(found[0]), begin, begin + len(found[0]), each=found[0].isdigit()))
    return [group(match, "c", match["c"]), *parts]


def _room(match: Match) -> Sequence[Part] | None:
    if len(match["n"]) < 3:
        return None
    return [each(match, "n", by_digit(match["n"], "幺"))]


def _standard(match: Match) -> Sequence[Part]:
    parts = [group(match, "k", match["k"])]
    parts += [group(match, "t", match["t"][1:])] if match["t"] else []
    for name in "ny":
        for found in re.finditer(r"\d+|\.", match[name] or ""):
            begin = match.start(name) + found.start()
            parts.append(Part(by_digit(found[0]).replace(".", "点"), begin, begin + len(found[0]), each=True))
    return parts


def _block_room(match: Match) -> Sequence[Part] | None:
    return (
        [each(match, "n", by_digit(match["n"], "幺"))]
        if re.search(r"(?:[A-Za-z东西南北]座|楼|栋|幢|单元)$", left(match))
        else None
    )


def _block(match: Match) -> Sequence[Part]:
    parts = []
    for found in re.finditer(r"\d+|-", match["n"]):
        begin = match.start("n") + found.start()
        text = "杠" if found[0] == "-" else by_digit(found[0], "幺") if len(found[0]) > 2 else cardinal(found[0])
        parts.append(Part(text, begin, begin + len(found[0])))
    return parts


def _bus(match: Match) -> Sequence[Part] | None:
    if len(match["n"]) < 3:
        return [group(match, "n", cardinal(match["n"]))]
    return [each(match, "n", by_digit(match["n"], "幺"))]


def _long(match: Match) -> Sequence[Part] | None:
    text = match[0]
    if text[0] == "0" or len(text) > 16 or (len(text) > 8 and not _COUNTED.match(right(match))):
        return [each(match, 0, by_digit(text))]
    return None


_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,5}" + (
    "(?:com|cn|net|org|edu|gov|io|ai|cc|top|xyz|info|app|dev|me|tv|co|uk|us|jp|vip|shop|site|tech|club|online|wang|ren)"
)
_EXTENSIONS = (
    "py|js|ts|txt|md|pdf|docx?|xlsx?|pptx?|csv|json|ya?ml|zip|exe|apk|mp3|mp4|wav|jpe?g|png|gif|html?|sh|go|rs"
)
_AREA_CODE = r"(?<![\d.])[(（]?(?P<a>0\d{2,3})[)）\- ]{1,2}"
_STANDARDS = "GB|ISO|IEC|DB|YY|HG|QB|JB|SJ|YD|IEEE|RFC|ANSI|ASTM|DIN|EN"
RULES: tuple[Rule, ...] = (
    rule("mail", rf"(?<![A-Za-z0-9])(?P<body>[A-Za-z0-9][A-Za-z0-9._%+-]{{0,63}}@{_DOMAIN})(?![A-Za-z])", _address),
    rule(
        "url",
        r"(?<![A-Za-z0-9])(?:(?:https?|ftp)://)(?P<body>[A-Za-z0-9][A-Za-z0-9._~:/?#@!$&'()*+,;=%-]{0,2000}[A-Za-z0-9/])",
        _address,
    ),
    rule(
        "url",
        rf"(?<![A-Za-z0-9@])(?P<body>{_DOMAIN}(?::\d+)?(?:/[A-Za-z0-9._~/?#=&%+-]{{0,2000}}[A-Za-z0-9])?/?)(?![A-Za-z0-9])",
        _address,
    ),
    rule("ip", r"(?<![\d.])(?P<ip>\d{1,3}(?:\.\d{1,3}){3})(?:(?P<colon>:)(?P<port>\d{1,5}))?(?![\d.]\d|\d)", _ip),
    rule("mobile", r"(?<![\d.])(?P<z>\+?86[- ]?)?(?P<a>1[3-9]\d)[- ]?(?P<b>\d{4})[- ]?(?P<c>\d{4})(?!\d)", _mobile),
    rule(
        "landline",
        _AREA_CODE + r"(?P<b>\d{7,8}|\d{3,4}[- ]\d{4})(?:(?P<t>转|-|ext\.?)(?P<x>\d{1,6}))?(?!\d)",
        _landline,
    ),
    rule("hotline", r"(?<![\d.])(?P<a>[48]00)[- ]?(?P<b>\d{3,4})[- ]?(?P<c>\d{3,4})(?!\d)", _hotline),
    rule(
        "account",
        r"(?<![\d.])\d{4}(?:[ -]\d{4}){2,7}(?:[ -]\d{1,3})?(?!\d)|(?<!\d)\d{17}[\dXx](?![\dA-Za-z])",
        _account,
    ),
    rule(
        "code",
        r"(?<![\dA-Za-z.])(?:[A-Za-z]{0,4}\d[A-Za-z\d]{0,40}"
        r"(?:[ -][A-Za-z]?\d[A-Za-z\d]{0,12}){0,8})(?![\d.]\d|\d|[%:：])",
        _code,
    ),
    rule(
        "version", r"(?<![\d.A-Za-z])(?P<v>[vV](?:er(?:sion)?)?\.?\s?)?(?P<n>\d+(?:\.\d+){1,6})(?![\d.]\d|\d)", _version
    ),
    rule(
        "file",
        rf"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9_-]{{0,60}}\.(?:{_EXTENSIONS})(?![A-Za-z0-9])",
        _file_name,
    ),
    rule(
        "plate", rf"(?<=[{_PROVINCES}])(?P<c>[A-Z])[·・ ]?(?P<n>(?=[A-Z0-9]*\d)[A-Z0-9]{{5,6}})(?![A-Za-z0-9])", _plate
    ),
    rule(
        "standard",
        rf"(?<![A-Za-z])(?P<k>{_STANDARDS})(?P<t>/[A-Z]{{1,3}})? ?"
        r"(?P<n>\d+(?:[.-]\d+)*)(?::(?P<y>\d{4}))?(?![\d%])",
        _standard,
    ),
    rule("model-range", r"(?<=[A-Za-z]\d)-(?=[A-Za-z]\d)", lambda match: whole(match, "到")),
    rule("figure", r"(?<=[图表式例])(?P<n>\d{1,3}(?:-\d{1,3})+)(?!\d)", _block),
    rule(
        "block",
        r"(?<![\d.A-Za-z-])(?P<n>\d{1,4}(?:-\d{1,4}){1,3})"
        r"(?=\s?(?:号楼|号院|号房|室|单元|栋|幢|座|号(?!码|[到至~-])))",
        _block,
    ),
    rule(
        "room", r"(?<![\d.])(?P<n>\d{3,5})(?=\s?(?:室|弄|房间|房|号房|号院|号楼|号(?!码)|教室|会议室|包间|包厢))", _room
    ),
    rule("room", r"(?<![\d.])(?P<n>\d{3,4})(?![\d.%]|[个人名元米年天])", _block_room),
    rule("bus", r"(?<![\d.])(?P<n>\d{1,3})(?=路(?:公交|车|电车|巴士|汽车|[，。到去在站]))", _bus),
    rule(
        "model",
        r"(?:(?<=[A-Za-z一-龥])|(?<=[A-Za-z]\d))-(?P<n>\d{1,6})(?P<x>[A-Z]{0,3})(?![\d.%℃A-Za-z-]|[万亿]|度)",
        _hyphen_model,
    ),
    rule("model", r"(?<=[A-Za-z])(?P<n>\d+)(?P<d>\.\d+)?", _letter_model),
    rule("model", r"(?<=[A-Za-z]) ?(?P<n>\d{1,4}(?:\.\d{1,2})?)(?![\d.:：/%-]|\s?[A-Za-z])", _spaced_model),
    rule("well-known", r"(?<![\d.A-Za-z-])\d{3,7}(?!\d)", _well_known),
    rule("digits", r"(?<![\d.])\d{2,}(?![\d.])", _long),
)
MODEL = rule("model", r"(?<![\d.])(?P<n>\d{1,6})(?P<x>[A-Z]{1,4}(?![a-z]))", _digit_letters)
"""Comes last, behind the units of measure (``16GB``)."""
