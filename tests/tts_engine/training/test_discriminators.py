"""Discriminators learn to tell two kinds of sound apart, and the vocoder's script trains beside them."""

import torch

from tests.tts_engine.training.test_scripts import arguments, step_of
from tts_engine.training import train_vocoder
from tts_engine.training.discriminators import Discriminators, deceiving_loss, judging_loss


def test_they_learn_to_tell_a_tone_from_noise():
    torch.manual_seed(0)
    judges = Discriminators()
    optimizer = torch.optim.AdamW(judges.parameters(), lr=1e-3)
    tone = torch.sin(torch.arange(4096) * 0.05).repeat(2, 1)
    noise = 0.5 * torch.randn(2, 4096)
    losses = []
    for _ in range(8):
        loss = judging_loss(judges(tone), judges(noise))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    believed, features = deceiving_loss(judges(tone), judges(noise))
    assert features.item() > 0
    same = deceiving_loss(judges(tone), judges(tone))
    assert same[1].item() == 0
    assert same[0].item() < believed.item()


def test_any_length_is_judged():
    assert len(Discriminators()(torch.randn(1, 2049))) == 8


def test_the_vocoder_goes_on_with_a_judge_beside_it(corpus, tmp_path):
    train_vocoder.train(arguments(train_vocoder, corpus, tmp_path, steps="1"))
    train_vocoder.train(arguments(train_vocoder, corpus, tmp_path, "--resume", "--adversarial", steps="2"))
    train_vocoder.train(arguments(train_vocoder, corpus, tmp_path, "--resume", "--adversarial", steps="1"))
    assert step_of(tmp_path) == 4
    assert torch.load(tmp_path / "judges.pt", weights_only=True)["step"] == 4
