"""Digit strings that are names: telephone numbers, codes, accounts, securities, files of courts, rooms."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tts_engine.frontend.numbers import by_digit, cardinal
from tts_engine.frontend.rules.base import Match, Part, Rule, clause, each, group, left, right, rule, whole
from tts_engine.frontend.rules.counting import COUNTED

_CODE_WORDS = (
    "验证码|动态码|动态密码|短信码|订单号?|单号|运单号?|快递号|工单号?|邮编|邮政编码|学号|工号|取件码|取餐码|取货码|提货码|提取码|卡号|账号|帐号|账户|密码|编号|"
    "序列号|身份证号?码?|身份证|证件号?码?|股票代码|证券代码|基金代码|代码|代号|端口号?|(?<![A-Za-z])port|房间号?|房号|车牌号?|QQ号?|QQ群|群号|尾号|末四位|后四位|前四位|后六位|"
    "末三位|后三位|后两位|号码|座机|固话|手机号?码?|电话|热线|客服|传真|微信号?|微信|分机号?|会议号|会议室|会议ID|ID|UID|口令|条形码|条码|货号|批号|批次号?|"
    "许可证号?|准考证号?|护照号?|银行卡|信用卡|会员卡|卡|桌号|车次|航班号?|班次|流水号|票号|区号|频道|直播间|邀请码|邀请号|兑换码|核销码|校验码|激活码|识别码|"
    "国标|执行标准|文号|证号|档案号|病历号|住院号|门诊号|就诊号|医保号|总机|致电|拨打|拨|呼叫|短信|发送|回复|输入|发票号码?|税号|信用代码|合同号|案号|保单号|"
    "车架号|抖音号|快手号|社保号|YY号|陌陌号|房产证号|排队号|ISBN|ISSN|MAC|座位号|箱号|柜号|楼号|库位|货架号?|工牌号?|警号|编码|学籍号|考号|机身号|设备号|IMEI|SN|PIN码?|串号|版本号"
)
_AFTER_CODE = re.compile(
    rf"(?:{_CODE_WORDS})(?:是|为|：|:|为：|是：|\s|尾号|末四位|后四位|\(|（|【|“|\"|分别是|改[为成]|换成|设[为成]|变更为|即|就是|填|写|号|】|」|\[|\]){{0,3}}$"
)
_PHONE_WORDS = re.compile(
    r"电话|手机|拨|致电|呼叫|座机|固话|热线|客服|传真|总机|分机|卡号|账号|帐号|账户|身份证|证件|银行卡|信用卡|末四位|后四位|尾号|房间|房号"
)
_EMERGENCY = frozenset("110 119 120 122 114 999 911 12110 12119 12120 12122".split())
_SERVICE = re.compile(r"12[13](?!00)\d\d|10086|10010|10000|10099|95(?!000)\d{3}|96110|1118[35]|12110|12395")
"""Government lines 12xxx, carriers, banks and insurers 95xxx, the police's anti-fraud line, the post."""
_NICKNAMES = dict.fromkeys(
    "996 995 007 985 404 618 520 1314 5201314 360 666 233 2333 23333 886 955 965 818 1024 911".split(), "一"
) | dict.fromkeys(("211", "315"), "幺")
"""Numbers that are names, and how their 1 is said."""
_NICKNAMED = re.compile(
    r"晚会|高校|院校|大学|工程|大促|程序员|事件|年中|购物节|消费者|公司|安全|页面|错误|工作制|加班|制度|作息|跑车|电影|特工|了|吧|啊|$|[，。！？、”’）]|的(?!人|时|速)|活动|促销|优惠|大战|预售|期间|当天|前后|哪|"
    r"(?:和|与|跟|或|还是|比|到)(?!\s?\d)|(?:和|与|跟|或|还是|比)\s?(?:996|007|995|955|965|618|985|211)(?!\d)"
)
_SCHOOLED = re.compile("(?:的)?(?:高校|院校|大学|毕业|本科|硕士|博士|研究生|学历|文凭|名校|学校|学生|双一流|应届)")
"""Behind 985 and 211, the lists of universities."""
_LOVED = re.compile("(?:那天|当天|这天)?(?:领的?证|表白|告白|求婚|快乐|送|礼物|红包|约会|情侣|玫瑰|我爱你)")
_WORKED = re.compile(r"(?:实行|推行|反对|拒绝|告别|被迫|变相|强制|天天|每天|双(?:十一|11)[和与、到跟])$")
"""Before a number that is a working week or a shopping day."""
_CALLS = re.compile(
    r"(?:打|拨|呼叫|报|叫|call|致电|拨通|打通|热线|电话|急救|报警|火警|匪警|交警|求助|联系|拨号|求救|喊|找|平台|回拨|接到|接|向|是|和|、|或|及)(?:了|过|个|通|：|:)?$"
)
_CALLED = re.compile(
    r"报警|急救|热线|指挥|电话|客服|平台|接警|民警|出警|警|救护|中心|来|到|赶|、1|和1|或1|及1|值守|值班|系统|专线|投诉|举报|咨询|网站|官网|购票|订票|提醒|宣传|上线|开通|发布|[，。！？；]|$"
)


