"""Moving pitch and time of signals whose pitch and time are known."""

import numpy as np
import pytest

from tts_engine.audio import AudioConfig, log_mel
from tts_engine.training.features import extract_f0
from tts_engine.training.psola import Edit, colour, move

RATE, HOP = 22050, 256


def voice(hz, seconds=1.0):
    """A pulse train through two resonances, between two silences; and its F0 by frame."""
    samples = np.zeros(round(seconds * RATE))
    samples[np.round(np.arange(0, len(samples) - 1, RATE / hz)).astype(int)] = 1.0
    for centre, width in ((700, 90), (1800, 120)):
        radius = np.exp(-np.pi * width / RATE)
        ring = radius ** np.arange(2000) * np.cos(2 * np.pi * centre * np.arange(2000) / RATE)
        samples = np.convolve(samples, ring)[: len(samples)]
    silence = np.zeros(HOP * 10)
    whole = np.concatenate([silence, samples / np.abs(samples).max() * 0.5, silence]).astype(np.float32)
    f0 = np.zeros(len(whole) // HOP, dtype=np.float32)
    f0[10 : 10 + len(samples) // HOP] = hz
    return whole, f0


def edit(samples, f0, semitones=0.0, stretch=1.0):
    ends = np.array([HOP * 10, len(samples) - HOP * 10, len(samples)])
    return Edit(np.full(len(f0), semitones, np.float32), ends, np.array([1.0, stretch, 1.0], np.float32))


@pytest.mark.parametrize("semitones", [-4.0, -1.0, 0.0, 3.0, 5.0])
@pytest.mark.parametrize("hz", [90.0, 220.0, 340.0])
def test_the_pitch_moves_by_the_semitones_asked_for(hz, semitones):
    samples, f0 = voice(hz)
    moved = move(samples, f0, HOP, edit(samples, f0, semitones))
    wanted = hz * 2 ** (semitones / 12)
    heard = extract_f0(moved.samples, AudioConfig(), (wanted * 0.6, wanted * 1.7))
    assert np.median(heard[heard > 0]) == pytest.approx(wanted, rel=0.01)
    np.testing.assert_allclose(moved.f0[moved.f0 > 0], wanted, rtol=1e-3)


def test_the_formants_stay():
    samples, f0 = voice(120.0)
    moved = move(samples, f0, HOP, edit(samples, f0, 4.0))
    before, after = (log_mel(x, AudioConfig())[:, 30:60].mean(1) for x in (samples, moved.samples))
    smooth = np.ones(9) / 9
    peaks = [int(np.convolve(mel[20:], smooth, "same").argmax()) for mel in (before, after)]
    assert abs(peaks[0] - peaks[1]) <= 2


def test_nothing_asked_for_changes_nothing_that_is_heard():
    samples, f0 = voice(150.0)
    moved = move(samples, f0, HOP, edit(samples, f0))
    assert len(moved.samples) == len(samples)
    error = moved.samples[RATE // 4 : RATE] - samples[RATE // 4 : RATE]
    assert np.sqrt(np.mean(error**2)) < 0.05 * np.sqrt(np.mean(samples[RATE // 4 : RATE] ** 2))


def test_stretching_moves_the_borders_exactly_and_keeps_the_pitch():
    samples, f0 = voice(200.0)
    moved = move(samples, f0, HOP, edit(samples, f0, stretch=1.5))
    assert moved.ends[0] == HOP * 10
    assert moved.ends[1] - moved.ends[0] == pytest.approx(1.5 * (len(samples) - 20 * HOP), abs=1)
    assert len(moved.samples) == moved.ends[-1]
    assert len(moved.f0) == len(moved.samples) // HOP
    heard = extract_f0(moved.samples, AudioConfig(), (120, 340))
    assert np.median(heard[heard > 0]) == pytest.approx(200.0, rel=0.01)


def test_silence_stays_silence():
    samples = np.zeros(RATE, dtype=np.float32)
    f0 = np.zeros(RATE // HOP, dtype=np.float32)
    moved = move(samples, f0, HOP, edit(samples, f0, 3.0))
    assert not moved.samples.any()
    assert not moved.f0.any()


def test_tilt_turns_the_spectrum_around_one_kilohertz():
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(colour(noise, 3.0, 0.0, np.random.default_rng(1)))) / np.abs(np.fft.rfft(noise))
    assert 20 * np.log10(spectrum[[500, 1000, 2000, 4000]]) == pytest.approx([-3, 0, 3, 6], abs=0.01)


def test_breath_follows_the_voice_and_leaves_silence_alone():
    samples, _ = voice(150.0)
    breathy = colour(samples, 0.0, 1.0, np.random.default_rng(1))
    added = breathy - samples
    assert np.abs(added[: HOP * 8]).max() < 1e-6
    assert np.sqrt(np.mean(added[RATE // 4 : RATE] ** 2)) > 0.1 * np.sqrt(np.mean(samples[RATE // 4 : RATE] ** 2))
