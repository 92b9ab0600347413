"""Our own network for polyphones: the words around a character → how likely each of its readings is.

Characters, parts of speech and word vectors in, one bidirectional LSTM layer, one dense layer, and a vector for each
reading of each character that it was taught. ``tts_engine.training.contexts`` fits it on sentences in which a rare
reading is as frequent as the common one, so it knows what tells them apart but not how rare they are: the ranker
(``polyphones.py``) weighs its opinion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_engine.frontend.bilstm import Layer
from tts_engine.frontend.word_vectors import WordVectors
from tts_engine.frontend.words import Word

FILE = "contexts.npz"
UNKNOWN = 0
"""Row of characters and parts of speech that training did not see."""
ALONE, FIRST, INNER, LAST = range(4)
"""Where in its word a character stands."""
_LONGEST = 400
"""Characters read at once; longer texts are read in pieces, so that memory stays bounded."""

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Vocabulary:
    """Rows of the embeddings."""

    characters: Mapping[str, int]
    tags: Mapping[str, int]
    readings: Mapping[str, int]
    """Of a character with its reading, 为wei4."""

    def rows(self, words: Sequence[Word]) -> list[tuple[int, int, int]]:
        """Of each character of the text that the words tile: itself, part of speech, where in its word."""
        return [
            (self.characters.get(character, UNKNOWN), self.tags.get(word.tag, UNKNOWN), standing(index, len(word.text)))
            for word in words
            for index, character in enumerate(word.text)
        ]


def standing(index: int, length: int) -> int:
    """Where the character at ``index`` stands in a word of so many."""
    if length == 1:
        return ALONE
    return FIRST if index == 0 else LAST if index == length - 1 else INNER


@dataclass(frozen=True)
class Context:
    """What the network says of one character in its sentence."""

    logs: Sequence[float]
    """Log-probability of each candidate; that of one which training never saw is minus infinity."""
    sentences: int
    """How many sentences taught it this character."""


@dataclass(frozen=True)
class Contexts:
    """Reads sentences. Immutable, so any number of threads may share it."""

    vocabulary: Vocabulary
    vectors: WordVectors
    arrays: Mapping[str, Matrix]
    """The weights by their names in ``tts_engine.training.contexts.Network``, and ``sentences``: how many taught it
    each reading."""
    layer: Layer

    @classmethod
    def load(cls, path: Path | None = None) -> Contexts:
        """Read the package's own file, or another that ``tts_engine.training.contexts`` wrote."""
        with (
            (path or resources.files(f"{__package__}.data").joinpath(FILE)).open("rb") as file,
            np.load(file) as stored,
        ):
            arrays = {name: stored[name] for name in stored.files}
        texts = [bytes(arrays.pop(name)).decode("utf-8").split("\n") for name in ("characters", "tags", "readings")]
        numbered = [{text: row for row, text in enumerate(lines)} for lines in texts]
        weights = {name: array.astype(np.float32) for name, array in arrays.items()}
        return cls.from_arrays(Vocabulary(*numbered), WordVectors.load(), weights)

    @classmethod
    def from_arrays(cls, vocabulary: Vocabulary, vectors: WordVectors, arrays: Mapping[str, Matrix]) -> Contexts:
        """Build from the weights of a fitted network."""
        return cls(vocabulary, vectors, arrays, Layer.from_arrays(arrays, 0))

    def write(self, path: Path) -> None:
        """Write what ``load`` reads, in half precision."""
        texts = {name: "\n".join(getattr(self.vocabulary, name)) for name in ("characters", "tags", "readings")}
        arrays: dict[str, Any] = {name: np.frombuffer(text.encode(), np.uint8) for name, text in texts.items()}
        halves: dict[str, Any] = {name: array.astype(np.float16) for name, array in self.arrays.items()}
        np.savez_compressed(path, **arrays, **halves)

    def opinions(self, words: Sequence[Word], asked: Sequence[tuple[int, str, Sequence[str]]]) -> list[Context | None]:
        """What it says of each place.

        Args:
            words: they tile the text.
            asked: place in the text, the character there and its candidates; in order of place.

        Returns:
            For each asked; None where training never saw one of the character's readings.
        """
        known = [[self.vocabulary.readings.get(character + one) for one in names] for _, character, names in asked]
        taught = [any(row is not None for row in rows) for rows in known]
        places = [place for (place, _, _), one in zip(asked, taught, strict=True) if one]
        if not places:
            return [None] * len(asked)
        hidden = dict(zip(places, self._hidden(words, places), strict=True))
        return [
            self._context(hidden[place], rows) if place in hidden else None
            for (place, _, _), rows in zip(asked, known, strict=True)
        ]

    def _context(self, hidden: Matrix, rows: Sequence[int | None]) -> Context:
        taught = np.array([row for row in rows if row is not None])
        scores = self.arrays["readings.weight"][taught] @ hidden + self.arrays["biases.weight"][taught, 0]
        logs = iter((scores - np.logaddexp.reduce(scores)).tolist())
        sentences = int(self.arrays["sentences"][taught].sum())
        return Context([-np.inf if row is None else next(logs) for row in rows], sentences)

    def _hidden(self, words: Sequence[Word], places: Sequence[int]) -> Matrix:
        """(len(places), hidden) of the dense layer."""
        embedded, characters = self._embedded(words)
        found: list[Matrix] = []
        for begin in range(0, len(embedded), _LONGEST):
            inside = [place for place in places if begin <= place < begin + _LONGEST]
            if inside:
                states = self.layer.states(embedded[begin : begin + _LONGEST])
                found.append(np.concatenate([states[[at - begin for at in inside]], characters[inside]], axis=1))
        weight, bias = self.arrays["dense.weight"], self.arrays["dense.bias"]
        hidden: Matrix = np.maximum(np.concatenate(found) @ weight.T + bias, 0)
        return hidden

    def _embedded(self, words: Sequence[Word]) -> tuple[Matrix, Matrix]:
        """(characters, features) for the LSTM, and what of them is of the character alone."""
        rows = np.array(self.vocabulary.rows(words))
        vectors = np.stack([self.vectors.of(word.text) for word in words])
        classes = vectors @ self.arrays["classes.weight"].T + self.arrays["classes.bias"]
        characters = self.arrays["characters.weight"][rows[:, 0]]
        parts = (
            characters,
            self.arrays["tags.weight"][rows[:, 1]],
            self.arrays["standings.weight"][rows[:, 2]],
            np.repeat(classes, [len(word.text) for word in words], axis=0),
        )
        return np.concatenate(parts, axis=1), characters