_CARRIER_BEFORE = re.compile(r"(?:[打拨]|致电|呼叫|热线|电话|电信|联通|客服|号码|联系|发[送到])[^，。；！？]{0,3}$")
_CARRIER_AFTER = re.compile("客服|热线|查询|人工|号|营业|投诉|电信|联通")
"""10000 and 10010 are amounts where nobody is called."""


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
    """110, 12345, 996: by digits where they are names and do not count what follows."""
    text, after = match[0], right(match)
    if text in ("985", "211") and _SCHOOLED.match(after):
        return [each(match, 0, by_digit(text, _NICKNAMES[text]))]
    if COUNTED.match(after) and not _CALLED.match(after):
        return None
    if re.match(r"\.\d|[-~:：/]\d|,\d{3}", match.string[match.end() : match.end() + 4]):
        return None
    if re.search(r"[第共约￥¥$是有达近]$", left(match)) and not _SERVICE.fullmatch(text) and not _CALLED.match(after):
        return None
    if text == "12345" and not _CALLS.search(left(match)) and not re.match(r"市民|政[务府]|便民|热线|$|\W", after):
        return [each(match, 0, by_digit(text))]  # counting, not calling
    if text in ("10000", "10010") and not (_CARRIER_BEFORE.search(left(match)) or _CARRIER_AFTER.match(after)):
        return None
    if _SERVICE.fullmatch(text) or (text in _EMERGENCY and _is_called(match)):
        return [each(match, 0, by_digit(text, "幺"))]
    name = "233" if re.fullmatch("23{2,}", text) else "666" if re.fullmatch("6{3,}", text) else text
    if name in ("520", "1314", "5201314") and _LOVED.match(after):
        return [each(match, 0, by_digit(text))]
    if (
        name in _NICKNAMES
        and (_NICKNAMED.match(after) or name != text or _WORKED.search(left(match)))
        and not re.search(r"[第共约￥¥$=+×]$", left(match))
    ):
        return [each(match, 0, by_digit(text, _NICKNAMES[name]))]
    return None


def _is_called(match: Match) -> bool:
    before, after = left(match), right(match)
    if re.match(r"报警|急救|热线|指挥|接警|民警|出警|警|救护|中心|值守|平台|专线|电话", after):
        return True
    return bool(_CALLS.search(before)) and bool(_CALLED.match(after))


def _code(match: Match) -> Sequence[Part] | None:
    """Digits behind a word such as 验证码, hyphens and spaces silent, a pause between groups of four."""
    if not _AFTER_CODE.search(left(match, 14)) or COUNTED.match(right(match)) or not re.search(r"\d", match[0]):
        return None
    if left(match).endswith("输入") and re.fullmatch(r"\d+[VWA]", match[0]):
        return None
    one = "幺" if _PHONE_WORDS.search(left(match, 14)) else "一"
    parts = []
    for found in re.finditer(r"[A-Za-z]+|\d+|[_@#$!]", match[0]):
        begin = match.start() + found.start()
        broken = match[0][found.end() : found.end() + 1] == " "
        letters = by_digit(found[0], one) if found[0].isdigit() else _letters(found[0])
        parts.append(Part(letters, begin, begin + len(found[0]), each=found[0].isdigit(), pause="、" if broken else ""))
    return parts


_CODE_SIGNS = {"_": "下划线", "@": "艾特", "#": "井号", "$": "美元符", "!": "叹号"}


def _letters(text: str) -> str:
    """Short letters of a code one by one; a word stays a word."""
    return _CODE_SIGNS.get(text) or (text.upper() if len(text) <= 3 else text)


def _account(match: Match) -> Sequence[Part]:
    parts = []
    for found in re.finditer(r"[\dXx]+", match[0]):
        begin = match.start() + found.start()
        last = found.end() == len(match[0])
        text = by_digit(found[0].upper(), "幺")
        parts.append(Part(text, begin, begin + len(found[0]), each=True, pause="" if last else "、"))
    return parts


