import random
from functools import cache

import numpy as np
import pytest
import torch

from tts_engine.frontend.phonemes import ENGLISH, ERHUA, FINALS, INITIALS, PAUSES, SYMBOL_IDS, SYMBOLS
from tts_engine.training.recogniser import (
    BLANK,
    LABEL_IDS,
    LABELS,
    Recogniser,
    RecogniserConfig,
    edit_distance,
    label_of,
    labels_of,
    spelt,
    steadiest,
    syllables,
    written,
)


def ids(*phonemes):
    return [(SYMBOL_IDS[symbol], tone) for symbol, tone in phonemes]


def test_labels_are_distinct_and_blank_is_first():
    assert len(set(LABELS)) == len(LABELS) == 1 + len(INITIALS) + 5 * len(FINALS) + 1 + len(ENGLISH)
    assert LABELS[BLANK] == ("", 0)


def test_every_phoneme_that_is_heard_has_a_label_and_every_pause_is_blank():
    for final in FINALS:
        assert [LABELS[label_of(final, tone)] for tone in range(1, 6)] == [(final, tone) for tone in range(1, 6)]
    for symbol in (*(initial for initial in INITIALS if initial not in FINALS), ERHUA, *ENGLISH):
        assert LABELS[label_of(symbol, 7)] == (symbol, 0)
    for pause in ("sil", *PAUSES, "_"):
        assert label_of(pause, 0) == BLANK


def test_all_labels_but_one_can_be_meant():
    meant = {label_of(symbol, tone) for symbol in SYMBOLS for tone in range(9)}
    assert set(range(len(LABELS))) - meant <= {LABEL_IDS["m", 0]}  # m is an initial and a final: labelled by its tone


@pytest.mark.parametrize(
    ("phonemes", "meant"),
    [
        ([], []),
        ([("sil", 0), ("h", 1), ("uan", 1), ("ing", 2), ("。", 0), ("sil", 0)], [("h+uan", 1), ("ing", 2)]),
        ([("m", 3), ("a", 3), ("m", 1), ("a", 1)], [("m+a", 3), ("m+a", 1)]),
        ([("h", 1), ("ua", 1), ("rr", 1)], [("h+ua+rr", 1)]),
        ([("er", 4), ("a", 5)], [("er", 4), ("a", 5)]),
        ([("EY", 7), ("AY", 7), ("h", 3), ("ao", 3)], [("EY", 0), ("AY", 0), ("h+ao", 3)]),
    ],
)
def test_phonemes_join_to_syllables(phonemes, meant):
    assert syllables(labels_of(ids(*phonemes))) == meant


@pytest.mark.parametrize(
    ("labels", "heard"),
    [
        ([("b", 0), ("p", 0), ("a", 1)], [("b", 0), ("p+a", 1)]),
        ([("b", 0)], [("b", 0)]),
        ([("rr", 0)], [("rr", 0)]),
        ([("b", 0), ("rr", 0)], [("b+rr", 0)]),
        ([("a", 1), ("rr", 0), ("rr", 0)], [("a+rr+rr", 1)]),
    ],
)
def test_what_is_heard_wrongly_is_kept_and_counts_as_an_error(labels, heard):
    assert syllables(LABEL_IDS[label] for label in labels) == heard


@pytest.mark.parametrize(
    ("frames", "spelt_labels"),
    [
        ([], []),
        ([("", 0)] * 4, []),
        ([("b", 0), *[("a", 1)] * 3, ("", 0)], [("b", 0), ("a", 1)]),
        ([("b", 0), *[("a", 1)] * 2], [("b", 0)]),  # a final of two frames is no final
        ([*[("i", 4)] * 3, ("b", 0)], [("b", 0)]),  # a syllable by itself lasts four
        ([("t", 0), *[("ian", 1)] * 9, *[("ian", 2)] * 3], [("t", 0), ("ian", 1)]),
        ([*[("i", 4)] * 5, ("", 0), *[("i", 4)] * 5], [("i", 4), ("i", 4)]),  # 意义 parted by a blank
        ([*[("i", 4)] * 5, ("", 0), ("i", 4), ("", 0)], [("i", 4)]),
        ([("T", 0), ("rr", 0)], [("T", 0), ("rr", 0)]),  # English phonemes and erhua may be short
    ],
)
def test_frames_spell_labels_and_flicker_does_not(frames, spelt_labels):
    best = np.array([LABEL_IDS[label] for label in frames], dtype=np.int64)
    assert [LABELS[label] for label in spelt(best)] == spelt_labels


