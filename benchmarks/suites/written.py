"""The rows of the written phenomena (T01–T55), each as a sentence in parts."""

from __future__ import annotations

from random import Random

from benchmarks.suites.slots import (
    DIGITS,
    Maker,
    Slot,
    cardinal,
    clock,
    comma_number,
    date,
    decimal,
    digits,
    either,
    grouped,
    half_day,
    holed,
    number,
    point,
    rising,
    string,
    time,
    year,
)


def _score(join: str, low: int = 0, high: int = 9) -> Maker:
    def make(random: Random) -> Slot:
        a, b = random.randint(low, high), random.randint(low, high)
        return Slot(f"{a}{join}{b}", (f"{cardinal(a)[0]}比{cardinal(b)[0]}",))

    return make


def _fraction(random: Random) -> Slot:
    bottom = random.randint(3, 20)
    top = random.randint(1, bottom - 1)
    return Slot(f"{top}/{bottom}", (f"{cardinal(bottom)[0]}分之{cardinal(top)[0]}",))


def _percent_range(random: Random) -> Slot:
    a = random.randint(1, 40)
    b = random.randint(a + 1, 90)
    sign = random.choice("~-～—")
    first, second = cardinal(a)[0], cardinal(b)[0]
    both = random.random() < 0.6
    readings = tuple(f"百分之{first}{to}{head}{second}" for to in "到至" for head in ("百分之", ""))
    return Slot(f"{a}{'%' if both else ''}{sign}{b}%", readings)


def _minus_degrees(random: Random) -> Slot:
    value, sign = random.randint(1, 45), random.choice(("-", "−"))
    unit = random.choice(("℃", "°C"))
    read = cardinal(value)[0]
    return Slot(
        f"{sign}{value}{unit}", tuple(f"{minus}{read}{u}" for minus in ("零下", "负") for u in ("摄氏度", "度"))
    )


def _full_time_range(random: Random) -> Slot:
    a, b = random.randint(6, 11), random.randint(12, 22)
    m1, m2 = random.choice((0, 5, 15, 30, 45, 50)), random.choice((0, 10, 20, 30, 40))
    sign = random.choice("-~—～–")
    spoken = tuple(f"{x}{to}{y}" for x in clock(a, m1) for to in "到至" for y in clock(b, m2))
    return Slot(f"{a}:{m1:02}{sign}{b}:{m2:02}", spoken)


def _weekday_range(random: Random) -> Slot:
    a, b = random.choice((("一", "四"), ("二", "五"), ("一", "五"), ("三", "日")))
    sign = random.choice("~-—至")
    return Slot(f"周{a}{sign}周{b}", (f"周{a}到周{b}", f"周{a}至周{b}"))


def _day_range(random: Random) -> Slot:
    month, a = random.randint(1, 12), random.randint(1, 15)
    b, sign, unit = random.randint(a + 1, 28), random.choice("-~—–"), random.choice("日号")
    first, second, head = cardinal(a)[0], cardinal(b)[0], cardinal(month)[0]
    between = tuple(f"{head}月{first}{unit}{to}{second}{unit}" for to in "到至")
    if random.random() < 0.5:
        return Slot(f"{month}月{a}{unit}{sign}{b}{unit}", between)
    short = tuple(f"{head}月{first}{to}{second}{unit}" for to in "到至")
    return Slot(f"{month}月{a}{sign}{b}{unit}", (*short, *between))


def _year_range(random: Random) -> Slot:
    a = random.randint(1950, 2020)
    b, sign = a + random.randint(1, 20), random.choice("-~—–")
    spoken = tuple(f"{digits(str(a))[0]}{n}{to}{digits(str(b))[0]}年" for n in ("", "年") for to in "到至")
    return Slot(f"{a}{random.choice(('', '年'))}{sign}{b}年", spoken)


