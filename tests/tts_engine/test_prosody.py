import math
from dataclasses import replace

import numpy as np
import pytest

from tests.tts_engine.computable import FRAMES, HOP, RATE
from tts_engine.errors import OptionError
from tts_engine.frontend.passages import Passage
from tts_engine.frontend.reading import NEUTRAL, Prosody
from tts_engine.loudness import CEILING, held_back, levelled, ramped
from tts_engine.prosody import PITCH_CENTRE, bend, checked_seed, gains, level, median_pitch, varied
from tts_engine.synthesizer import SynthesisOptions, Synthesizer


class Heard:
    """A front end whose phonemes are changed by a function of their index."""

    def __init__(self, frontend, change):
        self._frontend, self._change = frontend, change

    def read(self, text, **kwargs):
        read = self._frontend.read(text, **kwargs)
        sentences = tuple(
            replace(one, phonemes=tuple(self._change(i, p) for i, p in enumerate(one.phonemes)))
            for one in read.sentences
        )
        return replace(read, sentences=sentences)

    def passage(self, text, markup):
        read = self.read(text, markup=markup)
        return Passage(text, read.lexicon, iter([(sentence, ()) for sentence in read.sentences]))


def changed(synthesizer: Synthesizer, change) -> Synthesizer:
    return replace(synthesizer, frontend=Heard(synthesizer.frontend, change))


def decibels(samples):
    return 20 * math.log10(np.sqrt((samples.astype(float) ** 2).mean()))


def test_a_bend_is_a_factor_and_an_offset_in_octaves_around_the_median():
    bent = bend([NEUTRAL, Prosody(pitch=12), Prosody(range=0.5)], np.array([1, 2, 1]), median=0.4)
    np.testing.assert_allclose(bent, [[1, 0], [1, 1], [1, 1], [0.5, 0.2]], atol=1e-6)
    np.testing.assert_array_equal(level(2), [[1, 0], [1, 0]])


def test_the_median_is_of_voiced_frames_in_octaves():
    f0 = np.array([0, 2**PITCH_CENTRE, 0, 2 ** (PITCH_CENTRE + 1), 2 ** (PITCH_CENTRE + 1)], np.float32)
    assert median_pitch(f0) == pytest.approx(1.0, abs=1e-6)
    assert median_pitch(np.zeros(3, np.float32)) == 0.0


def test_prosody_inside_prosody_multiplies_factors_and_adds_steps():
    inner, outer = Prosody(2.0, 3.0, 0.5, -6.0), Prosody(0.75, -1.0, 2.0, 2.0)
    assert inner.within(outer) == Prosody(1.5, 2.0, 1.0, -4.0)
    assert NEUTRAL.within(outer) == outer
    assert Prosody(volume=-math.inf).within(outer).volume == -math.inf


def test_gain_is_exact_away_from_its_steps_and_moves_without_a_click():
    factors = gains([NEUTRAL, Prosody(volume=-20), Prosody(volume=-math.inf)], np.array([4000, 4000, 4000]), RATE)
    assert factors.shape == (12000,)
    np.testing.assert_allclose(factors[:3800], 1, atol=1e-6)
    np.testing.assert_allclose(factors[4200:7800], 0.1, atol=1e-6)
    np.testing.assert_allclose(factors[8200:], 0, atol=1e-6)
    assert np.abs(np.diff(factors)).max() < 0.005
    assert gains([NEUTRAL], np.array([10]), RATE) is None


def test_peaks_are_held_back_smoothly_and_nothing_else_is_touched():
    samples = (0.4 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)).astype(np.float32)
    samples[11000:11100] *= 5
    out, is_held = held_back(samples, RATE)
    assert is_held
    assert np.abs(out).max() <= CEILING + 1e-6
    np.testing.assert_array_equal(out[:9000], samples[:9000])
    np.testing.assert_array_equal(out[13000:], samples[13000:])
    ratio = out[np.abs(samples) > 0.05] / samples[np.abs(samples) > 0.05]
    assert np.abs(np.diff(ratio)).max() < 0.02
    assert held_back(samples[:9000], RATE) == (pytest.approx(samples[:9000]), False)


def test_a_ramp_of_ones_is_exactly_one():
    assert (ramped(np.ones(5000), RATE) == 1).all()


@pytest.mark.parametrize(
    "options",
    [
        {"pitch": 12.1}, {"pitch": math.nan}, {"pitch": "3"}, {"pitch": True}, {"range": -0.1}, {"range": 2.1},
        {"volume": 12.5}, {"volume": -math.inf}, {"volume": None}, {"seed": -1}, {"seed": 2**32}, {"seed": 1.0},
        {"seed": True},
    ],
)  # fmt: skip
def test_values_outside_their_range_are_refused_by_name_before_anything_is_computed(synthesizer, backend, options):
    (name,) = options
    with pytest.raises(OptionError, match="应") as caught:
        synthesizer.stream("你好。", SynthesisOptions(**options))
    assert caught.value.option == name
    assert backend.encoded == []


def test_bounds_themselves_are_taken(synthesizer):
    extremes = SynthesisOptions(pitch=-12, range=2, volume=12, seed=2**32 - 1, speed=0.5)
    assert synthesizer.synthesize("你好。", extremes).duration_s > 0
    assert checked_seed(0) == 0


def test_the_pitch_that_the_vocoder_gets_is_the_decoders_bent(synthesizer, backend):
    heard = []
    vocode = backend.vocode
    backend.vocode = lambda acoustics, source: (heard.append(acoustics.f0), vocode(acoustics, source))[1]
    synthesizer.synthesize("你好。", SynthesisOptions(pitch=12))
    np.testing.assert_allclose(heard[0], 200.0, rtol=1e-4)


