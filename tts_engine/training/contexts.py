"""Fit the network that tells readings apart by the words around them (python -m tts_engine.training.contexts).

It learns from ``sentences.tsv`` alone, which was written for this; no sentence of a test or development set is in it,
so what it says of those is said of unseen text. ``--held-out`` writes nothing: five times it fits on four fifths and
says how it reads the rest. Four minutes on two cores; with ``--held-out`` a quarter of an hour.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tts_engine.frontend.contexts import FILE, Contexts, Vocabulary
from tts_engine.frontend.polyphones import Occurrence
from tts_engine.frontend.readings import Readings
from tts_engine.frontend.word_vectors import WordVectors
from tts_engine.training.polyphones import Example, folds, marked, unfitted

SENTENCES = Path(__file__).with_name("sentences.tsv")
EPOCHS = 18
BATCH = 64
RATE = 2e-3
_CHARACTER, _TAG, _STANDING, _CLASS, _HIDDEN, _DENSE, _DROPOUT = 64, 16, 8, 48, 128, 160, 0.3
_FORGOTTEN = 0.08
"""Part of the surrounding characters that training hides, so that their words and tags have to tell."""
_LEAST = 2
"""Times that a character occurs before it gets an embedding of its own."""
_AROUND = 40
"""Characters on either side that training looks at."""
_IMPOSSIBLE = -1e4
_OWN_PART, _OWN = 0.1, 20
"""Weight of the sentences' own shares beside the words': so much of their count, and so many more. A character also
stands alone, of which the words say nothing."""


@dataclass(frozen=True)
class Encoded:
    """One sentence for the network."""

    rows: NDArray[np.int64]
    """(characters, 3) of the vocabulary."""
    vectors: NDArray[np.float32]
    """(characters, word vector) of the word that each belongs to."""
    place: int
    candidates: NDArray[np.int64]
    """Rows of the readings that its character was taught."""
    right: int
    """Index of the right one."""


class Network(nn.Module):
    """A sentence and a place in it → scores of the readings of the character there."""

    def __init__(self, vocabulary: Vocabulary, vector: int, characters: Tensor) -> None:
        super().__init__()
        self.characters = nn.Embedding(characters.shape[0], characters.shape[1], _weight=characters)
        self.tags = nn.Embedding(len(vocabulary.tags), _TAG)
        self.standings = nn.Embedding(4, _STANDING)
        self.classes = nn.Linear(vector, _CLASS)
        features = characters.shape[1] + _TAG + _STANDING + _CLASS
        self.lstm = nn.LSTM(features, _HIDDEN, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(2 * _HIDDEN + characters.shape[1], _DENSE)
        self.readings = nn.Embedding(len(vocabulary.readings), _DENSE)
        self.biases = nn.Embedding(len(vocabulary.readings), 1)
        nn.init.normal_(self.readings.weight, std=0.05)
        nn.init.zeros_(self.biases.weight)
        self.drop = nn.Dropout(_DROPOUT)

    def forward(self, rows: Tensor, vectors: Tensor, lengths: Tensor, places: Tensor, candidates: Tensor) -> Tensor:
        """(batch, candidates) of (batch, steps, 3), (batch, steps, vector), two of (batch,), (batch, candidates)."""
        each = torch.arange(len(places))
        target = self.characters(rows[each, places, 0])
        seen = rows[..., 0]
        if self.training:
            seen = torch.where(torch.rand(seen.shape) < _FORGOTTEN, torch.zeros_like(seen), seen)
            seen[each, places] = rows[each, places, 0]
        parts = self.characters(seen), self.tags(rows[..., 1]), self.standings(rows[..., 2]), self.classes(vectors)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.drop(torch.cat(parts, dim=-1)), lengths, batch_first=True, enforce_sorted=False
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        known = torch.cat([self.drop(states[each, places]), target], dim=-1)
        hidden = self.drop(torch.relu(self.dense(known)))
        possible = candidates.clamp(min=0)
        scores = (self.readings(possible) * hidden[:, None]).sum(dim=-1) + self.biases(possible)[..., 0]
        found: Tensor = scores.masked_fill(candidates < 0, _IMPOSSIBLE)
        return found


def sentences(path: Path = SENTENCES) -> list[Example]:
    """The written sentences."""
    lines = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if line[0] != "#")
    return [marked(sentence, pinyin) for pinyin, sentence in lines]


def fit(examples: Sequence[Example], readings: Readings, epochs: int = EPOCHS) -> Contexts:
    """The network that reads these sentences best.

    Args:
        examples: to learn from.
        readings: cuts them into words; its ranker is not asked.
        epochs: times that each is seen.
    """
    torch.manual_seed(0)
    occurrences = [readings.occurrences(one.text, [one.place])[0] for one in examples]
    vocabulary = _vocabulary(examples, occurrences)
    vectors = WordVectors.load()
    data = [encode(*pair, vocabulary, vectors) for pair in zip(examples, occurrences, strict=True)]
    network = Network(vocabulary, vectors.size, _first_characters(vocabulary))
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-4)
    steps = epochs * math.ceil(len(data) / BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps, pct_start=0.1)
    for epoch in range(epochs):
        total = 0.0
        for batch, right in _batches(data, epoch):
            loss = nn.functional.cross_entropy(network(*batch), right)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(right)
        print(f"epoch {epoch + 1} of {epochs}: mean loss {total / len(data):.4f}", flush=True)
    arrays = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
    arrays["biases.weight"] += surplus(examples, readings, vocabulary)[:, None]
    counts = Counter(one.text[one.place] + one.pinyin for one in examples)
    arrays["sentences"] = np.array([counts[reading] for reading in vocabulary.readings])
    return Contexts.from_arrays(vocabulary, vectors, arrays)


def surplus(examples: Sequence[Example], readings: Readings, vocabulary: Vocabulary) -> NDArray[np.float32]:
    """(readings,) logarithm of how much more frequent each is in the dictionary's words than in ``examples``.

    Added to the scores it makes them those of a network that saw each reading as often as people write it (Bayes' rule:
    the sentences tell what is around a reading, the words how frequent it is).
    """
    written = Counter(one.text[one.place] + one.pinyin for one in examples)
    used: Counter[str] = Counter()
    for word, count, pinyin in readings.words():
        for character, its in zip(word, pinyin, strict=True):
            used[character + its] += count
    total = {one[0]: Counter[str]() for one in vocabulary.readings}
    for one in vocabulary.readings:
        total[one[0]] += Counter(written=written[one], used=used[one])
    shares = []
    for one in vocabulary.readings:
        both = total[one[0]]
        share = written[one] / both["written"]
        own = _OWN_PART * both["used"] + _OWN
        shares.append((used[one] + own * share) / (both["used"] + own) / share)
    return np.log(np.array(shares, np.float32))


def _vocabulary(examples: Sequence[Example], occurrences: Sequence[Occurrence]) -> Vocabulary:
    characters = Counter(character for one in examples for character in one.text)
    tags = Counter(word.tag for one in occurrences for word in one.words)
    known = ["<unknown>", *(character for character, count in characters.most_common() if count >= _LEAST)]
    taught = sorted({one.text[one.place] + one.pinyin for one in examples})
    listed = known, ["<unknown>", *sorted(tags)], taught
    return Vocabulary(*({name: row for row, name in enumerate(names)} for names in listed))


def _first_characters(vocabulary: Vocabulary) -> Tensor:
    """g2pM's embeddings where it knows the character: it read ten times as many sentences."""
    network = unfitted().network
    found = 0.1 * torch.randn(len(vocabulary.characters), _CHARACTER)
    for character, row in vocabulary.characters.items():
        if character in network.characters:
            found[row] = torch.tensor(network.arrays["embedding.weight"][network.characters[character]])
    return found


