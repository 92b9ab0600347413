import numpy as np
import pytest

from tts_engine.audio import AudioConfig
from tts_engine.frontend.phonemes import SYMBOL_IDS, SYMBOLS
from tts_engine.training.evaluate import (
    Judge,
    Student,
    distortion_db,
    mandarin_only,
    measure_prosody,
    measure_vocoder,
    mel_cepstra,
    melody,
    spread,
    swap_syllables,
    values,
    warping,
)
from tts_engine.training.recogniser import Errors, meant_by

ALPHA = 0.455
CONFIG = AudioConfig()
POOL = np.array([SYMBOL_IDS[final] for final in ("a", "an", "eng")], np.int16)


def rows(*phonemes):
    return np.array([(SYMBOL_IDS[symbol], tone, 5) for symbol, tone in phonemes], np.int16)


def series(cepstrum, angle):
    """Log spectrum of a cepstrum at these angles."""
    return np.cos(np.outer(angle, np.arange(len(cepstrum)))) @ cepstrum


def test_warping_a_cepstrum_moves_its_spectrum_along_the_all_pass():
    cepstrum = np.random.default_rng(0).normal(size=9) / np.arange(1, 10)
    angle = np.linspace(0, np.pi, 200)
    warped = angle + 2 * np.arctan(ALPHA * np.sin(angle) / (1 - ALPHA * np.cos(angle)))
    long = warping(8, 120, ALPHA) @ cepstrum
    np.testing.assert_allclose(series(long, warped), series(cepstrum, angle), atol=1e-6)


def test_warping_agrees_with_an_integral_taken_by_brute_force():
    """Coefficient m of the warped cepstrum is the cosine transform of the warped log spectrum."""
    cepstrum = np.array([0.3, -0.5, 0.2, 0.7])
    warped = (np.arange(4096) + 0.5) * np.pi / 4096
    angle = warped - 2 * np.arctan(ALPHA * np.sin(warped) / (1 + ALPHA * np.cos(warped)))
    spectrum = series(cepstrum, angle)
    expected = [np.mean(spectrum * np.cos(m * warped)) * (2 if m else 1) for m in range(7)]
    np.testing.assert_allclose(warping(3, 6, ALPHA) @ cepstrum, expected, atol=1e-6)


def test_no_warping_is_the_identity():
    np.testing.assert_allclose(warping(5, 5, 0.0), np.eye(6), atol=1e-12)


def test_the_distortion_of_the_same_sound_is_zero(features):
    one = features[0]
    speech = np.repeat(one.phonemes[:, 1] > 0, one.phonemes[:, 2])
    assert distortion_db(one.samples, one, speech, CONFIG) == 0


def test_louder_sound_is_no_distortion_but_another_timbre_is(features):
    one = features[0]
    speech = np.repeat(one.phonemes[:, 1] > 0, one.phonemes[:, 2])
    assert distortion_db(0.5 * one.samples, one, speech, CONFIG) < 0.3
    dull = np.convolve(one.samples, np.ones(8) / 8, mode="same").astype(np.float32)
    assert distortion_db(dull, one, speech, CONFIG) > 4


def test_mel_cepstra_have_a_row_for_every_frame(features):
    cepstra = mel_cepstra(features[0].samples, np.array(features[0].f0), CONFIG)
    assert cepstra.shape == (len(features[0].f0), 25)
    assert np.isfinite(cepstra).all()


def test_about_the_share_is_swapped_and_never_for_the_same():
    meant = rows(*[phoneme for _ in range(1000) for phoneme in (("h", 1), ("an", 1))])
    swapped = swap_syllables(meant, 0.1, POOL, np.random.default_rng(1))
    changed = swapped[1::2, 0] != meant[1::2, 0]
    assert 70 <= changed.sum() <= 130
    assert set(swapped[1::2, 0][changed]) == {SYMBOL_IDS["a"], SYMBOL_IDS["eng"]}
    np.testing.assert_array_equal(swapped[::2], meant[::2])
    np.testing.assert_array_equal(swapped[:, 1:], meant[:, 1:])


