import numpy as np
import pytest
import torch

from tts_engine.audio import AudioConfig
from tts_engine.backends import Acoustics, open_backend
from tts_engine.backends.onnx_backend import OnnxBackend
from tts_engine.backends.torch_backend import TorchBackend
from tts_engine.durations import expand, places
from tts_engine.errors import CheckpointError, SynthesisError
from tts_engine.excitation import excitation
from tts_engine.frontend.phonemes import SYMBOLS

TOLERANCE = 1e-3
RNG = np.random.default_rng(11)


@pytest.fixture(scope="module")
def both(model):
    return OnnxBackend(model, threads=1), TorchBackend(model, "cpu")


def sentence(length):
    return RNG.integers(1, len(SYMBOLS), length), RNG.integers(0, 9, length), RNG.normal(size=8).astype(np.float32)


@pytest.mark.parametrize("length", [1, 2, 7, 61])
def test_both_encode_alike(both, length):
    ids = sentence(length)
    ours, theirs = (backend.encode(*ids) for backend in both)
    assert ours.hidden.shape == theirs.hidden.shape == (length, 32)
    assert ours.log_durations.shape == theirs.log_durations.shape == (length,)
    np.testing.assert_allclose(ours.hidden, theirs.hidden, atol=TOLERANCE)
    np.testing.assert_allclose(ours.log_durations, theirs.log_durations, atol=TOLERANCE)
    assert theirs.hidden.std() > 0.1


@pytest.mark.parametrize("durations", [[1], [3, 1, 9], [5] * 40])
def test_both_decode_alike(both, durations):
    durations = np.array(durations)
    encoding = both[1].encode(*sentence(len(durations)))
    ours, theirs = (backend.decode(expand(encoding.hidden, durations), places(durations)) for backend in both)
    frames = durations.sum()
    assert ours.f0.shape == theirs.f0.shape == (frames,)
    assert ours.mel.shape == theirs.mel.shape == (80, frames)
    np.testing.assert_allclose(ours.mel, theirs.mel, atol=TOLERANCE)
    np.testing.assert_allclose(ours.f0, theirs.f0, rtol=TOLERANCE)


@pytest.mark.parametrize("frames", [1, 2, 33, 200])
def test_both_vocode_alike(both, frames):
    f0 = np.where(RNG.random(frames) < 0.6, RNG.uniform(80, 300, frames), 0).astype(np.float32)
    acoustics = Acoustics(f0, RNG.uniform(-8, -1, (80, frames)).astype(np.float32))
    source = excitation(f0, AudioConfig(), np.random.default_rng(0))
    ours, theirs = (backend.vocode(acoustics, source) for backend in both)
    assert ours.shape == theirs.shape == (frames * 256,)
    assert ours.dtype == theirs.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, atol=TOLERANCE * np.abs(theirs).max())


def test_the_voice_matters(both):
    phonemes, tones, speaker = sentence(9)
    one, other = (both[0].encode(phonemes, tones, voice) for voice in (speaker, -speaker))
    assert np.abs(one.hidden - other.hidden).max() > 0.1


def test_the_cpu_is_served_by_onnx_and_says_so(model):
    backend = open_backend(model, "cpu", 1)
    assert isinstance(backend, OnnxBackend)
    assert backend.device == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_card_auto_is_the_cpu_and_cuda_is_refused_in_chinese(model):
    assert open_backend(model, "auto", 1).device == "cpu"
    with pytest.raises(CheckpointError, match="cuda:0：请检查"):
        open_backend(model, "cuda:0", 1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_cuda_computes_what_the_cpu_computes(model, both):
    card = open_backend(model, "cuda:0", 1)
    ids = sentence(30)
    durations = np.full(30, 4)
    ours, theirs = (backend.encode(*ids) for backend in (card, both[0]))
    np.testing.assert_allclose(ours.hidden, theirs.hidden, atol=TOLERANCE)
    acoustics = [b.decode(expand(theirs.hidden, durations), places(durations)) for b in (card, both[0])]
    np.testing.assert_allclose(acoustics[0].mel, acoustics[1].mel, atol=TOLERANCE)


def test_input_that_does_not_fit_is_a_failed_synthesis(both):
    with pytest.raises(SynthesisError, match="模型计算失败"):
        both[0].encode(np.array([1, 2]), np.array([1]), np.zeros(8, np.float32))
    with pytest.raises(SynthesisError, match="模型计算失败"):
        both[0].encode(np.array([10_000]), np.array([1]), np.zeros(8, np.float32))
