"""The shipped voice itself."""

import json

import numpy as np
import pytest
import soundfile

from tts_engine import MODELS, IndexTTSModel, __main__
from tts_engine.audio import AudioConfig, log_mel
from tts_engine.hub import SUMS, check_model
from tts_engine.synthesizer import SynthesisOptions, Synthesizer

FOLDER = MODELS / "v23"
TEXT = "今天天气很好。"
pytestmark = pytest.mark.skipif(not (FOLDER / SUMS).exists(), reason="models/v23 is not in this checkout")


@pytest.fixture(scope="module")
def synthesizer():
    return Synthesizer.load(FOLDER, device="cpu", threads=1)


@pytest.fixture(scope="module")
def speeches(synthesizer):
    return {
        voice.name: synthesizer.synthesize(TEXT, SynthesisOptions(voice=voice.name)) for voice in synthesizer.voices
    }


def decibels(samples):
    return 20 * np.log10(np.sqrt(np.mean(samples**2)) + 1e-9)


def between(speech, timing):
    return speech.samples[timing.begin_ms * speech.sample_rate // 1000 : timing.end_ms * speech.sample_rate // 1000]


def median_f0(speech):
    from tts_engine.training.features import extract_f0

    f0 = extract_f0(speech.samples, AudioConfig())
    return float(np.median(f0[f0 > 0]))


def test_it_is_whole_and_small_enough_to_commit():
    files = [FOLDER / name for name in check_model(FOLDER).files]
    assert max(file.stat().st_size for file in files) < 16 * 2**20
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) < 40 * 2**20
    assert not [file for file in FOLDER.rglob("*") if file.suffix in (".pt", ".pth", ".pkl", ".bin")]
    assert json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))["name"] == "v23"


def test_it_has_a_woman_a_man_and_a_child(synthesizer):
    named = [(voice.name, voice.title, voice.gender) for voice in synthesizer.voices]
    assert named == [("female", "女声", "female"), ("male", "男声", "male"), ("child", "童声", "neutral")]


@pytest.mark.parametrize("voice", ["female", "male", "child"])
def test_a_sentence_lasts_as_long_as_people_take(speeches, voice):
    speech = speeches[voice]
    assert [timing.text for timing in speech.timings] == list("今天天气很好")
    assert 0.8 < speech.duration_s < 3.5
    assert all(60 < timing.end_ms - timing.begin_ms < 700 for timing in speech.timings)


@pytest.mark.parametrize("voice", ["female", "male", "child"])
def test_every_syllable_is_heard_and_the_edges_are_quiet(speeches, voice):
    speech = speeches[voice]
    levels = [decibels(between(speech, timing)) for timing in speech.timings]
    assert min(levels) > -40
    assert max(levels) - min(levels) < 25
    assert 0.05 < np.abs(speech.samples).max() <= 1
    assert decibels(speech.samples[:512]) < min(levels) - 10
    assert decibels(speech.samples[-512:]) < min(levels) - 10


def test_the_woman_is_higher_than_the_man_and_the_child_than_her(speeches):
    pytest.importorskip("pyworld")
    pitch = {name: median_f0(speech) for name, speech in speeches.items()}
    assert 70 < pitch["male"] < 170
    assert pitch["female"] > 1.2 * pitch["male"]
    assert pitch["child"] > 1.05 * pitch["female"]


@pytest.mark.parametrize("speed", [0.7, 1.5])
def test_speed_changes_the_length_and_leaves_the_pitch(synthesizer, speeches, speed):
    pytest.importorskip("pyworld")
    speech = synthesizer.synthesize(TEXT, SynthesisOptions(speed=speed))
    assert speech.duration_s == pytest.approx(speeches["female"].duration_s / speed, rel=0.05)
    assert median_f0(speech) == pytest.approx(median_f0(speeches["female"]), rel=0.06)  # one sentence: 3 % is of many


def test_english_in_a_sentence_is_heard_at_its_own_time(synthesizer):
    speech = synthesizer.synthesize("欢迎使用AI语音合成功能")
    spoken = {timing.text: timing for timing in speech.timings}
    assert spoken["用"].end_ms == spoken["AI"].begin_ms
    assert spoken["AI"].end_ms == spoken["语"].begin_ms
    assert 200 < spoken["AI"].end_ms - spoken["AI"].begin_ms < 900
    assert decibels(between(speech, spoken["AI"])) > -35


