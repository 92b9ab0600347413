from itertools import islice

import pytest

from tts_engine.errors import InputError
from tts_engine.training.texts import Words, sentences


@pytest.fixture(scope="module")
def words():
    return Words.load()


def test_the_same_seed_gives_the_same_sentences(words):
    one, same, other = (list(islice(sentences(words, seed), 50)) for seed in (1, 1, 2))
    assert one == same
    assert len(set(one) & set(other)) < 5


def test_sentences_are_of_many_kinds_and_end_as_sentences_do(words):
    texts = list(islice(sentences(words, 3), 400))
    assert all(text[-1] in "。！？.?!" for text in texts)
    assert not any(mark in text for text in texts for mark in "{}")
    for kind in (
        str.isdigit,
        lambda c: c in "abcdefgh",
        lambda c: c in "ABCDEFGH",
        lambda c: c == "儿",
        lambda c: c == "？",
    ):
        assert 4 <= sum(any(kind(letter) for letter in text) for text in texts) <= 200


def test_every_toned_syllable_can_be_drawn(words):
    assert 1_200 <= len(words.by_syllable) <= 1_500
    assert {"ma1", "ma2", "ma3", "ma4", "lv4", "zhuang1", "er2"} <= words.by_syllable.keys()


def test_the_front_end_reads_nearly_all_of_them(words, frontend):
    refused = []
    for text in islice(sentences(words, 5), 60):
        try:
            frontend.read(text)
        except InputError:
            refused.append(text)
    assert len(refused) <= 1, refused
