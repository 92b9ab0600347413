"""The page of proof says what was measured, and nothing else."""

import json
import sys

import pytest

from tts_engine.training import proof

QUALITY = {
    "model": "v23",
    "revision": "0123456789abcdef",
    "vocoder": {"stoi": 0.9712, "pesq_wb": 2.971},
    "f0": {"correlation": 0.9534, "rmse_semitones": 0.491},
    "mcd_db": 4.281,
    "ser": {"teacher": 0.0411, "student": 0.0422, "swapped": 0.1433, "syllables": 777},
    "ter": {"teacher": 0.0544, "student": 0.0555},
    "speed": {"ser_at_0.7": 0.0566, "ser_at_1.5": 0.0577, "f0_ratio_at_0.7": 1.001, "f0_ratio_at_1.5": 0.999},
}
STILL = {
    "pitch_st": 0.0,
    "range_st": 0.0,
    "rate": 0.0,
    "level_db": 0.0,
    "tilt_db": 0.0,
    "ser": 0.04,
    "told": 0.3,
    "teacher_ser": 0.03,
}
VOICES = {
    "emotions": [
        {"emotion": "neutral", "intensity": 0.0, **STILL, "told": 0.0, "teacher_ser": 0.01},
        *({"emotion": "happy", "intensity": i, **STILL, "pitch_st": 3.25 * i} for i in (0.33, 0.67, 1.0)),
    ],
    "copies": {
        "speakers": 59,
        "median_f0_error_semitones": {"mean": 0.7, "worst": 2.34},
        "within_2_semitones": 0.975,
        "within_5_percent": 1.0,
    },
    "verification": {
        "trials": 281,
        "score": "cosine",
        "same_above_impostor": 0.968,
        "same_above_impostor_by_cosine": 0.957,
        "same": [0.8, 0.9],
        "impostors": [0.1, 0.3],
    },
}
SOUND = {
    "sentences": 1000, "sound": 997, "faults": {"click": 3}, "peak_db": -1.01, "offset": 0.0021, "click": 13.2,
    "loudness_lufs": {"neutral": -18.1, "happy": -17.0},
}  # fmt: skip


@pytest.fixture
def written(tmp_path, monkeypatch):
    for name, content in (("quality", QUALITY), ("voices", VOICES), ("sound", SOUND)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    files = [f"--{name}={tmp_path / name}.json" for name in ("quality", "voices", "sound")]
    monkeypatch.setattr(sys, "argv", ["proof", *files, f"--out={tmp_path / 'docs' / 'voice.md'}"])
    (tmp_path / "docs" / "images").mkdir(parents=True)
    (tmp_path / "docs" / "images" / "voice-female.png").write_bytes(b"drawn by evaluate")
    proof.main()
    return tmp_path / "docs"


def test_every_figure_is_in_the_tables(written):
    page = (written / "voice.md").read_text(encoding="utf-8")
    for figure in ("0.971", "2.97", "0.953", "0.49", "4.28", "0.041", "0.042", "0.143", "777", "0.057", "0.058"):
        assert figure in page
    assert "| 开心 | 0.67 | 0.30 | +2.2 |" in page
    assert "97.5%" in page
    assert "0.70 / 2.34" in page
    assert "96.8%" in page
    assert "| 没有毛病的 | 997 |" in page
    assert "咔嗒声 3" in page


def test_pictures_are_drawn_and_those_of_the_voices_shown(written):
    page = (written / "voice.md").read_text(encoding="utf-8")
    assert "images/voice-female.png" in page
    for name in ("voice-emotions.png", "voice-similarity.png"):
        assert f"images/{name}" in page
        assert (written / "images" / name).read_bytes().startswith(b"\x89PNG")
