"""Inline marks, SSML and the user's lexicon, as parsed."""

import os
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tts_engine.frontend import fuzz_ssml
from tts_engine.errors import LexiconError, MarkError, SSMLError
from tts_engine.frontend import Frontend, inline, ipa, lexicon, say_as, ssml
from tts_engine.frontend.lexicon import LexiconFile, LexiconState
from tts_engine.frontend.script import HOLD
from tts_engine.frontend.ssml import Markup

STRICT, LENIENT = Markup(True), Markup(True, "warn", ("female",), ())


def given_readings(script):
    return {script.text[at : one.end]: one.pinyin for at, one in script.overrides.items()}


@pytest.mark.parametrize(
    ("text", "plain", "readings"),
    [
        ("重(chong2)庆", "重庆", {"重": "chong2"}),
        ("重（chóng）庆", "重庆", {"重": "chong2"}),
        ("重庆(chong2 qing4)好", "重庆好", {"重": "chong2", "庆": "qing4"}),
        ("绿(lv4)女(nǚ)", "绿女", {"绿": "lv4", "女": "nv3"}),
        ("花儿(huar1)", "花儿", {"花儿": "huar1"}),
        ("他(她)和(and)我(ta)", "他(她)和(and)我(ta)", {}),
        ("方案(a1)", "方案(a1)", {}),
        ("啊(a1)", "啊", {"啊": "a1"}),
        ("A(chong2)", "A(chong2)", {}),
        ("(chong2)", "(chong2)", {}),
    ],
)
def test_a_parenthesis_is_a_reading_only_where_it_is_pinyin_with_a_tone(text, plain, readings):
    script = inline.parse(text)
    assert script.text == plain
    assert given_readings(script) == readings
    assert all(text[slice(*script.place(at, at + 1))] == plain[at] for at in range(len(plain)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("重(chong9)庆", ["(chong9)"]),
        ("重(chong)庆", ["(chong)"]),
        ("行(hangg2)业", ["(hangg2)"]),
        ("重(chong2 qing4)庆和行(hang2)长", ["(chong2 qing4)"]),
        ("苹果(apple)版本(v2)型号(x5)电脑(mac)重(chong2)庆", []),
    ],
)
def test_a_mistyped_reading_is_told(text, told):
    script = inline.parse(text)
    assert [text[one.begin : one.end] for one in script.notices] == told
    assert all(one in script.text for one in told)


def test_a_pause_in_the_text_has_its_place_and_its_length():
    script = inline.parse("好[pause:1.5s]的")
    assert script.text == f"好{HOLD}的"
    assert script.fixed[1].pause_ms == 1500
    assert script.place(1, 2) == (1, 13)


@pytest.mark.parametrize(
    ("text", "said"),
    [("a[pause:11s]", "最长 10 秒"), ("[pause:5]", r"\[pause:500ms\]"), ("[pause:10s]" * 31, "加起来超过 300 秒")],
)
def test_a_wrong_pause_says_where_and_what_to_write(text, said):
    with pytest.raises(MarkError, match=said):
        inline.parse(text)


@pytest.mark.parametrize(
    ("source", "line", "column", "said"),
    [
        ("<speak>你好", 1, 10, "没有写完"),
        ("<speak>\n你<b>好</b></speak>", 2, 2, "不支持 <b>"),
        ("<speak>a & b</speak>", 1, 11, "&amp;"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><speak>&b;</speak>", 1, 13, "DOCTYPE"),
        ("<speak><p>好</s></speak>", 1, 14, "不配对"),
        ("<p>好</p>", 1, 1, "最外层应是 <speak>"),
        ("<speak>\n\n<break time='11s'/></speak>", 3, 1, "最长 10 秒"),
        ("<speak><prosody rate='quick'>好</prosody></speak>", 1, 8, "slow、fast"),
        ("<speak><phoneme ph='chong2'>重庆</phoneme></speak>", 1, 8, "2 个字"),
        ("<speak><phoneme>重</phoneme></speak>", 1, 8, "缺少属性 ph"),
        ("<speak><say-as interpret-as='date'>99/99</say-as></speak>", 1, 8, "超出范围"),
        ("<speak><voice name='x'>好</voice></speak>", 1, 8, "没有名为“x”的音色"),
        ("<speak><sub alias='好'><p>x</p></sub></speak>", 1, 23, "不能再有标记"),
        ("", 1, 1, "内容为空"),
    ],
)
def test_an_error_names_line_and_column_and_says_what_to_do(source, line, column, said):
    with pytest.raises(SSMLError, match=said) as caught:
        ssml.parse(source, Markup(True, "error", ("female",), ()))
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value).startswith(f"SSML 第 {line} 行第 {column} 列：")


def test_what_is_not_supported_is_an_error_or_a_warning_by_the_switch():
    source = "<speak><foo>你好</foo><mstts:express-as style='happy'>好</mstts:express-as></speak>"
    with pytest.raises(SSMLError, match="<foo>"):
        ssml.parse(source, STRICT)
    script = ssml.parse(source, LENIENT)
    assert script.text == "你好好"
    assert [source[one.begin : one.end] for one in script.notices] == ["<foo>", "<mstts:express-as style='happy'>"]


def test_prosody_nests_and_ends_where_its_element_ends():
    script = ssml.parse(
        "<speak>一<prosody rate='2' pitch='+3st'>二<prosody rate='50%' volume='-6dB'>三</prosody>四</prosody>五"
        "</speak>",
        STRICT,
    )
    values = [(p.speed, p.pitch, p.volume) for p in map(script.prosody, range(5))]
    assert values == [(1, 0, 0), (2, 3, 0), (1, 3, -6), (2, 3, 0), (1, 0, 0)]


