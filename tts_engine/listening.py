"""From a clip to who speaks in it, on ONNX Runtime: no torch on the serving path."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tts_engine.audio import AudioConfig, FloatArray, log_mel
from tts_engine.backends.session import Session
from tts_engine.errors import BadClipError
from tts_engine.identity import Identity, pitch_statistics
from tts_engine.pitch import estimate_pitch

FOLDER = "speaker"
_LEVEL = 0.07
"""Root-mean-square level that clips are brought to, as the corpus has."""
_SHORTEST_FRAMES = 16


@dataclass(frozen=True)
class Listener:
    """The speaker encoder of a checkpoint. Immutable: safe from several threads."""

    session: Session
    name: str
    """Of the encoder: identities of one are nothing to another."""

    @classmethod
    def load(cls, folder: Path, threads: int = 0) -> Listener | None:
        """The speaker encoder in a checkpoint folder, or None where it has none.

        Raises:
            CheckpointError: it cannot be loaded.
        """
        graph = folder / FOLDER / "encoder.onnx"
        if not graph.exists():
            return None
        name = json.loads((folder / FOLDER / "config.json").read_text(encoding="utf-8"))["encoder"]
        return cls(Session(graph, threads), str(name))

    def listen(self, samples: FloatArray) -> Identity:
        """Who speaks.

        Args:
            samples: (S,) at 22,050 Hz, of ``tts_engine.clips``.

        Raises:
            BadClipError: nothing is voiced.
        """
        config = AudioConfig()
        level = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
        mel = log_mel(samples * np.float32(_LEVEL / max(level, 1e-6)), config)
        f0 = np.nan_to_num(estimate_pitch(samples, config.sample_rate, max(mel.shape[1], 1))).astype(np.float32)
        if mel.shape[1] < _SHORTEST_FRAMES or not (f0 > 0).any():
            raise BadClipError("no_voice", "参考音频里听不清人声：请在安静处清楚地说几句话，不要有背景音乐。")
        embedding, shift = self.session.run(mel=mel[None])
        return Identity(embedding[0], *pitch_statistics(f0), float(shift[0]))
