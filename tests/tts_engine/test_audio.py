import librosa
import numpy as np
import pytest

from tts_engine.audio import AudioConfig, log_mel, mel_centres_hz, mel_filters

CONFIG = AudioConfig()


def sweep(samples, seed=0):
    """A rising tone in noise: something in every band."""
    rng = np.random.default_rng(seed)
    phase = 2 * np.pi * np.cumsum(np.geomspace(60, 10_000, samples)) / CONFIG.sample_rate
    return (0.4 * np.sin(phase) + 0.01 * rng.standard_normal(samples)).astype(np.float32)


def librosa_log_mel(samples):
    pad = (CONFIG.n_fft - CONFIG.hop_length) // 2
    magnitude = np.abs(
        librosa.stft(
            np.pad(samples, pad, mode="reflect"),
            n_fft=CONFIG.n_fft,
            hop_length=CONFIG.hop_length,
            window="hann",
            center=False,
        )
    )
    filters = librosa.filters.mel(
        sr=CONFIG.sample_rate, n_fft=CONFIG.n_fft, n_mels=CONFIG.n_mels, fmin=CONFIG.f_min, fmax=CONFIG.f_max
    )
    return np.log(np.maximum(filters @ magnitude, CONFIG.floor))


def test_mel_filters_are_those_of_librosa():
    reference = librosa.filters.mel(sr=22050, n_fft=1024, n_mels=80, fmin=0, fmax=11025, htk=False, norm="slaney")
    np.testing.assert_allclose(mel_filters(CONFIG), reference, atol=1e-7)


@pytest.mark.parametrize("samples", [1024, 22050, 22051, 30_000])
def test_log_mel_is_that_of_librosa(samples):
    sound = sweep(samples)
    np.testing.assert_allclose(log_mel(sound, CONFIG), librosa_log_mel(sound), atol=2e-3)


@pytest.mark.parametrize(
    ("samples", "frames"), [(0, 0), (1, 0), (255, 0), (256, 1), (384, 1), (385, 1), (511, 1), (512, 2), (22050, 86)]
)
def test_there_is_a_frame_for_every_whole_hop(samples, frames):
    mel = log_mel(sweep(samples), CONFIG)
    assert mel.shape == (80, frames)
    assert mel.dtype == np.float32
    assert np.isfinite(mel).all()


def test_silence_lies_on_the_floor():
    assert (log_mel(np.zeros(2560, np.float32), CONFIG) == np.float32(np.log(1e-5))).all()


def test_a_tone_is_loudest_in_the_band_around_it():
    centres = mel_centres_hz(CONFIG)
    for band in (5, 30, 60, 75):
        tone = np.sin(2 * np.pi * centres[band] * np.arange(8192) / CONFIG.sample_rate).astype(np.float32)
        assert (log_mel(tone, CONFIG)[:, 4:-4].argmax(axis=0) == band).all()


def test_twice_the_amplitude_is_log_two_more():
    sound = sweep(8192)
    np.testing.assert_allclose(log_mel(2 * sound, CONFIG) - log_mel(sound, CONFIG), np.log(2), atol=1e-3)


def test_the_same_samples_give_the_same_mel():
    assert log_mel(sweep(8192), CONFIG).tobytes() == log_mel(sweep(8192), CONFIG).tobytes()


def test_frames_in_the_middle_do_not_depend_on_what_is_far_away():
    sound = sweep(16384)
    alone, inside = log_mel(sound[2560:12800], CONFIG)[:, 3:-3], log_mel(sound, CONFIG)[:, 13:47]
    np.testing.assert_allclose(alone, inside, rtol=0, atol=2e-6)  # a matrix of another width may be added up otherwise


@pytest.mark.parametrize("shape", [(1, 512), (), (2, 2, 2)])
def test_only_one_channel_is_taken(shape):
    with pytest.raises(ValueError, match="expected"):
        log_mel(np.zeros(shape, np.float32), CONFIG)
