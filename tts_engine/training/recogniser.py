"""A recogniser that judges speech: waveform → syllables. It hears sound only and was trained on the teacher alone.

Source: connectionist temporal classification (Graves et al. 2006): one label or blank a frame, read greedily.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel

from tts_engine.audio import AudioConfig, FloatArray, log_mel
from tts_engine.frontend.phonemes import ENGLISH, ERHUA, FINALS, INITIALS, SYMBOLS
from tts_engine.frontend.pinyin import spelled
from tts_engine.transformer import FeedForwardTransformer

BLANK = 0
LABELS: tuple[tuple[str, int], ...] = (
    ("", 0),
    *((initial, 0) for initial in INITIALS),
    *((final, tone) for final in FINALS for tone in range(1, 6)),
    (ERHUA, 0),
    *((symbol, 0) for symbol in ENGLISH),
)
"""What a frame may be: blank, an initial, a final with its tone, erhua, an English phoneme."""
LABEL_IDS = {label: index for index, label in enumerate(LABELS)}
_FINALS = frozenset(index for index, (symbol, _) in enumerate(LABELS) if symbol in FINALS)
SHORTEST_RHYME = 3
"""Frames (35 ms) of a final after its initial. What is shorter is the ear's flicker, in haste too: of 70,265 finals
that the teacher spoke at 0.56 to 1.8 times its speed, 8 were shorter.
"""
SHORTEST_SYLLABLE = 4
"""Frames (46 ms) of a final that is a syllable by itself: of 12,097, 6 were shorter."""
FOLDER = Path(__file__).parent / "recogniser_v2"


def label_of(symbol: str, tone: int) -> int:
    """The label of one phoneme of the inventory; pauses are blank."""
    if symbol in FINALS:
        return LABEL_IDS.get((symbol, tone), BLANK)
    return LABEL_IDS.get((symbol, 0), BLANK)


def labels_of(phonemes: Iterable[tuple[int, int]]) -> list[int]:
    """Labels of symbol ids and tones, pauses left out."""
    labels = (label_of(SYMBOLS[symbol], tone) for symbol, tone in phonemes)
    return [label for label in labels if label != BLANK]


class RecogniserConfig(PretrainedConfig):  # type: ignore[no-untyped-call]  # transformers is half typed
    """Dimensions of the recogniser."""

    model_type = "indextts_recogniser"

    def __init__(self, width: int = 128, layers: int = 7, **kwargs: Any) -> None:
        self.width = width
        self.layers = layers
        super().__init__(**kwargs)


class Recogniser(PreTrainedModel):  # type: ignore[no-untyped-call]
    """Convolutions over mel frames: (B, M, T) → log-probabilities (B, T, labels)."""

    config_class = RecogniserConfig
    main_input_name = "mel"

    def __init__(self, config: RecogniserConfig) -> None:
        super().__init__(config)
        self.into = nn.Linear(AudioConfig().n_mels, config.width)
        self.body = FeedForwardTransformer(config.width, config.layers, 0, 11, 0.1)
        self.out = nn.Linear(config.width, len(LABELS))
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        """Keep torch's own initialisation."""

    def forward(self, mel: Tensor, mask: Tensor) -> Tensor:
        """Mel (B, M, T) and mask (B, T, 1) → (B, T, labels) log-probabilities.

        The level of an utterance says nothing about its words: its mean is taken away.
        """
        x = mel.transpose(1, 2)
        mean = (x * mask).sum((1, 2), keepdim=True) / (mask.sum((1, 2), keepdim=True) * x.shape[2])
        hidden = self.body(self.into((x - mean) / 3 * mask) * mask, mask)
        return torch.log_softmax(self.out(hidden).float(), dim=-1)

    @torch.no_grad()
    def hear(self, samples: FloatArray, patience: float = 0.0) -> list[tuple[str, int]]:
        """The syllables of a recording, each with its tone: ``[("h+uan", 1), ("ing", 2), ...]``.

        Args:
            samples: (S,) at the configuration's rate.
            patience: nats that every change of label costs; 0 takes each frame by itself.
        """
        mel = torch.from_numpy(log_mel(samples, AudioConfig()))[None]
        scores = self(mel, torch.ones(1, mel.shape[2], 1))[0].numpy()
        return syllables(spelt(scores.argmax(1) if patience == 0 else steadiest(scores, patience)))


