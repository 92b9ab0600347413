"""Rules of phrasing and what each emotion does, on contours that can be computed."""

import numpy as np
import pytest

from tts_engine.training.prosody import EMOTIONS, LENGTHENING, Manner, clauses, contour, stretches

NEUTRAL = Manner()


def said(frontend, text):
    return frontend.read(text).sentences[0].phonemes


def flat(phonemes, hz=200.0, phoneme_s=0.1):
    """Ends and F0 of a monotone in which everything lasts a tenth of a second; 100 frames a second."""
    ends = np.arange(1, len(phonemes) + 1) * phoneme_s
    f0 = np.full(round(ends[-1] * 100), hz, dtype=np.float32)
    return ends, f0


def test_clauses_lie_between_pauses(frontend):
    phonemes = said(frontend, "你好，他来了吗？")
    found = clauses(phonemes)
    assert [clause.mark for clause in found] == ["，", "？"]
    assert all(phonemes[index].tone for clause in found for index in range(clause.begin, clause.end))
    assert sum(clause.end - clause.begin for clause in found) == sum(phoneme.tone != 0 for phoneme in phonemes)


def test_only_the_last_final_before_a_pause_is_lengthened(frontend):
    phonemes = said(frontend, "你好，他们来看。")
    factors = stretches(phonemes)
    longer = [(phoneme.symbol, round(float(factor), 2)) for phoneme, factor in zip(phonemes, factors, strict=True)]
    assert [row for row in longer if row[1] != 1] == [("ao", LENGTHENING["，"]), ("an", LENGTHENING["。"])]


def test_a_merged_erhua_is_lengthened_with_its_final(frontend):
    phonemes = said(frontend, "花儿。")
    factors = stretches(phonemes)
    assert [phoneme.symbol for phoneme, factor in zip(phonemes, factors, strict=True) if factor != 1] == ["ua", "rr"]


def test_statements_fall_and_questions_rise_at_the_end(frontend):
    statement, question = said(frontend, "他今天来。"), said(frontend, "他今天来？")
    ends, f0 = flat(statement)
    falling = contour(statement, ends, f0, NEUTRAL)
    rising = contour(question, ends, f0, NEUTRAL)
    inside = slice(10, 90)  # eight phonemes between silence and mark
    assert np.all(np.diff(falling[inside]) < 0)
    assert rising[89] - rising[80] > 1.5
    assert rising[89] - falling[89] > 2.5


def test_each_clause_starts_lower_than_the_one_before(frontend):
    phonemes = said(frontend, "他们来，他们来，他们来。")
    ends, f0 = flat(phonemes)
    added = contour(phonemes, ends, f0, NEUTRAL)
    starts = [added[round(100 * ends[clause.begin - 1]) + 1] for clause in clauses(phonemes)]
    assert starts[0] > starts[1] > starts[2]


def test_range_widens_around_the_median_only(frontend):
    phonemes = said(frontend, "他们。")
    ends, f0 = flat(phonemes)
    f0[len(f0) // 2 :] *= 2
    f0[0] = 200.0
    narrow, wide = (contour(phonemes, ends, f0, Manner(range_octaves=value)) for value in (0.0, 1.0))
    middle = np.median(12 * np.log2(f0))
    np.testing.assert_allclose(
        wide - narrow, np.where(narrow == narrow, 12 * np.log2(f0) - middle, 0) * inside(phonemes, ends, f0), atol=1e-4
    )


def inside(phonemes, ends, f0):
    """One in every frame of speech, zero in pauses."""
    times = (np.arange(len(f0)) + 0.5) / 100
    index = np.searchsorted(ends, times, side="right")
    return np.array([phonemes[i].tone != 0 for i in index], dtype=float)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_half_an_emotion_is_half_of_it(emotion):
    whole, half = EMOTIONS[emotion], EMOTIONS[emotion].scaled(0.5)
    assert half.pitch_st == whole.pitch_st / 2
    assert half.rate_octaves == whole.rate_octaves / 2
    assert EMOTIONS[emotion].scaled(0.0) == NEUTRAL


def test_unvoiced_speech_has_no_contour(frontend):
    phonemes = said(frontend, "他。")
    ends, f0 = flat(phonemes)
    assert not contour(phonemes, ends, np.zeros_like(f0), EMOTIONS["happy"]).any()