def test_swapping_all_changes_every_syllable_and_nothing_else():
    meant = rows(
        ("sil", 0), ("n", 3), ("i", 3), ("an", 4), ("，", 0), ("m", 1), ("a", 1), ("AA", 7), ("T", 6), ("sil", 0)
    )
    before = meant.copy()
    swapped = swap_syllables(meant, 1.0, POOL, np.random.default_rng(2))
    assert [SYMBOLS[i] for i in np.delete(swapped[:, 0], [2, 3, 6])] == ["sil", "n", "，", "m", "AA", "T", "sil"]
    assert (swapped[[2, 3, 6], 0] != meant[[2, 3, 6], 0]).all()
    np.testing.assert_array_equal(meant, before)  # what was meant stays as it was


def test_swapping_none_changes_nothing():
    meant = rows(("h", 1), ("an", 1))
    np.testing.assert_array_equal(swap_syllables(meant, 0.0, POOL, np.random.default_rng(0)), meant)


def test_errors_add_up_over_utterances():
    errors = Errors()
    errors.add([("n+i", 3), ("h+ao", 3)], [("n+i", 3), ("h+ao", 3)])
    errors.add([("n+i", 2), ("h+a", 3), ("a", 1)], [("n+i", 3), ("h+ao", 3)])
    assert (errors.syllables, errors.toneless, errors.toned) == (4, 2, 3)
    assert errors.ser == 0.5
    assert errors.ter == 0.75


def test_no_syllables_are_no_errors():
    assert (Errors().ser, Errors().ter) == (0, 0)


def test_what_is_meant_is_written_as_the_recogniser_writes_it():
    meant = rows(("sil", 0), ("h", 1), ("ua", 1), ("rr", 1), ("。", 0), ("m", 3), ("a", 3), ("sil", 0))
    assert meant_by(meant) == [("h+ua+rr", 1), ("m+a", 3)]


def test_syllable_rates_count_no_english(features):
    assert [one.text for one in mandarin_only(features)] == ["你好。", "我们去看花儿！"]


def test_a_part_of_a_set_that_lies_ordered_by_speaker_has_everybody():
    everybody = ["female"] * 4 + ["male"] * 4 + ["child"] * 4
    assert spread(everybody, 3) == ["female", "male", "child"]
    assert spread(everybody, 100) == everybody
    assert spread([], 3) == []


def test_the_measures_run_on_a_student(tiny, features):
    """Untrained networks: the figures mean nothing, their form does."""
    student = Student(tiny, CONFIG)
    few = [features[1]]
    vocoder = values(measure_vocoder(student, few))
    assert vocoder.keys() == {"stoi", "pesq_wb"}
    assert 0 <= vocoder["stoi"] <= 1
    assert 1 <= vocoder["pesq_wb"] <= 4.65
    prosody = values(measure_prosody(student, few * 2, features.speakers))
    assert prosody.keys() == {"f0_correlation", "f0_rmse_semitones", "mcd_db", "duration_error_frames"}
    assert prosody["mcd_db"] > 3
    spoken = features[1].phonemes[:, 1] > 0
    guess = student.durations(features[1].phonemes, "male")
    expected = np.abs(guess - features[1].phonemes[:, 2])[spoken].mean()
    assert prosody["duration_error_frames"] == pytest.approx(expected)


def test_melodies_are_compared_where_both_are_voiced():
    theirs = np.tile([100.0, 200.0, 0.0], 20)
    ours = np.tile([200.0, 400.0, 300.0], 20)
    assert melody(ours, theirs) == pytest.approx((1, 12))
    assert melody(np.full(60, 200.0), theirs) == pytest.approx((0, 12 * np.sqrt(0.5)))  # a monotone goes with nothing
    assert np.isnan(melody(ours[:20], theirs[:20])).all()


def test_a_judge_counts_the_errors_of_each_utterance(features):
    heard = {"你好。": [("n+i", 3), ("h+ao", 3)], "我们去看花儿！": []}
    said = [features[0], features[1]]

    class Deaf:
        def hear(self, samples):
            return heard[samples]

    rates = Judge(Deaf()).rates("test", said, lambda one: one.text)
    assert rates["ser"].sums.tolist() == [0, 5]
    assert rates["ter"].sums.tolist() == [1, 5]  # 你 before 好 is said in the second tone
    assert rates["ter"].counts.tolist() == [2, 5]


def test_a_student_speaks_for_as_long_as_its_durations(tiny, features):
    student = Student(tiny, CONFIG)
    samples = student.speak(features[0].phonemes, "female", 0.5)
    assert samples.shape[0] == 256 * student.durations(features[0].phonemes, "female", 0.5).sum()
