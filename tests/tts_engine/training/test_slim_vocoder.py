import numpy as np
import pytest
import torch

from tts_engine.audio import AudioConfig
from tts_engine.excitation import excitation
from tts_engine.hifigan import HifiGan, HifiGanConfig
from tts_engine.training.slim_vocoder import slim


@pytest.fixture
def wide():
    torch.manual_seed(3)
    return HifiGan(HifiGanConfig(channels=(24, 16, 12))).eval()


@torch.no_grad()
def speak(model):
    torch.manual_seed(5)
    mel, f0 = torch.randn(1, 80, 12) - 5, np.full(12, 200, dtype=np.float32)
    source = excitation(f0, AudioConfig(), np.random.default_rng(1))
    return model(mel, torch.from_numpy(f0)[None], torch.from_numpy(source)[None])[0]


def test_nothing_changes_where_nothing_is_left_out(wide):
    same = slim(wide, [24, 16, 12]).eval()
    assert torch.equal(speak(same), speak(wide))


def test_channels_that_carry_nothing_are_the_ones_left_out(wide):
    with torch.no_grad():
        dead = [3, 7, 11, 19]
        wide.pre.weight[dead], wide.pre.bias[dead] = 0.0, 0.0
        for convolution in wide.context.convolutions:
            convolution.weight[dead], convolution.bias[dead] = 0.0, 0.0
            convolution.weight[:, dead] = 0.0
        wide.upsamplings[0].up.weight[dead] = 0.0
    narrow = slim(wide, [20, 16, 12]).eval()
    assert narrow.config.channels == [20, 16, 12]
    np.testing.assert_allclose(speak(narrow), speak(wide), atol=1e-6)


@pytest.mark.parametrize("channels", [[24, 16], [25, 16, 12], [24, 16, 13]])
def test_a_stage_cannot_grow_or_be_forgotten(wide, channels):
    with pytest.raises(ValueError, match="at most"):
        slim(wide, channels)
