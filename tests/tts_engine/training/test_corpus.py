"""Pieces of the corpus: who speaks, in which mood, the same every time."""

import numpy as np
import pytest

from tts_engine.audio import AudioConfig
from tts_engine.training.corpus import HELDOUT_SEED, Mood, Piece, Plan, development_pieces, heldout_pieces, speak
from tts_engine.training.features import extract_f0
from tts_engine.training.prosody import EMOTIONS
from tts_engine.training.speakers import HELDOUT_SPEAKER, invented, named

pytestmark = pytest.mark.usefixtures("teacher")


@pytest.fixture(scope="module")
def moods():
    piece = Piece(0, named()[0], 24.0, 5, moods=(Mood(), Mood("happy", 1.0), Mood("sad", 1.0)))
    return speak(piece)


def level_db(one):
    return 20 * np.log10(np.sqrt(np.mean(one.samples.astype(np.float64) ** 2)))


def of(utterances, emotion):
    return [one for one in utterances if one.emotion == emotion and (one.f0 > 0).sum() > 30]


def test_moods_are_spoken_in_turn_and_move_pitch_rate_and_level(moods):
    assert [one.emotion for one in moods[:4]] == ["", "happy", "sad", ""]
    pitch, rate, loudness = (
        {name: np.mean([measure(one) for one in of(moods, name)]) for name in ("", "happy", "sad")}
        for measure in (
            lambda one: np.median(one.f0[one.f0 > 0]),
            lambda one: (one.phonemes[:, 1] > 0).sum() / one.phonemes[one.phonemes[:, 1] > 0, 2].sum(),
            level_db,
        )
    )
    assert pitch["happy"] > pitch[""] > pitch["sad"]
    assert rate["happy"] > rate["sad"]
    assert loudness["happy"] > loudness[""] > loudness["sad"]


def test_the_f0_that_is_known_is_the_f0_that_is_heard(moods):
    for one in [*of(moods, "")[:2], *of(moods, "happy")[:2]]:
        middle = float(np.median(one.f0[one.f0 > 0]))
        heard = extract_f0(one.samples, AudioConfig(), (middle * 0.65, middle * 1.7))
        both = (heard > 0) & (one.f0 > 0)
        assert both.sum() > 0.8 * (one.f0 > 0).sum()
        assert np.median(np.abs(12 * np.log2(heard[both] / one.f0[both]))) < 0.35


def test_durations_fill_the_utterance(moods):
    for one in moods:
        assert one.phonemes[:, 2].sum() == len(one.f0) == len(one.audio) // 256


def test_the_same_piece_is_the_same_speech():
    piece = Piece(3, invented(12), 4.0, 77, moved=0.5)
    first, second = speak(piece), speak(piece)
    assert [(one.text, one.emotion, one.intensity) for one in first] == [
        (one.text, one.emotion, one.intensity) for one in second
    ]
    for one, other in zip(first, second, strict=True):  # the hiss in it is the formant synthesizer's own, and random
        np.testing.assert_array_equal(one.phonemes[:, :2], other.phonemes[:, :2])
        np.testing.assert_allclose(one.phonemes[:, 2], other.phonemes[:, 2], atol=1)
        np.testing.assert_allclose(np.median(one.f0[one.f0 > 0]), np.median(other.f0[other.f0 > 0]), rtol=0.01)


def test_texts_to_be_measured_are_left_out():
    texts = {one.text for one in speak(Piece(0, named()[0], 6.0, 9))}
    again = speak(Piece(0, named()[0], 6.0, 9, without=frozenset(texts)))
    assert texts
    assert not texts & {one.text for one in again}


def test_a_plan_gives_half_of_the_time_to_the_named_voices():
    plan = Plan(hours=2.0, seed=1, others=500, spread=1.5, without=frozenset())
    pieces = plan.pieces()
    seconds = [
        sum(piece.seconds for piece in pieces if (piece.speaker < 3) is named_one) for named_one in (True, False)
    ]
    assert seconds == pytest.approx([3600, 3600])
    assert len({piece.seed for piece in pieces}) == len(pieces)
    assert len({piece.who for piece in pieces}) == 503
    assert all(piece.seed < HELDOUT_SEED for piece in pieces)


def test_held_out_speakers_are_in_no_plan():
    plan = Plan(hours=1.0, seed=1, others=600, spread=1.5, without=frozenset())
    heldout, pieces = heldout_pieces("speakers", 60.0)
    assert not {who.name for who in heldout} & {who.name for who in plan.speakers()}
    assert all(piece.seed >= HELDOUT_SEED for piece in pieces)
    assert len({who.voice for who in heldout}) == 120
    assert invented(HELDOUT_SPEAKER) == heldout[0]


def test_whom_voices_are_compared_by_is_neither_learnt_nor_measured():
    plan = Plan(hours=1.0, seed=1, others=600, spread=1.5, without=frozenset())
    between, pieces = development_pieces(160, 48.0)
    heldout, _ = heldout_pieces("speakers", 60.0)
    assert not {who.name for who in between} & {who.name for who in [*plan.speakers(), *heldout]}
    assert {(piece.seconds, piece.seed < HELDOUT_SEED) for piece in pieces} == {(48.0, True)}


def test_every_emotion_is_measured_at_three_intensities():
    _, pieces = heldout_pieces("emotions", 60.0)
    asked = {(mood.emotion, mood.intensity) for mood in pieces[0].moods}
    assert asked == {("", 0.0), *((name, value) for name in EMOTIONS for value in (0.33, 0.67, 1.0))}