@pytest.mark.parametrize(
    ("syllable", "pinyin"),
    [
        (("h+ua+rr", 1), "huar1"), (("ing", 2), "ying2"), (("x+v", 1), "xu1"), (("d+iou", 5), "diu5"),
        (("er", 4), "er4"), (("e+rr", 2), "er2"), (("EY", 0), "EY"),
        (("b", 0), "b"), (("rr", 0), "rr"), (("b+rr", 0), "b+rr"),
    ],
)  # fmt: skip
def test_syllables_are_written_as_people_write_them(syllable, pinyin):
    assert written(*syllable) == pinyin


def slow_distance(one, other):
    @cache
    def distance(i, j):
        if not i or not j:
            return i + j
        return min(
            distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (one[i - 1] != other[j - 1])
        )

    return distance(len(one), len(other))


def test_edit_distance_is_that_of_the_definition():
    rng = random.Random(4)
    for _ in range(300):
        one, other = ("".join(rng.choices("abc", k=rng.randint(0, 8))) for _ in range(2))
        assert edit_distance(one, other) == edit_distance(other, one) == slow_distance(one, other)


@pytest.mark.parametrize(
    ("heard", "meant", "errors"),
    [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("ab", "ba", 2), ("abc", "abc", 0)],
)
def test_edit_distance_of_known_words(heard, meant, errors):
    assert edit_distance(heard, meant) == errors


@pytest.fixture(scope="module")
def recogniser():
    torch.manual_seed(0)
    return Recogniser(RecogniserConfig(width=16, layers=1)).eval()


@torch.no_grad()
def test_the_level_of_a_recording_is_not_heard(recogniser):
    mel, mask = torch.randn(1, 80, 20), torch.ones(1, 20, 1)
    torch.testing.assert_close(recogniser(mel, mask), recogniser(mel + 2.5, mask), atol=1e-4, rtol=0)


@torch.no_grad()
def test_frames_have_probabilities_and_padding_changes_none(recogniser):
    mel, mask = torch.randn(2, 80, 30), torch.ones(2, 30, 1)
    mel[1, :, 18:], mask[1, 18:] = 0, 0
    said = recogniser(mel, mask)
    assert said.shape == (2, 30, len(LABELS))
    torch.testing.assert_close(said.exp().sum(2), torch.ones(2, 30))
    alone = recogniser(mel[1:, :, :18], mask[1:, :18])
    torch.testing.assert_close(said[1, :18], alone[0], atol=1e-4, rtol=0)


def test_a_recording_is_read_label_by_label_without_repeats(recogniser, monkeypatch):
    ao = [LABEL_IDS["ao", 3]] * 4
    frames = [0, 0, LABEL_IDS["h", 0], LABEL_IDS["h", 0], *ao, 0, *ao, 0]
    table = torch.full((1, len(frames), len(LABELS)), -9.0)
    table[0, torch.arange(len(frames)), torch.tensor(frames)] = 0
    monkeypatch.setattr(recogniser, "forward", lambda mel, mask: table)
    assert recogniser.hear(np.zeros(14 * 256, np.float32)) == [("h+ao", 3), ("ao", 3)]


def test_patience_ends_the_flicker_and_keeps_what_lasts():
    scores = np.full((12, 3), -6.0, np.float32)
    for frame, label in enumerate([1, 1, 1, 2, 1, 1, 1, 2, 2, 2, 2, 2]):
        scores[frame, label] = -0.1
    assert steadiest(scores, 0).tolist() == scores.argmax(1).tolist()
    assert steadiest(scores, 4).tolist() == [1] * 7 + [2] * 5
    assert steadiest(scores, 1000).tolist() == [1] * 12
