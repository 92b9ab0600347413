"""The explicit AI-content label that can be heard: the rhythm 短长 短短.

Rules: 《人工智能生成合成内容标识办法》 article 4 (2) and GB 45438-2025 section 5.3: a spoken notice, or this rhythm
(Morse "AI"), at the beginning and/or the end. The standard gives the pattern only; pitch and lengths are ours.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

SHORT_S = 0.1
LONG_S = 0.3
GAP_S = 0.1
"""Between two tones of a letter; three times that between letters, as in Morse."""
MARGIN_S = 0.3
"""Silence between the rhythm and the speech."""
HERTZ = 800.0
LOUDNESS = 0.2
"""Amplitude; speech peaks several times higher."""
_FADE_S = 0.01


@lru_cache(16)
def rhythm(sample_rate: int) -> npt.NDArray[np.float32]:
    """短长 短短 as tones, (S,) in [-1, 1], 1.2 s; without the margin. Computed once, so not to be written to."""
    gap = np.zeros(round(GAP_S * sample_rate), np.float32)
    pause = np.zeros(round(3 * GAP_S * sample_rate), np.float32)
    short, long = _tone(SHORT_S, sample_rate), _tone(LONG_S, sample_rate)
    sound = np.concatenate([short, gap, long, pause, short, gap, short])
    sound.flags.writeable = False
    return sound


def margin(sample_rate: int) -> npt.NDArray[np.float32]:
    """The silence between a notice and the speech."""
    return np.zeros(round(MARGIN_S * sample_rate), np.float32)


def _tone(seconds: float, sample_rate: int) -> npt.NDArray[np.float32]:
    count = round(seconds * sample_rate)
    wave = LOUDNESS * np.sin(2 * np.pi * HERTZ * np.arange(count) / sample_rate)
    ramp = np.minimum(1.0, np.arange(count) / (_FADE_S * sample_rate))
    faded: npt.NDArray[np.float32] = (wave * ramp * ramp[::-1]).astype(np.float32)
    return faded
