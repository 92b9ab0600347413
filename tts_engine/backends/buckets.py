"""Lengths to which inputs are padded, so that a card meets few shapes. Knows nothing of networks."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PHONEMES = (16, 32, 48, 64, 96, 128, 192, 256)
"""Of a sentence; most have 20 to 120."""
FRAMES = (64, 96, 136, 192, 256, 320, 384, 448, 544, 704)
"""Of a piece with what is computed around it: 136 is the first of a text, 704 the decoder's longest."""


@dataclass(frozen=True)
class Padding:
    """How one input grows along one axis."""

    axis: int
    scale: int = 1
    """What a length of 1 is here: 256 samples a frame."""
    mode: str = "constant"
    """``constant`` adds zeros, ``edge`` the last value again."""

    def __call__(self, array: npt.NDArray[np.generic], length: int, size: int) -> npt.NDArray[np.generic]:
        """``array`` of ``length * scale``, made ``size * scale`` long.

        Raises:
            ValueError: it has another length, which padding would hide.
        """
        if array.shape[self.axis] != length * self.scale:
            raise ValueError(f"{array.shape[self.axis]} along axis {self.axis}, not {length * self.scale}")
        widths = [(0, 0)] * array.ndim
        widths[self.axis] = (0, size * self.scale - array.shape[self.axis])
        return np.pad(array, widths, mode=self.mode)  # type: ignore[call-overload,no-any-return]  # it wants literals

    def cut(self, array: npt.NDArray[np.float32], length: int) -> npt.NDArray[np.float32]:
        """The first ``length * scale`` of a result, as a copy of its own."""
        index = [slice(None)] * array.ndim
        index[self.axis] = slice(0, length * self.scale)
        return np.ascontiguousarray(array[tuple(index)])


def bucket(sizes: tuple[int, ...], length: int) -> int | None:
    """The smallest of the ascending ``sizes`` that holds ``length``; None where none does."""
    place = bisect_left(sizes, length)
    return sizes[place] if place < len(sizes) else None
