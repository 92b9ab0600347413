"""How likely two clips are of one person, beyond the angle between their vectors.

The speaker encoder's vector moves with what is said as well as with who says it. A small model of both kinds of
movement, kept beside the encoder, weighs each direction by how much it tells people apart. What the acoustic model is
told stays the encoder's own vector.

Source: two-covariance PLDA (Brümmer and de Villiers 2010, "The speaker partitioning problem", section 2), in the
directions of linear discriminant analysis (Fukunaga 1990, section 10.2), which make both covariances diagonal.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from tts_engine.errors import CheckpointError
from tts_engine.identity import Identity

FILE = "likeness.npz"
"""In the speaker encoder's folder."""
_TRACT_SCALE = 2.0
Vector = npt.NDArray[np.float64]


def heard(identity: Identity) -> Vector:
    """(E + 1,): all that the speaker encoder says of a clip, its vector and the vocal tract."""
    return np.append(identity.embedding.astype(np.float64), _TRACT_SCALE * identity.formant_shift)


@dataclass(frozen=True)
class Likeness:
    """A speaker encoder's judge. Immutable: safe from several threads."""

    mean: Vector
    """(E + 1,) of all people."""
    directions: npt.NDArray[np.float64]
    """(D, E + 1): in each, one person's clips vary by 1."""
    between: Vector
    """(D,) variance between people in each direction."""

    def ratio(self, one: Identity, other: Identity) -> float:
        """Natural logarithm of the likelihood of one person over that of two; above 0, one is likelier."""
        x, y = (self.directions @ (heard(identity) - self.mean) for identity in (one, other))
        total = 1 + self.between
        rest = total**2 - self.between**2
        alike = self.between / rest * x * y - 0.5 * self.between**2 / (total * rest) * (x**2 + y**2)
        return float(alike.sum() - 0.5 * np.log(rest / total**2).sum())

    def save(self, folder: Path) -> None:
        """Write it beside a speaker encoder."""
        np.savez(folder / FILE, **{name: value.astype(np.float32) for name, value in vars(self).items()})

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """What is kept beside a speaker encoder; None where nothing is.

        Raises:
            CheckpointError: it is not what ``save`` writes.
        """
        path = folder / FILE
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as kept:
                rows = {name: kept[name].astype(np.float64) for name in cls.__dataclass_fields__}
            made = cls(**rows)
        except (OSError, ValueError, KeyError) as error:
            raise CheckpointError(f"读不出 {path}：请重新导出或下载模型。") from error
        if made.directions.shape != (*made.between.shape, *made.mean.shape):
            raise CheckpointError(f"{path} 各数组的大小不相符：请重新导出或下载模型。")
        return made
