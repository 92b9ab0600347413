"""Figures over many utterances, and what another draw of utterances would make of them. Knows nothing of speech."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Verdict = Literal["same", "better", "worse", "unknown"]
_DRAWS = 2000
_LEVEL = 95.0
"""Per cent of the draws that an interval holds."""


@dataclass(frozen=True)
class Figure:
    """A ratio of sums over utterances, so that a mean and a rate of errors are the same thing."""

    sums: Array
    """(N,) of each utterance: a value, or its errors."""
    counts: Array
    """(N,) what the sums are of: 1, or its syllables; 0 where it cannot say anything."""

    @classmethod
    def mean(cls, values: Sequence[float]) -> Self:
        """The mean of a value an utterance; NaN where one has none."""
        array = np.asarray(values, dtype=np.float64)
        return cls(np.nan_to_num(array), np.isfinite(array).astype(np.float64))

    @property
    def value(self) -> float:
        """Of all utterances; NaN where none says anything."""
        return float(self.resampled(np.ones((1, len(self.sums))))[0])

    def resampled(self, draws: Array) -> Array:
        """(R,) values when each utterance is there as often as ``draws`` (R, N) says."""
        counts = draws @ self.counts
        values: Array = np.divide(draws @ self.sums, counts, out=np.full(len(draws), np.nan), where=counts > 0)
        return values


def draws(count: int, seed: int = 0) -> Array:
    """(R, N): how often each of ``count`` utterances is drawn when as many are drawn with replacement."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(count, np.full(count, 1 / count), size=_DRAWS).astype(np.float64)


@dataclass(frozen=True)
class Change:
    """One figure of two models on the same utterances."""

    name: str
    before: float
    after: float
    low: float
    high: float
    """Bounds that hold the true difference in 95 % of draws of the utterances (paired bootstrap)."""
    noise: float
    """Standard error of ``before``: what other utterances would have made of the figure."""
    higher_is_better: bool

    @property
    def difference(self) -> float:
        """What was gained, in the figure's own direction."""
        return self.after - self.before

    @property
    def verdict(self) -> Verdict:
        """``same`` unless the figure moved for certain, and by more than another draw of utterances moves it.

        ``unknown`` where a figure is missing.
        """
        if not np.isfinite(self.difference):
            return "unknown"
        certain = self.low > 0 or self.high < 0
        if not certain or abs(self.difference) <= self.noise:
            return "same"
        return "better" if (self.difference > 0) == self.higher_is_better else "worse"

    @property
    def moved(self) -> bool:
        """Whether the two differ by more than the noise, or only one of them has the figure."""
        if self.verdict == "unknown":
            return bool(np.isfinite(self.before) != np.isfinite(self.after))
        return self.verdict != "same"


def change(name: str, before: Figure, after: Figure, higher_is_better: bool = False) -> Change:
    """Compare a figure of two models.

    Args:
        name: of the figure.
        before: of one model.
        after: of the other, on the same utterances in the same order.
        higher_is_better: what more of it means.

    Raises:
        ValueError: there are no utterances, or not as many.

    Source: the percentile bootstrap over pairs (Efron and Tibshirani 1993, chapters 8 and 13).
    """
    if len(before.sums) != len(after.sums) or not len(before.sums):
        raise ValueError(f"{name}: {len(before.sums)} utterances beside {len(after.sums)}")
    drawn = draws(len(before.sums))
    old, new = before.resampled(drawn), after.resampled(drawn)
    known = np.isfinite(old) & np.isfinite(new)
    if not known.any():
        return Change(name, before.value, after.value, np.nan, np.nan, np.nan, higher_is_better)
    edges = (50 - _LEVEL / 2, 50 + _LEVEL / 2)
    low, high = (float(edge) for edge in np.percentile((new - old)[known], edges))
    return Change(name, before.value, after.value, low, high, float(np.std(old[known])), higher_is_better)
