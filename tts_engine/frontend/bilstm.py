"""g2pM's network in numpy: characters of a sentence → log-probabilities of readings. Knows no dictionary.

Embedding 64, one bidirectional LSTM layer of 2 × 32, two dense layers, 876 readings; trained by its authors on the
training split of CPP. Weights: g2pM 0.1.2.5 (Apache-2.0), Park and Lee, "g2pM: A Neural Grapheme-to-Phoneme
Conversion Package for Mandarin Chinese Based on a New Open Benchmark Dataset", Interspeech 2020.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

_BEGIN, _END, _UNKNOWN = "시", "끝", "<UNK>"
"""Names of g2pM's own for the edges of a sentence and for characters that it has not seen."""
_DIRECTIONS = ("", "_reverse")
_LONGEST = 400
"""Characters read at once; longer texts are read in pieces, so that memory stays bounded."""


@dataclass(frozen=True)
class Layer:
    """One bidirectional LSTM layer, its gates in torch's order."""

    inputs: tuple[Matrix, Matrix]
    """(features, 4 H) of each direction."""
    biases: tuple[Matrix, Matrix]
    recurrent: Matrix
    """(2 H, 8 H): both directions in one block matrix."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Matrix], number: int) -> Layer:
        """Layer ``number`` of an ``nn.LSTM`` that a module calls ``lstm``."""
        names = [f"l{number}{direction}" for direction in _DIRECTIONS]
        inputs, recurrent = ([arrays[f"lstm.weight_{part}_{name}"].T for name in names] for part in ("ih", "hh"))
        biases = [arrays[f"lstm.bias_ih_{name}"] + arrays[f"lstm.bias_hh_{name}"] for name in names]
        nothing = np.zeros_like(recurrent[0])
        block = np.block([[recurrent[0], nothing], [nothing, recurrent[1]]])
        return cls((inputs[0], inputs[1]), (biases[0], biases[1]), block)

    def states(self, embedded: Matrix) -> Matrix:
        """(steps, 2 H) of (steps, features): what both directions know at each step."""
        size = len(self.recurrent) // 2
        ways = (embedded, embedded[::-1])
        driven = np.stack([way @ self.inputs[at] + self.biases[at] for at, way in enumerate(ways)], axis=1)
        state = np.zeros((2, size), np.float32)
        cell = np.zeros((2, size), np.float32)
        states = np.empty((len(embedded), 2, size), np.float32)
        for step in range(len(embedded)):
            gates = driven[step] + (state.reshape(-1) @ self.recurrent).reshape(2, -1)
            opened = 0.5 + 0.5 * np.tanh(0.5 * gates)
            cell = opened[:, size : 2 * size] * cell + opened[:, :size] * np.tanh(gates[:, 2 * size : 3 * size])
            state = opened[:, 3 * size :] * np.tanh(cell)
            states[step] = state
        return np.concatenate([states[:, 0], states[::-1, 1]], axis=1)


@dataclass(frozen=True)
class BiLSTM:
    """Reads sentences. Immutable, so any number of threads may share it."""

    characters: Mapping[str, int]
    """Row of each character in the embedding."""
    arrays: Mapping[str, Matrix]
    """The weights by the names of ``g2pM/np_ckpt.pkl``."""
    layer: Layer

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Matrix], characters: Sequence[str]) -> BiLSTM:
        """Build from g2pM's weights and its characters in the order of their numbers."""
        numbers = {character: number for number, character in enumerate(characters)}
        return cls(numbers, arrays, Layer.from_arrays(arrays, 0))

    def log_probabilities(self, text: str, places: Sequence[int]) -> Matrix:
        """(len(places), readings) for the characters of ``text`` at ``places``, which are in order."""
        found: list[Matrix] = []
        for begin in range(0, max(len(text), 1), _LONGEST):
            inside = [place - begin for place in places if begin <= place < begin + _LONGEST]
            if inside:
                found.append(self._piece(text[begin : begin + _LONGEST], inside))
        return np.concatenate(found) if found else np.zeros((0, len(self.arrays["logit_layer.2.bias"])), np.float32)

    def _piece(self, text: str, places: Sequence[int]) -> Matrix:
        unknown = self.characters[_UNKNOWN]
        edges = self.characters[_BEGIN], self.characters[_END]
        rows = [edges[0], *(self.characters.get(character, unknown) for character in text), edges[1]]
        states = self.layer.states(self.arrays["embedding.weight"][rows])[[place + 1 for place in places]]
        hidden = np.maximum(states @ self.arrays["logit_layer.0.weight"].T + self.arrays["logit_layer.0.bias"], 0)
        logits = hidden @ self.arrays["logit_layer.2.weight"].T + self.arrays["logit_layer.2.bias"]
        logits -= logits.max(axis=1, keepdims=True)
        found: Matrix = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return found
