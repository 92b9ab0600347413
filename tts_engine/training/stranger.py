"""Record somebody whom nobody has heard (python -m tts_engine.training.stranger --out try).

To try fine-tuning without a microphone. Writes ``recordings/NAME/*.wav`` and ``.txt``, as ``prepare --kind folder``
reads them; ``clip.wav``, their first seconds, for a copy; and ``heldout``, a feature set of other sentences with the
true durations, for ``compare``. The speaker is one of those on whom figures are measured: no network that ships has
learnt from them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile  # type: ignore[import-untyped]

from tts_engine.audio import AudioConfig
from tts_engine.training.corpus import HELDOUT_SEED, Piece, speak
from tts_engine.training.features import Utterance, save
from tts_engine.training.speakers import HELDOUT_SPEAKER, invented

CLIP_S = 10.0
_SEED = HELDOUT_SEED + 9_000


def write_recordings(folder: Path, utterances: Sequence[Utterance]) -> None:
    """A wav and its text for each."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, one in enumerate(utterances):
        soundfile.write(folder / f"{index:04d}.wav", one.samples, AudioConfig().sample_rate)
        (folder / f"{index:04d}.txt").write_text(one.text + "\n", encoding="utf-8")


def record(out: Path, number: int, minutes: float, heldout_minutes: float) -> str:
    """Write everything of one speaker; the name."""
    who = invented(HELDOUT_SPEAKER + number)
    heldout = speak(Piece(0, who, 60 * heldout_minutes, _SEED + 500))
    measured = frozenset(one.text for one in heldout)
    spoken = speak(Piece(0, who, 60 * minutes, _SEED, without=measured))
    write_recordings(out / "recordings" / who.name, spoken)
    first = np.concatenate([one.samples for one in spoken])[: round(CLIP_S * AudioConfig().sample_rate)]
    soundfile.write(out / "clip.wav", first, AudioConfig().sample_rate)
    save(out / "heldout", heldout, [who.name])
    print(f"{who.name}: {len(spoken)} recordings, {len(heldout)} other sentences to measure by: {out}")
    return who.name


def main() -> None:
    """Read the command line and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--number", type=int, default=3, help="of the speaker: another number, another voice")
    parser.add_argument("--minutes", type=float, default=10, help="of recordings")
    parser.add_argument("--heldout-minutes", type=float, default=2, help="of other sentences")
    arguments = parser.parse_args()
    record(arguments.out, arguments.number, arguments.minutes, arguments.heldout_minutes)


if __name__ == "__main__":
    main()