def _room(match: Match) -> Sequence[Part] | None:
    if len(match["n"]) < 3:
        return None
    return [each(match, "n", by_digit(match["n"], "幺"))]


def _block_room(match: Match) -> Sequence[Part] | None:
    return (
        [each(match, "n", by_digit(match["n"], "幺"))]
        if re.search(
            r"(?:[A-Za-z东西南北一二三]座|楼|栋|幢|单元|门|座|(?:弄|[路街巷苑园村城坊庭邸区])\d{1,5}号)\s?$",
            left(match, 12),
        )
        else None
    )


def _block(match: Match) -> Sequence[Part] | None:
    if re.match(r"1-\d{2,}$", match["n"]) and re.match("号(?![楼院房])", right(match)):
        return None  # 1-200号: all of them
    parts = []
    for found in re.finditer(r"\d+|-", match["n"]):
        begin = match.start("n") + found.start()
        text = "杠" if found[0] == "-" else by_digit(found[0], "幺") if len(found[0]) > 2 else cardinal(found[0])
        parts.append(Part(text, begin, begin + len(found[0])))
    return parts


def _dialled(match: Match) -> Sequence[Part]:
    """*#06#: what is typed on a telephone."""
    names = {"*": "星号", "#": "井号"}
    found = re.finditer(r"\d+|[*#]", match[0])
    return [
        Part(names.get(one[0]) or by_digit(one[0], "幺"), match.start() + one.start(), match.start() + one.end())
        for one in found
    ]


def _extension(match: Match) -> Sequence[Part] | None:
    """中山路8号-1: a part of a house, no range."""
    house = re.search(r"[路街巷道弄里村屯坊](?:[东西南北中]段)?\d{1,5}号$", left(match, 16))
    return whole(match, "杠") if house else None


def _long(match: Match) -> Sequence[Part] | None:
    """Digit strings that are nobody's amount: leading zeros, more than eight digits that are not round."""
    text = match[0]
    if len(text) > 1 and text[0] == "0" and re.match(r"[月日号时点分秒]", right(match, 1)):
        return None
    if match.string[match.start() - 1 : match.start()] == "_":
        return [each(match, 0, by_digit(text))]  # 小明_2020
    round_end = len(text) - len(text.rstrip("0"))
    amount = COUNTED.match(right(match)) or round_end * 2 >= len(text) or re.search(r"[达约超过共为近破]$", left(match))
    if text[0] == "0" or len(text) > 16 or (len(text) > 8 and not amount):
        return [each(match, 0, by_digit(text))]
    return None


def _masked(match: Match) -> Sequence[Part]:
    """138****8000: the digits, and 星 for each that is hidden."""
    return [Part(by_digit(match[0].replace("*", "星"), "幺"), match.start(), match.end(), each=True)]


def _ticker(match: Match) -> Sequence[Part]:
    """Securities: 贵州茅台（600519）, 股票600519, 00700.HK."""
    tail = [group(match, "dot", "点"), group(match, "x", match["x"])] if match["x"] else []
    return [each(match, "n", by_digit(match["n"])), *tail]


def _class(match: Match) -> Sequence[Part] | None:
    """三年级(2)班: one name without pauses."""
    if not re.search(r"[级高初大小一二三四五六七八九]$", left(match)):
        return None
    return whole(match, cardinal(match["n"]) if match["n"].isascii() else match["n"])


def _issue(match: Match) -> Sequence[Part] | None:
    """第2024089期: the year and a number, digit by digit; so is the short form of a lottery."""
    if len(match["n"]) < 7 and not re.search(r"彩|开奖|乐透|双色球|排列|快乐", clause(match)):
        return None
    return [each(match, "n", by_digit(match["n"]))]


def _case_number(match: Match) -> Sequence[Part]:
    """（2023）京01民终1234号, 国发〔2024〕5号: the year by digits."""
    return [each(match, "y", by_digit(match["y"]))]


def _court(match: Match) -> Sequence[Part]:
    return [each(match, "n", by_digit(match["n"]))]


