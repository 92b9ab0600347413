"""A vocoder between two (python -m tts_engine.training.blend BEFORE AFTER --share 0.4 --out DIR).

Fine-tuning gains on what it was tuned on and loses elsewhere: hurried speech here, which the tuning never heard. The
weights on the straight line between before and after keep most of both; ``compare`` says where on it to stop.

Source: weight-space ensembles, Wortsman et al. 2022, Robust fine-tuning of zero-shot models, section 3.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tts_engine.hifigan import HifiGan


def blend(before: HifiGan, after: HifiGan, share: float) -> HifiGan:
    """``after``, moved back to where ``share`` of the way from ``before`` lies behind it.

    Args:
        before: what was fine-tuned.
        after: what came of it; its weights are changed.
        share: of ``after``, 0–1.

    Raises:
        ValueError: they are not of one shape, or the share is outside its range.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share {share} is outside 0–1")
    ours, theirs = before.state_dict(), after.state_dict()
    if {name: weight.shape for name, weight in ours.items()} != {name: weight.shape for name, weight in theirs.items()}:
        raise ValueError("the two vocoders are not of one shape")
    after.load_state_dict({name: weight.lerp(theirs[name], share) for name, weight in ours.items()})
    return after


def main() -> None:
    """Read the command line, blend and save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="folder of the vocoder that was fine-tuned")
    parser.add_argument("after", type=Path, help="folder of what came of it")
    parser.add_argument("--share", type=float, default=0.5, help="of AFTER, 0 to 1")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    arguments = parser.parse_args()
    before, after = (HifiGan.from_pretrained(folder) for folder in (arguments.before, arguments.after))
    try:
        made = blend(before, after, arguments.share)
    except ValueError as error:
        parser.error(str(error))
    made.save_pretrained(arguments.out)


if __name__ == "__main__":
    main()
