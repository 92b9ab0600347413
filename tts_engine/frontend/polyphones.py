"""Which reading a character with several has in its sentence: a ranker over what five sources say.

The sources are g2pM's network (``bilstm.py``), our own (``contexts.py``), pypinyin's phrases that cover the character,
jieba's words and their parts of speech, and the neighbouring characters. Every candidate reading gets a score, linear
in features of these; the weights were fitted on the development split of CPP (Apache-2.0) by
``tts_engine.training.polyphones``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from tts_engine.frontend.bilstm import BiLSTM
from tts_engine.frontend.contexts import Context, Contexts
from tts_engine.frontend.phrasebook import readings_of
from tts_engine.frontend.words import Word

FILE = "polyphones.npz"
DENSE = (
    "network",
    "network first",
    "known to the network",
    "first",
    "neutral",
    *(f"{where} {length}" for where in ("word", "inside", "across") for length in (2, 3, 4)),
    *(f"longest {where}" for where in ("word", "inside", "across")),
    "contexts",
    "contexts first",
)
"""Features that every character shares: the networks' opinions, and the phrases' votes by how they lie in the words."""
_LEAST_LOG = -15.0
_LEAST_CONTEXT_LOG = -8.0
_CONTEXT_TRUST = 0.7
"""What a unit of our network's logarithms is worth beyond the fitted weight: CPP hardly has the cases that it knows."""
_WELL_TAUGHT = 100
"""Sentences with the character from which that is so."""
_TRUST = ((3000, 5.0), (100, 1.0))
"""Least frequency of a word, and what its phrase's reading is worth beyond the fitted weights (CPP dev)."""
_IDIOM = 4
"""Syllables from which a word's phrase is trusted however rare it is."""
_LISTED = 20
"""Least frequency of a word whose dictionary gives a character another reading than its commonest: on purpose."""
_LISTED_TRUST = 8.0
_ALONE = 4
"""Up to so many characters beside a word tell the network nothing: a menu, a title, a word alone."""
_ALONE_TRUST = 10.0
_EDGE = "#"
_NO_WORD = Word(_EDGE, 0, _EDGE)


@dataclass(frozen=True)
class Phrase:
    """A known phrase that covers the character, and the reading that it gives it."""

    begin: int
    end: int
    pinyin: str


@dataclass(frozen=True)
class Occurrence:
    """One character to decide, in its sentence."""

    text: str
    place: int
    words: Sequence[Word]
    word: int
    """Index in ``words`` of the word that covers ``place``."""
    phrases: Sequence[Phrase]
    candidates: Sequence[str]
    frequency: int = 0
    """Of the word in jieba's dictionary."""


@dataclass(frozen=True)
class Opinion:
    """What the networks say of an occurrence's candidates, as log-probabilities."""

    network: Sequence[float | None]
    """By g2pM; None where it knows no such reading."""
    contexts: Context | None
    """By our network; None where it knows none of them."""


@dataclass(frozen=True)
class Weights:
    """What training fits."""

    dense: NDArray[np.float32]
    """In the order of ``DENSE``."""
    keys: NDArray[np.uint32]
    """Sorted hashes of the features that belong to one character and reading."""
    sparse: NDArray[np.float32]


