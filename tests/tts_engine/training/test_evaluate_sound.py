"""The ear for faults hears each of them, and nothing in sound speech."""

import numpy as np
import pytest

from tts_engine.training.evaluate_sound import CLICK, Sound, counted, loudness, prominence, report

RATE = 22_050


def speech_like(seed=0):
    """Two seconds of pulses through a resonance, with a hiss: what has corners but no click."""
    rng = np.random.default_rng(seed)
    pulses = np.zeros(2 * RATE)
    pulses[:: RATE // 120] = 1.0
    pulses = np.convolve(
        pulses, np.hanning(15) / np.hanning(15).sum(), "same"
    )  # a glottis closes in half a millisecond
    vowel = np.convolve(pulses, np.exp(-np.arange(200) / 40) * np.sin(np.arange(200) * 0.3))[: 2 * RATE]
    hiss = rng.normal(0, 0.004, 2 * RATE) * (np.arange(2 * RATE) > RATE)
    return (0.3 * vowel + hiss).astype(np.float32)


def sound(**changed):
    usual = {
        "text": "你好世界朋友", "voice": "female", "emotion": "neutral", "meant": 6, "heard": 6, "seconds": 1.5,
        "peak_db": -1.0, "loudness_lufs": -18.0, "offset": 0.0, "click": 4.0,
    }  # fmt: skip
    return Sound(**usual | changed)


def test_a_click_stands_out_and_speech_does_not():
    samples = speech_like()
    assert prominence(samples, RATE) < CLICK
    for place in (RATE // 3, RATE + RATE // 2):
        clicked = samples.copy()
        clicked[place] += 0.5
        assert prominence(clicked, RATE) > CLICK
    gap = samples.copy()
    gap[RATE // 2 + 37 :] += 0.4  # a step, as where two pieces do not meet
    assert prominence(gap, RATE) > CLICK


def test_silence_and_a_single_sample_have_no_click():
    assert prominence(np.zeros(RATE, np.float32), RATE) == 0
    assert prominence(np.zeros(1, np.float32), RATE) == 0


def test_loudness_is_that_of_the_standard():
    """ITU-R BS.1770: a sine of 997 Hz at full scale in one channel is -3.01 LUFS."""
    sine = np.sin(2 * np.pi * 997 * np.arange(2 * RATE) / RATE).astype(np.float32)
    assert loudness(sine, RATE) == pytest.approx(-3.01, abs=0.1)
    assert loudness(sine[:1000], RATE) is None
    assert loudness(0 * sine, RATE) is None


@pytest.mark.parametrize(
    ("changed", "faults"),
    [
        ({}, ()),
        ({"heard": 3}, ("missing",)),
        ({"heard": 9}, ("repeated",)),
        ({"heard": 7}, ()),
        ({"seconds": 20.0}, ("length",)),
        ({"click": 40.0}, ("click",)),
        ({"offset": -0.01}, ("offset",)),
        ({"peak_db": -0.5}, ("peak",)),
        ({"loudness_lufs": -12.0}, ("loudness",)),
        ({"loudness_lufs": None}, ()),
        ({"meant": 1, "heard": 1, "seconds": 1.0, "loudness_lufs": -25.0}, ()),
    ],
)
def test_every_fault_has_a_name(changed, faults):
    assert sound(**changed).faults == faults


def test_the_report_counts_faults_and_names_the_sentences():
    made = report([sound(), sound(heard=0, text="坏"), sound(emotion="sad", loudness_lufs=-19.0)])
    assert (made["sentences"], made["sound"], made["faults"]) == (3, 2, {"missing": 1})
    assert [one["text"] for one in made["worst"]] == ["坏"]
    assert made["loudness_lufs"] == {"neutral": -18.0, "sad": -19.0}


def test_a_vowel_that_goes_on_in_another_tone_is_one_syllable():
    once = [("ch+uai", 2), ("l+eng", 2)]
    assert counted(once) == 2
    assert counted([("ch+uai", 1), ("uai", 2), ("ai", 2), ("l+eng", 2)]) == 2
    assert counted([("ch+uai", 1), ("ch+uai", 2)]) == 2
    assert counted([("h+ua", 1), ("er", 2)]) == 2
    assert counted([("a", 1)]) == 1
    assert counted([]) == 0