def test_pitch_of_a_span_is_its_own(synthesizer, backend):
    heard = []
    vocode = backend.vocode
    backend.vocode = lambda acoustics, source: (heard.append(acoustics.f0), vocode(acoustics, source))[1]
    spanned = changed(synthesizer, lambda i, p: replace(p, prosody=Prosody(pitch=-12)) if i == 2 else p)
    spanned.synthesize("你好。", SynthesisOptions(pitch=12))
    np.testing.assert_allclose(heard[0][:10], 200.0, rtol=1e-4)
    np.testing.assert_allclose(heard[0][10:15], 100.0, rtol=1e-4)


def test_speed_of_a_span_changes_that_span_alone(synthesizer):
    slow = changed(synthesizer, lambda i, p: replace(p, prosody=Prosody(speed=0.5)) if i in (1, 2) else p)
    frame_ms = 1000 * HOP / RATE
    first, second = slow.synthesize("你好。").timings
    assert (first.begin_ms, first.end_ms) == (round(5 * frame_ms), round(25 * frame_ms))
    assert (second.begin_ms, second.end_ms) == (round(25 * frame_ms), round(35 * frame_ms))


@pytest.mark.parametrize("milliseconds", [0, 5, 80, 500, 2500])
def test_a_given_pause_is_silent_and_of_its_length(synthesizer, milliseconds):
    text = "你，好。"
    paused = changed(synthesizer, lambda i, p: replace(p, pause_ms=milliseconds) if p.symbol == "，" else p)
    plain, speech = synthesizer.synthesize(text), paused.synthesize(text)
    more = round(milliseconds * RATE / 1000) - FRAMES * HOP
    assert len(speech.samples) - len(plain.samples) == more
    gap_ms = speech.timings[1].begin_ms - speech.timings[0].end_ms
    assert gap_ms == pytest.approx(milliseconds, abs=1)
    if milliseconds >= 80:
        begin = round(speech.timings[0].end_ms * RATE / 1000) + 120
        assert np.abs(speech.samples[begin : begin + round(milliseconds * RATE / 1000) - 240]).max() == 0


def test_a_pause_between_sentences_takes_in_the_silence_of_their_edges(synthesizer):
    def change(_, phoneme):
        return replace(phoneme, pause_ms=500) if phoneme.symbol == "。" and phoneme.begin == 2 else phoneme

    before, after = changed(synthesizer, change).stream("你好。再见。")
    gap_ms = after.timings[0].begin_ms - before.timings[-1].end_ms
    assert gap_ms == pytest.approx(500, abs=1)


def test_volume_is_exact_in_decibels_and_never_clips(synthesizer, backend):
    backend.vocode = lambda acoustics, source: 0.05 * source[1]
    plain = synthesizer.synthesize("你好。").samples
    for volume in (-40.0, -6.0, 3.0, 6.0):
        speech = synthesizer.synthesize("你好。", SynthesisOptions(volume=volume))
        assert decibels(speech.samples) - decibels(plain) == pytest.approx(volume, abs=0.01)
        assert speech.warnings == ()
    backend.vocode = lambda acoustics, source: 0.3 * np.tanh(source[1])
    loud = synthesizer.synthesize("你好。", SynthesisOptions(volume=12))
    assert np.abs(loud.samples).max() <= CEILING + 1e-6
    assert [(w.begin, w.end) for w in loud.warnings] == [(0, 3)]
    assert "上限" in loud.warnings[0].message


def test_a_seed_varies_pace_and_melody_and_zero_does_not(synthesizer):
    rng = np.random.default_rng(1)
    one, other = varied([NEUTRAL, Prosody(pitch=2)], rng)
    assert other.pitch - one.pitch == pytest.approx(2)
    assert 0.8 < one.speed < 1.25
    assert abs(one.pitch) < 2
    text = "今天天气很好，我们去公园吧。"
    lengths = {len(synthesizer.synthesize(text, SynthesisOptions(seed=seed)).samples) for seed in range(1, 9)}
    assert len(lengths) > 3


def test_the_same_seed_and_prosody_give_the_same_bytes(tiny):
    options = SynthesisOptions(seed=7, pitch=3, range=1.4, volume=5, speed=1.2)
    once, again = (tiny.synthesize("你好，世界。再见AI。", options).samples.tobytes() for _ in range(2))
    assert once == again
    assert once != tiny.synthesize("你好，世界。再见AI。", replace(options, seed=8)).samples.tobytes()


def test_quiet_sound_is_raised_and_loud_sound_bends_below_the_ceiling():
    quiet, loud = np.float32([0.1, -0.2]), np.float32([0.5, -1.0, 3.0])
    np.testing.assert_allclose(levelled(quiet), 2.1 * quiet, rtol=1e-6)
    assert (np.abs(levelled(loud)) <= CEILING + 1e-6).all()
    line = levelled(np.linspace(-2, 2, 2001, dtype=np.float32))
    assert (np.diff(line) >= 0).all()
    assert np.abs(np.diff(line)).max() < 0.005  # no step anywhere: no click


def test_levelling_pieces_is_levelling_the_whole():
    sound = np.random.default_rng(1).normal(0, 0.4, 1000).astype(np.float32)
    assert np.concatenate([levelled(sound[:300]), levelled(sound[300:])]).tobytes() == levelled(sound).tobytes()
