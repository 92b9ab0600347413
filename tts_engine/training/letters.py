"""Fit the letter-to-sound network on the pronouncing dictionary (python -m tts_engine.training.letters).

With ``--held-out`` it writes nothing: it fits on nine tenths of the words and says how it reads the rest. Each word's
letters are aligned with its phones (a letter says none, one or two) by expectation maximisation with hard decisions;
a bidirectional LSTM then labels every letter with what it says (Yao and Zweig, "Sequence-to-Sequence Neural Net Models
for Grapheme-to-Phoneme Conversion", Interspeech 2015). Half an hour on one core.
"""

from __future__ import annotations

import argparse
import gzip
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from torch import Tensor, nn

from tts_engine.frontend.letters import ALPHABET, FILE, LAYERS, Letters

EPOCHS = 9
BATCH = 192
RATE = 5e-3
_EMBEDDED, _HIDDEN, _DROPOUT = 48, 96, 0.15
_ROUNDS = 5
_UNSEEN = -14.0
_PADDING = -100
"""Label of the places behind a word's end; ``cross_entropy`` leaves it out."""
_RARE = 3
"""Words whose letters say what is said less often than this in the whole dictionary (``c`` as B IY1) teach nothing."""

Sound = tuple[str, ...]
Words = list[tuple[str, Sound]]
Aligned = list[tuple[str, list[str]]]
Table = dict[tuple[str, Sound], float]


class Network(nn.Module):
    """Letters → logits of what each says."""

    def __init__(self, sounds: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(ALPHABET) + 1, _EMBEDDED)
        self.lstm = nn.LSTM(_EMBEDDED, _HIDDEN, LAYERS, bidirectional=True, batch_first=True, dropout=_DROPOUT)
        self.drop = nn.Dropout(_DROPOUT)
        self.output = nn.Linear(2 * _HIDDEN, sounds)

    def forward(self, letters: Tensor) -> Tensor:
        """(words, letters) of one length → (words, letters, sounds)."""
        logits: Tensor = self.output(self.drop(self.lstm(self.drop(self.embedding(letters)))[0]))
        return logits


def dictionary() -> Words:
    """The words of plain letters that the package knows, with their phones."""
    file = resources.files("tts_engine.frontend.data").joinpath("english.tsv.gz")
    lines = gzip.decompress(file.read_bytes()).decode("ascii").splitlines()
    return [(word, tuple(phones.split())) for word, phones in (line.split("\t") for line in lines) if word.isalpha()]


def aligned(words: Words) -> Aligned:
    """Each word with what each of its letters says; without the words that no alignment explains."""
    table: Table = {}
    for _ in range(_ROUNDS):
        counts: Counter[tuple[str, Sound]] = Counter()
        for word, phones in words:
            counts.update(zip(word, align(word, phones, table), strict=False))
        table = _logarithms(counts)
    found = [(word, align(word, phones, table)) for word, phones in words]
    return [
        (word, [" ".join(sound) for sound in sounds])
        for word, sounds in found
        if sounds and all(counts[pair] >= _RARE for pair in zip(word, sounds, strict=True))
    ]


def align(word: str, phones: Sound, table: Table) -> list[Sound]:
    """The likeliest division of ``phones`` over the letters; empty where there is none."""
    best: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]
    for letter in word:
        row: dict[int, tuple[float, int]] = {}
        for done, (score, _) in best[-1].items():
            for taken in range(min(3, len(phones) - done + 1)):
                sound = phones[done : done + taken]
                now = score + table.get((letter, sound), _UNSEEN if table else _first_guess(letter, sound))
                if now > row.get(done + taken, (-math.inf, 0))[0]:
                    row[done + taken] = (now, taken)
        best.append(row)
    return _trace(best, phones)


def _first_guess(letter: str, sound: Sound) -> float:
    if not sound:
        return -3.0
    fits = (sound[0][-1].isdigit() == (letter in "aeiouy")) * 4.0 + (sound[0][0] == letter.upper()) * 2.0
    return fits - 4.0 - len(sound)


