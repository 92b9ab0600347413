"""Every word is on one line, in its order, at its time."""

import itertools
import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sound.notice import rhythm
from sound.subtitles import Line, Word, captions, lrc, sentences, srt

TEXT = "他说：“走吧！”我们就走了。价格是12.5元，不贵。\n完"


def words(text):
    """0.1 s for every character that is no punctuation."""
    heard = [i for i, character in enumerate(text) if character.isalnum()]
    return [Word(100.0 * place, 100.0 * (place + 1), i, i + 1) for place, i in enumerate(heard)]


def test_sentences_end_where_the_text_says_and_quotes_stay_inside():
    assert [line.text for line in sentences(TEXT, words(TEXT))] == [
        "他说：“走吧！”",
        "我们就走了。",
        "价格是12.5元，不贵。",
        "完",
    ]


def test_times_are_those_of_the_first_and_the_last_word():
    assert next(sentences(TEXT, words(TEXT))) == Line(0.0, 400.0, 0, 8, "他说：“走吧！”")


def test_srt_counts_and_writes_times_with_a_comma():
    lines = [Line(0, 1234.4, 0, 1, "一"), Line(3_661_001, 3_662_000, 1, 2, "二\n\n3 --> 4")]
    assert srt(lines) == "1\n00:00:00,000 --> 00:00:01,234\n一\n\n2\n01:01:01,001 --> 01:01:02,000\n二 3 → 4\n\n"


def test_lrc_has_hundredths_and_no_foreign_times():
    assert lrc([Line(61_234, 62_000, 0, 1, "[00:00.00]骗人\n的")]) == "[01:01.23]［00:00.00］骗人 的\n"


def test_a_long_sentence_is_broken_at_a_comma():
    text = "第一个部分有不少字，" * 6 + "完。"
    lines = list(captions(text, words(text)))
    assert len(lines) > 2
    assert all(len(line.text) <= 30 and line.text[-1] in "，。" for line in lines)
    assert "".join(line.text for line in lines) == text


@given(st.text(alphabet="一二a1。！，“”\n .-[>", max_size=80))
def test_no_word_is_lost_and_lines_do_not_overlap(text):
    for made in (sentences, captions):
        lines = list(made(text, words(text)))
        assert [i for line in lines for i in range(line.begin, line.end) if text[i].isalnum()] == [
            word.begin for word in words(text)
        ]
        assert all(first.end <= second.begin for first, second in itertools.pairwise(lines))
        blocks = re.split(r"\n\n", srt(lines).strip()) if lines else []
        assert len(blocks) == len(lines)


def test_the_rhythm_is_short_long_short_short():
    sound = rhythm(8000)
    loud = np.abs(sound) > 0.05
    loud = np.convolve(loud, np.ones(40), "same") > 0  # an 800 Hz wave crosses zero
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))
    lengths = (edges[1::2] - edges[::2]) / 8000
    gaps = (edges[2::2] - edges[1:-1:2]) / 8000
    assert np.round(lengths, 1).tolist() == [0.1, 0.3, 0.1, 0.1]
    assert np.round(gaps, 1).tolist() == [0.1, 0.3, 0.1]
    assert np.abs(sound).max() <= 0.2
