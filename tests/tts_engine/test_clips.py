"""Clips that are good, bad and hostile."""

import io
import wave

import numpy as np
import pytest
import soundfile

from tts_engine.clips import LONGEST_S, MAX_BYTES, load_clip, read_clip
from tts_engine.errors import BadClipError

RATE = 22050


def speech(seconds=6.0, hz=170.0, rate=RATE):
    """Syllables of a wandering voice with pauses in between: pulses through two resonances."""
    count = round(seconds * rate)
    times = np.arange(count) / rate
    f0 = hz * 2 ** (0.25 * np.sin(2 * np.pi * 1.7 * times) + 0.08 * np.sin(2 * np.pi * 5.1 * times))
    phase = np.cumsum(f0 / rate)
    pulses = np.diff(np.floor(phase), prepend=0.0)
    ring = sum(
        np.exp(-np.pi * width * np.arange(rate // 20) / rate)
        * np.cos(2 * np.pi * formant * np.arange(rate // 20) / rate)
        for formant, width in ((600, 90), (1500, 120), (2600, 160))
    )
    voiced = np.convolve(pulses, ring)[:count]
    syllables = np.clip(1.5 * np.sin(2 * np.pi * 2.2 * times) + 0.6, 0, 1)
    return (0.5 * voiced / np.abs(voiced).max() * syllables).astype(np.float32)


def encoded(samples, rate=RATE, container="WAV", subtype=None):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("container", "subtype"), [("WAV", "PCM_16"), ("FLAC", None), ("OGG", "VORBIS"), ("MP3", None)]
)
def test_a_clip_comes_out_at_the_engines_rate(container, subtype):
    clip = read_clip(encoded(speech(), container=container, subtype=subtype))
    assert clip.duration_s == pytest.approx(6.0, abs=0.15)
    assert clip.notices == ()


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_other_rates_keep_the_length(rate):
    assert read_clip(encoded(speech(rate=rate), rate)).duration_s == pytest.approx(6.0, abs=0.02)


def test_a_telephone_recording_is_taken_with_a_notice():
    assert "8 kHz" in read_clip(encoded(speech(rate=8000), 8000)).notices[0]


def test_stereo_is_mixed_and_said():
    clip = read_clip(encoded(np.stack([speech(), 0.5 * speech()], axis=1)))
    assert "立体声" in clip.notices[0]


def test_channels_that_cancel_are_not_mixed():
    clip = read_clip(encoded(np.stack([speech(), -speech()], axis=1)))
    assert "互相抵消" in clip.notices[0]
    assert np.sqrt(np.mean(clip.samples**2)) > 0.01


def music(seconds=6.0):
    """A melody in equal steps on a steady tone, without a breath."""
    times = np.arange(round(seconds * RATE)) / RATE
    notes = 220 * 2 ** (np.array([0, 4, 7, 12, 7, 4])[(times * 2).astype(int) % 6] / 12)
    phase = 2 * np.pi * np.cumsum(notes / RATE)
    return (0.2 * sum(np.sin(k * phase) / k for k in (1, 2, 3))).astype(np.float32)


def clipped(rate=RATE):
    return np.clip(12 * speech(rate=rate), -1, 1)


@pytest.mark.parametrize(
    ("data", "reason", "sentence"),
    [
        (lambda: b"", "format", "认不出"),
        (lambda: b"<html>not sound</html>" * 100, "format", "认不出"),
        (lambda: b"#EXTM3U\nfile:///etc/passwd\n", "format", "认不出"),
        (lambda: b"RIFF" + bytes(200), "format", "不是完整的录音"),
        (lambda: (d := encoded(speech(0.3)))[:20] + b"\x34\x12" + d[22:], "format", "无法解码"),
        (lambda: encoded(speech())[:60], "short", "只有 0.0 秒"),
        (lambda: encoded(speech(0.3)), "short", "只有 0.3 秒"),
        (lambda: encoded(speech(LONGEST_S + 1)), "long", "超过 30 秒"),
        (lambda: encoded(np.zeros(RATE * 600, np.float32), container="FLAC"), "long", "超过 30 秒"),
        (lambda: encoded(np.zeros(RATE * 5, np.float32)), "silent", "几乎没有声音"),
        (lambda: encoded(clipped()), "clipped", "录得太响"),
        (lambda: encoded(clipped(48_000), 48_000), "clipped", "录得太响"),
        (lambda: encoded(clipped(16_000), 16_000), "clipped", "录得太响"),
        (lambda: encoded(clipped(44_100), 44_100, "MP3"), "clipped", "录得太响"),
        (lambda: encoded(music()), "music", "像是音乐"),
        (lambda: encoded(0.1 * np.random.default_rng(0).standard_normal(RATE * 5)), "no_voice", "听不清人声"),
        (lambda: encoded(speech(rate=4000), 4000), "format", "4000 Hz"),
        (lambda: bytes(MAX_BYTES + 1), "size", "最多 10 MB"),
    ],
)  # fmt: skip
def test_a_bad_clip_is_refused_with_a_sentence(data, reason, sentence):
    with pytest.raises(BadClipError, match=sentence) as caught:
        read_clip(data())
    assert caught.value.reason == reason
    assert str(caught.value).endswith("。")


def test_a_bomb_is_not_decoded_to_its_end():
    """Forty minutes of silence in a file of kilobytes: what is decoded stays below a minute."""
    import tracemalloc

    bomb = encoded(np.zeros(8000 * 2400, np.float32), 8000, "FLAC")
    assert len(bomb) < 1 << 20
    tracemalloc.start()
    with pytest.raises(BadClipError, match="超过 30 秒"):
        read_clip(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20


def test_a_header_that_lies_about_its_length_is_decoded_as_far_as_it_goes():
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((speech() * 32767).astype("<i2").tobytes())
    data = bytearray(buffer.getvalue())
    data[40:44] = (0x7FFFFFFF).to_bytes(4, "little")
    assert read_clip(bytes(data)).duration_s == pytest.approx(6.0, abs=0.05)


def test_a_file_that_is_absent_is_a_sentence(tmp_path):
    with pytest.raises(BadClipError, match="读不到参考音频"):
        load_clip(tmp_path / "nobody.wav")
    path = tmp_path / "somebody.wav"
    path.write_bytes(encoded(speech()))
    assert load_clip(path).duration_s == pytest.approx(6.0, abs=0.01)
