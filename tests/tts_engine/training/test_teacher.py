import gc
from collections import defaultdict

import numpy as np
import pytest
from pypinyin import pinyin_dict

from tts_engine.frontend import syllable_phonemes
from tts_engine.frontend.phonemes import EDGE, ENGLISH, ERHUA, FINALS, INITIALS
from tts_engine.frontend.reading import Phoneme
from tts_engine.training.features import extract_f0
from tts_engine.training.teacher import EDGE_S, PAUSE_S, VOICES, Espeak, Teacher, TeacherError, spelling

FEMALE = VOICES["female"]
UNSPELLABLE = {("", "m"), ("", "ng"), ("", "ê")}
"""Interjections that the formant synthesizer has no spelling for: it says the nearest syllable."""


def syllables():
    """Every (initial, final) that a character of pypinyin's dictionary has."""
    found = set()
    for code, readings in pinyin_dict.pinyin_dict.items():
        if 0x4E00 <= code <= 0x9FA5:
            for reading in readings.split(","):
                symbols = [symbol for symbol, _ in syllable_phonemes(reading)]
                found.add(tuple(symbols) if len(symbols) == 2 else ("", symbols[0]))
    return sorted(found)


def word(symbols, tone, begin=0):
    return [Phoneme(symbol, tone, begin, begin + 1) for symbol in symbols if symbol]


def utterance(*phonemes):
    return [Phoneme(EDGE, 0, 0, 0), *phonemes, Phoneme(EDGE, 0, 9, 9)]


def said(teacher, phonemes, voice=FEMALE):
    """Names that the formant synthesizer gave to what it spoke last, glides and pauses left out."""
    teacher.render(utterance(*phonemes), voice)
    names = [mark.name for mark in teacher._espeak._marks]
    return [name for name in names if name not in ("", ";", "r-") and not name.startswith(("_", "("))]


@pytest.mark.parametrize(("initial", "final"), [pair for pair in syllables() if pair not in UNSPELLABLE])
def test_a_syllable_is_spelled_so_that_reading_gives_it_back(initial, final):
    assert [symbol for symbol, _ in syllable_phonemes(spelling(initial, final) + "2")] == [
        s for s in (initial, final) if s
    ]


@pytest.mark.parametrize(
    ("initial", "final", "written"),
    [
        ("", "iou", "you"), ("x", "van", "xuan"), ("l", "v", "lv"), ("", "v", "yu"), ("", "van", "yuan"),
        ("", "i", "yi"), ("", "ueng", "weng"), ("d", "uei", "dui"), ("zh", "iii", "zhi"), ("s", "ii", "si"),
        ("", "uo", "wo"), ("n", "ve", "nve"), ("g", "uen", "gun"), ("", "ing", "ying"), ("", "iong", "yong"),
        ("", "e", "e"), ("", "m", "mu"), ("", "ng", "en"),
    ],
)  # fmt: skip
def test_spelling_follows_the_scheme(initial, final, written):
    assert spelling(initial, final) == written


def test_there_are_four_hundred_syllables_and_they_use_the_whole_inventory():
    pairs = syllables()
    assert 400 <= len(pairs) <= 430
    assert {initial for initial, _ in pairs} == {"", *INITIALS}
    assert {final for _, final in pairs} == set(FINALS)


def test_every_syllable_is_spoken_and_every_initial_has_a_sound_of_its_own(teacher):
    sounds, codas = defaultdict(set), defaultdict(set)
    for initial, final in syllables():
        names = said(teacher, word((initial, final), 1))
        assert len(names) >= (2 if initial else 1), (initial, final)
        if initial:
            sounds[initial].add(names[0])
        if (initial, final) not in UNSPELLABLE:
            codas[final].add(names[-1])
    assert all(len(names) == 1 for names in sounds.values()), sounds
    assert len({name for names in sounds.values() for name in names}) == len(INITIALS) == 21
    nasals = {
        final: "N" if final.endswith("g") else "n" for final in FINALS if final.endswith(("n", "ng")) and final != "ong"
    }
    assert {final: codas[final] for final in nasals} == {final: {name} for final, name in nasals.items()}


@pytest.mark.parametrize("symbol", [symbol for symbol in ENGLISH])
def test_every_english_phoneme_is_spoken_as_one(teacher, symbol):
    vowel = symbol[0] in "AEIOU"
    around = [("HH", 6), (symbol, 7 if vowel else 6), ("T", 6)] if vowel else [(symbol, 6), ("AA", 7), ("T", 6)]
    rendering = teacher.render(utterance(*(Phoneme(s, tone, 0, 3) for s, tone in around)), FEMALE)
    assert len(rendering.ends) == 5


@pytest.mark.parametrize("voice", list(VOICES))
@pytest.mark.parametrize(
    "text",
    [
        "你好。",
        "今天天气很好，我们去公园吧！",
        "我用iPhone打电话，OK？",
        "花儿、小孩儿、玩儿",
        "共12.5%，2024年。",
        "啊",
    ],
)
def test_every_phoneme_has_an_end_and_the_last_is_the_end(teacher, frontend, voice, text):
    phonemes = frontend.read(text).sentences[0].phonemes
    rendering = teacher.render(phonemes, VOICES[voice])
    assert rendering.ends.shape == (len(phonemes),)
    assert (np.diff(rendering.ends, prepend=0) > 0).all()
    assert rendering.ends[-1] == rendering.samples.shape[0]
    assert rendering.samples.dtype == np.float32


