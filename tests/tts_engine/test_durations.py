import numpy as np
import pytest

from tts_engine.durations import MAX_FRAMES, STIFFNESS, expand, frames_from_log, opens_syllable, places, retime
from tts_engine.frontend.phonemes import SYMBOL_IDS

RNG = np.random.default_rng(3)
LOGS = np.log(RNG.uniform(4, 30, 60)).astype(np.float32)


@pytest.mark.parametrize("speed", [0.5, 0.7, 0.83, 1.0, 1.2, 1.5, 1.999, 2.0])
def test_the_whole_keeps_its_length_at_every_speed(speed):
    frames = frames_from_log(LOGS, speed)
    assert abs(frames.sum() - np.exp(LOGS.astype(float)).sum() / speed) <= 0.5
    assert np.abs(frames - np.exp(LOGS) / speed).max() <= 1


def test_twice_the_speed_halves_durations():
    logs = np.log(np.array([4.0, 10.0, 26.0], np.float32))
    np.testing.assert_array_equal(frames_from_log(logs, 1.0), [4, 10, 26])
    np.testing.assert_array_equal(frames_from_log(logs, 2.0), [2, 5, 13])
    np.testing.assert_array_equal(frames_from_log(logs, 0.5), [8, 20, 52])


def test_rounding_errors_do_not_add_up():
    frames = frames_from_log(np.full(1000, np.log(2.4), np.float32), 1.0)
    assert frames.sum() == 2400
    assert set(frames.tolist()) == {2, 3}


@pytest.mark.parametrize("log", [-np.inf, -50.0, -1.0, 0.0])
def test_every_phoneme_lasts_a_frame(log):
    np.testing.assert_array_equal(frames_from_log(np.full(5, log, np.float32), 2.0), np.ones(5))


@pytest.mark.parametrize("speed", [0.5, 1.0])
def test_no_phoneme_lasts_longer_than_the_limit(speed):
    assert frames_from_log(np.array([20.0], np.float32), speed).tolist() == [MAX_FRAMES / speed]


def test_expand_repeats_each_row_by_its_duration():
    hidden = np.arange(6, dtype=np.float32).reshape(3, 2)
    out = expand(hidden, np.array([2, 1, 3]))
    np.testing.assert_array_equal(out, [[0, 1], [0, 1], [2, 3], [4, 5], [4, 5], [4, 5]])
    assert out.dtype == np.float32


def test_places_say_how_far_a_frame_is_into_its_phoneme():
    rows = places(np.array([1, 4]))
    np.testing.assert_allclose(rows[:, 0], [0.5, 0.125, 0.375, 0.625, 0.875])
    np.testing.assert_allclose(rows[:, 1], [0.5, 0.875, 0.625, 0.375, 0.125])
    np.testing.assert_allclose(rows[:, 2], np.log([1, 4, 4, 4, 4]) / 3, atol=1e-7)
    assert rows.dtype == np.float32


def test_places_lie_strictly_inside_for_any_durations():
    rows = places(RNG.integers(1, MAX_FRAMES, 50))
    assert ((rows[:, :2] > 0) & (rows[:, :2] < 1)).all()
    np.testing.assert_allclose(rows[:, 0] + rows[:, 1], 1, atol=1e-6)


def test_retiming_stretches_each_phoneme_on_its_own_and_leaves_pitch_alone():
    natural, wanted = np.array([2, 4]), np.array([4, 2])
    f0 = np.array([0, 0, 200, 200, 200, 200], dtype=np.float32)
    mel = np.array([[1, 1, 5, 5, 5, 5]], dtype=np.float32)
    pitch, spectrum = retime(f0, mel, natural, wanted)
    assert pitch.shape == (6,) and spectrum.shape == (1, 6)
    np.testing.assert_allclose(pitch[[0, 1, 2, 4, 5]], [0, 0, 0, 200, 200])
    np.testing.assert_allclose(spectrum[0, [0, 1, 2, 4, 5]], [1, 1, 1, 5, 5])


def test_retiming_to_the_same_durations_changes_nothing():
    natural = np.array([3, 1])
    f0, mel = np.arange(4, dtype=np.float32), np.ones((2, 4), dtype=np.float32)
    assert retime(f0, mel, natural, natural) == (f0, mel)


def ids(*symbols):
    return np.array([SYMBOL_IDS[symbol] for symbol in symbols])


def test_an_initial_is_one_only_before_a_final():
    phonemes = ids("sil", "b", "a", "iou", "m", "，", "m", "a", "B", "AA", "sil")
    assert np.flatnonzero(opens_syllable(phonemes)).tolist() == [1, 6]


@pytest.mark.parametrize(("speed", "first", "second"), [(2.0, 14, 21), (0.5, 28, 57)])
def test_the_final_gives_way_and_the_syllable_keeps_its_length(speed, first, second):
    logs = np.log(np.array([10, 20, 60, 10, 40, 30], np.float32))
    initials = np.array([False, True, False, False, True, False])
    frames = frames_from_log(logs, speed, initials)
    assert frames[1] == first == round(20 * speed**-STIFFNESS)
    assert frames[4] == pytest.approx(second, abs=1)
    assert [frames[0], frames[1] + frames[2], frames[3], frames[4] + frames[5]] == [
        round(natural / speed) for natural in (10, 80, 10, 70)
    ]


def test_an_initial_longer_than_its_final_is_no_longer_than_before():
    frames = frames_from_log(np.log(np.array([40, 10], np.float32)), 2.0, np.array([True, False]))
    assert frames.tolist() == [20, 5]


def test_only_hurried_phonemes_are_hurried():
    logs = np.log(np.array([10, 30, 10, 30], np.float32))
    frames = frames_from_log(logs, np.array([1.0, 1.0, 2.0, 2.0]), np.array([True, False, True, False]))
    assert frames.tolist() == [10, 30, 7, 13]
