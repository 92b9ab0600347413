"""The tries of the front end hold what jieba and pypinyin say."""

from tts_engine.frontend.phrasebook import beginning, is_phrase, phrase, readings_of
from tts_engine.frontend.words import Frequencies
from tts_engine.training.dictionaries import characters, phrases, words


def test_every_word_has_its_count_and_part_of_speech():
    frequencies = Frequencies({}, frozenset())
    total = 0
    for word, (count, tag) in words():
        assert (frequencies.get(word), frequencies.tag(word)) == (count, tag.decode())
        total += count
    assert frequencies.total == total
    assert frequencies.get("不是词的词") == 0
    assert "不是词的词" not in frequencies


def test_words_are_added_and_removed_without_touching_the_file():
    frequencies = Frequencies({"甲乙丙丁戊": 7}, frozenset({"银行"}))
    assert frequencies.get("甲乙丙丁戊") == 7
    assert "银行" not in frequencies
    assert 5 in frequencies.beginning("甲乙丙丁戊己")
    assert frequencies.beginning("银行家") == [1, 3]


def test_every_character_and_phrase_has_its_readings():
    assert all(readings_of(character) == tuple(found) for character, found in characters())
    assert all(phrase(text) == tuple(found) and is_phrase(text) for text, found in phrases())
    assert readings_of("a") == phrase("重") == phrase("没有这个短语") == ()
    assert beginning("长年累月的") == ["长年", "长年累月"]
