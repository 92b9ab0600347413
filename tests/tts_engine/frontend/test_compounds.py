"""The words that decide a polyphone: the table is sound, and a sentence is read by it."""

import pytest

from tts_engine.frontend.characters import is_han
from tts_engine.frontend.data import table
from tts_engine.frontend.phrasebook import LONGEST
from tts_engine.frontend.pinyin import numbered
from tts_engine.frontend.readings import Readings

ROWS = [(word, pinyin.split(" ")) for word, pinyin in table("compounds.tsv")]
CARRIERS = ("{}", "大家都在谈论{}的情况。", "后来因{}而闻名。")


@pytest.fixture(scope="module")
def readings():
    return Readings()


def test_every_row_is_a_word_and_a_syllable_for_each_of_its_characters():
    assert len({word for word, _ in ROWS}) == len(ROWS)
    for word, pinyin in ROWS:
        assert 2 <= len(word) <= LONGEST, word
        assert all(is_han(character) for character in word), word
        assert len(word) == len(pinyin), word
        assert all(numbered(one) == one and one[-1] in "12345" for one in pinyin), word


def test_no_row_says_what_another_table_says():
    others = {row[0] for name in ("words.tsv", "names.tsv") for row in table(name)}
    assert not others & {word for word, _ in ROWS}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_sentence_with_the_word_reads_it_so(readings, carrier):
    begin = carrier.index("{}")
    wrong = []
    for word, pinyin in ROWS:
        said = [one.pinyin for one in readings.read(carrier.format(word))[begin : begin + len(word)]]
        if not all(is_same(one, its) for one, its in zip(said, pinyin, strict=True)):
            wrong.append((word, said))
    assert len(wrong) <= len(ROWS) / 1000, wrong


def is_same(one, other):
    """Full and neutral tone are the same citation reading."""
    return one == other or (one[:-1] == other[:-1] and "5" in one[-1] + other[-1])
