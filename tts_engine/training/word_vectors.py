"""Vectors of words from how often one follows another (python -m tts_engine.training.word_vectors --data FOLDER).

Words that stand in the same places get similar vectors: the singular value decomposition of the positive pointwise
mutual information between a word and its two neighbours (Levy, Goldberg and Dagan, "Improving Distributional Similarity
with Lessons Learned from Word Embeddings", TACL 2015, with their smoothed context distribution and symmetric weights).

The counts are the bigrams of open-gram's language model, as Debian's package sunpinyin-data 0.1.22 holds them
(``lm_sc.t3g`` and ``pydict_sc.bin`` under usr/lib/*/sunpinyin/data), CC BY-SA 3.0; so is what is made of them here
(``LICENSE.open-gram``). A minute on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack  # type: ignore[import-untyped]
from scipy.sparse.linalg import svds  # type: ignore[import-untyped]

from tts_engine.frontend.word_vectors import FILE, LARGEST

KEPT = 32_000
"""Words, the commonest."""
SIZE = 48
SMOOTHING = 0.75
"""Exponent of the frequency with which a neighbour is expected."""
CLIPPED = 1e-3
"""Part of the numbers that is too large for its byte."""
_HEADER, _TABLES = 24, 4 * (65_536 + 16_384)
_NODE = 12
_WORD, _PROBABILITY = 0x3FFFF, 0xFFFF
_NAMES = 8
"""Offset in ``pydict_sc.bin`` of the place where its words begin."""


class Bigrams(NamedTuple):
    """What follows what."""

    words: list[str]
    frequencies: NDArray[np.float64]
    """Of each word; they sum to 1."""
    first: NDArray[np.int64]
    """(pairs,) index of the word before."""
    second: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    """(pairs,) of ``second`` where ``first`` stands before it."""


def read(folder: Path) -> Bigrams:
    """The model in ``folder``.

    A node is three little-endian words of 32 bits: 18 bits of the word's number; 16 of the index of its probability in
    the table, 16 of that of its first successor; 7 more of the latter on top of the third (slm.h of sunpinyin).

    Raises:
        OSError: a file is not there.
    """
    dictionary = (folder / "pydict_sc.bin").read_bytes()
    begin = int(np.frombuffer(dictionary, "<u4", 1, _NAMES)[0])
    words = dictionary[begin:].decode("utf-32-le").split("\0")
    model = (folder / "lm_sc.t3g").read_bytes()
    singles, pairs = (int(count) for count in np.frombuffer(model, "<u4", 2, 12))
    table = np.frombuffer(model, "<f4", 65_536, _HEADER)
    at = _HEADER + _TABLES + 2 * _NODE
    single = np.frombuffer(model, "<u4", 3 * singles, at).reshape(-1, 3)
    pair = np.frombuffer(model, "<u4", 3 * pairs, at + _NODE * singles).reshape(-1, 3)[:-1]
    firsts = ((single[:, 1] >> 16) | ((single[:, 2] >> 25) << 16)).astype(np.int64)
    numbers = (single[:-1, 0] & _WORD).astype(np.int64)
    frequencies = np.zeros(len(words))
    frequencies[numbers] = table[single[:-1, 1] & _PROBABILITY]
    return Bigrams(
        words,
        frequencies / frequencies.sum(),
        np.repeat(numbers, firsts[1:] - firsts[:-1]),
        (pair[:, 0] & _WORD).astype(np.int64),
        table[pair[:, 1] & _PROBABILITY].astype(np.float64),
    )


def vectors(bigrams: Bigrams) -> NDArray[np.float64]:
    """(words, ``SIZE``), of mean square 1 over the words that have neighbours."""
    known = (bigrams.frequencies[bigrams.first] > 0) & (bigrams.frequencies[bigrams.second] > 0)
    first, second = bigrams.first[known], bigrams.second[known]
    expected = bigrams.frequencies**SMOOTHING
    information = np.log(bigrams.probabilities[known] / (expected[second] / expected.sum()))
    positive = information > 0
    places, count = (first[positive], second[positive]), len(bigrams.words)
    after = csr_matrix((information[positive], places), shape=(count, count))
    left, strengths, _ = svds(hstack([after, after.T]).tocsr(), k=SIZE, random_state=0)
    found = left * np.sqrt(strengths)
    found /= np.sqrt(np.mean(found[np.abs(found).sum(axis=1) > 0] ** 2))
    return np.asarray(found)


def write(path: Path, bigrams: Bigrams, found: NDArray[np.float64]) -> None:
    """Write what ``WordVectors.load`` reads: the commonest words, in bytes."""
    common = [index for index in np.argsort(-bigrams.frequencies) if bigrams.words[index] and found[index].any()]
    kept = common[:KEPT]
    scale = np.quantile(np.abs(found[kept]), 1 - CLIPPED) / LARGEST
    stored = np.clip(np.round(found[kept] / scale), -LARGEST, LARGEST).astype(np.int8)
    words = np.frombuffer("\n".join(bigrams.words[index] for index in kept).encode(), np.uint8)
    np.savez_compressed(path, words=words, vectors=stored, scale=np.float32(scale))


def main() -> None:
    """Read, decompose, write."""
    parser = argparse.ArgumentParser(
        prog="python -m tts_engine.training.word_vectors", description="由词的搭配算词向量"
    )
    parser.add_argument("--data", type=Path, required=True, help="sunpinyin-data 的 sunpinyin/data 文件夹")
    parser.add_argument("--out", type=Path, default=Path("tts_engine/frontend/data") / FILE)
    options = parser.parse_args()
    bigrams = read(options.data)
    write(options.out, bigrams, vectors(bigrams))


if __name__ == "__main__":
    main()
