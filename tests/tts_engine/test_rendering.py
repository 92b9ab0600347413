"""Pieces equal the whole, sample for sample; requests that share processors get the bytes of one alone."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from tts_engine import chunking
from tts_engine.audio import AudioConfig
from tts_engine.backends import Acoustics
from tts_engine.backends.onnx_backend import OnnxBackend
from tts_engine.chunking import Reach, around, decoded, spoken
from tts_engine.excitation import excitation
from tts_engine.recent import Recent
from tts_engine.scheduler import Scheduler, Terms
from tts_engine.synthesizer import SynthesisOptions

FRAMES = 230


@pytest.fixture(scope="module")
def backend(model):
    return OnnxBackend(model)


@pytest.fixture(scope="module")
def reach(model):
    return Reach.read(model)


def acoustics(frames: int) -> Acoustics:
    rng = np.random.default_rng(5)
    f0 = np.where(rng.random(frames) < 0.7, rng.uniform(90, 300, frames), 0).astype(np.float32)
    return Acoustics(f0, rng.uniform(-8, -1, (80, frames)).astype(np.float32))


def vocoded(backend, made, source, begin, end):
    mel = np.ascontiguousarray(made.mel[:, begin:end])
    return backend.vocode(Acoustics(made.f0[begin:end], mel), np.ascontiguousarray(source[:, begin * 256 : end * 256]))


def changed_by(backend, made, source, at):
    """Frames whose samples change with all that the vocoder is told of frame ``at``."""
    before = backend.vocode(made, source)
    f0, mel, moved = made.f0.copy(), made.mel.copy(), source.copy()
    f0[at] = 400.0 if f0[at] == 0 else 0.0
    mel[:, at] += 3.0
    moved[:, at * 256 : (at + 1) * 256] += 1.0
    after = backend.vocode(Acoustics(f0, mel), moved)
    return np.flatnonzero(np.abs(before - after).reshape(-1, 256).max(axis=1) > 0)


def test_the_vocoder_reaches_exactly_so_far(backend, reach):
    made = acoustics(FRAMES)
    source = excitation(made.f0, AudioConfig(), np.random.default_rng(0))
    changed = changed_by(backend, made, source, 115)
    assert changed.min() >= 115 - reach.vocoder and changed.max() <= 115 + reach.vocoder
    assert max(115 - changed.min(), changed.max() - 115) >= reach.vocoder - 1


def test_the_decoder_reaches_exactly_so_far(backend, reach):
    rng = np.random.default_rng(3)
    hidden, place = rng.normal(size=(FRAMES, 32)).astype(np.float32), rng.random((FRAMES, 3)).astype(np.float32)
    before = backend.decode(hidden, place).mel
    hidden[115] += 2.0
    changed = np.flatnonzero(np.abs(before - backend.decode(hidden, place).mel).max(axis=0) > 0)
    assert 115 - changed.min() == changed.max() - 115 == reach.decoder


def test_a_piece_of_what_is_decoded_is_that_of_the_whole(backend, reach):
    rng = np.random.default_rng(3)
    hidden, place = rng.normal(size=(FRAMES, 32)).astype(np.float32), rng.random((FRAMES, 3)).astype(np.float32)
    whole = backend.decode(hidden, place)
    for span in [(0, 40), (100, 131), (190, 230)]:
        begin, end = around(span, reach.decoder, FRAMES)
        piece = backend.decode(hidden[begin:end], place[begin:end])
        mine, theirs = slice(span[0] - begin, span[1] - begin), slice(*span)
        np.testing.assert_allclose(piece.mel[:, mine], whole.mel[:, theirs], atol=1e-4)
        np.testing.assert_allclose(piece.f0[mine], whole.f0[theirs], rtol=1e-5)


@pytest.mark.parametrize("span", [(0, 40), (1, 2), (100, 131), (190, 230), (0, 230)])
def test_a_piece_of_the_sound_is_that_of_the_whole(backend, reach, span):
    made = acoustics(FRAMES)
    source = excitation(made.f0, AudioConfig(), np.random.default_rng(0))
    whole = backend.vocode(made, source)
    begin, end = around(span, reach.vocoder, FRAMES)
    piece = vocoded(backend, made, source, begin, end)[(span[0] - begin) * 256 : (span[1] - begin) * 256]
    np.testing.assert_allclose(piece, whole[span[0] * 256 : span[1] * 256], atol=1e-5)
    if 0 < begin:  # and one frame less is heard
        less = vocoded(backend, made, source, begin + 4, end)[(span[0] - begin - 4) * 256 : (span[1] - begin - 4) * 256]
        assert np.abs(less - whole[span[0] * 256 : span[1] * 256]).max() > 0


@pytest.mark.parametrize("frames", [1, 2, 95, 96, 97, 192, 193, 500, 1250, 4000])
@pytest.mark.parametrize("is_first", [True, False])
def test_pieces_tile_the_sentence(frames, is_first):
    for spans in (decoded(frames), spoken(frames, is_first)):
        assert [begin for begin, _ in spans] == [0, *(end for _, end in spans[:-1])]
        assert spans[-1][1] == frames
        assert all(begin < end for begin, end in spans)
    assert max(end - begin for begin, end in spoken(frames, is_first)) <= 480
    assert spoken(frames, True)[0][1] <= 2 * chunking.FIRST


LONG = "今天上午我们在会议室讨论了下个月的工作安排，大家一致认为应该先把最重要的事情做好，然后再考虑其他的问题"


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces so small that the tiny networks' sentences have many."""
    monkeypatch.setattr(chunking, "FIRST", 16)
    monkeypatch.setattr(chunking, "_PIECE", 24)
    monkeypatch.setattr(chunking, "_DECODED", 40)


