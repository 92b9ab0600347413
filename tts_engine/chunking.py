"""Where a sentence is cut for computing, and how far around a piece the networks look. NumPy only.

Both networks that work on frames are convolutions: a piece computed with its receptive field on either side is what
the whole would have given there, at the sentence's ends too, where the same zeros are beyond. Cuts depend on the
sentence alone, never on who else is served, so the same request gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

Span = tuple[int, int]
"""Frames ``[begin, end)``."""

FIRST = 96
"""Frames of the first piece of a text: 1.1 s, so that speech begins soon."""
_PIECE = 320
"""Frames of the vocoder's other pieces, about: its field of 68 frames is computed twice."""
_DECODED = 640
"""Frames of the decoder's pieces, at most."""

_VARIANCE = 3 * (5 // 2) + 9 // 2
"""Of FastSpeech 2's predictor (three convolutions of five frames) and of its way back into the hidden vectors."""
_DECODER_KERNEL = 9
_PRE, _POST = 7 // 2, 3 // 2
_WINDOW = 2
"""Hops on either side that the windows of the inverse STFT reach, at a quarter's hop."""


@dataclass(frozen=True)
class Reach:
    """Receptive fields: frames on either side that one frame of the result depends on."""

    decoder: int = 26
    vocoder: int = 34

    @classmethod
    def read(cls, folder: Path) -> Reach:
        """Of the networks in a checkpoint folder.

        Raises:
            OSError, ValueError, KeyError: a description is missing or not what we write.
        """
        acoustic = json.loads((folder / "acoustic" / "config.json").read_text(encoding="utf-8"))
        vocoder = json.loads((folder / "vocoder" / "config.json").read_text(encoding="utf-8"))
        decoder = _VARIANCE + acoustic["decoder_layers"] * (_DECODER_KERNEL // 2)
        return cls(decoder, _vocoder(vocoder["upsample_rates"], vocoder["kernels"], vocoder["dilations"]))


def _vocoder(rates: Sequence[int], kernels: Sequence[int], dilations: Sequence[int]) -> int:
    """From the samples back to the frames."""
    reach = _WINDOW + _POST
    for rate in reversed(rates):
        reach += (max(kernels) // 2) * sum(dilations)
        reach = (reach + rate + rate // 2 - 1) // rate  # a transposed convolution, twice its stride wide
    return reach + sum(dilations) + _PRE


def around(span: Span, reach: int, frames: int) -> Span:
    """``span`` with ``reach`` frames on either side, inside ``[0, frames)``."""
    return max(0, span[0] - reach), min(frames, span[1] + reach)


def decoded(frames: int) -> list[Span]:
    """The pieces in which a sentence is decoded."""
    return _even(0, frames, -(-frames // _DECODED))


def spoken(frames: int, is_first: bool) -> list[Span]:
    """The pieces in which a sentence's samples are made.

    Args:
        frames: of the sentence.
        is_first: of its text.
    """
    first = FIRST if is_first and frames > 2 * FIRST else 0
    rest = _even(first, frames, max(1, round((frames - first) / _PIECE)))
    return [(0, first), *rest] if first else rest


def _even(begin: int, end: int, count: int) -> list[Span]:
    borders = [begin + (end - begin) * index // count for index in range(count + 1)]
    return list(pairwise(borders))