def _elapsed(random: Random) -> Slot:
    h, m = random.randint(1, 9), random.randint(1, 59)
    hours, minutes = cardinal(h, counted=True)[0], cardinal(m, counted=True)[0]
    return Slot(
        random.choice((f"{h}h{m}min", f"{h}h {m}min")),
        (f"{hours}小时{minutes}分钟", f"{hours}小时{minutes}分", f"{hours}个小时{minutes}分钟"),
    )


def _primes(random: Random) -> Slot:
    m, s = random.randint(1, 20), random.randint(3, 59)
    read = (f"{cardinal(m, counted=True)[0]}分{cardinal(s)[0]}秒",)
    return Slot(f"{m}′{s}″", read)


def _hms(random: Random) -> Slot:
    h, m, s = random.randint(1, 5), random.randint(10, 59), random.randint(10, 59)
    return Slot(f"{h}:{m}:{s}", (f"{cardinal(h, counted=True)[0]}小时{cardinal(m)[0]}分{cardinal(s)[0]}秒",))


def _ip(random: Random) -> Slot:
    text = ".".join(str(random.randint(1, 254)) for _ in range(4))
    plain = "点".join(digits(part)[0] for part in text.split("."))
    return Slot(text, (plain, plain.replace("一", "幺")))


def _version(random: Random) -> Slot:
    parts = [str(random.randint(1, 9)), str(random.randint(0, 20)), str(random.randint(0, 9))]
    spelled = "点".join(digits(part)[0] for part in parts)
    cardinals = "点".join(cardinal(int(part))[0] for part in parts)
    return Slot("v" + ".".join(parts), (f"V{spelled}", f"V{cardinals}"))


def _model_tail(random: Random) -> Slot:
    value = random.randint(3, 99)
    tail = random.choice(("", "", "A", "B", "C", "D"))
    return Slot(f"-{value}{tail}", tuple(f"{n}{tail}" for n in (cardinal(value)[0], digits(str(value))[0])))


def _plate(random: Random) -> Slot:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
    body = "".join(random.choice("0123456789" if random.random() < 0.7 else letters) for _ in range(5))
    head = random.choice("京沪粤苏浙川鲁豫") + random.choice(letters)
    return Slot(f"{head}{random.choice(('·', '', ' '))}{body}", tuple(head + tail for tail in digits(body, yao=True)))


def _list_item(random: Random) -> Slot:
    value = random.randint(1, 20)
    return Slot(chr(0x245F + value), cardinal(value))


def _roman(random: Random) -> Slot:
    value = random.randint(1, 12)
    return Slot(chr(0x215F + value), cardinal(value))


def _coordinates(random: Random) -> Slot:
    degrees, minutes = random.randint(1, 89), random.randint(1, 59)
    return Slot(f"{degrees}°{minutes}′", (f"{cardinal(degrees)[0]}度{cardinal(minutes)[0]}分",))


def _sum(random: Random) -> Slot:
    a, b = random.randint(2, 60), random.randint(2, 60)
    sign, word, value = random.choice((("+", "加", a + b), ("×", "乘", a * b), ("÷", "除以", a * b)))
    if sign == "÷":
        a, value = value, a
    ways = (word, "乘以") if sign == "×" else (word, "除") if sign == "÷" else (word,)
    first, second = cardinal(a), cardinal(b)
    return Slot(
        f"{a}{sign}{b}={value}",
        tuple(f"{x}{way}{y}等于{z}" for x in first for way in ways for y in second for z in cardinal(value)),
    )


def _difference(random: Random) -> Slot:
    a, b = random.randint(5, 99), random.randint(1, 99)
    if b > a:
        a, b = b, a
    return Slot(f"{a}-{b}", (f"{cardinal(a)[0]}减{cardinal(b)[0]}",))


def _dimension(sign: str, low: int, high: int) -> Maker:
    def make(random: Random) -> Slot:
        values = [random.randint(low, high) for _ in range(random.choice((2, 2, 3)))]
        read = [""]
        for index, value in enumerate(values):
            read = [head + ("乘" if index else "") + option for head in read for option in cardinal(value)]
        return Slot(random.choice(sign.split("|")).join(map(str, values)), tuple(read))

    return make


