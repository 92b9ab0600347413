import numpy as np
import pytest

from tts_engine.audio import AudioConfig, log_mel
from tts_engine.frontend.phonemes import SYMBOL_IDS
from tts_engine.frontend.reading import Phoneme
from tts_engine.training.features import FeatureSet, Script, extract_f0, make_utterance, save

CONFIG = AudioConfig()
HOP, RATE = CONFIG.hop_length, CONFIG.sample_rate


def tone(hz, frames):
    """A sawtooth of this pitch."""
    phase = np.cumsum(np.broadcast_to(np.asarray(hz, float), frames * HOP)) / RATE
    return (0.3 * sum(np.sin(2 * np.pi * k * phase) / k for k in range(1, 12))).astype(np.float32)


def phonemes(count):
    return [Phoneme("a", 1 + index % 5, index, index + 1) for index in range(count)]


def durations(ends, frames):
    return make_utterance(Script("", 0, phonemes(len(ends))), tone(150, frames), np.array(ends)).phonemes[:, 2].tolist()


@pytest.mark.parametrize("hz", [80.0, 150.0, 300.0, 450.0])
def test_f0_is_the_pitch(hz):
    f0 = extract_f0(tone(hz, 60), CONFIG)
    assert f0.shape == (60,)
    assert f0.dtype == np.float32
    np.testing.assert_allclose(f0[10:50], hz, rtol=0.01)


def test_f0_is_measured_at_the_centre_of_each_frame():
    track = np.linspace(120, 240, 80 * HOP)
    f0 = extract_f0(tone(track, 80), CONFIG)
    np.testing.assert_allclose(f0[10:70], track[HOP // 2 :: HOP][10:70], rtol=0.01)


def test_noise_and_silence_have_no_f0():
    assert (extract_f0(np.zeros(40 * HOP, np.float32), CONFIG) == 0).all()


def test_durations_are_the_distances_of_the_ends_in_frames():
    assert durations([4 * HOP, 10 * HOP, 20 * HOP], 20) == [4, 6, 10]
    assert durations([4 * HOP + 100, 10 * HOP - 100, 20 * HOP], 20) == [4, 6, 10]


@pytest.mark.parametrize(
    ("ends", "frames"),
    [([1, 2, 3, 20 * HOP], 20), ([20 * HOP - 3, 20 * HOP - 2, 20 * HOP - 1, 20 * HOP], 20), ([5, 6, 7, 4 * HOP], 4)],
)
def test_every_phoneme_has_a_frame_and_together_they_have_all(ends, frames):
    found = durations(ends, frames)
    assert min(found) >= 1
    assert sum(found) == frames


def test_samples_are_cut_to_whole_frames():
    one = make_utterance(
        Script("", 0, phonemes(2)), np.r_[tone(150, 10), np.zeros(200, np.float32)], np.array([700, 2760])
    )
    assert one.audio.shape == (10 * HOP,)
    assert one.f0.shape == (10,)
    assert one.mel.shape == (80, 10)


def test_more_phonemes_than_frames_are_refused():
    with pytest.raises(ValueError, match="5 phonemes in 4 frames"):
        make_utterance(Script("", 0, phonemes(5)), tone(150, 4), np.arange(1, 6) * 200)


def test_loud_samples_are_clipped_and_never_wrap():
    one = make_utterance(Script("", 0, phonemes(1)), np.full(2560, 1.5, np.float32), np.array([2560]))
    assert (one.audio == 32767).all()


def test_a_saved_set_comes_back_as_it_was(tmp_path):
    made = [
        make_utterance(
            Script(f"第{n}句", n % 2, phonemes(n + 2)), tone(100 + 50 * n, 20 + n), np.arange(1, n + 3) * 512
        )
        for n in range(3)
    ]
    save(tmp_path / "set", made, ["one", "two"])
    read = FeatureSet(tmp_path / "set")
    assert len(read) == 3
    assert read.speakers == ["one", "two"]
    for before, after in zip(made, read, strict=True):
        assert (before.text, before.speaker) == (after.text, after.speaker)
        for part in ("audio", "f0", "phonemes"):
            np.testing.assert_array_equal(getattr(before, part), getattr(after, part))
        np.testing.assert_array_equal(after.mel, log_mel(before.samples, CONFIG))


def test_a_half_written_set_is_not_taken_for_one(tmp_path):
    made = [make_utterance(Script("", 0, phonemes(1)), tone(100, 8), np.array([2048]))]
    save(tmp_path, made, ["one"])

    def failing():
        yield made[0]
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        save(tmp_path, failing(), ["one"])
    with pytest.raises(FileNotFoundError):
        FeatureSet(tmp_path)


def test_the_teachers_utterances_are_features(features):
    assert [one.text for one in features] == ["你好。", "我们去看花儿！", "AI很好？"]
    for one in features:
        assert one.phonemes[:, 2].sum() == len(one.f0) == len(one.audio) // HOP == one.mel.shape[1]
        assert (one.phonemes[:, 2] >= 1).all()
        assert one.phonemes[0, 0] == one.phonemes[-1, 0] == SYMBOL_IDS["sil"]
        voiced = one.f0 > 0
        assert 0.3 < voiced.mean() < 0.95
        speech = np.repeat(one.phonemes[:, 1] > 0, one.phonemes[:, 2])
        assert one.mel.mean(axis=0)[speech].mean() > one.mel.mean(axis=0)[~speech].mean() + 2
