"""The letter-to-sound network: how letters are aligned with phones, that it learns, that what is written is read."""

import pytest
import torch

from tts_engine.frontend.letters import ALPHABET, Letters
from tts_engine.training import letters

WORDS = [
    (a + b + c, (a.upper(), {"a": "AE1", "o": "AA1"}[b], c.upper()))
    for a in "bdfgklmnprst"
    for b in "ao"
    for c in "bdfgklmnprst"
]


@pytest.fixture(scope="module")
def fitted():
    torch.manual_seed(5)
    return letters.fit(letters.aligned(WORDS), epochs=60)


def test_letters_that_say_two_phones_or_none_are_aligned():
    table = letters.aligned([*WORDS, *[("fox", ("F", "AA1", "K", "S")), ("knob", ("N", "AA1", "B"))] * 5])
    assert dict(table)["fox"] == ["F", "AA1", "K S"]
    assert dict(table)["knob"] == ["", "N", "AA1", "B"]


def test_a_word_that_no_alignment_explains_teaches_nothing():
    assert letters.align("a", ("B", "IY1", "T"), {}) == []


def test_it_reads_what_it_has_learnt(fitted):
    read = [fitted.pronounce(word) == " ".join(phones) for word, phones in WORDS]
    assert sum(read) / len(read) > 0.95


def test_what_is_written_is_read_again(fitted, tmp_path):
    fitted.write(tmp_path / "letters.npz")
    again = Letters.load(tmp_path / "letters.npz")
    assert [again.pronounce(word) for word, _ in WORDS] == [fitted.pronounce(word) for word, _ in WORDS]


@pytest.mark.parametrize("word", ["", "z", "zzzz", "qx", ALPHABET, "aeiou" * 5])
def test_any_word_has_at_most_one_primary_stress(word):
    phones = Letters.load().pronounce(word).split()
    vowels = [phone[-1] for phone in phones if phone[-1].isdigit()]
    assert vowels.count("1") == bool(vowels)


def test_the_report_counts_words_and_phones():
    text = letters.report([(["AE1"], ["AE0"]), (["B"], ["D"])])
    assert "stress apart: 50.0% of words right, phoneme error rate 50.0%" in text
    assert "with stress: 0.0%" in text


def test_distance():
    assert letters.distance("kitten", "sitting") == 3
