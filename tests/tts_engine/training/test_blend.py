"""A vocoder on the line between two."""

import pytest
import torch

from tts_engine.hifigan import HifiGan, HifiGanConfig
from tts_engine.training.blend import blend, main


def vocoder(seed, **shape):
    torch.manual_seed(seed)
    return HifiGan(HifiGanConfig(**shape))


def weights(model):
    return torch.cat([weight.flatten() for weight in model.state_dict().values()])


def test_every_weight_lies_where_it_was_asked_for():
    before, after = weights(vocoder(0)), weights(vocoder(1))
    for share in (0.0, 0.4, 1.0):
        made = weights(blend(vocoder(0), vocoder(1), share))
        torch.testing.assert_close(made, (1 - share) * before + share * after)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_outside_its_range_is_an_error(share):
    with pytest.raises(ValueError, match="share"):
        blend(vocoder(0), vocoder(1), share)


def test_the_command_writes_a_folder_that_loads(tmp_path, monkeypatch):
    for seed, name in enumerate(("before", "after")):
        vocoder(seed).save_pretrained(tmp_path / name)
    given = [str(tmp_path / "before"), str(tmp_path / "after"), "--share", "0.25", "--out", str(tmp_path / "made")]
    monkeypatch.setattr("sys.argv", ["blend", *given])
    main()
    wanted = 0.75 * weights(vocoder(0)) + 0.25 * weights(vocoder(1))
    torch.testing.assert_close(weights(HifiGan.from_pretrained(tmp_path / "made")), wanted, atol=1e-3, rtol=0)
