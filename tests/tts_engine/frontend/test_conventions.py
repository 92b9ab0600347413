"""Each switch changes what it names, and nothing else."""

import dataclasses

import pytest

from settings import FrontendSettings
from tts_engine.frontend import Conventions
from tts_engine.frontend.characters import fold
from tts_engine.frontend.emoticons import load_names
from tts_engine.frontend.normalization import normalize

TEXT = "手机13900001234，200人走了2000米，8:30到，3-5天，-3℃，重5kg，远6km，2平方公里👍"
PLAIN = (
    "手机幺三九零零零零幺二三四，二百人走了两千米，八点三十分到，三到五天，零下三摄氏度，重五千克，远六公里，两平方公里"
)


def written(conventions, text=TEXT):
    folded, _ = fold(text, conventions)
    return "".join(piece.text for piece in normalize(folded, text, conventions).pieces)


@pytest.mark.parametrize(
    ("switch", "value", "before", "after"),
    [
        ("yao", False, "幺三九零零零零幺二三四", "一三九零零零零一二三四"),
        ("liang", "always", "二百人", "两百人"),
        ("liang", "never", "两千米", "二千米"),
        ("half_hour", True, "八点三十分", "八点半"),
        ("range_word", "至", "三到五", "三至五"),
        ("celsius", "度", "三摄氏度", "三度"),
        ("kilogram", "公斤", "千克", "公斤"),
        ("kilometre", "千米", "远六公里", "远六千米"),
        ("emoji", "named", "平方公里", "平方公里，拇指向上，"),
    ],
)
def test_a_switch_changes_what_it_names(switch, value, before, after):
    load_names()
    assert written(Conventions()) == PLAIN
    assert before in PLAIN
    assert written(Conventions(**{switch: value})) == PLAIN.replace(before, after)


def test_settings_offer_every_switch_with_the_same_defaults():
    defaults = {field.name: field.default for field in dataclasses.fields(Conventions)}
    assert FrontendSettings().model_dump() == defaults


def test_a_silent_emoji_is_listed_and_a_named_one_is_not():
    assert [notice.text for notice in fold("好👍", Conventions())[1]] == ["👍"]
    assert fold("好👍", Conventions(emoji="named"))[1] == ()
