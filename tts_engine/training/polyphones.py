"""Fit the ranker of polyphones on the development split of CPP (python -m tts_engine.training.polyphones --cpp FOLDER).

Prints the accuracy by cross-validation, then fits on everything and writes the file that the front end loads: g2pM's
network (float16), the candidates of each character, and the fitted weights. Minutes on one core.

CPP: Park and Lee, Interspeech 2020 (Apache-2.0); line i of ``dev.sent`` holds one character between two U+2581, line i
of ``dev.lb`` its reading.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from g2pM import G2pM  # type: ignore[import-untyped]
from numpy.typing import NDArray
from pypinyin.constants import PHRASES_DICT
from scipy.optimize import fmin_l_bfgs_b  # type: ignore[import-untyped]
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

from tts_engine.frontend.bilstm import BiLSTM
from tts_engine.frontend.contexts import Contexts
from tts_engine.frontend.data import table
from tts_engine.frontend.pinyin import numbered
from tts_engine.frontend.polyphones import DENSE, FILE, Polyphones, Weights, features, trust
from tts_engine.frontend.readings import Readings, Rows

FOLDS = 5
PENALTY = 0.2
"""Of the squared weights that belong to one character and reading."""
DENSE_PENALTY = 0.1
ITERATIONS = 100
LEAST = 0.02
"""Smaller weights are not written."""


_ARRAYS = {
    "embedding.weight": "embeddings",
    **{
        f"lstm.{part}_l0{end}": part + end
        for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        for end in ("", "_reverse")
    },
    **{f"logit_layer.{2 * layer}.{part}": f"hidden_{part}_l{layer}" for layer in (0, 1) for part in ("weight", "bias")},
}
"""What g2pM calls its weights in its file, and in its object."""


@dataclass(frozen=True)
class Example:
    """A sentence, the place of one of its characters, and the reading of that character."""

    text: str
    place: int
    pinyin: str


@dataclass(frozen=True)
class Ranked:
    """The features of one example's candidates, and which of them is right (-1: none)."""

    dense: NDArray[np.float32]
    keys: NDArray[np.uint32]
    trust: NDArray[np.float32]
    right: int


def examples(folder: Path) -> list[Example]:
    """The development split in ``folder``."""
    sentences = (folder / "dev.sent").read_text(encoding="utf-8").splitlines()
    labels = (folder / "dev.lb").read_text(encoding="utf-8").splitlines()
    found = []
    for sentence, label in zip(sentences, labels, strict=True):
        found.append(marked(sentence, numbered(label)))
    return found


def marked(sentence: str, pinyin: str) -> Example:
    """A sentence with a character between two U+2581, and its reading."""
    return Example(sentence.replace("▁", ""), sentence.index("▁"), pinyin)


