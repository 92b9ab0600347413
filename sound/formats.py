"""Which files there are, and what each can carry."""

from __future__ import annotations

MEDIA_TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "pcm": "audio/pcm",
}
"""What ``encode`` writes, by format, with the Content-Type that players expect. ``ogg`` and ``opus`` are the same file
(Opus in Ogg, RFC 7845) under two extensions; ``aac`` is a bare ADTS stream; ``pcm`` is 16-bit little-endian mono
without any header."""

SAMPLE_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
"""Hz that a sound may have (the rates of MPEG audio)."""

OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
"""Hz that an Opus encoder takes (RFC 6716); a decoder plays any of them at 48 kHz."""

STREAMABLE = ("mp3", "wav", "aac", "ogg", "opus", "flac", "pcm")
"""Formats whose beginning can be sent before the end is known: all but M4A, whose index comes from the whole."""


class SoundError(ValueError):
    """These samples or bytes are no sound that can be handled; ``str()`` is Chinese."""


def rates_of(format: str) -> tuple[int, ...]:
    """The sample rates (Hz) that a file of this format may have.

    Raises:
        SoundError: there is no such format.
    """
    if format not in MEDIA_TYPES:
        raise SoundError(f"不支持的音频格式：可用 {'、'.join(MEDIA_TYPES)}。")
    return OPUS_RATES if format in ("ogg", "opus") else SAMPLE_RATES


def file_rate(format: str, sample_rate: int, target_rate: int | None) -> int:
    """The sample rate (Hz) of the file.

    Args:
        format: a key of ``MEDIA_TYPES``.
        sample_rate: Hz of the samples.
        target_rate: Hz that is asked for; None keeps the samples' own or, where the format has no such rate, takes
            the next one above.

    Raises:
        SoundError: unknown format, or a rate that cannot be.
    """
    rates = rates_of(format)
    if sample_rate not in SAMPLE_RATES or (target_rate is not None and target_rate not in rates):
        raise SoundError(f"不支持的采样率：{format} 可用 {'、'.join(map(str, rates))} Hz。")
    if target_rate is not None:
        return target_rate
    return min(rate for rate in rates if rate >= sample_rate)
