import numpy as np
import pytest
import torch

from tts_engine.audio import AudioConfig, log_mel
from tts_engine.excitation import excitation
from tts_engine.hifigan import HifiGan, HifiGanConfig, Stft


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("n_fft", [64, 256])
@pytest.mark.parametrize("frames", [9, 40])
def test_the_inverse_stft_undoes_the_stft(n_fft, frames):
    stft, samples = Stft(n_fft), noise(2, 1, frames * n_fft // 4)
    again = stft.invert(stft.transform(samples))
    assert again.shape == samples.shape
    torch.testing.assert_close(again[..., n_fft:-n_fft], samples[..., n_fft:-n_fft], atol=1e-5, rtol=0)


def test_the_stft_is_that_of_torch():
    samples = noise(1, 1, 4096)
    ours = Stft(256).transform(samples)[0]
    padded = torch.nn.functional.pad(samples[:, 0], (96, 96))
    theirs = torch.stft(padded, 256, 64, window=torch.hann_window(256), center=False, return_complex=True)[0]
    torch.testing.assert_close(ours, torch.cat([theirs.real, theirs.imag]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("frames", [1, 2, 3, 50])
@torch.no_grad()
def test_there_are_256_samples_for_every_frame(vocoder, frames):
    samples = vocoder(noise(2, 80, frames), torch.full((2, frames), 150.0), noise(2, 2, 256 * frames))
    assert samples.shape == (2, 256 * frames)
    assert torch.isfinite(samples).all()


@torch.no_grad()
def test_two_at_once_are_two_alone(vocoder):
    mel, f0, source = noise(2, 80, 12) - 4, torch.tensor([[120.0] * 12, [0.0] * 12]), noise(2, 2, 256 * 12)
    both = vocoder(mel, f0, source)
    for row in range(2):
        alone = vocoder(mel[row : row + 1], f0[row : row + 1], source[row : row + 1])[0]
        torch.testing.assert_close(both[row], alone, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_hopeless_mels_stay_finite(vocoder):
    for value in (-100.0, 100.0):
        samples = vocoder(torch.full((1, 80, 6), value), torch.full((1, 6), 5000.0), noise(1, 2, 256 * 6))
        assert torch.isfinite(samples).all()


@torch.no_grad()
def test_before_training_louder_mels_are_louder_sound(vocoder):
    f0 = np.full(40, 150, np.float32)
    source = torch.from_numpy(excitation(f0, AudioConfig(), np.random.default_rng(0)))[None]
    levels = [vocoder(torch.full((1, 80, 40), mel), torch.from_numpy(f0)[None], source).std() for mel in (-6.0, -3.0)]
    assert levels[1] / levels[0] == pytest.approx(np.exp(3), rel=0.35)


@torch.no_grad()
def test_a_band_that_is_raised_in_the_mel_is_raised_in_the_sound(vocoder):
    config, f0 = AudioConfig(), np.zeros(60, np.float32)
    mel = torch.full((1, 80, 60), -9.0)
    mel[:, 40:45] = -2.0
    source = torch.from_numpy(excitation(f0, config, np.random.default_rng(0)))[None]
    made = log_mel(vocoder(mel, torch.from_numpy(f0)[None], source)[0].numpy(), config)[:, 5:-5].mean(axis=1)
    assert 38 <= made.argmax() <= 46
    assert made[40:45].mean() - made[60:].mean() > 4


def test_saving_keeps_every_weight_and_every_buffer(vocoder, networks):
    loaded = HifiGan.from_pretrained(networks / "vocoder")
    before, after = vocoder.state_dict(), loaded.state_dict()
    assert before.keys() == after.keys()
    assert {"stft.analysis", "stft.synthesis"} <= after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    torch.testing.assert_close(loaded.stft.analysis, Stft(256).analysis)
    assert loaded.config.channels == [16, 12, 8]


def test_rates_that_do_not_make_the_hop_are_refused():
    with pytest.raises(ValueError, match="hop length"):
        HifiGan(HifiGanConfig(channels=(16, 12, 8), upsample_rates=(2, 4)))


def test_the_shipped_size_is_a_million():
    network = HifiGan(HifiGanConfig())
    assert 0.95e6 <= sum(parameter.numel() for parameter in network.parameters()) <= 1.05e6
