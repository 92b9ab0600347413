"""The folder ``models/v23``: what is in it, and whether it is whole.

    config.json             name, version, audio dimensions, phoneme inventory, emotions
    voices.json             name, title, gender and embedding of each voice
    acoustic/               FastSpeech2: config.json, model.safetensors, encoder.onnx, decoder.onnx
    vocoder/                HiFi-GAN: config.json, model.safetensors, generator.onnx
    speaker/                speaker encoder, in a model that can clone: config.json, model.safetensors, encoder.onnx;
                            likeness.npz: what tells people apart by it
    MODEL_CARD.md           data, training, limits, licence
    SHA256SUMS              of every other file

The ONNX graphs carry no weights: they point into the safetensors file beside them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tts_engine.audio import AudioConfig, FloatArray
from tts_engine.chunking import Reach
from tts_engine.errors import CheckpointError, EmotionUnavailableError
from tts_engine.frontend.phonemes import SYMBOLS
from tts_engine.hub import SUMS, check_model, digest

NEUTRAL = "neutral"


@dataclass(frozen=True)
class Voice:
    """A named voice."""

    name: str
    """What callers send: ``female``."""
    title: str
    """What people see: ``女声``."""
    gender: str
    """``female``, ``male`` or ``neutral``."""


@dataclass(frozen=True)
class Checkpoint:
    """A whole and verified model folder."""

    folder: Path
    name: str
    audio: AudioConfig
    voices: tuple[Voice, ...]
    embeddings: dict[str, FloatArray]
    """Voice name → (E,)."""
    digest: str
    """SHA-256 of ``SHA256SUMS``: changes with any file."""
    emotions: tuple[str, ...] = ()
    """What the acoustic model can feel, in its order; neutral is none of them."""
    emotion_strengths: tuple[float, ...] = ()
    """What the acoustic model is told of each of ``emotions`` at a caller's intensity 1 (empty: 1 of each)."""
    emotion_gains_db: tuple[float, ...] = ()
    """What keeps each of ``emotions``, told at 1, about as loud as neutral speech."""
    reach: Reach = field(default_factory=Reach)
    """How far around a frame the networks look."""

    def told(self, speaker: FloatArray, emotion: str, intensity: float) -> FloatArray:
        """What the acoustic model is told: who speaks (E,), and how strong each emotion is; (E + N,).

        A caller's intensity, 0–1, goes as far as speech stays clear, which is not equally far for every emotion.

        Raises:
            EmotionUnavailableError: the model has not learnt this emotion.
        """
        if emotion not in ("", NEUTRAL, *self.emotions):
            raise EmotionUnavailableError(emotion, (NEUTRAL, *self.emotions))
        strengths = self.emotion_strengths or (1.0,) * len(self.emotions)
        feelings = [
            intensity * strength * (name == emotion) for name, strength in zip(self.emotions, strengths, strict=True)
        ]
        return np.concatenate([speaker, np.asarray(feelings, dtype=np.float32)])

    def gain_db(self, told: FloatArray) -> float:
        """What makes speech as loud as it should be, of what the acoustic model is told (E + N,)."""
        count = len(self.emotion_gains_db)
        return float(told[len(told) - count :] @ np.asarray(self.emotion_gains_db)) if count else 0.0


def read_checkpoint(folder: Path) -> Checkpoint:
    """Verify every file and read the descriptions.

    Raises:
        CheckpointError: a file is missing or damaged, or was made for other phonemes or another signal.
    """
    check_model(folder)
    try:
        return _describe(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:  # whole by its hashes, but not what we write
        raise CheckpointError(f"{folder} 的 config.json 或 voices.json 格式不对：请重新导出或下载模型。") from error


def _per_emotion(config: dict[str, Any], name: str) -> tuple[float, ...]:
    values = tuple(float(value) for value in config.get(name, ()))
    if values and len(values) != len(config["emotions"]):
        raise ValueError(f"{name} is not as long as emotions")
    return values


def _describe(folder: Path) -> Checkpoint:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config["symbols"] != list(SYMBOLS):
        raise CheckpointError(f"{folder} 的音素表与本程序不一致：请使用同一版本的模型与程序。")
    if config["audio"] != asdict(AudioConfig()):
        raise CheckpointError(f"{folder} 的声学参数与本程序不一致：请使用同一版本的模型与程序。")
    rows = json.loads((folder / "voices.json").read_text(encoding="utf-8"))
    return Checkpoint(
        folder=folder,
        name=config["name"],
        audio=AudioConfig(),
        voices=tuple(Voice(row["name"], row["title"], row["gender"]) for row in rows),
        embeddings={row["name"]: np.asarray(row["embedding"], dtype=np.float32) for row in rows},
        digest=digest(folder / SUMS),
        emotions=tuple(config.get("emotions", ())),
        emotion_strengths=_per_emotion(config, "emotion_strengths"),
        emotion_gains_db=_per_emotion(config, "emotion_gains_db"),
        reach=Reach.read(folder),
    )
