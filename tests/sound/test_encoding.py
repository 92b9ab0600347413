import io
import struct
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from sound import MEDIA_TYPES, SoundError, decode_wav, encode

RATE = 22050


def tone(seconds=1.0, rate=RATE, hertz=440.0, gain=0.5):
    return (gain * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def peak_hertz(samples, rate):
    return float(np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples))))) * rate / len(samples))


def wav(samples, rate=RATE, **keywords):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", **keywords)
    return buffer.getvalue()


def test_wav_round_trip_keeps_every_sample_within_half_a_step_of_16_bits():
    samples, rate = decode_wav(encode(tone(), RATE, "wav"))
    assert rate == RATE
    assert samples.dtype == np.float32
    assert len(samples) == RATE
    assert np.abs(samples - tone()).max() <= 1 / 32768


@pytest.mark.parametrize("seconds", [1 / RATE, 0.1, 1.0, 75.0])
def test_mp3_decodes_to_exactly_as_many_samples(seconds):
    data = encode(tone(seconds), RATE, "mp3")
    decoded, rate = soundfile.read(io.BytesIO(data))
    assert (len(decoded), rate) == (round(seconds * RATE), RATE)


def test_mp3_holds_the_tone_that_went_in():
    decoded, rate = soundfile.read(io.BytesIO(encode(tone(2.0, hertz=1000.0), RATE, "mp3")))
    assert peak_hertz(decoded, rate) == pytest.approx(1000.0, abs=1.0)
    assert np.abs(decoded[RATE // 2 : RATE]).max() == pytest.approx(0.95 * 0.5, abs=0.01)  # LAME leaves 5 % of headroom


@pytest.mark.parametrize(("rate", "kilobits"), [(16000, 64), (22050, 64), (24000, 64), (44100, 128), (48000, 128)])
def test_mp3_has_a_constant_bit_rate(rate, kilobits):
    data = encode(tone(10.0, rate), rate, "mp3")
    assert len(data) * 8 / 10 / 1000 == pytest.approx(kilobits, rel=0.02)


def test_equal_samples_give_equal_bytes():
    for format_ in MEDIA_TYPES:
        assert encode(tone(), RATE, format_) == encode(tone(), RATE, format_)


def test_what_is_too_loud_is_clipped_instead_of_wrapped():
    loud = np.array([0.0, 1.0, 1.5, 40000.0, -1.0, -1.5, -40000.0], dtype=np.float32)
    samples, _ = decode_wav(encode(loud, RATE, "wav"))
    assert samples.tolist() == pytest.approx([0.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0], abs=1 / 32768)


@pytest.mark.parametrize("target", [8000, 16000, 24000, 44100, 48000])
def test_resampling_keeps_pitch_and_duration(target):
    samples, rate = decode_wav(encode(tone(2.0), RATE, "wav", target))
    assert rate == target
    assert len(samples) == pytest.approx(2 * target, abs=1)
    assert peak_hertz(samples, rate) == pytest.approx(440.0, abs=1.0)


def test_resampling_removes_what_the_new_rate_cannot_carry():
    samples, _ = decode_wav(encode(tone(1.0, hertz=7000.0), RATE, "wav", 8000))
    assert np.abs(samples[1000:-1000]).max() < 0.001


@pytest.mark.parametrize(
    "call",
    [
        (tone(), RATE, "wma"),
        (tone(), RATE, "MP3"),
        (tone(), 22051, "wav"),
        (tone(), 0, "wav"),
        (tone(), RATE, "mp3", 96000),
        (tone(), RATE, "mp3", -8000),
        (tone(), RATE, "opus", 22050),
        (np.zeros(0, np.float32), RATE, "wav"),
        (np.zeros((2, 100), np.float32), RATE, "wav"),
        (np.array([0.0, np.nan]), RATE, "wav"),
        (np.array([0.0, np.inf]), RATE, "mp3"),
    ],
    ids=["format", "case", "rate", "zero", "target", "negative", "opus", "empty", "two-d", "nan", "inf"],
)
def test_encode_refuses(call):
    with pytest.raises(SoundError):
        encode(*call)


def test_two_channels_are_averaged():
    left, right = tone(gain=0.5), tone(gain=0.25)
    samples, _ = decode_wav(wav(np.stack([left, right], axis=1), subtype="FLOAT"))
    assert np.abs(samples - tone(gain=0.375)).max() < 1e-6


def header(rate=RATE, channels=1, frames=100, tag=1, bits=16):
    body = bytes(frames * channels * bits // 8)
    block = channels * bits // 8
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits)
    chunks = b"fmt " + struct.pack("<I", 16) + fmt + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"RIFF\xff\xff\xff\xffWAVE",
        b"<html>502</html>",
        encode(tone(), RATE, "mp3"),
        wav(tone())[:30],
        header(rate=1),
        header(rate=2_147_483_647),
        header(channels=3),
        header(frames=0),
        header(frames=3601 * 8000, rate=8000, bits=8),
        wav(tone(), subtype="IMA_ADPCM"),
        wav(np.array([0.0, np.nan], np.float32), subtype="FLOAT"),
        wav(np.array([0.0, np.inf], np.float32), subtype="FLOAT"),
    ],
    ids="empty riff no-chunks html mp3 cut rate-1 rate-2g channels no-frames hours adpcm nan inf".split(),
)
def test_decode_wav_refuses(data):
    with pytest.raises(SoundError):
        decode_wav(data)


def test_a_length_that_lies_gives_what_is_there():
    data = bytearray(encode(tone(), RATE, "wav"))
    data[40:44] = struct.pack("<I", 0x7FFFFFFF)
    samples, _ = decode_wav(bytes(data))
    assert len(samples) == RATE


def test_importing_sound_brings_neither_torch_nor_flask():
    code = "import sys, sound; print([m for m in ('torch', 'flask', 'scipy', 'gradio') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