def _meters(random: Random) -> Slot:
    tail = random.randint(41, 98)
    return Slot(f"1米{tail}", (f"一米{digits(str(tail))[0]}", f"一米{cardinal(tail)[0]}"))


def _about(random: Random) -> Slot:
    start = random.randint(2, 8)
    unit = random.choice("十百千万")
    pair = DIGITS[start] + DIGITS[start + 1]
    return Slot(pair + unit, (pair + unit, pair.replace("二", "两") + unit))


def _many(random: Random) -> Slot:
    value = random.choice((10, 20, 30, 50, 80, 100, 300, 1000))
    return Slot(f"{value}多", tuple(f"{n}多" for n in cardinal(value)))


def _full_width(random: Random) -> Slot:
    value = random.randint(3, 99)
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in str(value))
    return Slot(f"{wide}％", (f"百分之{cardinal(value)[0]}",))


def _chinese_year(random: Random) -> Slot:
    value = str(random.randint(2001, 2049))
    read = digits(value)[0]
    return Slot(read.replace("零", "〇"), (read,))


def _day_holiday(random: Random) -> Slot:
    written, read = random.choice(
        (("5.1", "五一"), ("10.1", "十一"), ("6.1", "六一"), ("8.1", "八一"), ("7.1", "七一"))
    )
    return Slot(written, (read,))


def _free_postage(random: Random) -> Slot:
    a, b = random.randint(3, 99), random.randint(1, 9)
    first, second = cardinal(a)[0], DIGITS[b]
    return Slot(f"{a}.{b}包邮", (f"{first}块{second}包邮", f"{first}点{second}包邮", f"{first}点{second}元包邮"))


def _money(sign: str, name: str, also: str = "") -> Maker:
    def make(random: Random) -> Slot:
        value = random.choice((random.randint(3, 900), random.randint(1000, 99_999)))
        cents = random.choice(("", "", f".{random.randint(1, 9)}{random.randint(1, 9)}"))
        written = f"{value:,}" if value > 999 and random.random() < 0.5 else str(value)
        amounts = decimal(f"{value}{cents}")
        return Slot(f"{sign}{written}{cents}", tuple(head + amount + name for amount in amounts for head in ("", also)))

    return make


def _gap_phone(random: Random) -> Slot:
    made = grouped(random.choice(("13# #### ####", "15#-####-####", "186 #### ####", "177########")))(random)
    return made


def _hex_port(random: Random) -> Slot:
    text = random.choice(("8080", "8443", "3306", "6379", "5432", "22", "443", "9090", "27017"))
    return Slot(text, digits(text))


def _per_hour(random: Random) -> Slot:
    value = random.randint(20, 350)
    way = tuple(
        reading for n in cardinal(value) for km in ("千米", "公里") for reading in (f"{n}{km}每小时", f"每小时{n}{km}")
    )
    return Slot(f"{value}km/h", way)


def _per(random: Random) -> Slot:
    value, unit = random.randint(2, 99), random.choice("斤箱个位盒次天人")
    amounts = tuple({*cardinal(value, counted=True), *cardinal(value)})
    return Slot(f"{value}元/{unit}", tuple(way for n in amounts for way in (f"{n}元每{unit}", f"每{unit}{n}元")))


def _bytes(random: Random) -> Slot:
    value, unit = random.choice((8, 12, 16, 32, 64, 128, 256, 512)), random.choice(("GB", "MB", "TB"))
    name = {"GB": "吉字节", "MB": "兆字节", "TB": "太字节"}[unit]
    return Slot(f"{value}{unit}", tuple(f"{n}{u}" for n in cardinal(value) for u in (unit, name, unit[0])))


def _bandwidth(random: Random) -> Slot:
    value, unit = random.choice((100, 200, 300, 500, 1000)), random.choice(("Mbps", "Kbps"))
    name = {"Mbps": "兆比特每秒", "Kbps": "千比特每秒"}[unit]
    return Slot(f"{value}{unit}", tuple(f"{n}{u}" for n in cardinal(value) for u in (unit, name)))


