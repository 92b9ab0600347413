"""Padding to buckets, recordings at fixed places, half precision: what a card does, seen without one where possible."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from tts_engine.audio import AudioConfig, log_mel
from tts_engine.backends import Acoustics, torch_backend
from tts_engine.backends.buckets import FRAMES, PHONEMES, Padding, bucket
from tts_engine.backends.recording import CudaGraphs, Plain, Player
from tts_engine.backends.torch_backend import TorchBackend
from tts_engine.chunking import FIRST
from tts_engine.durations import expand, places
from tts_engine.errors import SynthesisError
from tts_engine.excitation import excitation
from tts_engine.frontend.phonemes import SYMBOLS
from tts_engine.synthesizer import Synthesizer

SHIPPED = Path(__file__).parents[2] / "models" / "v23"
SENTENCE = "今天上午开会，大家都同意了吗？"
PADDED = 1e-5
"""Padding may change what is heard by so much, of 1: the sums of a product are grouped by its shape."""


def acoustics_of(frames, seed=0):
    rng = np.random.default_rng(seed)
    f0 = np.where(rng.random(frames) < 0.6, rng.uniform(80, 300, frames), 0).astype(np.float32)
    return Acoustics(f0, rng.uniform(-8, -1, (80, frames)).astype(np.float32))


def unpadded(backend):
    """The same networks with no bucket at all."""
    other = object.__new__(TorchBackend)
    vars(other).update(vars(backend))
    for name in ("_encode", "_decode", "_vocode"):
        setattr(other, name, replace(getattr(backend, name), sizes=()))
    return other


@pytest.fixture(scope="module")
def padded(model):
    return TorchBackend(model, "cpu")


@pytest.mark.parametrize("sizes", [PHONEMES, FRAMES])
def test_a_bucket_is_the_smallest_that_holds_a_length(sizes):
    assert all(one < other for one, other in pairwise(sizes))
    for length in range(1, sizes[-1] + 1):
        size = bucket(sizes, length)
        assert size == min(one for one in sizes if one >= length)
    assert bucket(sizes, sizes[-1] + 1) is None


def test_the_first_piece_of_a_text_is_hardly_padded():
    assert FIRST + 34 <= bucket(FRAMES, FIRST + 34) <= 1.1 * (FIRST + 34)


def test_padding_adds_zeros_or_the_edge_and_is_cut_off_again():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(Padding(1)(array, 3, 4), [[0, 1, 2, 0], [3, 4, 5, 0]])
    np.testing.assert_array_equal(Padding(1, mode="edge")(array, 3, 5), [[0, 1, 2, 2, 2], [3, 4, 5, 5, 5]])
    assert Padding(0, 2)(array, 1, 3).shape == (6, 3)
    np.testing.assert_array_equal(Padding(1).cut(Padding(1)(array, 3, 9), 3), array)
    with pytest.raises(ValueError, match="3 along axis 1, not 4"):
        Padding(1)(array, 4, 8)


@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 61, 256, 257])
def test_a_padded_encoder_says_what_it_says_unpadded(padded, length):
    rng = np.random.default_rng(length)
    given = rng.integers(1, len(SYMBOLS), length), rng.integers(0, 9, length), rng.normal(size=8).astype(np.float32)
    ours, plain = padded.encode(*given), unpadded(padded).encode(*given)
    assert ours.hidden.shape == plain.hidden.shape == (length, 32)
    np.testing.assert_allclose(ours.hidden, plain.hidden, atol=PADDED)
    np.testing.assert_allclose(ours.log_durations, plain.log_durations, atol=PADDED)


@pytest.mark.parametrize("frames", [1, 63, 64, 65, 200, 704, 705])
def test_a_padded_decoder_says_what_it_says_unpadded(padded, frames):
    rng = np.random.default_rng(frames)
    hidden, durations = rng.normal(size=(frames, 32)).astype(np.float32), np.ones(frames, np.int64)
    bend = np.tile(np.array([1.2, 0.1], np.float32), (frames, 1))
    for given in (None, bend):
        ours = padded.decode(hidden, places(durations), given)
        plain = unpadded(padded).decode(hidden, places(durations), given)
        assert ours.mel.shape == (80, frames)
        np.testing.assert_allclose(ours.mel, plain.mel, atol=PADDED)
        np.testing.assert_allclose(ours.f0, plain.f0, rtol=PADDED)


@pytest.mark.parametrize("frames", [1, 2, 63, 65, 130, 500, 705])
def test_a_padded_vocoder_says_what_it_says_unpadded_up_to_the_last_sample(padded, frames):
    acoustics = acoustics_of(frames)
    source = excitation(acoustics.f0, AudioConfig(), np.random.default_rng(0))
    ours, plain = padded.vocode(acoustics, source), unpadded(padded).vocode(acoustics, source)
    assert ours.shape == plain.shape == (256 * frames,)
    assert np.abs(plain).max() > 0.01
    np.testing.assert_allclose(ours, plain, atol=PADDED * max(1.0, float(np.abs(plain).max())))


def test_without_the_mask_the_end_would_be_another(padded, vocoder):
    """What the padding hides is real: the mask is what makes the two alike."""
    acoustics, frames = acoustics_of(40), 40
    source = excitation(acoustics.f0, AudioConfig(), np.random.default_rng(0))
    mel, f0, wide = (
        torch.from_numpy(pad(array, frames, 64))[None]
        for pad, array in (
            (Padding(1, mode="edge"), acoustics.mel),
            (Padding(0), acoustics.f0),
            (Padding(1, 256), source),
        )
    )
    with torch.inference_mode():
        careless = vocoder(mel, f0, wide)[0, : frames * 256].numpy()
    wanted = padded.vocode(acoustics, source)
    np.testing.assert_allclose(careless[: 256 * 2], wanted[: 256 * 2], atol=1e-4)
    assert np.abs(careless - wanted)[-256 * 8 :].max() > 1e-3


def test_what_does_not_fit_is_a_failed_synthesis(padded):
    with pytest.raises(SynthesisError, match="模型计算失败"):
        padded.encode(np.array([1, 2]), np.array([1]), np.zeros(8, np.float32))
    with pytest.raises(SynthesisError, match="模型计算失败"):
        padded.vocode(acoustics_of(10), np.zeros((2, 256 * 9), np.float32))


def test_a_full_card_is_said_in_chinese(padded, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(padded._player, "play", full)
    with pytest.raises(SynthesisError, match="显存不足"):
        padded.encode(np.array([1]), np.array([1]), np.zeros(8, np.float32))


class Card(Plain):
    """As a CUDA graph behaves: works run only while recorded; a replay reads and writes at the places recorded.

    Results are fetched late, when they are asked for, and the next replay may have been ordered by then.
    """

    def __init__(self):
        super().__init__("cpu")
        self.records = 0
        self.replays = 0
        self._inside = threading.Lock()

    def record(self, work, inputs):
        self.records += 1
        recording = super().record(work, inputs)

        def replay():
            self.replays += 1
            recording.replay()

        return replace(recording, replay=replay)

    @contextmanager
    def ordered(self):
        assert self._inside.acquire(blocking=False), "two threads gave orders at the same time"
        try:
            yield
        finally:
            self._inside.release()

    def fetch(self, tensors):
        wait = super().fetch(tensors)
        for tensor in tensors:
            tensor.fill_(torch.nan)  # whoever looked at the place itself would see it
        return wait


def test_a_bucket_is_recorded_once_and_replayed(padded, monkeypatch):
    card = Card()
    monkeypatch.setattr(padded, "_player", Player(card))
    for frames in (10, 64, 33, 65, 96):
        acoustics = acoustics_of(frames, seed=frames)
        source = excitation(acoustics.f0, AudioConfig(), np.random.default_rng(0))
        np.testing.assert_allclose(
            padded.vocode(acoustics, source), unpadded(padded).vocode(acoustics, source), atol=1e-4
        )
    assert (card.records, card.replays) == (2, 5)
    assert padded._player.recorded == (("vocode", 64), ("vocode", 96))


def test_results_of_threads_that_share_a_recording_are_their_own(padded, monkeypatch):
    card = Card()
    monkeypatch.setattr(padded, "_player", Player(card))
    jobs = [(acoustics_of(20 + seed % 40, seed), seed) for seed in range(60)]

    def spoken(job):
        acoustics, seed = job
        return padded.vocode(acoustics, excitation(acoustics.f0, AudioConfig(), np.random.default_rng(seed)))

    alone = [spoken(job) for job in jobs]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(spoken, jobs))
    assert card.records == 1
    assert all(one.tobytes() == other.tobytes() for one, other in zip(alone, together, strict=True))


def test_warming_up_records_every_bucket(padded, monkeypatch):
    monkeypatch.setattr(padded, "_player", Player(Card()))
    monkeypatch.setattr(padded, "_encode", replace(padded._encode, sizes=(16, 32)))
    for name in ("_decode", "_vocode"):
        monkeypatch.setattr(padded, name, replace(getattr(padded, name), sizes=(64, 96)))
    padded.warm_up()
    assert set(padded._player.recorded) == {
        ("encode", 16), ("encode", 32), ("decode", 64), ("decode", 96), ("vocode", 64), ("vocode", 96),
    }  # fmt: skip
    padded.warm_up()
    assert padded._player._recorder.records == 6


@pytest.fixture(scope="module")
def shipped():
    return replace(Synthesizer.load(SHIPPED, device="cpu", threads=1), scheduler=None)


@pytest.mark.parametrize(("half", "mel", "decibels"), [(torch.float16, 0.002, 50), (torch.bfloat16, 0.01, 38)])
def test_half_precision_is_not_heard(shipped, half, mel, decibels):
    """The mean difference of log-mel, and the error against the sound; timings, pitch and mel are those of 32 bits."""
    backend = TorchBackend(SHIPPED, "cpu", half)
    assert backend.half == half
    wanted = shipped.synthesize(SENTENCE)
    made = replace(shipped, backend=backend).synthesize(SENTENCE)
    assert made.timings == wanted.timings
    spectra = [log_mel(one.samples, shipped.checkpoint.audio) for one in (made, wanted)]
    assert np.abs(spectra[0] - spectra[1]).mean() < mel
    error = np.square(made.samples - wanted.samples).mean() / np.square(wanted.samples).mean()
    assert -10 * np.log10(error) > decibels


def test_half_precision_touches_the_vocoders_convolutions_alone():
    backend = TorchBackend(SHIPPED, "cpu", torch.bfloat16)
    assert {one.dtype for one in backend._acoustic.parameters()} == {torch.float32}
    kinds = {name.split(".")[0]: one.dtype for name, one in backend._vocoder.state_dict().items()}
    assert {name for name, kind in kinds.items() if kind == torch.bfloat16} == {"pre", "context", "upsamplings", "post"}
    assert {name for name, kind in kinds.items() if kind == torch.float32} == {"envelope", "stft"}


@pytest.mark.parametrize(
    ("capability", "half"), [((6, 1), torch.float32), ((7, 0), torch.float16), ((9, 0), torch.float16)]
)
def test_cards_that_are_slow_in_half_precision_keep_32_bits(monkeypatch, capability, half):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    assert torch_backend._half_of("cuda:0") == half
    assert torch.backends.cudnn.allow_tf32 is False
    assert torch_backend._half_of("cpu") == torch.float32


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")


@pytest.mark.gpu
@needs_cuda
def test_a_card_speaks_as_the_processor_does(shipped):
    backend = TorchBackend(SHIPPED, "cuda:0")
    assert isinstance(backend._player._recorder, CudaGraphs)
    assert len(backend._player.recorded) == len(PHONEMES) + 2 * len(FRAMES)
    card = replace(shipped, backend=backend)
    wanted, made = shipped.synthesize(SENTENCE * 6), card.synthesize(SENTENCE * 6)
    assert [one.begin_ms for one in made.timings] == [one.begin_ms for one in wanted.timings]
    spectra = [log_mel(one.samples, shipped.checkpoint.audio) for one in (made, wanted)]
    assert np.abs(spectra[0] - spectra[1]).mean() < 0.002
    assert made.samples.tobytes() == card.synthesize(SENTENCE * 6).samples.tobytes()
    assert len(backend._player.recorded) == len(PHONEMES) + 2 * len(FRAMES)  # nothing is recorded for a request


@pytest.mark.gpu
@needs_cuda
def test_graphs_say_what_plain_calls_say_and_threads_keep_their_own(model):
    card = TorchBackend(model, "cuda:0", torch.float32)
    jobs = [acoustics_of(20 + 11 * seed, seed) for seed in range(40)]

    def spoken(acoustics):
        return card.vocode(acoustics, excitation(acoustics.f0, AudioConfig(), np.random.default_rng(0)))

    alone = [spoken(job) for job in jobs]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(spoken, jobs))
    assert all(one.tobytes() == other.tobytes() for one, other in zip(alone, together, strict=True))
    reference = TorchBackend(model, "cpu")
    for job, made in zip(jobs, alone, strict=True):
        wanted = reference.vocode(job, excitation(job.f0, AudioConfig(), np.random.default_rng(0)))
        np.testing.assert_allclose(made, wanted, atol=1e-3 * np.abs(wanted).max())


@pytest.mark.gpu
@needs_cuda
def test_a_card_encodes_and_expands_as_the_processor_does(model):
    card, reference = TorchBackend(model, "cuda:0"), TorchBackend(model, "cpu")
    rng = np.random.default_rng(3)
    given = rng.integers(1, len(SYMBOLS), 30), rng.integers(0, 9, 30), rng.normal(size=8).astype(np.float32)
    ours, theirs = card.encode(*given), reference.encode(*given)
    np.testing.assert_allclose(ours.hidden, theirs.hidden, atol=1e-3)
    durations = np.full(30, 4)
    made = [one.decode(expand(theirs.hidden, durations), places(durations)) for one in (card, reference)]
    np.testing.assert_allclose(made[0].mel, made[1].mel, atol=1e-3)
