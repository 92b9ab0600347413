"""Our network for polyphones and the word vectors that it reads: what they know, and what they do not."""

import math

import numpy as np
import pytest

from tts_engine.frontend.contexts import Contexts
from tts_engine.frontend.readings import Readings
from tts_engine.frontend.word_vectors import WordVectors


@pytest.fixture(scope="module")
def readings():
    return Readings()


@pytest.fixture(scope="module")
def contexts():
    return Contexts.load()


@pytest.fixture(scope="module")
def vectors():
    return WordVectors.load()


def ask(readings, contexts, sentence):
    """Its log-probabilities of the readings of the character between two bars."""
    place, text = sentence.index("|"), sentence.replace("|", "")
    (one,) = readings.occurrences(text, [place])
    (opinion,) = contexts.opinions(one.words, [(place, text[place], one.candidates)])
    return opinion and dict(zip(one.candidates, opinion.logs, strict=True))


@pytest.mark.parametrize(
    ("sentence", "pinyin"),
    [
        ("护士每天|为|老人量血压。", "wei4"),
        ("这个村子海拔|为|九百多米。", "wei2"),
        ("雨下得太大，我们|得|等一会儿再走。", "dei3"),
        ("她唱|得|比去年好多了。", "de5"),
        ("图书馆的书到期了，明天去|还|。", "huan2"),
        ("都九点了，他|还|没起床。", "hai2"),
        ("孩子们|数|着天上的星星。", "shu3"),
    ],
)
def test_the_words_around_a_character_tell_its_reading(readings, contexts, sentence, pinyin):
    opinion = ask(readings, contexts, sentence)
    assert max(opinion, key=opinion.__getitem__) == pinyin


def test_of_a_character_that_it_was_never_taught_it_has_no_opinion(readings, contexts):
    assert contexts.opinions(readings._words.words("主持"), [(1, "持", ["chi2"])]) == [None]


def test_opinions_are_logarithms_of_probabilities_and_unheard_of_readings_are_impossible(readings, contexts):
    words = readings._words.words("他为人民服务")
    (opinion,) = contexts.opinions(words, [(1, "为", ["wei2", "wei4", "wu1"])])
    assert sum(math.exp(one) for one in opinion.logs) == pytest.approx(1, abs=1e-5)
    assert opinion.logs[2] == -math.inf
    assert opinion.sentences > 100


def test_a_long_text_is_read_in_pieces_and_every_place_is_answered(readings, contexts):
    text = "他为大家做饭。" * 200
    words = readings._words.words(text)
    places = [place for place, character in enumerate(text) if character == "为"]
    opinions = contexts.opinions(words, [(place, "为", ["wei2", "wei4"]) for place in places])
    assert len(opinions) == 200
    assert all(opinion for opinion in opinions)


def test_words_that_stand_in_the_same_places_are_near(vectors):
    def likeness(one, other):
        left, right = vectors.of(one), vectors.of(other)
        return left @ right / np.linalg.norm(left) / np.linalg.norm(right)

    assert likeness("医生", "护士") > likeness("医生", "喝") + 0.2
    assert likeness("三", "五") > likeness("三", "高兴") + 0.2


def test_an_unknown_word_is_the_mean_of_its_characters_and_nothing_is_nothing(vectors):
    word = "医喝"
    assert word not in vectors.rows
    assert np.allclose(vectors.of(word), (vectors.of("医") + vectors.of("喝")) / 2, atol=1e-5)
    assert not vectors.of("ʘ").any()