MANNERS = [{}, {"volume": 12.0}, {"volume": -6.0, "speed": 1.7}, {"pitch": 4.0, "range": 1.6}, {"seed": 9}]


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("text", [f"{LONG}。你好！", f"今天[pause:300ms]{LONG}。"])
def test_a_sentence_in_pieces_is_the_sentence_at_once(tiny, monkeypatch, text, manner):
    options = SynthesisOptions(**manner)
    for name in ("FIRST", "_PIECE"):
        monkeypatch.setattr(chunking, name, 100_000)
    whole = tiny.synthesize(text, options)
    for name, frames in (("FIRST", 16), ("_PIECE", 24)):
        monkeypatch.setattr(chunking, name, frames)
    afresh = replace(tiny)  # remembers nothing
    pieces = list(afresh.stream(text, options))
    assert len(pieces) > (3 if "pause" not in text else 0)
    assert [piece.continues for piece in pieces].count(False) == (2 if "pause" not in text else 1)
    np.testing.assert_allclose(np.concatenate([piece.samples for piece in pieces]), whole.samples, atol=1e-5)
    assert tuple(timing for piece in pieces for timing in piece.timings) == whole.timings
    assert tuple(notice for piece in pieces for notice in piece.warnings) == whole.warnings
    progress = [piece.progress for piece in pieces]
    assert progress == sorted(progress) and progress[-1] == 1.0


def test_a_timing_comes_with_the_piece_in_which_it_begins(tiny, small_pieces):
    passed = 0
    for piece in tiny.stream(LONG + "。"):
        begin_ms, passed = 1000 * passed / 22050, passed + len(piece.samples)
        for timing in piece.timings:
            assert begin_ms - 1 <= timing.begin_ms <= 1000 * passed / 22050 + 1


def test_a_sentence_that_comes_again_is_decoded_once(tiny, small_pieces):
    counted = replace(tiny)
    decode, calls = counted.backend.decode, []

    class Counting:
        device, workers = "cpu", 1
        encode, vocode = counted.backend.encode, counted.backend.vocode

        def decode(self, *inputs):
            calls.append(1)
            return decode(*inputs)

    counted = replace(counted, backend=Counting(), scheduler=None)
    first = counted.synthesize("你好。").samples
    assert len(calls) >= 1
    made = len(calls)
    assert counted.synthesize("你好。").samples.tobytes() == first.tobytes()
    assert len(calls) == made
    counted.synthesize("你好。", SynthesisOptions(voice="male"))
    assert len(calls) > made


def test_what_is_kept_has_a_bound():
    recent = Recent(10, len)
    assert recent.get("a", lambda: "12345") == "12345"
    recent.keep("b", "1234")
    assert recent.get("a", lambda: "other") == "12345"
    recent.keep("c", "1234")  # b is the oldest now
    assert (recent.find("a"), recent.find("b"), recent.held) == ("12345", None, 9)
    assert recent.get("big", lambda: "x" * 11) == "x" * 11
    assert recent.find("big") is None


def test_many_requests_at_once_get_the_bytes_of_one_alone(tiny, small_pieces):
    """1,000 requests of 40 kinds from 12 threads, some closed half way: each gets its own bytes."""
    rng = random.Random(4)
    texts = [
        "你好。",
        "今天天气很好，我们去公园吧。",
        "一。二三。四五六。",
        "AI语音[pause:50ms]合成。",
        "第一句。第二句😀！",
    ]
    kinds = [
        (text, SynthesisOptions(voice=voice, **manner))
        for text in texts
        for voice in ("female", "male")
        for manner in ({}, {"seed": 3}, {"speed": 1.5}, {"volume": 6.0})
    ]
    alone = replace(tiny, scheduler=None)
    expected = [alone.synthesize(*kind).samples.tobytes() for kind in kinds]
    shared = replace(tiny, scheduler=Scheduler(3))
    wanted = [(rng.randrange(len(kinds)), rng.random() < 0.15) for _ in range(1000)]

    def ask(one: tuple[int, bool]) -> bool:
        kind, leaves = one
        stream = shared.stream(*kinds[kind], Terms(priority=rng.choice(["high", "normal", "low"])))
        if leaves:
            next(stream)
            stream.close()
            return True
        return b"".join(piece.samples.tobytes() for piece in stream) == expected[kind]

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(ask, wanted))
    assert shared.scheduler.waiting == 0
    shared.scheduler.close()
