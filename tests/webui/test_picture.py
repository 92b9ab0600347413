"""The picture: pitch that is right, and a drawing that says what was said."""

from __future__ import annotations

import base64
import io
import re
import time
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from tts_engine.pitch import estimate_pitch
from tts_engine.synthesizer import Timing
from webui_page.picture import draw

RATE = 22050


def tone(hz: float, seconds: float = 1.0, harmonics: int = 5) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    return sum(np.sin(2 * np.pi * hz * n * t) / n for n in range(1, harmonics + 1)).astype(np.float32) * 0.3


@pytest.mark.parametrize("hz", [70.0, 110.0, 220.0, 330.0, 480.0])
@pytest.mark.parametrize("harmonics", [1, 8])
def test_the_pitch_of_a_tone_is_found(hz, harmonics):
    pitch = estimate_pitch(tone(hz, harmonics=harmonics), RATE, 50)
    assert np.nanmax(np.abs(pitch / hz - 1)) < 0.01
    assert np.isfinite(pitch).mean() > 0.95


def test_noise_and_silence_have_no_pitch():
    noise = np.random.default_rng(7).normal(0, 0.2, RATE).astype(np.float32)
    assert np.isfinite(estimate_pitch(noise, RATE, 100)).mean() < 0.1
    assert np.isnan(estimate_pitch(np.zeros(RATE, np.float32), RATE, 20)).all()
    half = np.concatenate([tone(200.0), np.zeros(RATE, np.float32)])
    voiced = np.isfinite(estimate_pitch(half, RATE, 100))
    assert voiced[:45].all() and not voiced[55:].any()


def test_a_glide_is_followed():
    t = np.arange(RATE) / RATE
    glide = np.sin(2 * np.pi * (150 * t + 75 * t**2)).astype(np.float32)  # 150 to 300 Hz
    pitch = estimate_pitch(glide, RATE, 40)
    centres = np.linspace(0.0225, 1 - 0.0225, 40)
    assert np.nanmax(np.abs(pitch / (150 + 150 * centres) - 1)) < 0.02


def test_the_picture_is_well_formed_and_escapes_the_text():
    timings = [Timing(0, 500, 0, 1, "<b>"), Timing(500, 1000, 1, 2, "好")]
    figure = ElementTree.fromstring(draw(tone(220.0), RATE, timings))
    texts = [node.text for node in figure.iter("text")]
    assert "<b>" in texts and "好" in texts and "1.00 秒" in texts
    assert figure[0].get("aria-label") == "波形、梅尔频谱与音高，共 1.00 秒"
    assert any("220–220 Hz" in text for text in texts)


def mel_pixels(svg: str) -> np.ndarray:
    data = re.search(r'base64,([^"]+)"', svg)[1]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).astype(int).sum(axis=2)


def test_the_mel_image_is_bright_where_the_sound_is():
    low, high = tone(300.0, harmonics=1), tone(6000.0, harmonics=1)
    pixels = mel_pixels(draw(np.concatenate([low, high]), RATE, []))
    assert pixels.shape[0] == 80
    half = pixels.shape[1] // 2
    assert pixels[:, : half - 3].mean(axis=1).argmax() > 60  # row 0 is the top of the band
    assert pixels[:, half + 3 :].mean(axis=1).argmax() < 20


@pytest.mark.parametrize("samples", [1, 2, 255, 256, 1000])
def test_the_shortest_sounds_are_drawn(samples):
    ElementTree.fromstring(draw(np.full(samples, 0.1, np.float32), RATE, []))


def test_ten_minutes_are_drawn_small_and_soon():
    began = time.thread_time()
    svg = draw(np.tile(tone(220.0, 10.0), 60), RATE, [Timing(0, 1, 0, 1, "好")] * 3000)
    assert time.thread_time() - began < 15
    assert len(svg) < 400_000
    assert mel_pixels(svg).shape[1] <= 744


def test_a_leap_of_the_estimate_is_not_drawn_and_a_change_of_voice_is(monkeypatch):
    pitch = np.full(300, 200.0)
    pitch[150:153] = 590.0  # for 30 ms
    monkeypatch.setattr("webui_page.picture.estimate_pitch", lambda *_: pitch)
    assert "200–200 Hz" in draw(tone(200.0, 3.0), RATE, [])
    pitch[150:] = 90.0
    assert "90–200 Hz" in draw(tone(200.0, 3.0), RATE, [])
