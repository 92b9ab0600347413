import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.tts_engine.computable import FRAMES, HOP, RATE, VOICES
from tts_engine.errors import EmptyTextError, OptionError, TextTooLongError, UnknownVoiceError
from tts_engine.loudness import levelled
from tts_engine.synthesizer import Speech, SynthesisOptions

TEXTS = [
    "你好。",
    "今天是2024年5月1日，气温-3℃，涨了12.5%！",
    "欢迎使用AI语音合成功能",
    "第一句。第二句😀！Hello world？\n最后一句……",
    "😀你好😀",
    "“他说：好的。”",
]


def heard(speech):
    return [timing.text for timing in speech.timings]


def test_there_are_as_many_samples_as_the_durations_say(synthesizer):
    speech = synthesizer.synthesize("你好。")
    phonemes = synthesizer.read("你好。").sentences[0].phonemes
    assert [phoneme.symbol for phoneme in phonemes] == ["sil", "n", "i", "h", "ao", "。", "sil"]
    assert speech.samples.shape == (7 * FRAMES * HOP,)
    assert speech.samples.dtype == np.float32
    assert speech.duration_s == 7 * FRAMES * HOP / RATE
    assert speech.sample_rate == RATE


def test_characters_are_timed_by_their_phonemes(synthesizer):
    frame_ms = 1000 * HOP / RATE
    first, second = synthesizer.synthesize("你好。").timings
    assert (first.begin, first.end, first.text) == (0, 1, "你")
    assert (first.begin_ms, first.end_ms) == (round(5 * frame_ms), round(15 * frame_ms))
    assert (second.begin, second.end, second.text) == (1, 2, "好")
    assert (second.begin_ms, second.end_ms) == (round(15 * frame_ms), round(25 * frame_ms))


@pytest.mark.parametrize("text", TEXTS)
def test_timings_index_the_callers_text_and_never_overlap(synthesizer, text):
    speech = synthesizer.synthesize(text)
    assert all(timing.text == text[timing.begin : timing.end] != "" for timing in speech.timings)
    ends = [0, *(timing.end_ms for timing in speech.timings)]
    assert all(timing.begin_ms >= end for timing, end in zip(speech.timings, ends, strict=False))
    assert all(timing.begin_ms < timing.end_ms for timing in speech.timings)
    assert ends[-1] <= 1000 * speech.duration_s
    places = [(timing.begin, timing.end) for timing in speech.timings]
    assert places == sorted(places)


@pytest.mark.parametrize("text", TEXTS)
def test_timings_and_warnings_account_for_every_character_that_is_read(synthesizer, text):
    speech = synthesizer.synthesize(text)
    spoken = {i for t in speech.timings for i in range(t.begin, t.end)}
    silent = {i for w in speech.warnings for i in range(w.begin, w.end)}
    assert not spoken & silent
    assert {c for i, c in enumerate(text) if i not in spoken | silent} <= set("。，！？：…“”\n ")


def test_a_number_is_timed_as_the_digits_that_the_caller_wrote(synthesizer):
    assert heard(synthesizer.synthesize("共12.5%。")) == ["共", "12.5%"]


def test_streamed_pieces_are_the_whole(synthesizer):
    text = TEXTS[3]
    pieces = list(synthesizer.stream(text))
    whole = synthesizer.synthesize(text)
    assert len(pieces) == 4
    assert np.concatenate([piece.samples for piece in pieces]).tobytes() == whole.samples.tobytes()
    assert tuple(timing for piece in pieces for timing in piece.timings) == whole.timings
    assert tuple(warning for piece in pieces for warning in piece.warnings) == whole.warnings


def test_times_of_a_streamed_sentence_count_from_the_start_of_the_whole(synthesizer):
    first, second = synthesizer.stream("你好。再见。")
    edge_ms = 1000 * FRAMES * HOP / RATE
    assert second.timings[0].begin_ms == round(1000 * first.duration_s + edge_ms)
    assert (second.timings[0].begin, second.timings[0].text) == (3, "再")


def test_a_sentence_is_computed_only_when_it_is_asked_for(synthesizer, backend):
    stream = synthesizer.stream("一。二三。四五六。")
    assert backend.encoded == []
    next(stream)
    assert len(backend.encoded) == 1
    assert len(list(stream)) == 2
    assert len(backend.encoded) == 3


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.0, 1.25, 2.0])
def test_speed_divides_durations(synthesizer, speed):
    text = "今天天气很好，我们去公园吧。"
    plain = synthesizer.synthesize(text).samples.shape[0] // HOP
    frames = synthesizer.synthesize(text, SynthesisOptions(speed=speed)).samples.shape[0] // HOP
    assert abs(frames - plain / speed) <= 0.5


