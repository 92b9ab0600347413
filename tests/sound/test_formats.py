"""Every format at every rate: as long as what went in, and with the sound that went in."""

import io

import av
import numpy as np
import pytest

from sound import MEDIA_TYPES, SoundError, decode_flac, decode_wav, encode, read_label
from sound.encoder import Encoder
from sound.formats import OPUS_RATES, SAMPLE_RATES, STREAMABLE, file_rate, rates_of
from sound.label import Label
from sound.streaming import StreamEncoder

RATE = 22050
CONTAINED = [name for name in MEDIA_TYPES if name != "pcm"]


def tone(seconds=1.0, rate=RATE, hertz=440.0):
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def played(data):
    """Samples, rate and length in seconds as FFmpeg plays the file."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.audio[0]
        sound = np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
        if sound.dtype == np.int16:
            sound = sound / 32768
        return sound, stream.rate, len(sound) / stream.rate


def peak_hertz(samples, rate):
    return float(np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples))))) * rate / len(samples))


@pytest.mark.parametrize("format_", CONTAINED)
@pytest.mark.parametrize("target", [8000, 16000, 24000, 48000])
def test_every_format_plays_the_tone_at_every_rate(format_, target):
    sound, rate, seconds = played(encode(tone(2.0), RATE, format_, target))
    assert rate == (48000 if format_ in ("ogg", "opus") else target)  # Opus always plays at 48 kHz
    # AAC without a container cannot say how much of its first and last frame is filling: up to 3 × 1024 samples
    assert seconds == pytest.approx(2.0, abs=3.1 * 1024 / target if format_ in ("aac", "m4a") else 2 / target)
    assert peak_hertz(sound[rate // 2 : rate], rate) == pytest.approx(440.0, abs=3.0)


@pytest.mark.parametrize("seconds", [0.01, 1.0, 75.3])
def test_m4a_says_exactly_how_long_it_is(seconds):
    with av.open(io.BytesIO(encode(tone(seconds), RATE, "m4a"))) as container:
        stream = container.streams.audio[0]
        assert float(stream.duration * stream.time_base) == pytest.approx(seconds, abs=1.1 / RATE)


@pytest.mark.parametrize("format_", ["flac", "ogg", "wav", "mp3"])
def test_the_other_containers_do_too(format_):
    sound, rate, _ = played(encode(tone(3.21), RATE, format_))
    assert len(sound) == pytest.approx(3.21 * rate, abs=2)  # Opus: from 22.05 to 24 kHz, played at 48


def test_ogg_holds_a_minute_and_more_without_crashing():
    assert played(encode(tone(90.0), RATE, "ogg"))[2] == pytest.approx(90.0, abs=0.001)


def test_pcm_is_the_samples_and_nothing_else():
    data = encode(np.array([0.0, 1.0, -1.0, 2.0], np.float32), RATE, "pcm")
    assert np.frombuffer(data, "<i2").tolist() == [0, 32767, -32767, 32767]


def test_flac_is_lossless_beyond_16_bits():
    samples, rate = decode_flac(encode(tone(), RATE, "flac"))
    assert rate == RATE
    assert np.abs(samples - tone()).max() <= 1 / 32768


def test_flac_is_not_read_from_anything_else():
    with pytest.raises(SoundError):
        decode_flac(encode(tone(), RATE, "wav"))
    with pytest.raises(SoundError):
        decode_flac(encode(tone(), RATE, "flac")[:60])


@pytest.mark.parametrize("format_", ["mp3", "wav", "flac", "aac"])
def test_in_pieces_it_is_the_same_file_as_in_one(format_):
    whole, buffer = encode(tone(2.0), RATE, format_), io.BytesIO()
    with Encoder(buffer, format_, RATE) as encoder:
        for begin in range(0, 2 * RATE, 4096):
            encoder.write(tone(2.0)[begin : begin + 4096])
    assert buffer.getvalue() == whole


def test_resampling_in_pieces_has_no_seams():
    buffer, sound = io.BytesIO(), tone(2.0, hertz=300.0)
    with Encoder(buffer, "wav", RATE, 8000) as encoder:
        for begin in range(0, len(sound), 777):
            encoder.write(sound[begin : begin + 777])
    samples, _ = decode_wav(buffer.getvalue())
    ideal = 0.5 * np.sin(2 * np.pi * 300.0 * np.arange(len(samples)) / 8000)
    assert len(samples) == pytest.approx(16000, abs=1)
    assert np.abs(samples - ideal)[200:-200].max() < 0.002


def test_a_rate_that_opus_lacks_becomes_the_next_one_above():
    assert [file_rate("opus", rate, None) for rate in SAMPLE_RATES] == [
        8000, 12000, 12000, 16000, 24000, 24000, 48000, 48000, 48000,
    ]  # fmt: skip
    assert rates_of("opus") == OPUS_RATES
    with pytest.raises(SoundError):
        file_rate("opus", RATE, 44100)


@pytest.mark.parametrize("format_", STREAMABLE)
def test_a_stream_can_be_played_from_its_first_pieces_and_to_its_end(format_):
    stream = StreamEncoder(format_, RATE, None, Label("producer", "id"))
    pieces = [stream.feed(tone(1.0)) for _ in range(4)]
    begun, whole = b"".join(pieces[:2]), b"".join([*pieces, stream.finish()])
    assert all(pieces)
    if format_ == "pcm":
        assert len(whole) == 4 * RATE * 2
        return
    assert played(begun)[2] > 1.5
    sound, rate, seconds = played(whole)
    # MP3 and AAC begin and end with filling whose size only a corrected header could tell
    assert seconds == pytest.approx(4.0, abs=4 * 1152 / rate)
    if format_ == "mp3":  # FFmpeg trims what LAME put in front, and plays the header's own frame
        assert int(np.argmax(np.abs(sound) > 0.05)) <= 576 + 10
    assert read_label(io.BytesIO(whole)) == Label("producer", "id", propagator="producer", propagate_id="id")


def test_m4a_cannot_be_streamed():
    with pytest.raises(SoundError, match="边合成边发送"):
        StreamEncoder("m4a", RATE, None, Label("producer", "id"))