def test_vowels_have_harmonics_and_fricatives_have_hiss(synthesizer):
    config = AudioConfig()
    hiss, vowel = synthesizer.synthesize("四").samples, synthesizer.synthesize("啊").samples
    high = [log_mel(samples, config)[65:].max(axis=1).mean() for samples in (hiss, vowel)]
    assert high[0] > high[1] + 1


def test_the_command_line_writes_the_sentence(tmp_path, capsys):
    file = tmp_path / "hello.wav"
    assert __main__.main([TEXT, "-o", str(file)]) == 0
    assert "实时率" in capsys.readouterr().out
    samples, rate = soundfile.read(file)
    assert 0.8 < len(samples) / rate < 3.5
    assert np.abs(samples).max() > 0.05


def test_the_published_call_works():
    rate, samples = IndexTTSModel("v23").tts("欢迎使用AI语音合成功能", speaker_id="female", speed=1.2)
    assert rate == 22050
    assert 1 < len(samples) / rate < 5


def semitones(ratio):
    return 12 * np.log2(ratio)


def wide_track(speech):
    """F0 of every frame, 0 where unvoiced, also of a voice far lower or higher than any in the corpus."""
    import pyworld

    f0, _ = pyworld.harvest(
        speech.samples.astype(np.float64), speech.sample_rate, f0_floor=40.0, f0_ceil=900.0, frame_period=11.6
    )
    return f0


def wide_f0(speech):
    """F0 of voiced frames."""
    f0 = wide_track(speech)
    return f0[f0 > 0]


LONG = "今天天气很好，我们一起去公园散步吧，路上还可以买些水果。"


@pytest.mark.parametrize("voice", ["female", "male", "child"])
@pytest.mark.parametrize("pitch", [-3.0, 3.0])
def test_pitch_moves_the_f0_by_so_many_semitones_and_not_the_length(synthesizer, voice, pitch):
    plain, moved = (synthesizer.synthesize(LONG, SynthesisOptions(voice=voice, pitch=p)) for p in (0.0, pitch))
    assert len(moved.samples) == len(plain.samples)
    before, after = wide_track(plain), wide_track(moved)
    both = (before > 0) & (after > 0)
    assert semitones(np.median(after[both] / before[both])) == pytest.approx(pitch, abs=0.3)


def test_speed_leaves_the_median_f0(synthesizer):
    plain, fast = (synthesizer.synthesize(LONG, SynthesisOptions(speed=speed)) for speed in (1.0, 1.5))
    assert semitones(median_f0(fast) / median_f0(plain)) == pytest.approx(0, abs=0.3)
    assert plain.duration_s / fast.duration_s == pytest.approx(1.5, abs=0.02)


def test_range_opens_and_flattens_the_melody_around_the_same_median(synthesizer):
    def spread(size):
        voiced = semitones(wide_f0(synthesizer.synthesize(LONG, SynthesisOptions(range=size))) / 200)
        return float(np.percentile(voiced, 90) - np.percentile(voiced, 10)), float(np.median(voiced))

    (flat, low), (plain, middle), (lively, high) = (spread(size) for size in (0.0, 1.0, 2.0))
    assert flat < 1.0
    assert lively == pytest.approx(2 * plain, rel=0.2)
    assert (low, high) == (pytest.approx(middle, abs=0.7), pytest.approx(middle, abs=0.7))


def test_volume_is_exact_in_decibels(synthesizer):
    plain = synthesizer.synthesize(LONG).samples
    soft = synthesizer.synthesize(LONG, SynthesisOptions(volume=-6)).samples
    np.testing.assert_allclose(soft, plain * 10 ** (-6 / 20), atol=1e-6)
    loud = synthesizer.synthesize(LONG, SynthesisOptions(volume=12))
    assert np.abs(loud.samples).max() <= np.float32(10 ** (-1 / 20))
    assert 2 < decibels(loud.samples) - decibels(plain) <= 12  # what peaks within -1 dBFS leave of it
