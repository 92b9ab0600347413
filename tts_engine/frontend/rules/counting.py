"""What is counted: classifiers, and whether 2 before one is 两."""

from __future__ import annotations

import re

from tts_engine.frontend.numbers import number
from tts_engine.frontend.rules.base import Match, left, right

CLASSIFIERS = (
    "个|位|名|只|条|张|把|本|台|辆|架|艘|座|栋|幢|间|家|所|件|套|双|对|副|杯|瓶|碗|盘|碟|盒|箱|包|袋|桶|罐|壶|锅|块|片|根|支|枝|颗|粒|滴|朵|"
    "棵|株|匹|头|口|顶|扇|面|幅|首|篇|章|部|集|场|次|回|遍|趟|下|步|种|样|类|项|门|节|堂|期|轮|届|批|群|伙|帮|队|组|排|行|列|层|倍|份|封|"
    "句|段|笔|天|周|年|小时|分钟|秒|秒钟|刻钟|个月|岁|米|厘米|毫米|公里|千米|里|里地|尺|寸|斤|公斤|千克|克|吨|升|毫升|亩|公顷|平米|"
    "平方米|平方公里|立方米|元|块钱|毛|毛钱|角|分钱|美元|欧元|日元|英镑|港元|港币|人|户|者|点钟|点|宗|起|例|票|站|局|盏|眼|发|枚|丝|股|道|"
    "通|桩|档|席|员|吋|英寸|英里|磅|盎司|加仑|瓦|千瓦|伏|安|兆|字节|年级|世纪|季度|拨|摞|沓|卷|捆|串|滩|床|身|尊|记|手|声|拍|招|圈|成|国|"
    "省|市|县|村|地|校|岸|端|侧|边|极|款|代人|辈|拳|脚|针|剂|服|勺|匙|撮|筐|车|船|屉|筒|听|扎|打|副|具|幕|出|剧|弹|架次|人次|车次|班次|"
    "夜|晚|宿|昼夜|旬|秒针|页|版|栏|格|栓|帧|像素|单|注|签|卦|刀|瓣|缕|束|簇|团|坨|摊|汪|泓|弯|轮|贴|帖|方|味|餐|顿|筷|瓢|盅|板|盆|缸|坛|樽|罈"
)
CLASSIFIER = re.compile(rf"(?:多|余|来|几)?(?:大|小|整|满|长)?(?:{CLASSIFIERS})")
_MINUTES = re.compile(r"分(?!之|[公店局社支校院部册组队行区])")
_ROOMS = re.compile(r"室\s?\d\s?厅|[厅厨卫](?!生)")
"""Of a flat: 2室2厅1卫."""
_NOT_COUNTED = re.compile(
    r"(?:月(?!份额)|号|日(?!元)|楼|层楼|班(?!次|车|岗)|等奖|中(?:学|$)|级|路|线|队(?!人)|组(?!人|数)|年级|年代|手(?!机)|"
    r"期(?!工程|内)|单元|道杠|维|胎|孩|次元|次方|分之|区|环|审|婚|把手|流|战|极管|里屯|龙|股东|点钟方向|档|甲|本|打(?=\d)|局(?!比|棋|游戏)|拍|股道|站台|世纪|发(?=\d))"
)
_ORDINAL_BEFORE = re.compile(
    r"(?:第|编号|序号|初|其|名列|排名|位列|周|星期|礼拜|图|表|例|附件|附录|步骤|选项|方案|版本|等级|进入|位居|居|列)$"
)
COUNTED = re.compile(
    r"[个人名只件元块次页天年月日岁米分斤吨种家位条张辆台套箱本度%℃万亿千百多余几]|公里|公斤|小时|平方|[a-zA-Z]"
)
"""What follows a number that counts, so that it is no code."""


def counted(match: Match, value: str, following: str | None = None) -> str:
    """``value`` as a cardinal, 两 where it counts what follows the match."""
    after = right(match) if following is None else following
    if value != "2":
        return number(value)
    if _ROOMS.match(after) and (after[0] == "室" or left(match).endswith(("室", "厅", "厨"))):
        return "两"
    minutes = _MINUTES.match(after) and not re.search("[点时]$", left(match))
    counts = minutes or (
        CLASSIFIER.match(after) and not _NOT_COUNTED.match(after) and not _ORDINAL_BEFORE.search(left(match))
    )
    scaled = re.match(r"[千万亿](?!分之)", after)
    return "两" if (counts and not _floor(match, after)) or scaled else number(value)


def _floor(match: Match, after: str) -> bool:
    """2层 is a floor behind a building or a place word, two storeys elsewhere."""
    return after.startswith("层") and bool(
        re.search(r"(?:[楼座栋幢号厦厅馆场院在到去至上下往]|地下|负|位于)$", left(match))
    )
