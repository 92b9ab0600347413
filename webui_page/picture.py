"""A sound as one SVG: waveform, mel spectrogram, pitch and characters over time.

The lines take the page's text colour, so that one picture suits light and dark; the browser's own fonts write the
characters.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

import numpy as np
import numpy.typing as npt
from PIL import Image

from tts_engine.audio import AudioConfig, log_mel
from tts_engine.pitch import estimate_pitch
from tts_engine.synthesizer import Timing
from webui_page.words import CHINESE, Words

Samples = npt.NDArray[np.float32]

_WIDTH = 800
"""Columns of the picture, in its own units."""
_LEFT = 56
_WAVE = (24, 96)
"""Top and height of a panel."""
_MEL = (148, 128)
_PITCH = (308, 96)
_AXIS = 416
_HEIGHT = 464
_LEAST_RATIO = 1.5
"""Smallest ratio of top to bottom of the pitch panel."""
_AROUND_S = 0.25
"""On either side of a moment, what its pitch is held against."""
_MAX_CHARACTERS = 40
"""More would overlap."""
_BLOCK_S = 20
"""Seconds analysed at a time, to bound memory on long sounds."""

_COLOURS = np.array([[0, 0, 4], [81, 18, 124], [183, 55, 121], [252, 137, 97], [252, 253, 191]], dtype=np.float64)
"""Five points of the perceptually even "magma" map. Source: matplotlib ``_cm_listed.py`` (CC0)."""


def draw(samples: Samples, sample_rate: int, timings: Sequence[Timing], lead_s: float = 0.0, t: Words = CHINESE) -> str:
    """The picture, as HTML.

    Args:
        samples: (S,) in [-1, 1], not empty.
        sample_rate: Hz.
        timings: what is spoken when.
        lead_s: seconds that the file plays before the samples, for the line that shows what is heard now.
        t: of the page.
    """
    duration_s = len(samples) / sample_rate
    pitch, scale = _pitch_panel(samples, sample_rate, t)
    label = t("波形、梅尔频谱与音高，共 {seconds} 秒", seconds=f"{duration_s:.2f}")
    return (
        f'<figure class="picture" tabindex="0"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}" '
        f'data-left="{_LEFT}" data-width="{_WIDTH - _LEFT}" data-duration="{duration_s:.4f}" data-lead="{lead_s:.4f}">'
        f"{_title(_WAVE[0], t('波形'))}{_wave_panel(samples)}"
        f"{_title(_MEL[0], t('梅尔频谱'))}{_mel_panel(samples, sample_rate)}"
        f"{_title(_PITCH[0], t('音高（估计，{scale}）', scale=scale))}{pitch}"
        f"{_axis(duration_s, timings, t)}"
        f'<line x1="0" y1="{_WAVE[0]}" x2="0" y2="{_AXIS}" class="playhead" transform="translate({_LEFT} 0)"/>'
        "</svg></figure>"
    )


def _title(top: int, text: str) -> str:
    return f'<text x="{_LEFT}" y="{top - 8}" class="title">{escape(text)}</text>'


def _wave_panel(samples: Samples) -> str:
    edges = np.linspace(0, len(samples), min(_WIDTH - _LEFT, len(samples)) + 1).astype(int)[:-1]
    highest, lowest = np.maximum.reduceat(samples, edges), np.minimum.reduceat(samples, edges)
    x = np.linspace(_LEFT, _WIDTH, len(edges))
    top, height = _WAVE
    middle, half = top + height / 2, height / 2
    there = [f"{a:.1f},{middle - half * b:.1f}" for a, b in zip(x, highest, strict=True)]
    back = [f"{a:.1f},{middle - half * b:.1f}" for a, b in zip(x[::-1], lowest[::-1], strict=True)]
    return f'<polygon points="{" ".join(there + back)}" class="wave"/>'


def _mel_panel(samples: Samples, sample_rate: int) -> str:
    mel = _pooled_mel(samples, AudioConfig(sample_rate=sample_rate, f_max=sample_rate / 2))  # (M, columns)
    low, high = float(np.percentile(mel, 5)), float(mel.max())
    level = np.clip((mel[::-1] - low) / max(high - low, 1e-6), 0, 1) * (len(_COLOURS) - 1)
    below = np.minimum(level.astype(int), len(_COLOURS) - 2)
    part = (level - below)[..., None]
    pixels = (_COLOURS[below] * (1 - part) + _COLOURS[below + 1] * part).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png", optimize=True)
    data = base64.b64encode(file.getvalue()).decode()
    top, height = _MEL
    return (
        f'<image x="{_LEFT}" y="{top}" width="{_WIDTH - _LEFT}" height="{height}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{data}"/><text x="{_LEFT - 6}" y="{top + 14}" text-anchor="end">'
        f'{sample_rate // 2000}k</text><text x="{_LEFT - 6}" y="{top + height}" text-anchor="end">0</text>'
    )


def _pooled_mel(samples: Samples, config: AudioConfig) -> npt.NDArray[np.float32]:
    """Mel spectrogram with at most as many columns as the picture, the loudest of each span."""
    step = _BLOCK_S * config.sample_rate // config.hop_length * config.hop_length
    padded = np.pad(samples, (0, -len(samples) % config.hop_length))
    pool = max(1, -(-len(padded) // config.hop_length // (_WIDTH - _LEFT)))
    blocks = [log_mel(padded[begin : begin + step], config) for begin in range(0, len(padded), step)]
    frames = np.concatenate(blocks, axis=1)
    starts = np.arange(0, frames.shape[1], pool)
    pooled: npt.NDArray[np.float32] = np.maximum.reduceat(frames, starts, axis=1)
    return pooled


def _pitch_panel(samples: Samples, sample_rate: int, t: Words) -> tuple[str, str]:
    columns = min(_WIDTH - _LEFT, max(2, len(samples) * 100 // sample_rate))
    pitch = _without_leaps(estimate_pitch(samples, sample_rate, columns), len(samples) / sample_rate)
    if np.isnan(pitch).all():
        return "", t("没有浊音")
    lowest, highest = float(np.nanmin(pitch)), float(np.nanmax(pitch))
    spread = max(1.0, _LEAST_RATIO / (highest / lowest)) ** 0.5  # a monotone stays a level line
    low, high = lowest / spread, highest * spread
    top, height = _PITCH
    x = np.linspace(_LEFT, _WIDTH, columns)
    y = top + height * (1 - (np.log(pitch) - np.log(low)) / max(np.log(high / low), 1e-6))
    lines = "".join(f'<polyline points="{run}" class="pitch"/>' for run in _runs(x, y))
    marks = f'<text x="{_LEFT - 6}" y="{top + 12}" text-anchor="end">{high:.0f}</text>'
    marks += f'<text x="{_LEFT - 6}" y="{top + height}" text-anchor="end">{low:.0f}</text>'
    return lines + marks, f"{lowest:.0f}–{highest:.0f} Hz"


def _without_leaps(pitch: npt.NDArray[np.float64], duration_s: float) -> npt.NDArray[np.float64]:
    """The pitch without what lies more than an octave from all around it, where the estimate took another period."""
    reach = max(1, round(_AROUND_S * len(pitch) / duration_s))
    kept = pitch.copy()
    for frame in np.flatnonzero(~np.isnan(pitch)):
        around = pitch[max(0, frame - reach) : frame + reach + 1]
        if abs(np.log2(pitch[frame] / np.nanmedian(around))) > 1:
            kept[frame] = np.nan
    return kept


def _runs(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> list[str]:
    """Voiced stretches as point lists; a single point is drawn as a short line."""
    voiced = np.flatnonzero(~np.isnan(y))
    groups = np.split(voiced, np.flatnonzero(np.diff(voiced) > 1) + 1)
    return [" ".join(f"{x[i]:.1f},{y[i]:.1f}" for i in [*group, group[-1]]) for group in groups if len(group)]


def _axis(duration_s: float, timings: Sequence[Timing], t: Words) -> str:
    def position(seconds: float) -> float:
        return _LEFT + (_WIDTH - _LEFT) * seconds / duration_s

    parts = [f'<line x1="{_LEFT}" y1="{_AXIS}" x2="{_WIDTH}" y2="{_AXIS}" class="axis"/>']
    last = t("{seconds} 秒", seconds=f"{duration_s:.2f}")
    parts += [f'<text x="{_WIDTH}" y="{_HEIGHT - 4}" text-anchor="end">{last}</text>']
    parts += [f'<text x="{_LEFT}" y="{_HEIGHT - 4}">0</text>']
    for timing in timings if len(timings) <= _MAX_CHARACTERS else ():
        begin, end = position(timing.begin_ms / 1000), position(timing.end_ms / 1000)
        parts.append(f'<line x1="{begin:.1f}" y1="{_WAVE[0]}" x2="{begin:.1f}" y2="{_AXIS}" class="mark"/>')
        text = escape(timing.text)
        parts.append(f'<text x="{(begin + end) / 2:.1f}" y="{_AXIS + 20}" text-anchor="middle">{text}</text>')
    return "".join(parts)