def test_the_voice_chooses_the_embedding(synthesizer):
    voices = [synthesizer.synthesize("你好。", SynthesisOptions(voice=voice.name)).samples for voice in VOICES]
    grid = np.linspace(-1, 1, 100_001, dtype=np.float32)
    first, second = (np.interp(samples, levelled(grid), grid) for samples in voices[:2])
    ramp = np.linspace(0, 0.5, len(first), dtype=np.float32)
    np.testing.assert_allclose(second - ramp, 2 * (first - ramp), atol=1e-4)


def test_samples_never_come_closer_to_full_scale_than_a_decibel(synthesizer, backend):
    backend.vocode = lambda acoustics, excitation: 3 * excitation[1]
    samples = synthesizer.synthesize("你好。").samples
    assert np.abs(samples).max() <= np.float32(10 ** (-1 / 20))
    assert samples.max() > 0.85
    assert samples.min() < -0.85


@pytest.mark.parametrize(
    ("text", "options", "error"),
    [
        ("", {}, EmptyTextError),
        (" \n\t　", {}, EmptyTextError),
        ("😀🎉", {}, EmptyTextError),
        ("。！？", {}, EmptyTextError),
        ("好" * 501, {}, TextTooLongError),
        ("你好", {"voice": "nobody"}, UnknownVoiceError),
        ("你好", {"voice": ""}, UnknownVoiceError),
        ("你好", {"voice": "Female"}, UnknownVoiceError),
        ("你好", {"speed": 0.0}, OptionError),
        ("你好", {"speed": 0.49}, OptionError),
        ("你好", {"speed": 2.01}, OptionError),
        ("你好", {"speed": 9.0}, OptionError),
        ("你好", {"speed": -1.0}, OptionError),
        ("你好", {"speed": math.nan}, OptionError),
        ("你好", {"speed": math.inf}, OptionError),
    ],
)
@pytest.mark.parametrize("method", ["stream", "synthesize"])
def test_the_caller_is_refused_before_anything_is_computed(synthesizer, backend, method, text, options, error):
    with pytest.raises(error):
        getattr(synthesizer, method)(text, SynthesisOptions(**options))  # a stream is not even begun
    assert backend.encoded == []


def test_the_longest_text_is_taken(synthesizer):
    assert len(synthesizer.synthesize("好" * 500).timings) == 500


def test_what_is_silent_is_told_once_and_with_its_place(synthesizer):
    text = "一句😀。两句。三🎉句。"
    pieces = list(synthesizer.stream(text))
    assert [[(w.begin, w.end, w.text) for w in piece.warnings] for piece in pieces] == [
        [(2, 3, "😀"), (8, 9, "🎉")],
        [],
        [],
    ]
    assert len(synthesizer.synthesize(text).warnings) == 2


def test_the_same_seed_gives_the_same_bytes(synthesizer):
    def samples(seed):
        return synthesizer.synthesize("你好。再见。", SynthesisOptions(seed=seed)).samples.tobytes()

    assert samples(5) == samples(5)
    assert samples(5) != samples(6)


def test_every_sentence_has_noise_of_its_own(synthesizer):
    first, second = synthesizer.stream("你好。你好。")
    assert first.samples.shape == second.samples.shape
    assert first.samples.tobytes() != second.samples.tobytes()


def test_threads_give_the_bytes_of_one(tiny):
    options = [SynthesisOptions(voice=voice.name, speed=speed) for voice in tiny.voices for speed in (1.0, 1.6)]

    def speak(one):
        return tiny.synthesize("你好，世界。再见AI。", one).samples.tobytes()

    alone = [speak(one) for one in options]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(speak, options)) == alone
    assert len(set(alone)) == len(options)


def test_what_the_computation_took_is_told(synthesizer):
    pieces = list(synthesizer.stream("你好。再见。"))
    assert all(0 < piece.synthesis_s < 60 for piece in pieces)


def test_the_length_of_speech_is_in_seconds():
    assert Speech(np.zeros(11025, np.float32), 22050, (), (), 0.0).duration_s == 0.5
