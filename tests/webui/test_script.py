"""Who says what in a story."""

import pytest

from webui_page.script import NARRATOR, parse, roles


def said(text):
    return [(cue.role, cue.feeling, cue.text) for cue in parse(text)]


def test_lines_of_a_script_have_role_feeling_and_words():
    text = "旁白：从前。\n\n小红（开心）：你好：朋友！\r\n  小兔 (afraid) : 我怕\n他走了。"
    assert said(text) == [
        ("旁白", "", "从前。"),
        ("小红", "开心", "你好：朋友！"),
        ("小兔", "afraid", "我怕"),
        (NARRATOR, "", "他走了。"),
    ]
    assert [cue.emotion for cue in parse(text)] == [None, "happy", "afraid", None]
    assert all(text[cue.begin :].startswith(cue.text) for cue in parse(text))
    assert roles(parse(text)) == ("旁白", "小红", "小兔", NARRATOR)


@pytest.mark.parametrize(
    "text",
    [
        "他说：“你好。”\n然后走了。\n天黑了。",
        "时间是8:30。",
        "一二三四五六七八九十一二三：太长的不是名字",
        "你好",
        "：没有名字",
    ],
)
def test_a_colon_in_an_article_is_only_a_colon(text):
    assert {cue.role for cue in parse(text)} == {NARRATOR}
    assert "".join(cue.text for cue in parse(text)) == text.replace("\n", "")


def test_ssml_is_one_cue():
    (cue,) = parse(" <speak>甲：乙</speak>")
    assert cue.is_ssml and cue.text == " <speak>甲：乙</speak>"


def test_a_feeling_that_nobody_knows_is_kept_as_it_is_written():
    (cue,) = parse("小红（阴阳怪气）：哦。")
    assert (cue.feeling, cue.emotion) == ("阴阳怪气", None)
