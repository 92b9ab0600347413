"""Whoever plays our MP3 hears exactly the samples that went in: none added in front, none at the end."""

import io
import struct

import numpy as np
import pytest
import soundfile

from sound import encode
from sound.formats import SAMPLE_RATES
from sound.mp3 import _frames_of, bit_rate, frame_samples
from tests.sound.test_formats import played

LENGTHS = (48, 575, 576, 577, 1151, 1152, 1153, 4096, 10_000, 44_321)


def noise(samples):
    """Smooth enough to survive, different at every place."""
    kernel = np.hanning(33) / np.hanning(33).sum()
    rough = np.random.default_rng(samples).normal(0, 0.5, samples + 32)
    return np.convolve(rough, kernel, "valid").astype(np.float32)


def info_frame(data):
    """Flags, frames, bytes, delay, padding and the part that the checksum covers, with it."""
    begin = data.index(b"Info")
    flags, frames, size = struct.unpack(">III", data[begin + 4 : begin + 16])
    extension = begin + 16 + 100 + 4
    ends = int.from_bytes(data[extension + 21 : extension + 24], "big")
    checksum = struct.unpack(">H", data[extension + 34 : extension + 36])[0]
    return flags, frames, size, ends >> 12, ends & 0xFFF, (data[: extension + 34], checksum)


@pytest.mark.parametrize("rate", SAMPLE_RATES)
@pytest.mark.parametrize("length", LENGTHS)
def test_two_decoders_play_as_many_samples_as_went_in(rate, length):
    data = encode(noise(length), rate, "mp3")
    heard, _ = soundfile.read(io.BytesIO(data))
    assert len(heard) == length
    assert len(played(data)[0]) == length


@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_the_sound_is_not_moved_by_a_single_sample(rate):
    sound = noise(rate)
    heard = played(encode(sound, rate, "mp3"))[0]
    alike = [float(np.dot(sound[100:-100], heard[100 + by : len(heard) - 100 + by])) for by in range(-50, 51)]
    assert int(np.argmax(alike)) - 50 == 0


@pytest.mark.parametrize("rate", SAMPLE_RATES)
def test_the_header_counts_what_follows(rate):
    data = encode(noise(5 * rate), rate, "mp3")
    flags, frames, size, delay, padding, _ = info_frame(data)
    samples = 576 if rate <= 24_000 else 1152
    assert (flags, size, delay) == (15, len(data), 576)
    assert frames * samples == delay + 5 * rate + padding
    # the 529 samples that a decoder adds must fit into the padding, or the end would be cut off
    assert 529 <= padding < 0xFFF
    assert len(data) * 8 / 5 == pytest.approx(1000 * bit_rate(rate), rel=0.06)


def test_the_header_has_the_checksum_by_which_it_is_known_to_be_whole():
    covered, checksum = info_frame(encode(noise(5000), 22_050, "mp3"))[-1]
    crc = 0
    for bit in (byte >> shift & 1 for byte in covered for shift in range(8)):
        crc = crc >> 1 ^ (0xA001 if (crc & 1) ^ bit else 0)
    assert crc == checksum


def ending(rate):
    """As a label: silence, then sound."""
    return np.concatenate([np.zeros(round(0.3 * rate), np.float32), noise(rate)])


@pytest.mark.parametrize("rate", SAMPLE_RATES)
@pytest.mark.parametrize("length", LENGTHS)
def test_an_ending_whose_frames_are_kept_is_heard_as_if_it_had_been_encoded_there(rate, length):
    sound = np.concatenate([noise(length), ending(rate)])
    joined = played(encode(sound, rate, "mp3", tail=len(ending(rate))))[0]
    whole = played(encode(sound, rate, "mp3"))[0]
    assert len(joined) == len(whole) == len(sound)
    assert np.std(joined - sound) < 1.1 * np.std(whole - sound)
    assert np.abs(joined[length + rate // 10 : length + rate // 4]).max() < 0.001  # nothing is heard where they meet


def test_the_header_counts_an_ending_whose_frames_are_kept():
    sound = np.concatenate([noise(20_000), ending(22_050)])
    data = encode(sound, 22_050, "mp3", tail=len(ending(22_050)))
    flags, frames, size, delay, padding, _ = info_frame(data)
    assert (flags, size, delay, frames * 576) == (15, len(data), 576, delay + len(sound) + padding)


def test_an_ending_is_encoded_once_for_all_sounds_of_whole_frames():
    tail, frame = ending(22_050), frame_samples(22_050)
    _frames_of.cache_clear()
    for count in (10, 40, 77):
        encode(np.concatenate([noise(count * frame), tail]), 22_050, "mp3", tail=len(tail))
    assert (_frames_of.cache_info().misses, _frames_of.cache_info().hits) == (1, 2)


@pytest.mark.parametrize("format", ["mp3", "wav", "flac", "m4a", "ogg"])
def test_an_ending_without_silence_or_at_another_rate_is_as_any_sound(format):
    for sound, tail, target in ((noise(9000), 5000, None), (np.r_[noise(9000), ending(22_050)], 28_665, 16_000)):
        assert encode(sound, 22_050, format, target, tail)[-64:] == encode(sound, 22_050, format, target)[-64:]


def test_nothing_but_an_ending_is_a_sound():
    sound = ending(22_050)
    assert len(played(encode(sound, 22_050, "mp3", tail=len(sound)))[0]) == len(sound)
