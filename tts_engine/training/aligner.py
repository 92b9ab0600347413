"""Where each phoneme of a recording lies, when only its text is known.

The recogniser says for every frame how well each phoneme fits; the best path through the phonemes in their order, with
silence allowed between syllables, is the alignment. A recogniser that has learnt other voices is adapted in rounds: it
aligns, learns from its own alignment, aligns again.

Source: the Viterbi path through a left-to-right model (Rabiner 1989, section III.B); training on it: segmental k-means
(Juang and Rabiner 1990).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from tts_engine.audio import AudioConfig, FloatArray, log_mel
from tts_engine.frontend import phonemes as inventory
from tts_engine.frontend.reading import Phoneme
from tts_engine.training.recogniser import BLANK, Recogniser, label_of

SHORTEST_PAUSE = 5
"""Frames (58 ms): shorter silence is the closure of a plosive, and belongs to its neighbours."""
_COMMA_S = 0.2
_NEVER = -1e9


class AlignmentError(Exception):
    """A recording cannot be what its text says."""


@dataclass(frozen=True)
class Alignment:
    """A recording's phonemes, pauses included, and where they end."""

    phonemes: tuple[Phoneme, ...]
    ends: npt.NDArray[np.int64]
    """(L,) frames."""
    score: float
    """Mean log-probability of a frame: how far the recording and its text agree."""


def log_probabilities(recogniser: Recogniser, samples: FloatArray) -> FloatArray:
    """(T, labels) of samples (S,) at 22,050 Hz."""
    mel = torch.from_numpy(log_mel(samples, AudioConfig()))[None]
    with torch.inference_mode():
        out: FloatArray = recogniser(mel, torch.ones(1, mel.shape[2], 1))[0].numpy()
    return out


def best_path(said: FloatArray, labels: Sequence[int], pauses: Sequence[bool]) -> tuple[npt.NDArray[np.int64], float]:
    """The most likely way through the labels.

    Args:
        said: (T, labels) log-probabilities.
        labels: L of them, in order; each takes a frame at least.
        pauses: (L + 1) whether there may be silence before each, and after the last.

    Returns:
        (T,) state of each frame: 2 i + 1 in label i, even in the silence before it; and the mean log-probability.

    Raises:
        AlignmentError: there are fewer frames than labels.
    """
    frames = said.shape[0]
    if frames < len(labels):
        raise AlignmentError(f"{len(labels)} phonemes in {frames} frames")
    states = 2 * len(labels) + 1
    emitted = np.full((frames, states), _NEVER)
    emitted[:, 1::2] = said[:, list(labels)]
    emitted[:, ::2] = np.where(np.asarray(pauses), said[:, [BLANK]], _NEVER)
    back = np.zeros((frames, states), dtype=np.int8)
    best = np.full(states, _NEVER)
    best[:2] = emitted[0, :2]
    for frame in range(1, frames):
        step = np.full((3, states), _NEVER)
        step[0] = best
        step[1, 1:] = best[:-1]
        step[2, 3::2] = best[1:-2:2]  # from a phoneme straight to the next
        back[frame] = step.argmax(0)
        best = step.max(0) + emitted[frame]
    state = int(states - 1 if best[-1] > best[-2] else states - 2)
    total = best[state]
    path = np.zeros(frames, dtype=np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state -= int(back[frame, state])
    return path, float(total / frames)


def align(recogniser: Recogniser, samples: FloatArray, phonemes: Sequence[Phoneme]) -> Alignment:
    """Find a sentence's phonemes in its recording.

    Args:
        recogniser: that has heard such voices.
        samples: (S,) at 22,050 Hz.
        phonemes: as the front end writes them; a pause is kept where there is silence, and made where there is more of
            it than the text says.

    Raises:
        AlignmentError: too short for its text.
    """
    spoken = [phoneme for phoneme in phonemes if phoneme.tone != 0]
    labels = [label_of(phoneme.symbol, phoneme.tone) for phoneme in spoken]
    opens = [i == 0 or _span(spoken[i]) != _span(spoken[i - 1]) for i in range(len(spoken))]
    path, score = best_path(log_probabilities(recogniser, samples), labels, [*opens, True])
    counts = np.bincount(path, minlength=2 * len(spoken) + 1)
    return _written(spoken, counts, _marks(phonemes), score)


def _span(phoneme: Phoneme) -> tuple[int, int, bool]:
    return phoneme.begin, phoneme.end, phoneme.tone > 5


def _marks(phonemes: Sequence[Phoneme]) -> dict[int, str]:
    """The pause that the text has after so many spoken phonemes."""
    marks: dict[int, str] = {}
    count = 0
    for phoneme in phonemes:
        if phoneme.tone != 0:
            count += 1
        elif phoneme.symbol != inventory.EDGE:
            marks[count] = phoneme.symbol
    return marks


def _written(
    spoken: Sequence[Phoneme], counts: npt.NDArray[np.int64], marks: dict[int, str], score: float
) -> Alignment:
    """Phonemes and pauses with their frames: an edge, the sentence, its last mark, an edge."""
    hop_s = AudioConfig().hop_length / AudioConfig().sample_rate
    rows: list[tuple[Phoneme, int]] = [(Phoneme(inventory.EDGE, 0, 0, 0), int(counts[0]))]
    for index, phoneme in enumerate(spoken):
        silence = int(counts[2 * index + 2])
        last = index == len(spoken) - 1
        kept = silence if last or silence >= SHORTEST_PAUSE else 0
        rows.append((phoneme, int(counts[2 * index + 1]) + silence - kept))
        mark = marks.get(index + 1, "。" if last else "，" if kept * hop_s >= _COMMA_S else "、")
        if kept and not last:
            rows.append((Phoneme(mark, 0, phoneme.end, phoneme.end), kept))
        elif last:
            rows.append((Phoneme(mark, 0, phoneme.end, phoneme.end), kept - kept // 2))
            rows.append((Phoneme(inventory.EDGE, 0, phoneme.end, phoneme.end), kept // 2))
    ends = np.cumsum([frames for _, frames in rows]).astype(np.int64)
    return Alignment(tuple(phoneme for phoneme, _ in rows), ends, score)
