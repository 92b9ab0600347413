import numpy as np
import pytest

from tts_engine.audio import AudioConfig
from tts_engine.excitation import excitation

CONFIG = AudioConfig()
HOP, RATE = CONFIG.hop_length, CONFIG.sample_rate


def source(f0, seed=0):
    return excitation(np.asarray(f0, np.float32), CONFIG, np.random.default_rng(seed))


def steady(hz, frames=100):
    return np.full(frames, hz, np.float32)


def test_harmonics_lie_at_multiples_of_f0_and_are_equally_strong():
    hz = 40 * RATE / 8192  # 107.7 Hz: every harmonic falls on a bin
    spectrum = np.abs(np.fft.rfft(source(steady(hz))[0][:8192])) / 4096
    harmonics = int(10_500 // hz)
    peaks = spectrum[40 : 40 * harmonics + 1 : 40]
    np.testing.assert_allclose(peaks, np.sqrt(2 / harmonics), rtol=0.01)
    between = np.delete(spectrum, np.arange(0, len(spectrum), 40))
    assert between.max() < 0.01 * peaks.min()
    assert spectrum[40 * harmonics + 20 :].max() < 0.01 * peaks.min()  # nothing that would fold back


@pytest.mark.parametrize("hz", [62.0, 181.3, 440.0, 987.6])
def test_both_rows_have_unit_power(hz):
    harmonics, noise = source(steady(hz, 400))
    assert np.mean(harmonics**2) == pytest.approx(1, abs=0.03)
    assert np.mean(noise**2) == pytest.approx(1, abs=0.02)
    assert np.mean(noise) == pytest.approx(0, abs=0.02)


def test_harmonics_are_silent_where_there_is_no_voice():
    f0 = np.r_[steady(0, 10), steady(150, 20), steady(0, 5), steady(200, 15)]
    harmonics, noise = source(f0)
    frames = harmonics.reshape(-1, HOP)
    assert (frames[f0 == 0] == 0).all()
    assert (np.abs(frames[f0 > 0]).max(axis=1) > 1).all()
    assert (np.abs(noise.reshape(-1, HOP)).max(axis=1) > 1).all()


def test_without_any_voice_there_is_noise_alone():
    harmonics, noise = source(steady(0, 30))
    assert harmonics.shape == noise.shape == (30 * HOP,)
    assert (harmonics == 0).all()
    assert np.mean(noise**2) == pytest.approx(1, abs=0.1)


def test_no_frames_give_no_samples():
    assert source([]).shape == (2, 0)


def test_the_phase_runs_through_where_f0_glides():
    """A fundamental filtered out of the pulses must be a clean tone of the F0 asked for: no jump at any border."""
    f0 = np.linspace(120, 260, 200, dtype=np.float32)
    harmonics = source(f0)[0]
    positions = np.arange(len(harmonics))
    track = np.interp(positions, np.arange(200) * HOP + HOP / 2, f0.astype(float))
    phase = 2 * np.pi * np.cumsum(track / RATE)
    count = np.floor(10_500 / track)
    expected = sum(np.where(k <= count, np.cos(k * phase), 0) for k in range(1, 89)) * np.sqrt(2 / count)
    np.testing.assert_allclose(harmonics, expected, atol=2e-3)


def test_the_same_seed_gives_the_same_bytes():
    f0 = np.r_[steady(0, 10), steady(150, 20)]
    assert source(f0, 7).tobytes() == source(f0, 7).tobytes()
    assert source(f0, 7)[1].tobytes() != source(f0, 8)[1].tobytes()
    assert source(f0, 7)[0].tobytes() == source(f0, 8)[0].tobytes()


@pytest.mark.parametrize("hz", [1e-3, 1.0, 9_000.0, 11_025.0, 22_050.0, 1e9, -100.0, np.nan])
def test_absurd_pitch_stays_finite_and_of_bounded_power(hz):
    harmonics, noise = source(steady(hz, 50))
    assert np.isfinite(harmonics).all()
    assert np.isfinite(noise).all()
    assert np.mean(harmonics**2) <= 2 * 10_500 / 20
    assert harmonics.dtype == np.float32


@pytest.mark.parametrize("hz", [0.0, -100.0, np.nan])
def test_what_is_no_pitch_is_unvoiced(hz):
    assert (source(steady(hz, 5))[0] == 0).all()