@dataclass(frozen=True)
class Polyphones:
    """Decides between the readings of characters. Immutable, so any number of threads may share it."""

    network: BiLSTM
    classes: Mapping[str, int]
    """The network's number of each reading."""
    candidates: Mapping[str, tuple[str, ...]]
    """Readings of each character that has more than one."""
    weights: Weights
    contexts: Contexts | None = None
    """Our own network; without it the ranker goes by the other sources."""

    @classmethod
    def load(cls, path: Path | None = None) -> Polyphones:
        """Read the package's own file, or another that ``tts_engine.training.polyphones`` wrote."""
        with (
            (path or resources.files(f"{__package__}.data").joinpath(FILE)).open("rb") as file,
            np.load(file) as stored,
        ):
            arrays = {name: stored[name] for name in stored.files}
        texts = {
            name: bytes(arrays.pop(name)).decode("utf-8").split("\n")
            for name in ("characters", "classes", "candidates")
        }
        dense, keys, sparse = (arrays.pop(name) for name in ("dense", "keys", "sparse"))
        weights = {name: array.astype(np.float32) for name, array in arrays.items()}
        network = BiLSTM.from_arrays(weights, texts["characters"])
        candidates = {line[0]: tuple(line[1:].split(" ")) for line in texts["candidates"]}
        classes = {name: index for index, name in enumerate(texts["classes"])}
        return cls(network, classes, candidates, Weights(dense, keys, sparse.astype(np.float32)), Contexts.load())

    def choose(self, occurrences: Sequence[Occurrence]) -> list[str]:
        """The best candidate of each occurrence, all in one text."""
        if not occurrences:
            return []
        return [
            one.candidates[int(np.argmax(self.scores(*features(one, opinion)) + trust(one, opinion)))]
            for one, opinion in zip(occurrences, self.opinions(occurrences), strict=True)
        ]

    def opinions(self, occurrences: Sequence[Occurrence]) -> list[Opinion]:
        """What the networks say of each, all in one text."""
        logs = self.network.log_probabilities(occurrences[0].text, [one.place for one in occurrences])
        asked = [(one.place, one.text[one.place], one.candidates) for one in occurrences]
        ours = self.contexts.opinions(occurrences[0].words, asked) if self.contexts else [None] * len(asked)
        return [
            Opinion(self._known(one, its), opinion) for one, its, opinion in zip(occurrences, logs, ours, strict=True)
        ]

    def _known(self, one: Occurrence, logs: NDArray[np.float32]) -> list[float | None]:
        numbers = [self.classes.get(candidate) for candidate in one.candidates]
        return [None if number is None else float(logs[number]) for number in numbers]

    def scores(self, dense: NDArray[np.float32], keys: NDArray[np.uint32]) -> NDArray[np.float32]:
        """(candidates,) of (candidates, ``DENSE``) and (candidates, hashes)."""
        places = np.minimum(np.searchsorted(self.weights.keys, keys), len(self.weights.keys) - 1)
        fitted = np.where(self.weights.keys[places] == keys, self.weights.sparse[places], 0)
        total: NDArray[np.float32] = dense @ self.weights.dense + fitted.sum(axis=1)
        return total


def features(one: Occurrence, opinion: Opinion) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
    """What the ranker knows of each candidate.

    Returns:
        (candidates, ``DENSE``) numbers, and (candidates, hashes) of what is true of this character and reading.
    """
    dense = np.zeros((len(one.candidates), len(DENSE)), np.float32)
    certain = [_LEAST_LOG * 2 if value is None else value for value in opinion.network]
    total = np.logaddexp.reduce(certain)
    for row, candidate in enumerate(one.candidates):
        dense[row, :5] = (
            max(certain[row] - total, _LEAST_LOG) / 4,
            certain[row] == max(certain),
            opinion.network[row] is not None,
            row == 0,
            candidate[-1] == "5",
        )
        _count_votes(one, candidate, dense[row])
    named = [*_context(one), "network " + one.candidates[int(np.argmax(certain))]]
    if opinion.contexts:
        best = int(np.argmax(opinion.contexts.logs))
        dense[:, -2] = _context_logs(opinion.contexts)
        dense[best, -1] = 1
        named.append("contexts " + one.candidates[best])
    keys = [
        [crc32(f"{one.text[one.place]}{candidate} {name}".encode()) for name in named] for candidate in one.candidates
    ]
    return dense, np.array(keys, np.uint32)