def unfitted(contexts: Contexts | None = None) -> Polyphones:
    """g2pM's network and ours, with every candidate that g2pM's dictionary or pypinyin's phrases know."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # g2pM 0.1.2.5 leaves its files to the garbage collector
        model = G2pM()
    arrays = {name: getattr(model, attribute) for name, attribute in _ARRAYS.items()}
    network = BiLSTM.from_arrays(arrays, sorted(model.char2idx, key=model.char2idx.__getitem__))
    classes = {numbered(name): number for number, name in model.idx2class.items()}
    nothing = Weights(np.zeros(len(DENSE), np.float32), np.zeros(1, np.uint32), np.zeros(1, np.float32))
    return Polyphones(network, classes, _candidates(model.cedict), nothing, contexts)


def _candidates(readings: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    several = {character: [numbered(name) for name in names] for character, names in readings.items() if len(names) > 1}
    for phrase, marked in PHRASES_DICT.items():
        for character, names in zip(phrase, marked, strict=False):
            if character in several:
                several[character].append(numbered(names[0]))
    return {character: tuple(dict.fromkeys(names)) for character, names in several.items() if len(set(names)) > 1}


def ranked(data: Sequence[Example], polyphones: Polyphones, rows: Rows = table) -> list[Ranked]:
    """Features of every example, as the front end computes them with these rows of its tables."""
    readings = Readings(polyphones, rows)
    found = []
    for example in data:
        (one,) = readings.occurrences(example.text, [example.place])
        (opinion,) = polyphones.opinions([one])
        right = one.candidates.index(example.pinyin) if example.pinyin in one.candidates else -1
        found.append(Ranked(*features(one, opinion), trust(one, opinion), right))
    return found


def fit(data: Sequence[Ranked]) -> Weights:
    """Maximum a posteriori weights of a conditional logit over the candidates of each example."""
    usable = [one for one in data if one.right >= 0]
    flat = np.concatenate([one.keys.reshape(-1) for one in usable])
    keys, columns = np.unique(flat, return_inverse=True)
    widths = np.concatenate([np.full(len(one.keys), one.keys.shape[1]) for one in usable])
    rows = np.repeat(np.arange(len(widths)), widths)
    sparse = csr_matrix((np.ones(len(flat)), (rows, columns)), shape=(rows[-1] + 1, len(keys)))
    dense = np.concatenate([one.dense for one in usable]).astype(float)
    starts = np.cumsum([0, *(len(one.dense) for one in usable)])[:-1]
    right = starts + [one.right for one in usable]
    objective = _objective(dense, sparse, starts, right)
    start = np.zeros(dense.shape[1] + len(keys))
    found, _, _ = fmin_l_bfgs_b(objective, start, maxiter=ITERATIONS)
    return Weights(found[: dense.shape[1]].astype(np.float32), keys, found[dense.shape[1] :].astype(np.float32))


def _objective(
    dense: NDArray[np.float64], sparse: csr_matrix, starts: NDArray[np.int64], right: NDArray[np.int64]
) -> Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]]:
    """Negative log posterior of the weights, and its gradient."""
    width = dense.shape[1]
    groups = np.repeat(np.arange(len(starts)), np.diff([*starts, len(dense)]))
    transposed = sparse.T.tocsr()
    penalty = np.r_[np.full(width, DENSE_PENALTY), np.full(sparse.shape[1], PENALTY)]

    def objective(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = dense @ weights[:width] + sparse @ weights[width:]
        highest = np.maximum.reduceat(scores, starts)
        odds = np.exp(scores - highest[groups])
        total = np.add.reduceat(odds, starts)
        loss = (np.log(total) + highest - scores[right]).sum() + (penalty * weights**2).sum()
        wrong = odds / total[groups]
        wrong[right] -= 1
        return float(loss), np.r_[dense.T @ wrong, transposed @ wrong] + 2 * penalty * weights

    return objective


def folds(count: int) -> NDArray[np.int64]:
    """Which of the ``FOLDS`` each of ``count`` examples belongs to."""
    return np.random.RandomState(1).randint(0, FOLDS, count)


def cross_validated(data: Sequence[Ranked], polyphones: Polyphones) -> list[bool]:
    """For each example: whether weights fitted on the other folds choose its reading."""
    fold = folds(len(data))
    found = [False] * len(data)
    for left_out in range(FOLDS):
        weights = fit([one for one, its in zip(data, fold, strict=True) if its != left_out])
        fitted = replace(polyphones, weights=weights)
        for index in np.flatnonzero(fold == left_out).tolist():
            one = data[index]
            found[index] = int(np.argmax(fitted.scores(one.dense, one.keys) + one.trust)) == one.right
    return found


def write(path: Path, polyphones: Polyphones) -> None:
    """Write what ``Polyphones.load`` reads."""
    weights = polyphones.weights
    kept = np.abs(weights.sparse) >= LEAST
    lines = [character + " ".join(names) for character, names in sorted(polyphones.candidates.items())]
    texts = {
        "characters": list(polyphones.network.characters),
        "classes": sorted(polyphones.classes, key=polyphones.classes.__getitem__),
        "candidates": lines,
    }
    arrays: dict[str, Any] = {name: np.frombuffer("\n".join(text).encode(), np.uint8) for name, text in texts.items()}
    arrays |= {name: array.astype(np.float16) for name, array in polyphones.network.arrays.items()}
    arrays |= {"dense": weights.dense, "keys": weights.keys[kept], "sparse": weights.sparse[kept].astype(np.float16)}
    np.savez_compressed(path, **arrays)


def main() -> None:
    """Cross-validate, fit, write."""
    parser = argparse.ArgumentParser(prog="python -m tts_engine.training.polyphones", description="拟合多音字打分器")
    parser.add_argument("--cpp", type=Path, default=Path("../shared/mandarin/cpp_dev"), help="CPP 开发集所在文件夹")
    parser.add_argument("--out", type=Path, default=Path("tts_engine/frontend/data") / FILE)
    options = parser.parse_args()
    data = examples(options.cpp)
    polyphones = unfitted(Contexts.load())
    features_of = ranked(data, polyphones)
    print(f"{FOLDS}-fold accuracy: {np.mean(cross_validated(features_of, polyphones)):.4f} of {len(data)}")
    write(options.out, replace(polyphones, weights=fit(features_of)))


if __name__ == "__main__":
    main()