def test_pauses_have_the_length_of_their_rule_and_are_silent(teacher, frontend):
    pauses = []
    for sentence in frontend.read("红、黄，蓝；好！对？是。").sentences:
        rendering = teacher.render(sentence.phonemes, FEMALE)
        begins = np.r_[0, rendering.ends[:-1]]
        for phoneme, begin, end in zip(sentence.phonemes, begins, rendering.ends, strict=True):
            if phoneme.tone == 0:
                rule_s = EDGE_S if phoneme.symbol == EDGE else PAUSE_S[phoneme.symbol]
                assert end - begin == round(rule_s * Espeak.sample_rate)
                assert (rendering.samples[begin:end] == 0).all()
                pauses.append(phoneme.symbol)
            else:
                assert np.abs(rendering.samples[begin:end]).max() > 0.01
    assert [pause for pause in pauses if pause != EDGE] == list("、，；！？。")
    assert pauses[0] == pauses[-1] == EDGE


def test_erhua_takes_the_end_of_its_syllable(teacher):
    plain = said(teacher, word(("h", "ua"), 1))
    merged = said(teacher, word(("h", "ua", ERHUA), 1))
    assert plain != merged
    rendering = teacher.render(utterance(*word(("h", "ua", ERHUA), 1)), FEMALE)
    lengths = np.diff(rendering.ends)[:3]
    assert (lengths > 200).all()  # samples: none is squeezed away


def test_a_syllable_of_m_alone_is_spoken_wherever_it_stands(teacher):
    for phonemes in (
        word("m", 2),
        [*word("m", 2), *word(("zh", "ang"), 1, begin=1)],
        [*word("m", 2), *word(("a",), 1, begin=1)],
        [*word("m", 2), *word(("m", "a"), 1, begin=1)],
    ):
        rendering = teacher.render(utterance(*phonemes), FEMALE)
        assert rendering.ends.shape == (len(phonemes) + 2,)
        assert (np.diff(rendering.ends) > 0).all()


@pytest.mark.parametrize("voice", list(VOICES))
def test_speech_has_one_level(teacher, frontend, voice):
    samples = teacher.render(frontend.read("今天天气很好。").sentences[0].phonemes, VOICES[voice]).samples
    loud = samples[np.abs(samples) > 1e-3]
    assert np.sqrt(np.mean(loud**2)) == pytest.approx(0.07, rel=0.15)
    assert np.abs(samples).max() < 1


def test_the_child_is_higher_than_the_woman_and_she_than_the_man(teacher, frontend):
    from tts_engine.audio import AudioConfig

    phonemes = frontend.read("今天天气很好，我们去公园。").sentences[0].phonemes
    medians = {}
    for name, voice in VOICES.items():
        f0 = extract_f0(teacher.render(phonemes, voice).samples, AudioConfig())
        medians[name] = np.median(f0[f0 > 0])
    assert medians["child"] > 1.1 * medians["female"]
    assert medians["female"] > 1.2 * medians["male"]


def test_the_second_tone_rises_and_the_fourth_falls(teacher):
    from tts_engine.audio import AudioConfig

    def rise(tone):
        """Last third over first third of F0, median of seven: the pitch flutters, and is sometimes taken wrongly."""
        ratios = []
        for _ in range(7):
            f0 = extract_f0(teacher.render(utterance(*word(("m", "a"), tone)), FEMALE).samples, AudioConfig())
            voiced = f0[f0 > 0]
            if len(voiced) >= 9:
                ratios.append(np.median(voiced[-len(voiced) // 3 :]) / np.median(voiced[: len(voiced) // 3]))
        assert len(ratios) >= 4
        return np.median(ratios)

    assert rise(2) > 1.08
    assert rise(4) < 0.97


def test_the_same_phonemes_last_about_as_long_every_time(teacher):
    phonemes = utterance(*word(("h", "ao"), 3))
    ends = np.array([teacher.render(phonemes, FEMALE).ends for _ in range(4)])
    assert np.ptp(ends, axis=0).max() < 0.01 * Espeak.sample_rate  # the synthesizer's flutter is not repeatable


def test_what_is_only_silence_is_refused(teacher):
    with pytest.raises(TeacherError, match="silence"):
        teacher.render([Phoneme(EDGE, 0, 0, 0), Phoneme("，", 0, 0, 1)], FEMALE)


def test_a_language_that_is_not_there_is_named(teacher):
    with pytest.raises(TeacherError, match="no-such-language"):
        teacher._espeak.speak("a", "no-such-language", FEMALE)


def test_a_machine_without_the_library_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr("ctypes.util.find_library", lambda name: "libabsent-for-this-test.so")
    with pytest.raises(TeacherError, match="apt-get install libespeak-ng1"):
        Teacher()


def test_a_second_teacher_takes_nothing_from_the_first(teacher):
    phonemes = utterance(*word(("h", "ao"), 3))
    before = teacher.render(phonemes, FEMALE).samples
    second = Teacher()
    made = [second.render(phonemes, FEMALE).samples]
    del second
    gc.collect()
    made.append(teacher.render(phonemes, FEMALE).samples)
    for samples in made:
        assert len(samples) == pytest.approx(len(before), rel=0.03)
        assert np.abs(samples).max() > 0.1
