"""The network for polyphones: what it learns from, that it learns, that what is written is read."""

import numpy as np
import pytest

from tts_engine.frontend.contexts import Contexts
from tts_engine.frontend.readings import Readings
from tts_engine.training import contexts
from tts_engine.training.polyphones import Example, unfitted

DRINKS, DEBTS = ("喝水", "看书", "睡觉", "下雨", "上班", "吃饭"), ("书", "钱", "车", "伞", "债", "书包")
WRITTEN = [Example(f"他还在{one}", 1, "hai2") for one in DRINKS] + [
    Example(f"他还了{one}", 1, "huan2") for one in DEBTS
]


@pytest.fixture(scope="module")
def readings():
    return Readings(unfitted())


@pytest.fixture(scope="module")
def fitted(readings):
    return contexts.fit(WRITTEN * 8, readings, epochs=10)


def read(readings, network, text, place):
    (one,) = readings.occurrences(text, [place])
    (opinion,) = network.opinions(one.words, [(place, text[place], one.candidates)])
    return one.candidates[int(np.argmax(opinion.logs))]


def test_it_reads_what_it_has_learnt_in_another_sentence(readings, fitted):
    assert [read(readings, fitted, one.text, one.place) for one in WRITTEN] == [one.pinyin for one in WRITTEN]
    assert read(readings, fitted, "她还在跑步", 1) == "hai2"
    assert read(readings, fitted, "她还了房子", 1) == "huan2"


def test_what_is_written_is_read_again(readings, fitted, tmp_path):
    fitted.write(tmp_path / "contexts.npz")
    again = Contexts.load(tmp_path / "contexts.npz")
    words = readings._words.words("她还在跑步")
    asked = [(1, "还", ["hai2", "huan2"])]
    read_again, before = again.opinions(words, asked)[0], fitted.opinions(words, asked)[0]
    assert np.allclose(read_again.logs, before.logs, atol=0.02)
    assert read_again.sentences == before.sentences == 8 * len(WRITTEN)


def test_a_reading_that_words_rarely_have_counts_for_less_than_the_sentences_say(readings, fitted):
    shift = dict(zip(fitted.vocabulary.readings, contexts.surplus(WRITTEN, readings, fitted.vocabulary), strict=True))
    assert shift["还hai2"] > 0 > shift["还huan2"]


def test_every_written_sentence_marks_a_character_with_one_of_its_readings():
    written = contexts.sentences()
    candidates = unfitted().candidates
    assert len(written) > 30_000
    assert len({(one.text, one.place) for one in written}) == len(written)
    assert all(one.pinyin in candidates[one.text[one.place]] for one in written)
