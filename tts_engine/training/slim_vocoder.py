"""Make a trained generator narrower (python -m tts_engine.training.slim_vocoder --channels 160 104 80 --out DIR).

Channels that weigh least are left out everywhere at once; ``train_vocoder --resume`` then mends what was lost, in a
fraction of the steps that a narrow generator takes from the beginning.

Source: structured pruning by weight norm (Li et al. 2017, "Pruning Filters for Efficient ConvNets", section 3).
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from tts_engine.hifigan import HifiGan, HifiGanConfig
from tts_engine.training.loop import save_checkpoint
from tts_engine.training.train_vocoder import BETAS


@dataclass(frozen=True)
class _Part:
    """One convolution, and which channels it reads and writes: a stage, or None for a width that stays."""

    convolution: nn.Conv1d | nn.ConvTranspose1d
    reads: int | None
    writes: int | None

    @property
    def axes(self) -> tuple[int, int]:
        """Axes of the weight that count what is read and what is written."""
        return (0, 1) if isinstance(self.convolution, nn.ConvTranspose1d) else (1, 0)


def slim(model: HifiGan, channels: list[int]) -> HifiGan:
    """A generator of fewer channels that keeps the weights that matter most.

    Args:
        model: trained.
        channels: width of each stage, none above the model's own.

    Raises:
        ValueError: a stage would grow.
    """
    config = model.config.to_dict()
    if len(channels) != len(config["channels"]) or any(
        new > old for new, old in zip(channels, config["channels"], strict=True)
    ):
        raise ValueError(f"channels must be {len(config['channels'])} widths of at most {config['channels']}")
    narrow = HifiGan(HifiGanConfig(**{**config, "channels": channels}))
    kept = [torch.topk(_weight_of(model, stage), width).indices.sort().values for stage, width in enumerate(channels)]
    with torch.no_grad():
        narrow.envelope.load_state_dict(model.envelope.state_dict())
        for old, new in zip(_parts(model), _parts(narrow), strict=True):
            new.convolution.weight.copy_(_cut(old.convolution.weight, old, kept))
            bias = old.convolution.bias
            if bias is not None and new.convolution.bias is not None:
                new.convolution.bias.copy_(bias if old.writes is None else bias[kept[old.writes]])
    return narrow


def _cut(weight: Tensor, part: _Part, kept: list[Tensor]) -> Tensor:
    for axis, stage in zip(part.axes, (part.reads, part.writes), strict=True):
        if stage is not None:
            weight = weight.index_select(axis, kept[stage])
    return weight


def _weight_of(model: HifiGan, stage: int) -> Tensor:
    """(H,) squared norm of everything that writes or reads each channel of a stage."""
    total = torch.zeros(model.config.channels[stage])
    for part in _parts(model):
        for axis, touched in zip(part.axes, (part.reads, part.writes), strict=True):
            if touched == stage:
                total += part.convolution.weight.detach().square().sum([a for a in range(3) if a != axis])
    return total


def _parts(model: HifiGan) -> Iterator[_Part]:
    """Every convolution whose width may change, in the order of the signal."""
    yield _Part(model.pre, None, 0)
    for convolution in model.context.convolutions:
        yield _Part(_convolution(convolution), 0, 0)
    for stage, upsampling in enumerate(model.upsamplings, 1):
        yield _Part(_convolution(upsampling.up), stage - 1, stage)
        for block in upsampling.blocks:  # type: ignore[union-attr]  # a ModuleList
            for convolution in block.convolutions:
                yield _Part(_convolution(convolution), stage, stage)
    yield _Part(model.post, len(model.upsamplings), None)


def _convolution(module: object) -> nn.Conv1d | nn.ConvTranspose1d:
    if not isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
        raise TypeError(f"{type(module).__name__} is no convolution")
    return module


def main() -> None:
    """Read the command line, slim, write a checkpoint that ``train_vocoder --resume`` continues."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--model", type=Path, default=Path("models/v23/vocoder"), help="folder of the trained generator"
    )
    parser.add_argument("--channels", type=int, nargs="+", required=True, help="width of each stage")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new checkpoint")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", module="transformers")
    narrow = slim(HifiGan.from_pretrained(arguments.model, dtype=torch.float32), arguments.channels)
    arguments.out.mkdir(parents=True, exist_ok=True)
    optimizer = torch.optim.AdamW(narrow.parameters(), betas=BETAS)  # without moments: training begins anew
    save_checkpoint(arguments.out / "last.pt", 0, model=narrow, optimizer=optimizer)
    narrow.save_pretrained(arguments.out / "model")
    print(f"{sum(p.numel() for p in narrow.parameters()):,} parameters: {arguments.out / 'last.pt'}")


if __name__ == "__main__":
    main()
