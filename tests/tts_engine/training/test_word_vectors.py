"""Word vectors: open-gram's format, and that words in the same places come out alike."""

import struct

import numpy as np
import pytest

from tts_engine.frontend.word_vectors import WordVectors
from tts_engine.training import word_vectors

WORDS = ["", "喝", "吃", "水", "饭", "茶", "面"]
PAIRS = [(1, 3), (1, 5), (2, 4), (2, 6)]


@pytest.fixture
def folder(tmp_path):
    """A model of six words, laid out as sunpinyin's."""
    names = "\0".join(WORDS).encode("utf-32-le")
    (tmp_path / "pydict_sc.bin").write_bytes(struct.pack("<8I", len(WORDS), 0, 32, 0, 0, 0, 0, 0) + names)
    table = np.zeros(65_536, "<f4")
    table[1:3] = 1 / 6, 0.5
    singles, pairs = [], []
    for word in range(1, len(WORDS)):
        singles.append((word, 1 | len(pairs) << 16, 0))
        pairs += [(second, 2, 0) for first, second in PAIRS if first == word]
    singles.append((0, len(pairs) << 16, 0))
    pairs.append((0, 0, 0))
    model = struct.pack("<6I", 3, 0, 2, len(singles), len(pairs), 0) + table.tobytes() + bytes(4 * 16_384 + 2 * 12)
    (tmp_path / "lm_sc.t3g").write_bytes(model + np.array(singles, "<u4").tobytes() + np.array(pairs, "<u4").tobytes())
    return tmp_path


def test_the_model_is_read_as_it_was_laid_out(folder):
    found = word_vectors.read(folder)
    assert found.words == WORDS
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == PAIRS
    assert found.probabilities == pytest.approx([0.5] * 4)
    assert found.frequencies == pytest.approx([0, *[1 / 6] * 6])


def test_words_with_the_same_neighbours_get_the_same_vector(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(word_vectors, "SIZE", 2)
    bigrams = word_vectors.read(folder)
    word_vectors.write(tmp_path / "vectors.npz", bigrams, word_vectors.vectors(bigrams))
    found = WordVectors.load(tmp_path / "vectors.npz")
    assert np.allclose(found.of("水"), found.of("茶"), atol=2 * found.scale)
    assert np.linalg.norm(found.of("水") - found.of("饭")) > 0.5


def test_a_folder_without_the_model_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        word_vectors.read(tmp_path)