def encode(example: Example, one: Occurrence, vocabulary: Vocabulary, vectors: WordVectors) -> Encoded:
    """A sentence, no more of it than ``_AROUND`` characters on either side of the place."""
    begin, end = max(0, example.place - _AROUND), example.place + _AROUND + 1
    its = np.repeat([vectors.of(word.text) for word in one.words], [len(word.text) for word in one.words], axis=0)
    character = example.text[example.place]
    taught = [name for name in one.candidates if character + name in vocabulary.readings]
    return Encoded(
        np.array(vocabulary.rows(one.words)[begin:end]),
        its[begin:end],
        example.place - begin,
        np.array([vocabulary.readings[character + name] for name in taught]),
        taught.index(example.pinyin),
    )


def _batches(data: Sequence[Encoded], seed: int) -> Iterator[tuple[tuple[Tensor, ...], Tensor]]:
    order = np.random.default_rng(seed).permutation(len(data))
    for begin in range(0, len(order), BATCH):
        yield _collated([data[index] for index in order[begin : begin + BATCH]])


def _collated(chosen: Sequence[Encoded]) -> tuple[tuple[Tensor, ...], Tensor]:
    """The arguments of ``Network.forward``, and the right candidates."""

    def padded(arrays: Sequence[NDArray[np.generic]], value: int = 0) -> Tensor:
        tensors = [torch.from_numpy(array) for array in arrays]
        return nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=value)

    lengths = torch.tensor([len(one.rows) for one in chosen])
    places = torch.tensor([one.place for one in chosen])
    rows, vectors = padded([one.rows for one in chosen]), padded([one.vectors for one in chosen])
    candidates = padded([one.candidates for one in chosen], -1)
    return (rows, vectors, lengths, places, candidates), torch.tensor([one.right for one in chosen])


def held_out(examples: Sequence[Example], readings: Readings) -> Iterator[tuple[Example, str]]:
    """Each sentence with how a network reads it that was fitted on the other four fifths."""
    fold = folds(len(examples))
    for left_out in sorted(set(fold.tolist())):
        learnt = [one for one, its in zip(examples, fold, strict=True) if its != left_out]
        contexts = fit(learnt, readings)
        for example in (examples[index] for index in np.flatnonzero(fold == left_out).tolist()):
            (one,) = readings.occurrences(example.text, [example.place])
            asked = [(example.place, example.text[example.place], one.candidates)]
            (opinion,) = contexts.opinions(one.words, asked)
            yield example, one.candidates[int(np.argmax(opinion.logs))] if opinion else ""


def main() -> None:
    """Fit and write; or fit on four fifths and measure."""
    parser = argparse.ArgumentParser(
        prog="python -m tts_engine.training.contexts", description="拟合按上下文选读音的网络"
    )
    parser.add_argument("--held-out", action="store_true", help="不写文件，只报告没见过的五分之一读对多少")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--out", type=Path, default=Path("tts_engine/frontend/data") / FILE)
    options = parser.parse_args()
    examples, readings = sentences(), Readings(unfitted())
    if options.held_out:
        found = [read == one.pinyin for one, read in held_out(examples, readings)]
        print(f"{np.mean(found):.4f} of {len(found)} held-out sentences")
    else:
        fit(examples, readings, options.epochs).write(options.out)


if __name__ == "__main__":
    main()