def test_voice_and_style_stand_on_their_span():
    source = (
        "<speak>一<voice name='male'>二</voice>"
        "<mstts:express-as style='sad' styledegree='1.5'>三</mstts:express-as></speak>"
    )
    script = ssml.parse(source, STRICT)
    styles = [script.style(at) for at in range(3)]
    assert [(s.voice, s.emotion, s.intensity) for s in styles] == [("", "", 1.0), ("male", "", 1.0), ("", "sad", 0.75)]


@pytest.mark.parametrize(
    "source",
    [
        '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "' + "&a;" * 9000 + '">]><speak>&b;</speak>',
        '<!DOCTYPE l SYSTEM "file:///etc/passwd"><speak>x</speak>',
        "<speak>" + "<p>" * 200_000,
        "<speak " + "a='b' " * 170_000 + "/>",
        f"<speak><sub alias='{'x' * 1_000_000}'>x</sub></speak>",
        "<speak>" + "<break/>" * 30_000 + "</speak>",
        "<" * 500_000,
        "<speak><",
        "<speak>\ud800</speak>",
    ],
    ids=["laughs", "external", "deep", "attributes", "megabyte", "pauses", "brackets", "half", "surrogate"],
)
def test_hostile_documents_end_in_a_clear_error_within_bounds(source):
    tracemalloc.start()
    began = time.thread_time()
    with pytest.raises(SSMLError, match="第 1 行第"):
        ssml.parse(source, STRICT)
    took, (_, peak) = time.thread_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert took < 10
    assert peak < 64 << 20


@settings(max_examples=150, deadline=None)
@given(fuzz_ssml.documents, st.sampled_from(["error", "warn"]))
def test_any_text_is_a_script_or_an_error_with_its_place(source, on_unsupported):
    fuzz_ssml.holds(source, on_unsupported)


@pytest.mark.parametrize(
    ("kind", "format", "text", "said"),
    [
        ("cardinal", "", "2024", "两千零二十四"),
        ("digits", "", "2024", "二零二四"),
        ("telephone", "", "010-1234", "零幺零、幺二三四"),
        ("date", "", "10/8", "十月八日"),
        ("date", "mdy", "5/1/2024", "二零二四年五月一日"),
        ("time", "", "10:08", "十点零八分"),
        ("currency", "", "¥12.50", "十二点五元"),
        ("ordinal", "", "3", "第三"),
        ("fraction", "", "3/5", "五分之三"),
    ],
)
def test_say_as_reads_the_same_characters_in_its_way(kind, format, text, said):
    assert say_as.spoken(kind, format, text) == said


def test_ipa_is_read_with_its_stress():
    assert ipa.phonemes("həˈloʊ") == (("HH", 6), ("AH", 6), ("L", 6), ("OW", 7))
    with pytest.raises(ipa.IpaError):
        ipa.phonemes("中")


def test_a_lexicon_gives_readings_and_texts_the_longest_word_first():
    words = lexicon.parse("六安: lù ān\n六安瓜片: liu4 an1 gua1 pian4\nWHO: 世卫组织\n")
    script = words.apply(inline.parse("六安瓜片在六安，WHO不是WHOM"))
    assert [one.pinyin for one in script.overrides.values()] == ["liu4", "an1", "gua1", "pian4", "lu4", "an1"]
    assert [one.text for one in script.fixed.values()] == ["世卫组织"]
    assert script.text == f"六安瓜片在六安，{HOLD}不是WHOM"
    assert script.place(8, 9) == (8, 11)


def test_the_authors_mark_wins_over_the_lexicon():
    script = lexicon.parse("重庆: zhong4 qing4").apply(inline.parse("重(chong2)庆"))
    assert given_readings(script) == {"重": "chong2"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("好: hao3\n重庆: chong2\n", 2), ("好: hao\n", 1), ("好: hao3\n好: hao4\n", 2), ("a: b: c\n", 1), ("- 好\n", 1),
        ("好: [1, 2]\n", 1), ("\n\n好:\n", 3), ("WHO: hao3\n", 1),
    ],
)  # fmt: skip
def test_a_wrong_lexicon_names_its_line(text, line):
    with pytest.raises(LexiconError, match=f"第 {line} 行"):
        lexicon.parse(text)


def test_a_changed_file_is_taken_up_and_a_broken_one_keeps_the_old(tmp_path):
    path = tmp_path / "lexicon.yaml"
    words = LexiconFile(path)
    assert words.current().digest == ""
    path.write_text("好: hao4\n", encoding="utf-8")
    first = words.current()
    assert first.entries["好"].pinyin == ("hao4",)
    path.write_text("好: hao\n坏坏\n", encoding="utf-8")
    os.utime(path, ns=(1, 1))
    assert words.current() is first
    assert "第" in words.error
    path.write_text("好: hao3\n", encoding="utf-8")
    assert words.current().digest not in ("", first.digest)
    assert words.error == ""


def test_an_operator_sees_what_is_wrong_with_the_file_and_reading_goes_on_with_the_old_words(tmp_path):
    path = tmp_path / "lexicon.yaml"
    frontend = Frontend(lexicon=path)
    assert frontend.lexicon == LexiconState()
    path.write_text("好: hao4\n好人: hao3 ren2\n", encoding="utf-8")
    assert frontend.lexicon == LexiconState(2)
    path.write_text("好: hao4\n好人: hao3\n坏", encoding="utf-8")
    assert "第 " in frontend.lexicon.error
    assert frontend.lexicon.words == 2
    assert frontend.read("好").sentences[0].tokens[0].pinyin == "hao4"
