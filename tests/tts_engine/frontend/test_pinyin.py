import pytest
from pypinyin.constants import PHRASES_DICT, PINYIN_DICT

from tts_engine.frontend import syllable_phonemes
from tts_engine.frontend.phonemes import FINALS, INITIALS
from tts_engine.frontend.pinyin import PinyinError, numbered, spelled, split_tone


@pytest.mark.parametrize(
    ("pinyin", "expected"),
    [
        ("huar1", [("h", 1), ("ua", 1), ("rr", 1)]),
        ("lv4", [("l", 4), ("v", 4)]),
        ("lü4", [("l", 4), ("v", 4)]),
        ("lu:e4", [("l", 4), ("ve", 4)]),
        ("zhong1", [("zh", 1), ("ong", 1)]),
        ("yue4", [("ve", 4)]),
        ("er2", [("er", 2)]),
        ("n2", [("en", 2)]),
        ("ng4", [("ng", 4)]),
        ("m2", [("m", 2)]),
        ("hng", [("h", 5), ("ng", 5)]),
        ("yo1", [("io", 1)]),
        ("lo5", [("l", 5), ("o", 5)]),
        ("ê4", [("ê", 4)]),
        ("ế", [("ê", 2)]),
        ("ei1", [("ei", 1)]),
        ("si4", [("s", 4), ("ii", 4)]),
        ("shi4", [("sh", 4), ("iii", 4)]),
        ("xi4", [("x", 4), ("i", 4)]),
        ("jun1", [("j", 1), ("vn", 1)]),
        ("dun1", [("d", 1), ("uen", 1)]),
        ("liu2", [("l", 2), ("iou", 2)]),
        ("gui4", [("g", 4), ("uei", 4)]),
        ("weng1", [("ueng", 1)]),
        ("wanr2", [("uan", 2), ("rr", 2)]),
        ("zhōng", [("zh", 1), ("ong", 1)]),
        ("ma", [("m", 5), ("a", 5)]),
    ],
)
def test_a_syllable_in_phonemes(pinyin, expected):
    assert syllable_phonemes(pinyin) == expected


def test_every_syllable_of_pypinyin_in_every_tone():
    spelled = {marked for listed in PINYIN_DICT.values() for marked in listed.split(",")}
    spelled |= {marked for phrase in PHRASES_DICT.values() for listed in phrase for marked in listed}
    bases = {split_tone(marked)[0] for marked in spelled}
    assert len(bases) > 400
    for base in bases:
        for tone in range(1, 6):
            phonemes = syllable_phonemes(f"{base}{tone}")
            symbols = [symbol for symbol, _ in phonemes]
            assert {mark for _, mark in phonemes} == {tone}
            assert symbols[-1] in FINALS
            assert len(symbols) == 1 or symbols[0] in INITIALS
    assert len({tuple(syllable_phonemes(base)) for base in bases}) >= len(bases) - 12  # few spellings share a sound


def test_every_syllable_of_pypinyin_is_spelled_as_it_was():
    bases = {split_tone(marked)[0] for listed in PINYIN_DICT.values() for marked in listed.split(",")}
    assert len(bases) > 400
    others = {}
    for base in bases:
        symbols = [symbol for symbol, _ in syllable_phonemes(base) if symbol != "rr"]
        written = spelled("".join(symbols[:-1]), symbols[-1])
        if written != base:
            others[base] = written
    assert others == {"n": "en", "wong": "weng", "ê": "eh"}  # two spellings of one sound


def test_what_is_no_syllable_is_spelled_side_by_side():
    assert [spelled("b", "iong"), spelled("", "ii"), spelled("l", "v")] == ["biong", "ii", "lv"]


@pytest.mark.parametrize("pinyin", ["", "5", "zzz1", "hello", "b1", "ii1", "rr", "汉", "qa1" * 30])
def test_no_syllable(pinyin):
    with pytest.raises(PinyinError):
        syllable_phonemes(pinyin)


def test_numbered_is_one_spelling():
    assert [numbered(text) for text in ("lǜ", "lv4", "lu:4", "LÜ4", "ma", "ma0")] == ["lv4"] * 4 + ["ma5"] * 2