def _big(random: Random) -> Slot:
    text = f"{random.randint(1, 99)}.{random.randint(1, 9)}"
    unit = random.choice("万亿")
    return Slot(text + unit, tuple(f"{n}{unit}" for n in decimal(text)))


ROWS: tuple[tuple[str, tuple[str | Maker, ...]], ...] = (
    ("T01.1", ("仓库里还剩|工地上堆着|全校订了", holed, "箱|件|本")),
    ("T01.2", ("今年新增|去年招收|本县共有|登记在册的有", comma_number(1001, 99_999), "名学员|名志愿者|户居民|家企业")),
    ("T02.1", ("桌上有|车里坐着|他买了", number(10, 19), "个杯子|个人|个苹果")),
    ("T02.2", ("这本书一共|这份合同共|全剧本有", number(211, 999), "页")),
    ("T03.1", ("请给我|再来|帮我拿", "2→两", "杯豆浆|个包子|瓶水|张纸|份盒饭|双筷子|把椅子")),
    (
        "T03.2",
        (
            "2月份→二月份|2号楼→二号楼|第2季度→第二季度|2022年→二零二二年",
            "我要|他得|大家要",
            "出差|加班|忙",
            "2→两",
            "个月|周|天",
        ),
    ),
    ("T04.1", ("注册用户突破|票房达到|总资产超过", _big)),
    ("T04.2", ("首期投资|奖金有|年薪|预算为", number(3, 900), "万|亿")),
    ("T05.1", ("自然常数约为|测得的值是|平均数约为", point(0, 99, 5))),
    ("T05.2", ("左眼视力|右眼视力|系数是|得分为", point(0, 9, 1, zero_end=True))),
    ("T06.1", ("本季净利为|余额为|上月结余为", "-→负|−→负", number(3, 999), "万|亿元|万元")),
    ("T06.2", ("湖面海拔|矿井标高|盆地海拔", "-→负", number(3, 400), "米")),
    ("T07.1", ("您的验证码是|取餐码：|学号为|订单号|邮政编码是", string(6))),
    ("T07.2", ("取件码为|取件码是|取货码：", grouped("#-#-####", yao=False))),
    ("T08.1", ("请拨打|手机号|联系人电话", grouped("139########"), "|咨询|联系我")),
    ("T08.2", ("我的号码是|电话：|请致电", _gap_phone)),
    ("T09.1", ("总机|电话|前台", grouped("021-5555####"), "转", string(3, yao=True))),
    ("T09.2", ("热线|客服电话", grouped("400-000-####"), "全天接听|竭诚服务|咨询")),
    (
        "T10.1",
        (
            "有危险请立刻打|遇到火情拨打|赶紧打",
            "110→幺幺零¦一一零|119→幺幺九¦一一九|120→幺二零¦一二零|122→幺二二¦一二二",
        ),
    ),
    (
        "T10.2",
        (
            "他呼叫了|邻居拨了|我打了",
            "110→幺幺零¦一一零|119→幺幺九¦一一九|120→幺二零¦一二零|12345→幺二三四五¦一二三四五|114→幺幺四¦一一四",
        ),
    ),
    ("T11.1", ("合同从|规定自|活动将于", date("年"), "起生效|开始实施|举行")),
    ("T11.2", (lambda r: date(r.choice("-/."), pad=r.random() < 0.5)(r), "开始报名|截止|发布")),
    (
        "T12.1",
        (
            "她是|我是|这辆车是",
            "98→九八|95→九五|03→零三|07→零七|12→一二|88→八八",
            "年夏天|年冬天|年春天|年年底",
            "出生的|毕业的|买的",
        ),
    ),
    (
        "T12.2",
        (
            "80→八零|90→九零|70→七零|00→零零|95→九五|85→八五",
            "后和",
            "10→一零|05→零五|00→零零|60→六零",
            "后的想法不同|后都来了",
        ),
    ),
    (
        "T13.1",
        (
            "公司|学校|村子",
            year(),
            "年成立，至今|年建成，已经",
            "经营了|走过了|历经",
            number(3, 70, counted=True),
            "年",
        ),
    ),
    (
        "T13.2",
        (
            "这座石桥|这口井|古城",
            "已有|距今有|有着",
            either(
                "1400→一千四百", "1200→一千二百", "2000→两千¦二千", "2500→两千五百¦二千五百", "800→八百", "1000→一千"
            ),
            "年历史|多年历史|年的历史",
        ),
    ),
    ("T14.1", (_day_range, "照常营业|停水|放假")),
    ("T14.2", (_year_range, "的账目|的规划|的数据")),
    ("T15.1", ("明早|今晚|下午", time(1, 11, "3|5|7|9"), "出发|集合|见")),
    ("T15.2", ("例会|比赛|电影", time(6, 23), "开始|开场|散场")),
    ("T16.1", ("航班|火车|班车", half_day, "起飞|出发|到站")),
    ("T16.2", ("我们|大家|他俩", half_day, "见|集合|出门")),
    ("T17.1", ("营业时间|开放时间：|服务时间为", _full_time_range)),
    ("T17.2", (_weekday_range, " →|  →", _full_time_range)),
    ("T18.1", ("全程用时|总共用了|车程约", _elapsed)),
    ("T18.2", ("她闭气|他平板支撑|全曲长", _primes)),
    ("T18.3", ("马拉松成绩|全程用时|完赛用时为", _hms)),
    ("T19.1", ("成人票|会员价|这件衣服", _money("¥", "元", "人民币"))),
    (
        "T19.2",
        (
            "这本电子书卖|月费|总价",
            lambda r: _money(
                *r.choice((("$", "美元"), ("€", "欧元"), ("£", "英镑"), ("HK$", "港元"), ("US$", "美元")))
            )(r),
        ),
    ),
    ("T20.1", ("白菜一斤|一碗面|车票", number(2, 19, counted=True), "块", "5→五|8→八|3→三|9→九")),
    ("T20.2", ("找您|就差|只要", "2→两|3→三|5→五|8→八", "毛钱|块钱|毛")),
    (
        "T21.1",
        (
            "进度已到|增长了|含水率为",
            lambda r: Slot((m := point(1, 99, 1)(r)).written + "%", tuple("百分之" + x for x in m.readings)),
        ),
    ),
    ("T21.2", ("让利|降价|提成", _percent_range)),
    ("T22.1", ("牛奶还剩|完成了|只用了", _fraction, "|的量")),
    ("T22.2", ("面积是|长度为", number(1, 9), "又", _fraction, "公顷|米")),
    ("T23.1", ("夜里降到|山顶气温|最低", _minus_degrees)),
    (
        "T23.2",
        (
            "烤箱预热到|水温保持在|体温",
            lambda r: Slot(
                f"{(n := r.randint(20, 240))}{r.choice(('°C', '℃'))}",
                tuple(x + u for x in cardinal(n) for u in ("摄氏度", "度")),
            ),
        ),
    ),
    ("T24.1", ("适合|面向|招收", rising(2, 18), "岁儿童|岁的孩子")),
    ("T24.2", ("净重|每袋", rising(3, 90), "公斤|斤|千克")),
    ("T25.1", ("主队最终以|中国队以|她以", _score(":"), "获胜|领先|取胜|告负")),
    ("T25.2", ("第二局比分|全场比分|半场比分", _score("-", 0, 30))),
    ("T26.1", ("纸箱尺寸|屏幕大小|桌面尺寸", _dimension("×|*|x", 12, 300), "厘米|毫米|mm→毫米|cm→厘米")),
    ("T26.2", ("画一个|打印一张|准备一个", _dimension("x|×|*|X", 3, 9), "的表格|的格子")),
    ("T27.1", ("本市承办第|这是第|他翻开第", number(2, 99), "届书展|届年会|页|章")),
    ("T27.2", ("会议室在|他住在|集合点在", number(1, 9), "楼|号楼", number(2, 9), "号厅|号房")),
    ("T28.1", ("体检体重|行李重", number(11, 99), "kg→千克¦公斤")),
    ("T28.2", ("客厅面积|占地|使用面积", number(11, 990), "㎡→平方米¦平米|m²→平方米¦平米")),
    (
        "T28.3",
        (
            "量得|记录到|标着",
            number(11, 99),
            "cm→厘米|mm→毫米|km→公里¦千米|ml→毫升|mg→毫克|g→克|V→伏¦伏特|W→瓦¦瓦特|dB→分贝|Hz→赫兹¦赫",
        ),
    ),
    ("T29.1", ("限速|时速|最高速度", _per_hour)),
    ("T29.2", ("橘子|门票|盒饭|停车费", _per)),
    ("T30.1", ("手机有|电脑配|这台机器有", _bytes, "内存|存储")),
    ("T30.2", ("宽带是|网速有", _bandwidth)),
    ("T31.1", (_sum, "很好算|，对吗")),
    (
        "T31.2",
        (
            "若|当|已知",
            "x|y|a",
            "²→的平方|³→的立方¦的三次方",
            "-→减|+→加",
            number(2, 99),
            "≥→大于等于¦大于或等于|≤→小于等于¦小于或等于|=→等于",
            "0→零",
        ),
    ),
    ("T32.1", ("网关是|服务器地址|请连接", _ip)),
    ("T32.2", ("请开放端口|监听端口是|端口号", _hex_port)),
    (
        "T33.1",
        (
            "官网是|请访问|网址",
            "www.→三W点¦WWW点|https://www.→三W点¦WWW点|http://→",
            "example→example|shop→shop|city→city",
            ".cn→点cn|.com→点com|.com.cn→点com点cn|.org→点org",
        ),
    ),
    (
        "T33.2",
        (
            "发信到|邮箱|请联系",
            "kefu|hello|service|zhang.san→zhang点san",
            "@→艾特¦at",
            "example|mail",
            ".com→点com|.cn→点cn|.org→点org",
        ),
    ),
    ("T34.1", ("请升级到|当前版本|回退到", _version)),
    (
        "T34.2",
        (
            "已适配|需要|支持",
            "iOS |Android |macOS ",
            lambda r: Slot((t := f"{r.randint(8, 18)}.{r.randint(1, 9)}"), decimal(t)),
        ),
    ),
    ("T35.1", ("长征|歼|运|东风|神舟|苏|轰", _model_tail, "顺利升空|列装|亮相")),
    ("T35.2", ("他换了|她买了|店里有", "iPhone →iPhone|iPhone→iPhone|Mate →Mate|Pixel →Pixel", number(3, 19))),
    ("T36.1", ("车牌|车牌号|肇事车辆", _plate)),
    ("T36.2", ("乘|坐|改签到", "G|D|K", string(4, yao=True, first="123456789"), "次列车|次")),
    (
        "T37.1",
        (
            "住在|寄到|地址是",
            string(4, yao=True, first="123"),
            "弄",
            number(2, 19),
            "号楼",
            string(4, yao=True, first="12"),
            "室",
        ),
    ),
    ("T37.2", ("请到|送到", "A座|B座|C座", string(4, yao=True, first="12"))),
    ("T38.1", ("卡号|银行卡号|账号", grouped("6222 #### #### ####"))),
    ("T38.2", ("证件末四位是|身份证后四位", string(3, yao=True), "X")),
    ("T39.1", ("请看第|详见第|翻到第", _roman, "章|部分|节")),
    ("T39.2", (_list_item, "确认收货|提交订单|填写地址")),
    ("T40.1", ("我用|他学|大家都会", "Python|Java|Excel|Photoshop|Word", "写脚本|办公|做事")),
    ("T40.2", ("这个|那个", "bug|demo|case|issue|task", "已经|还没|刚", "fix|update|check|review|merge", "了|完")),
    ("T41.1", ("调用|看看|打开", "API|SDK|URL|PPT|CPU", "要先有|需要", "KEY|ID|VPN|CEO")),
    ("T41.2", ("今年|去年|本季度", "GDP|CPI|PMI|KPI|ROI", "增长平稳|超出预期|下降")),
    ("T42.1", ("楼里没有|这里有|支持", "4→四|5→五|3→三|2→二", "G", "信号|网络|套餐")),
    ("T42.2", ("请用|这是|想看", "2B→二B|3D→三D|5A→五A|4S→四S|4K→四K|7B→七B", "铅笔填涂|的|电影")),
    ("T43.1", ("他受够了|拒绝|公司实行", "996→九九六|007→零零七")),
    ("T43.2", ("315→三幺五¦三一五", "晚会", "今晚播出|曝光了一批商家|马上开始")),
    ("T44.1", ("他身高|小王有|模特高", _meters)),
    ("T44.2", ("月租|花了|工资", number(2, 9, counted=True), "千|万", "5→五|3→三|8→八|6→六")),
    ("T45.1", ("大约|将近|有", _about, "人到场|公里|块钱")),
    ("T45.2", ("再等|还有|过了", _many, "分钟|个小时|天|公里")),
    ("T46.1", ("北纬|东经|南纬|西经", _coordinates)),
    ("T46.2", ("画一个|转动|倾斜", number(3, 180), "°→度", "角|")),
    (
        "T47.1",
        (
            "减少|检测|含有",
            "CO₂→CO二|H₂O→H二O|SO₂→SO二|NO₂→NO二|O₂→O二|N₂→N二|CH₄→CH四|H₂SO₄→H二SO四|NH₃→NH三|O₃→O三",
            "排放|的浓度|分子",
        ),
    ),
    ("T47.2", ("PM2.5→PM二点五|PM10→PM十|pH值→pH值", "浓度下降|上升|超标")),
    ("T48.1", ("指数报|沪指收于|大盘收报", point(1000, 9999, 2, zero_end=True), "点")),
    ("T48.2", ("股票代码|证券代码为|基金代码：", string(6))),
    ("T49.1", (_day_holiday, "长假|假期|放假", "不打烊|快到了|去哪玩")),
    ("T49.2", (_free_postage,)),
    ("T50.1", ("北京|苹果|老师", "&→和| & →和", "上海|香蕉|学生", "两地|都有|一起")),
    ("T50.2", ("他会写|她在学|我教", "C++→C加加|C#→C井¦C sharp|Python→Python|C→C")),
    (
        "T51.1",
        (
            "《",
            "边城|围城|家|呐喊",
            "》",
            "（修订本）→修订本|（上册）→上册|(全集)→全集|【典藏版】→典藏版",
            "上市了|卖完了",
        ),
    ),
    ("T51.2", ("等等|别急|慢着|嘿", "……→|...→|…→|——→", "让我想想|我来看看|你先说")),
    ("T52.1", ("太棒了|辛苦了|早安", "👍👍→|🎉→|❤️→|🌹🌹🌹→|👏🏻→|😄→")),
    ("T52.2", ("笑死我了|太难了|好吃", "😂😂😂→|😭→|🤣🤣→|🤔→|😋→", "|，明天见|哈哈")),
    ("T53.1", ("优惠|折扣|降了", _full_width)),
    ("T53.2", (_chinese_year, "年", "見→见|開始→开始|結束→结束|畢業→毕业")),
    (
        "T54.1",
        ("今 天 放 假→今天放假|明 天 见→明天见|你 好 吗→你好吗|欢 迎 光 临→欢迎光临|春 节 快 乐→春节快乐", "|！→"),
    ),
    ("T54.2", ("先看标题。|第一段。|你好，", "\n→", "再看正文。|第二段。|我来了。")),
    ("T55.1", (_difference, "等于", number(1, 9))),
    ("T55.2", (number(3, 30), "-→杠¦之", number(1, 2), "号楼|号院")),
)