_STATUS = "OK|Created|Moved|Found|Bad|Unauthorized|Forbidden|Not|Method|Too|Internal|Service|Gateway"
"""First words of the phrases of HTTP's status codes."""
_AREA_CODE = r"(?<![\d.])[(（]?(?P<a>0\d{2,3})[)）\- ]{1,2}"
FIRST: tuple[Rule, ...] = (
    rule("dial", r"(?<![\w*#])[*#]{1,3}\d{1,20}(?:[*#]{1,2}\d{0,20}){0,4}#(?![\w#*])", _dialled),
    rule("block", r"(?<=号)-(?=\d{1,3}(?![\d号日.]))", _extension),
    rule(
        "mobile",
        r"(?<![\d.])(?P<z>(?:\(\+86\)|（\+86）|\+?86|0086)[- ]?)?"
        r"(?P<a>1[3-9]\d)[- ]?(?P<b>\d{4})[- ]?(?P<c>\d{4})(?!\d)",
        _mobile,
    ),
    rule(
        "landline",
        _AREA_CODE + r"(?P<b>\d{7,8}|\d{3,4}[- ]\d{4})(?:(?P<t>转|-|ext\.?)(?P<x>\d{1,6}))?(?!\d| \d{4})",
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
        r"(?<![\dA-Za-z.])(?:[A-Za-z_@#!$]{0,16}\d[A-Za-z\d_@#!$]{0,40}"
        r"(?:[ -][A-Za-z]?\d[A-Za-z\d]{0,12}){0,8})(?![\d.]\d|\d|[%:：])",
        _code,
    ),
)
"""Telephone numbers, and codes behind a word for one: no dates."""

CODES: tuple[Rule, ...] = (
    rule("class", r"[(（]\s?(?P<n>\d{1,2}|[一二三四五六七八九十]{1,3})\s?[)）](?=班)", _class),
    rule(
        "ticker",
        r"(?:(?<=[（(])|(?<=股票)|(?<=基金)|(?<=证券)|(?<=个股)|(?<=A股)|(?<=港股))(?P<n>[0-9]\d{4,5})(?:(?P<dot>\.)(?P<x>S[HZ]|BJ|HK))?"
        r"(?![\d.])(?![个名元只支])",
        _ticker,
    ),
    rule("ticker", r"(?<![\d.])(?P<n>\d{4,6})(?P<dot>\.)(?P<x>S[HZ]|BJ|HK)(?![A-Za-z])", _ticker),
    rule(
        "ticker",
        r"(?<=[一-龥\s])(?P<n>(?:60|68|00|30|8[378]|92)\d{4})(?P<dot>)(?P<x>)"
        r"(?=\s?(?:涨停|跌停|[大收微][涨跌]|报收|收报|停牌|复牌|今日|盘中|[涨跌]\d))",
        _ticker,
    ),
    rule("issue", r"(?<=第)(?P<n>(?:20\d{5})|\d{5})(?=期)", _issue),
    rule("masked", r"(?<![\d.])\d{1,6}\*{2,12}\d{1,6}(?!\d)", _masked),
    rule("case-number", r"(?<=[（(〔\[［【])(?P<y>(?:19|20)\d\d)(?=[）)〕\]］】][一-龥第\d])", _case_number),
    rule("case-number", r"(?<=[民刑行执赔破知终初再申字令函发办通公商法])(?P<n>\d{3,6})(?=号)", _court),
    rule(
        "case-number",
        r"(?<=[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼])(?P<n>\d{2,4})(?=[民刑行执赔破知])",
        _court,
    ),
    rule("figure", r"(?<=[图表式例])(?P<n>\d{1,3}(?:-\d{1,3})+)(?!\d)", _block),
    rule(
        "block",
        r"(?<![\d.A-Za-z-])(?P<n>\d{1,4}(?:-\d{1,4}){1,3})"
        r"(?=\s?(?:号楼|号院|号房|室|单元|栋|幢|座|号(?!码|[到至~-])))",
        _block,
    ),
    rule(
        "room",
        r"(?<![\d.])(?P<n>\d{3,5})(?=\s?(?:室|弄|房间|房|号房|号院|号楼|号(?!码)|教室|会议室|包间|包厢|病房|宿舍|诊室|展厅|卡座|信箱|邮箱))",
        _room,
    ),
    rule("room", r"(?<![\d.])(?P<n>\d{3,4})(?![\d.%]|[个人名元米年天户平]|万)", _block_room),
    rule(
        "block",
        r"(?<![\d.A-Za-z-])(?P<n>\d{1,3}-\d{1,2}-\d{2,4})(?![\d.-])",
        _block,
    ),
)
LONG: tuple[Rule, ...] = (
    rule(
        "status", rf"(?<![\d.A-Za-z])[1-5]\d\d(?=\s(?:{_STATUS}))", lambda match: [each(match, 0, by_digit(match[0]))]
    ),
    rule("well-known", r"(?<![\d.A-Za-z-])\d{3,9}(?!\d)", _well_known),
    rule("digits", r"(?<![\d.])\d{2,}(?![\d.])", _long),
)
