"""Readings as HTML."""

from __future__ import annotations

import pytest

from tests.webui.engine import SineEngine
from tts_engine.frontend.reading import Reading, Sentence, Token
from webui_page.ruby import marked, ruby


@pytest.mark.parametrize(
    ("pinyin", "expected"),
    [
        ("ni3", "nǐ"),
        ("hao3", "hǎo"),
        ("lv4", "lǜ"),
        ("nve4", "nüè"),
        ("liu2", "liú"),
        ("gui4", "guì"),
        ("dou1", "dōu"),
        ("xiong2", "xióng"),
        ("huar1", "huār"),
        ("er2", "ér"),
        ("de5", "de"),
        ("ê2", "ế"),
        ("ng2", "ńg"),
        ("hello", "hello"),
        ("AI", "AI"),
        ("ma", "ma"),
        ("", ""),
    ],
)
def test_tone_digits_become_marks(pinyin, expected):
    assert marked(pinyin) == expected


def test_every_character_is_there_and_escaped():
    html = ruby(SineEngine().read("变<b>。★\n好"))
    assert '<ruby class="changed" title="变调：mǎ → mā" role="button" tabindex="0" data-begin="0"' in html
    assert 'data-now="ma1" data-readings="bian4 biàn' in html
    assert '">变<rp>(</rp><rt>mā</rt><rp>)</rp></ruby>' in html
    assert "&lt;" in html and "<b>" not in html
    assert "★<br>" in html
    assert "第 6 个字符“★”：这个符号不发音。" in html


def test_a_number_shows_what_is_said_for_it():
    tokens = tuple(Token(1, 3, said, pinyin, pinyin, "number") for said, pinyin in (("十", "shi2"), ("二", "er4")))
    html = ruby(Reading("第12页", (Sentence(0, 4, "第十二页", tokens, ()),), ()))
    assert '<ruby class="rewritten" title="12 读作 十二">十<rp>(</rp><rt>shí</rt>' in html
    assert "data-readings" not in html  # a reading can be written behind a Chinese character only
    assert html.index("第") < html.index("十<") < html.index("二<") < html.index("页")


def test_an_english_word_is_not_repeated_over_itself():
    html = ruby(Reading("AI", (Sentence(0, 2, "AI", (Token(0, 2, "AI", "AI", "AI", "english"),), ()),), ()))
    assert "<ruby>AI</ruby>" in html
