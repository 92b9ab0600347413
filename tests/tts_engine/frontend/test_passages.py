"""A text that is read while it is spoken reads as the whole does."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_engine.errors import EmptyTextError, MarkError, SSMLError, UnreadableTextError
from tts_engine.frontend import passages
from tts_engine.frontend.ssml import Markup

PIECES = [
    "今天天气很好。",
    "他说：“好的。”然后走了！",
    "共12.5%，3-5天。",
    "第一行。\n第二行\n",
    "重(chong2)庆[pause:500ms]很大。",
    "😀好。",
    "Hello world. 你好？",
    "是吗",
    "。。",
    "2024.5.1。",
    "一二三。\n\n\n四五。",
    "（见图。）后来呢？",
]


@pytest.fixture
def short_parts(monkeypatch):
    monkeypatch.setattr(passages, "PART", 12)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=20))
def test_a_text_in_parts_reads_as_the_whole(frontend, pieces):
    text = "好。" + "".join(pieces)
    whole = frontend.read(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passages, "PART", 12)
        found = list(frontend.passage(text).sentences)
    assert tuple(sentence for sentence, _ in found) == whole.sentences
    assert tuple(notice for _, notices in found for notice in notices) == whole.notices


def test_only_as_much_is_read_as_is_asked_for(frontend, monkeypatch, short_parts):
    read = []
    sentence = type(frontend)._remembered
    monkeypatch.setattr(type(frontend), "_remembered", lambda self, *given: (read.append(1), sentence(self, *given))[1])
    passage = frontend.passage("今天天气很好。" * 200)
    assert len(read) == 1
    next(passage.sentences), next(passage.sentences)
    assert len(read) == 2


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", EmptyTextError),
        ("。！？" * 50, EmptyTextError),
        ("今天天气很好。" * 50 + "สวัสดี", UnreadableTextError),
        ("今天天气很好。" * 50 + "[pause:99s]", MarkError),
    ],
)
def test_errors_are_told_before_anything_is_spoken(frontend, short_parts, text, error):
    with pytest.raises(error):
        frontend.passage(text)


def test_an_unreadable_word_is_named_where_it_stands(frontend, short_parts):
    with pytest.raises(UnreadableTextError) as raised:
        frontend.passage("今天天气很好。" * 3 + "สวัสดี")
    assert (raised.value.begin, raised.value.word) == (21, "สวัสดี")


def test_ssml_is_read_as_one(frontend, short_parts):
    text = "<speak>" + "今天天气很好。" * 9 + "</speak>"
    markup = Markup(True, "error", ("female",), ())
    whole = frontend.read(text, markup)
    assert tuple(sentence for sentence, _ in frontend.passage(text, markup).sentences) == whole.sentences
    with pytest.raises(SSMLError):
        frontend.passage("<speak>", markup)


def test_parts_tile_the_text_and_are_bounded():
    text = "今天天气很好。" * 5000
    spans = passages.parts(text)
    assert spans[0][0] == 0 and spans[-1][1] == len(text)
    assert all(before[1] == after[0] for before, after in pairwise(spans))
    assert max(end - begin for begin, end in spans) < 2 * passages.PART