def trust(one: Occurrence, opinion: Opinion) -> NDArray[np.float32]:
    """(candidates,) beyond the fitted weights, for what CPP undervalues: our network, and the dictionary of words."""
    context = opinion.contexts
    if context is None or context.sentences < _WELL_TAUGHT or _is_listed(one):
        return _dictionary_trust(one)
    return _dictionary_trust(one) + _CONTEXT_TRUST * _context_logs(context)


def _is_listed(one: Occurrence) -> bool:
    """Whether a dictionary says how the character's whole word is read."""
    word = one.words[one.word]
    return any((phrase.begin, phrase.end) == (word.begin, word.end) for phrase in one.phrases)


def _context_logs(context: Context) -> NDArray[np.float32]:
    return np.maximum(np.array(context.logs, np.float32), _LEAST_CONTEXT_LOG)


def _dictionary_trust(one: Occurrence) -> NDArray[np.float32]:
    """(candidates,) for the phrase that is the word: the commoner the word, the surer its dictionary."""
    word = one.words[one.word]
    itself = {phrase.pinyin for phrase in one.phrases if (phrase.begin, phrase.end) == (word.begin, word.end)}
    common = next((bonus for least, bonus in _TRUST if one.frequency >= least), 0)
    bonus = _TRUST[0][1] if len(word.text) >= _IDIOM else common
    if len(one.text) - len(word.text) <= _ALONE:
        bonus = _ALONE_TRUST
    worth = [_worth(one, candidate, bonus) if candidate in itself else 0 for candidate in one.candidates]
    return np.array(worth, np.float32)


def _worth(one: Occurrence, candidate: str, bonus: float) -> float:
    """``bonus``, or more for a reading that is not the commonest: 间谍, 央行; the network seldom dares to choose it."""
    listed = one.frequency >= _LISTED and candidate[-1] != "5" and candidate != readings_of(one.text[one.place])[0]
    return max(bonus, _LISTED_TRUST) if listed else bonus


def _count_votes(one: Occurrence, candidate: str, row: NDArray[np.float32]) -> None:
    longest = max((phrase.end - phrase.begin for phrase in one.phrases), default=0)
    word = one.words[one.word]
    for phrase in one.phrases:
        vote = 1 if phrase.pinyin == candidate else -1
        length = phrase.end - phrase.begin
        where = _lies(phrase, word)
        row[5 + 3 * where + min(length, 4) - 2] += vote
        if length == longest:
            row[5 + 9 + where] = vote


def _lies(phrase: Phrase, word: Word) -> int:
    """0 where the phrase is the word, 1 inside the word, 2 across its borders."""
    if (phrase.begin, phrase.end) == (word.begin, word.end):
        return 0
    return 1 if word.begin <= phrase.begin and phrase.end <= word.end else 2


def _context(one: Occurrence) -> list[str]:
    """Names of what is around the character."""
    far_left, left, right, far_right = (_at(one.text, one.place + offset) for offset in (-2, -1, 1, 2))
    word = one.words[one.word]
    seen = [
        "always",
        f"after {left}",
        f"before {right}",
        f"after {far_left}{left}",
        f"before {right}{far_right}",
        f"between {left}{right}",
        f"word {word.text}",
        f"place {one.place - word.begin} of {len(word.text)}",
    ]
    if len(word.text) == 1:
        before, after = (_word_at(one.words, one.word + offset) for offset in (-1, 1))
        seen += [f"after word {before.text}", f"before word {after.text}"]
        seen += [f"after {before.tag}", f"before {after.tag}", f"between {before.tag} {after.tag}"]
    else:
        seen.append(f"place {one.place - word.begin} of {word.tag}")
    votes = {phrase.pinyin for phrase in one.phrases}
    return [*seen, *(f"phrase {pinyin}" for pinyin in sorted(votes))]


def _at(text: str, place: int) -> str:
    return text[place] if 0 <= place < len(text) else _EDGE


def _word_at(words: Sequence[Word], index: int) -> Word:
    return words[index] if 0 <= index < len(words) else _NO_WORD
