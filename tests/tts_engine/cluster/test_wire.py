"""Calls and answers survive the wire; what is broken is said to be broken."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_engine import errors
from tts_engine.cluster.wire import (
    END,
    PIECE,
    SOUND,
    Call,
    WireError,
    error_frame,
    frame,
    piece_frames,
    read_frames,
    read_pieces,
)
from tts_engine.frontend.reading import Notice
from tts_engine.speech import Speech, Timing
from tts_engine.synthesizer import SynthesisOptions

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def speech(text="好", count=3):
    samples = np.linspace(-1, 1, count, dtype=np.float32)
    return Speech(samples, 22050, (Timing(0, 5, 0, 1, text),), (Notice(1, 2, "★", "不发音"),), 0.5, "r1", 0.25, True)


def cut(data, sizes):
    position = 0
    for size in itertools.cycle(sizes):
        if position >= len(data):
            return
        yield data[position : position + size]
        position += size


@given(ANY_TEXT, st.floats(-12, 12), st.none() | st.lists(st.floats(-4, 4, width=32), max_size=4).map(tuple))
@settings(max_examples=50)
def test_a_call_arrives_as_it_was_sent(text, pitch, speaker):
    call = Call(text, SynthesisOptions(pitch=pitch, speaker=speaker), 2.5, "high", "digest", None, 3, "r")
    assert Call.decode(call.encode()) == call


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b'{"text": 3}', b"[" * 100_000, Call("a").encode().replace(b'"normal"', b'"vip"')]
)
def test_what_is_no_call_is_refused(data):
    with pytest.raises(WireError):
        Call.decode(data)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=5), ANY_TEXT)
@settings(max_examples=50)
def test_pieces_arrive_as_they_were_made_however_they_are_cut(sizes, text):
    made = [speech(text, count) for count in (0, 1, 300)]
    data = b"".join(map(piece_frames, made)) + frame(END)
    arrived = list(read_pieces(cut(data, sizes)))
    assert [vars(piece) | {"samples": None} for piece in arrived] == [vars(piece) | {"samples": None} for piece in made]
    for piece, same in zip(arrived, made, strict=True):
        np.testing.assert_array_equal(piece.samples, same.samples)


@pytest.mark.parametrize("kept", [0, 3, 20, -1])
def test_an_answer_without_its_end_is_broken(kept):
    data = (piece_frames(speech()) + frame(END))[:kept]
    with pytest.raises(WireError, match="中断"):
        list(read_pieces([data]))


@pytest.mark.parametrize("data", [b"<html>" * 10, frame(PIECE, b"{}") + frame(SOUND), frame(PIECE, b"3") + frame(END)])
def test_what_is_no_answer_is_refused(data):
    with pytest.raises(WireError):
        list(read_pieces([data]))


def test_a_frame_too_large_to_be_true_is_not_waited_for():
    with pytest.raises(WireError, match="不对"):
        list(read_frames([b"A\xff\xff\xff\xff"]))


RAISED = [
    errors.EmptyTextError(),
    errors.TextTooLongError(10, 5),
    errors.UnreadableTextError("ยา", 3, 5),
    errors.UnknownVoiceError("nobody", ("female", "male")),
    errors.OptionError("speed", "太快"),
    errors.EmotionUnavailableError("joy", ("neutral", "happy")),
    errors.MarkError("[pause:1h]", 4, "太长"),
    errors.SSMLError("没有结束", 2, 7),
    errors.EngineBusyError(3),
    errors.DeadlineExceededError(),
    errors.BadClipError("short", "太短"),
    WireError("中断了"),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: error.code)
def test_an_error_arrives_as_it_was_raised(error):
    with pytest.raises(type(error)) as caught:
        list(read_pieces([error_frame(error)]))
    assert type(caught.value) is type(error)
    assert (str(caught.value), caught.value.code, vars(caught.value)) == (str(error), error.code, vars(error))


@pytest.mark.parametrize("name", ["SystemExit", "annotations", "Nonsense"])
def test_an_error_of_another_kind_is_only_a_failure(name):
    data = frame(b"E", f'["{name}", "坏了", {{}}]'.encode())
    with pytest.raises(errors.SynthesisError, match="坏了"):
        list(read_pieces([data]))
