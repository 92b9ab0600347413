import numpy as np
import pytest
import torch

from tts_engine.durations import places
from tts_engine.fastspeech2 import FastSpeech2, FastSpeech2Config
from tts_engine.frontend.phonemes import SYMBOLS, TONES
from tts_engine.transformer import positions

REACH = 3 * 2 + 4 + 4  # three kernels of 5 in the predictor, one of 9 over prosody, one block of 9


def numbered(*shape, below):
    return torch.from_numpy(np.random.default_rng(5).integers(1, below, shape))


@pytest.fixture(scope="module")
def batch():
    """Phonemes, tones, speakers of two sentences: 12 and 7 phonemes."""
    phonemes, tones = numbered(2, 12, below=len(SYMBOLS)), numbered(2, 12, below=TONES)
    phonemes[1, 7:], tones[1, 7:] = 0, 0
    return phonemes, tones, torch.randn(2, 8, generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def test_padding_does_not_change_what_is_encoded(acoustic, batch):
    phonemes, tones, speaker = batch
    hidden, durations = acoustic.encode(*batch)
    for row, length in ((0, 12), (1, 7)):
        alone = acoustic.encode(phonemes[row : row + 1, :length], tones[row : row + 1, :length], speaker[row : row + 1])
        torch.testing.assert_close(hidden[row, :length], alone[0][0], atol=1e-4, rtol=0)
        torch.testing.assert_close(durations[row, :length], alone[1][0], atol=1e-4, rtol=0)
    assert (hidden[1, 7:] == 0).all()
    assert (durations[1, 7:] == 0).all()


@torch.no_grad()
def test_padding_does_not_change_what_is_decoded(acoustic):
    hidden, lengths = torch.randn(2, 60, 32, generator=torch.Generator().manual_seed(4)), (60, 35)
    place = torch.from_numpy(places(np.full(12, 5))).expand(2, -1, -1).clone()
    mask = torch.ones(2, 60, 1)
    mask[1, 35:] = hidden[1, 35:] = place[1, 35:] = 0
    f0, mel = acoustic.decode(hidden, place, mask)
    for row, length in enumerate(lengths):
        alone = acoustic.decode(
            hidden[row : row + 1, :length], place[row : row + 1, :length], mask[row : row + 1, :length]
        )
        torch.testing.assert_close(f0[row, :length], alone[0][0], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(mel[row, :, :length], alone[1][0], atol=1e-4, rtol=0)
    assert (f0[1, 35:] == 0).all()


@torch.no_grad()
def test_the_decoder_hears_no_further_than_its_convolutions(acoustic):
    hidden = torch.randn(1, 80, 32, generator=torch.Generator().manual_seed(6))
    place, mask = torch.from_numpy(places(np.full(16, 5)))[None], torch.ones(1, 80, 1)
    other = hidden.clone()
    other[0, 40] += 3
    mels = [acoustic.decode(x, place, mask)[1][0] for x in (hidden, other)]
    changed = torch.nonzero((mels[0] - mels[1]).abs().amax(0) > 0).flatten()
    assert changed.min() >= 40 - REACH
    assert changed.max() <= 40 + REACH
    assert 40 in changed


@torch.no_grad()
def test_a_piece_decoded_alone_is_the_piece_of_the_whole(acoustic):
    hidden = torch.randn(1, 100, 32, generator=torch.Generator().manual_seed(7))
    place, mask = torch.from_numpy(places(np.full(20, 5)))[None], torch.ones(1, 100, 1)
    whole = acoustic.decode(hidden, place, mask)[1]
    piece = acoustic.decode(hidden[:, 20:80], place[:, 20:80], mask[:, 20:80])[1]
    torch.testing.assert_close(piece[..., REACH:-REACH], whole[..., 20 + REACH : 80 - REACH], atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_encoder_hears_the_whole_sentence(acoustic, batch):
    phonemes, tones, speaker = (part[:1].clone() for part in batch)
    before = acoustic.encode(phonemes, tones, speaker)[0]
    phonemes[0, 0] = 3 if phonemes[0, 0] != 3 else 4
    assert ((acoustic.encode(phonemes, tones, speaker)[0] - before)[0, -1].abs() > 1e-6).any()


def test_a_saved_network_comes_back_whole(acoustic, networks):
    loaded = FastSpeech2.from_pretrained(networks / "acoustic")
    before, after = acoustic.state_dict(), loaded.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert loaded.config.speakers == ["female", "male", "child"]
    assert (loaded.config.width, loaded.config.decoder_layers) == (32, 1)


def test_the_shipped_size_is_three_to_four_million():
    network = FastSpeech2(FastSpeech2Config())
    assert 3.0e6 <= sum(parameter.numel() for parameter in network.parameters()) <= 4.0e6


def test_positions_are_those_of_the_paper():
    table = positions(50, 8, torch.device("cpu"))[0]
    for step, index in ((0, 0), (7, 1), (49, 3)):
        angle = step / 10000 ** (2 * index / 8)
        assert table[step, index].item() == pytest.approx(np.sin(angle), abs=1e-5)
        assert table[step, 4 + index].item() == pytest.approx(np.cos(angle), abs=1e-5)


@torch.no_grad()
def test_training_computes_what_synthesis_computes(batch):
    torch.manual_seed(8)
    network = FastSpeech2(FastSpeech2Config(width=32, decoder_layers=1, speaker_width=8, dropout=0.0))
    hidden = torch.randn(2, 40, 32, generator=torch.Generator().manual_seed(9))
    mask = torch.ones(2, 40, 1)
    for block in (network.decoder, network.encoder):
        torch.testing.assert_close(block.train()(hidden, mask), block.eval()(hidden, mask), atol=1e-5, rtol=0)


@torch.no_grad()
def test_a_speaker_with_a_higher_median_speaks_the_same_melody_higher():
    torch.manual_seed(8)
    network = FastSpeech2(FastSpeech2Config(width=32, decoder_layers=1, speaker_width=67, relative_pitch=True)).eval()
    network.variance.out.bias[1] = 9.0  # all is voiced
    network.speaker_to_hidden.weight[:, 64] = 0.0  # the rest of the network does not mind the median
    phonemes, tones = numbered(1, 9, below=len(SYMBOLS)), numbered(1, 9, below=TONES)
    low, high = torch.zeros(1, 67), torch.zeros(1, 67)
    high[0, 64] = 2 * 0.5  # half an octave, as Identity.vector writes it
    place, mask = torch.from_numpy(places(np.full(9, 4)))[None], torch.ones(1, 36, 1)
    tracks = []
    for speaker in (low, high):
        hidden, _ = network.encode(phonemes, tones, speaker)
        assert hidden.shape == (1, 9, 33)
        tracks.append(network.decode(hidden.repeat_interleave(4, 1), place, mask)[0])
    torch.testing.assert_close(tracks[1] / tracks[0], torch.full((1, 36), 2**0.5), atol=1e-3, rtol=0)
