"""What kind of word a word is: vectors that are near where words stand in the same places. Knows no readings.

Made by ``tts_engine.training.word_vectors`` of open-gram's word bigrams (CC BY-SA 3.0, ``data/LICENSE.open-gram``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = "word_vectors.npz"
LARGEST = 127
"""Of the bytes in which vectors are stored."""


@dataclass(frozen=True)
class WordVectors:
    """Vectors by words. Immutable, so any number of threads may share it."""

    rows: Mapping[str, int]
    vectors: NDArray[np.int8]
    """(words, size)."""
    scale: float
    """What 1 of the bytes is worth."""

    @classmethod
    def load(cls, path: Path | None = None) -> WordVectors:
        """Read the package's own file, or another that ``tts_engine.training.word_vectors`` wrote."""
        with (
            (path or resources.files(f"{__package__}.data").joinpath(FILE)).open("rb") as file,
            np.load(file) as stored,
        ):
            words = bytes(stored["words"]).decode("utf-8").split("\n")
            return cls({word: row for row, word in enumerate(words)}, stored["vectors"], float(stored["scale"]))

    @property
    def size(self) -> int:
        """Numbers in a vector."""
        return int(self.vectors.shape[1])

    def of(self, word: str) -> NDArray[np.float32]:
        """(size,): of the word, or the mean over its known characters; 0 where none is known."""
        row = self.rows.get(word)
        known = [self.rows[character] for character in word if character in self.rows] if row is None else [row]
        if not known:
            return np.zeros(self.size, np.float32)
        mean: NDArray[np.float32] = self.vectors[known].mean(axis=0, dtype=np.float32) * np.float32(self.scale)
        return mean