def _trace(best: list[dict[int, tuple[float, int]]], phones: Sound) -> list[Sound]:
    at = len(phones)
    if at not in best[-1]:
        return []
    sounds: list[Sound] = []
    for row in reversed(best[1:]):
        taken = row[at][1]
        sounds.append(phones[at - taken : at])
        at -= taken
    return sounds[::-1]


def _logarithms(counts: Counter[tuple[str, Sound]]) -> Table:
    totals: Counter[str] = Counter()
    for (letter, _), count in counts.items():
        totals[letter] += count
    return {key: math.log(count / totals[key[0]]) for key, count in counts.items()}


def fit(words: Aligned, epochs: int = EPOCHS) -> Letters:
    """The network that labels these words' letters best."""
    torch.manual_seed(0)
    sounds = sorted({sound for _, spoken in words for sound in spoken})
    network = Network(len(sounds))
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.01)
    steps = epochs * len(list(_batches(words, sounds, 0)))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    for epoch in range(epochs):
        total = 0.0
        for letters, labels in _batches(words, sounds, epoch):
            loss = nn.functional.cross_entropy(
                network(letters).flatten(0, 1), labels.flatten(), ignore_index=_PADDING, label_smoothing=0.05
            )
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        print(f"epoch {epoch + 1} of {epochs}: mean loss {total / steps * epochs:.4f}", flush=True)
    return Letters({name: array.numpy() for name, array in network.state_dict().items()}, sounds)


def _batches(words: Aligned, sounds: Sequence[str], seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Words of one length together, in an order that ``seed`` shuffles."""
    numbers = {sound: number for number, sound in enumerate(sounds)}
    order = np.random.default_rng(seed).permutation(len(words))
    order = order[np.argsort([len(words[index][0]) for index in order], kind="stable")]
    cuts = np.flatnonzero(np.diff([len(words[index][0]) for index in order])) + 1
    groups = [group[at : at + BATCH] for group in np.split(order, cuts) for at in range(0, len(group), BATCH)]
    for place in np.random.default_rng(seed).permutation(len(groups)):
        chosen = [words[index] for index in groups[place]]
        letters = torch.tensor([[ALPHABET.index(letter) for letter in word] for word, _ in chosen])
        yield letters, torch.tensor([[numbers[sound] for sound in spoken] for _, spoken in chosen])


def measure(words: Words, epochs: int) -> str:
    """How a network that knows nine tenths of the words reads the tenth whose checksum ends in 0."""
    network = fit(aligned([one for one in words if crc32(one[0].encode()) % 10]), epochs)
    held_out = [one for one in words if not crc32(one[0].encode()) % 10]
    return report([(network.pronounce(word).split(), list(phones)) for word, phones in held_out])


def report(pairs: Sequence[tuple[list[str], list[str]]]) -> str:
    """Words right and phoneme errors of (read, wanted), without stress and with it."""
    lines = [f"{len(pairs)} held-out words"]
    for name, digits in (("stress apart", "012"), ("with stress", "")):
        plain = [[[phone.rstrip(digits) for phone in phones] for phones in pair] for pair in pairs]
        errors = [distance(read, wanted) for read, wanted in plain]
        rate = sum(errors) / sum(len(wanted) for _, wanted in plain)
        lines.append(f"{name}: {errors.count(0) / len(errors):.1%} of words right, phoneme error rate {rate:.1%}")
    return "; ".join(lines)


def distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Insertions, deletions and substitutions between two sequences."""
    row = list(range(len(other) + 1))
    for place, left in enumerate(one, 1):
        before, row[0] = row[0], place
        for index, right in enumerate(other, 1):
            before, row[index] = row[index], min(before + (left != right), row[index] + 1, row[index - 1] + 1)
    return row[-1]


def main() -> None:
    """Fit and write; or fit on nine tenths and measure."""
    parser = argparse.ArgumentParser(prog="python -m tts_engine.training.letters", description="拟合英文字母读音网络")
    parser.add_argument("--held-out", action="store_true", help="不写文件，只报告没见过的十分之一词读对多少")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--out", type=Path, default=Path("tts_engine/frontend/data") / FILE)
    options = parser.parse_args()
    if options.held_out:
        print(measure(dictionary(), options.epochs))
    else:
        fit(aligned(dictionary()), options.epochs).write(options.out)


if __name__ == "__main__":
    main()
