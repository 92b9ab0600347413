"""What the shipped voice feels, and whom it can imitate."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from tests.tts_engine.test_v23 import LONG, median_f0, pytestmark, semitones, synthesizer
from tts_engine.synthesizer import SynthesisOptions

__all__ = ["pytestmark", "synthesizer"]

pytest.importorskip("pyworld")
RECORDINGS = Path("/usr/share/sounds/alsa")
"""A woman saying where a loudspeaker stands; of Debian's alsa-utils."""


def say(synthesizer, **options):
    return synthesizer.synthesize(LONG, SynthesisOptions(**options))


@pytest.fixture(scope="module")
def neutral(synthesizer):
    return say(synthesizer)


def test_it_feels_what_people_feel(synthesizer):
    assert set(synthesizer.emotions) == {"happy", "angry", "sad", "afraid", "surprised", "gentle"}


@pytest.mark.parametrize(
    ("emotion", "pitch", "pace"),
    [
        ("happy", (1.0, 5.0), (1.02, 1.4)),
        ("angry", (0.3, 4.0), (1.05, 1.5)),
        ("sad", (-3.0, -0.3), (0.7, 0.98)),
        ("afraid", (0.5, 4.0), (1.01, 1.3)),
        ("surprised", (1.0, 6.0), (0.8, 1.02)),
        ("gentle", (-2.0, -0.1), (0.8, 0.99)),
    ],
)
def test_each_feeling_moves_pitch_and_pace_its_own_way(synthesizer, neutral, emotion, pitch, pace):
    felt = say(synthesizer, emotion=emotion)
    assert pitch[0] < semitones(median_f0(felt) / median_f0(neutral)) < pitch[1]
    assert pace[0] < neutral.duration_s / felt.duration_s < pace[1]


@pytest.mark.parametrize(("emotion", "sign"), [("happy", 1), ("sad", -1), ("surprised", 1)])
def test_more_of_a_feeling_moves_the_pitch_further(synthesizer, neutral, emotion, sign):
    moved = [say(synthesizer, emotion=emotion, intensity=intensity) for intensity in (0.33, 0.67, 1.0)]
    shifts = [sign * semitones(median_f0(speech) / median_f0(neutral)) for speech in moved]
    assert 0 < shifts[0] < shifts[1] < shifts[2]


def test_no_feeling_is_louder_or_softer_than_listeners_expect(synthesizer):
    meter = pytest.importorskip("pyloudnorm").Meter(synthesizer.sample_rate)
    for emotion in ("neutral", *synthesizer.emotions):
        for voice in synthesizer.voices:
            samples = say(synthesizer, voice=voice.name, emotion=emotion).samples
            assert meter.integrated_loudness(samples.astype(np.float64)) == pytest.approx(-18, abs=2), (emotion, voice)


@pytest.mark.parametrize("voice", ["female", "male", "child"])
def test_a_copy_of_its_own_voice_keeps_the_pitch(synthesizer, voice):
    original = say(synthesizer, voice=voice)
    who = synthesizer.listen(original.samples)
    copy = say(synthesizer, speaker=who.told)
    assert semitones(median_f0(copy) / median_f0(original)) == pytest.approx(0, abs=2)


@pytest.mark.skipif(not RECORDINGS.exists(), reason="install Debian's alsa-utils: recordings of a person")
def test_a_copy_of_a_person_keeps_the_pitch(synthesizer):
    parts = []
    for path in sorted(RECORDINGS.glob("*_*.wav")):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        parts.append(soxr.resample(samples.mean(axis=1), rate, synthesizer.sample_rate))
    who = synthesizer.listen(np.concatenate(parts))
    copy = say(synthesizer, speaker=who.told)
    assert semitones(median_f0(copy) / who.median_f0_hz) == pytest.approx(0, abs=3)
