"""English words that no dictionary knows → phones: a network labels each letter with what it says.

Two bidirectional LSTM layers in numpy, fitted on the CMU Pronouncing Dictionary by ``tts_engine.training.letters``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_engine.frontend.bilstm import Layer

FILE = "letters.npz"
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
LAYERS = 2
STRESSES = frozenset("012")


class Letters:
    """Reads words of ``ALPHABET``. Immutable, so any number of threads may share it."""

    def __init__(self, arrays: Mapping[str, NDArray[np.float32]], sounds: Sequence[str]) -> None:
        """Take what training fitted.

        Args:
            arrays: the weights, named as torch names them.
            sounds: what a letter may say (phones with spaces between them, or nothing), by number.
        """
        self._arrays = dict(arrays)
        self._sounds = tuple(sounds)
        self._layers = [Layer.from_arrays(arrays, number) for number in range(LAYERS)]

    @classmethod
    def load(cls, path: Path | None = None) -> Letters:
        """Read the package's own file, or another that ``tts_engine.training.letters`` wrote."""
        found = path or resources.files(f"{__package__}.data").joinpath(FILE)
        with found.open("rb") as file, np.load(file) as stored:
            sounds = bytes(stored["sounds"]).decode("ascii").split("\n")
            return cls({name: stored[name].astype(np.float32) for name in stored.files if name != "sounds"}, sounds)

    def write(self, path: Path) -> None:
        """Write what ``load`` reads, in half precision."""
        arrays: dict[str, Any] = {name: one.astype(np.float16) for name, one in self._arrays.items()}
        arrays["sounds"] = np.frombuffer("\n".join(self._sounds).encode(), np.uint8)
        np.savez_compressed(path, **arrays)

    def pronounce(self, word: str) -> str:
        """Phones of a word of small letters, one of its vowels stressed; empty where the letters say nothing."""
        if not word:
            return ""
        states = self._arrays["embedding.weight"][[ALPHABET.index(letter) for letter in word]]
        for layer in self._layers:
            states = layer.states(states)
        logits = states @ self._arrays["output.weight"].T + self._arrays["output.bias"]
        said = " ".join(self._sounds[number] for number in logits.argmax(axis=1))
        return _stressed(said.split())


def _stressed(phones: list[str]) -> str:
    """Exactly one primary stress: the first, or the first vowel where there is none."""
    vowels = [index for index, phone in enumerate(phones) if phone[-1] in STRESSES]
    primary = next((index for index in vowels if phones[index][-1] == "1"), vowels[0] if vowels else -1)
    for index in vowels:
        stress = "1" if index == primary else phones[index][-1].replace("1", "2")
        phones[index] = phones[index][:-1] + stress
    return " ".join(phones)
