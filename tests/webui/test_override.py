"""The inline form that a chosen reading becomes, read again by the real front end."""

from __future__ import annotations

import pytest

from tts_engine.errors import InputError
from tts_engine.frontend import Frontend
from webui_page.override import AUTOMATIC, choices, holds, overridden

FRONTEND = Frontend()


@pytest.mark.parametrize(
    ("text", "begin", "pinyin", "expected"),
    [
        ("重庆重要", 0, "zhong4", "重(zhong4)庆重要"),
        ("重庆重要", 2, "chong2", "重庆重(chong2)要"),
        ("重(zhong4)庆", 0, "chong2", "重(chong2)庆"),
        ("重（zhòng）庆", 0, "chong2", "重(chong2)庆"),
        ("重庆(chong2 qing4)重", 0, "zhong4", "重庆(zhong4 qing4)重"),
        ("重(chong2)长(chang2)", 10 - 1, "zhang3", "重(chong2)长(zhang3)"),
        ("重(chong2)庆", 0, AUTOMATIC, "重庆"),
        ("😀重", 1, "chong2", "😀重(chong2)"),
        ("重(量)", 0, "chong2", "重(chong2)(量)"),
        ("一个", 0, "yi1", "一(yi1)个"),
    ],
)
def test_the_choice_is_written_and_read(text, begin, pinyin, expected):
    written = overridden(FRONTEND.read(text), begin, pinyin)
    assert written == expected
    assert holds(FRONTEND.read(written), begin, pinyin)


@pytest.mark.parametrize("begin", [-1, 1, 99, None, "0", [0], {}])
@pytest.mark.parametrize("pinyin", ["chong2", "ma1", "", "<b>", None, ["chong2"]])
def test_what_was_not_offered_is_refused(begin, pinyin):
    with pytest.raises(InputError, match="没有所选的读音"):
        overridden(FRONTEND.read("重庆"), begin, pinyin)


def test_only_a_character_with_several_readings_offers_them():
    reading = FRONTEND.read("重今12AI花儿行(hang2)")
    offered = {t.text: choices(t, reading.text) for s in reading.sentences for t in s.tokens}
    assert offered["重"] == ("zhong4", "chong2", "tong2")
    assert offered["行"][-1] == AUTOMATIC
    assert {offered[text] for text in ("今", "十", "AI", "花儿")} == {()}