def steadiest(scores: FloatArray, cost: float) -> npt.NDArray[np.int64]:
    """The labels (T,) of largest sum of scores (T, labels), less ``cost`` for every change.

    Source: Viterbi 1967, with one transition cost for all pairs, so a frame costs as many steps as there are labels.
    """
    before = np.zeros(scores.shape, np.int64)
    best = scores[0].astype(np.float64)
    stay = np.arange(scores.shape[1])
    for frame in range(1, scores.shape[0]):
        leader = int(best.argmax())
        change = best[leader] - cost
        before[frame] = np.where(best >= change, stay, leader)
        best = np.maximum(best, change) + scores[frame]
    path = np.empty(scores.shape[0], np.int64)
    path[-1] = best.argmax()
    for frame in range(scores.shape[0] - 1, 0, -1):
        path[frame - 1] = before[frame, path[frame]]
    return path


def spelt(best: npt.NDArray[np.int64]) -> list[int]:
    """What frame labels (T,) spell: runs of a label, without blanks and without finals too short to be spoken."""
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    lengths = np.diff(np.append(starts, best.shape[0]))
    labels: list[int] = []
    for start, length in zip(starts, lengths, strict=True):
        label = int(best[start])
        shortest = SHORTEST_RHYME if labels and LABELS[labels[-1]][0] in INITIALS else SHORTEST_SYLLABLE
        if label != BLANK and (label not in _FINALS or length >= shortest):
            labels.append(label)
    return labels


def syllables(labels: Iterable[int]) -> list[tuple[str, int]]:
    """Join labels to syllables: initial, final, erhua; English phonemes stand alone."""
    out: list[tuple[str, int]] = []
    initial = ""
    for label in labels:
        symbol, tone = LABELS[label]
        if symbol in INITIALS:
            if initial:
                out.append((initial, 0))
            initial = symbol
        elif symbol == ERHUA and out and not initial:
            out[-1] = (out[-1][0] + "+rr", out[-1][1])
        else:
            out.append((f"{initial}+{symbol}" if initial else symbol, tone))
            initial = ""
    if initial:
        out.append((initial, 0))
    return out


def written(name: str, tone: int) -> str:
    """A syllable of ``syllables`` as people write it: ``("h+ua+rr", 1)`` → ``huar1``; what is none, as it stands."""
    parts = name.split("+")
    erhua = len(parts) > 1 and parts[-1] == ERHUA
    sounds = parts[:-1] if erhua else parts
    if sounds[-1] not in FINALS or not tone:
        return name
    return f"{spelled(sounds[0] if len(sounds) > 1 else '', sounds[-1])}{'r' if erhua else ''}{tone}"


def edit_distance(heard: Sequence[object], meant: Sequence[object]) -> int:
    """Fewest insertions, deletions and substitutions (Levenshtein 1966)."""
    row = list(range(len(meant) + 1))
    for i, one in enumerate(heard, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(meant, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (one != other))
    return row[-1]


@dataclass
class Errors:
    """Edit errors over many utterances."""

    syllables: int = 0
    toneless: int = 0
    toned: int = 0

    def add(self, heard: list[tuple[str, int]], meant: list[tuple[str, int]]) -> None:
        """Count one utterance."""
        self.syllables += len(meant)
        self.toneless += edit_distance([name for name, _ in heard], [name for name, _ in meant])
        self.toned += edit_distance(heard, meant)

    @property
    def ser(self) -> float:
        """Syllable errors, tones aside, as a fraction."""
        return self.toneless / max(1, self.syllables)

    @property
    def ter(self) -> float:
        """Syllable errors, a wrong tone counted, as a fraction."""
        return self.toned / max(1, self.syllables)


def meant_by(rows: npt.NDArray[np.int16]) -> list[tuple[str, int]]:
    """The syllables of phoneme rows (L, 3), as the recogniser writes them."""
    return syllables(labels_of((int(row[0]), int(row[1])) for row in rows))
