"""What tells made speech from real speech while the vocoder learns: by period, and by spectra of several resolutions.

Source: multi-period discriminator of HiFi-GAN (Kong et al. 2020, section 2.3), here half as wide; multi-resolution
discriminator of UnivNet (Jang et al. 2021, section 2.2), here with strides that halve its work sooner; least-squares
losses and feature matching of HiFi-GAN.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # the name everybody knows
from torch.nn.utils.parametrizations import weight_norm

PERIODS = (2, 3, 5, 7, 11)
RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))  # window, hop in samples
WIDTH = 32  # channels of the spectral judges; the others have up to eight times as many
_SLOPE = 0.1
_SPEECH_RMS = 0.1  # speech at -18 LUFS is near it: the first layer sees a level near 1
_LOG_MEAN, _LOG_SPREAD = -5.0, 3.0  # of the log-magnitudes of such speech, about


@dataclass(frozen=True)
class Verdict:
    """What one discriminator makes of a batch."""

    score: Tensor
    """1 where it takes the sound for real, 0 where for made."""
    features: tuple[Tensor, ...]
    """Of every layer but the last."""


class _Stack(nn.Module):
    """Two-dimensional convolutions over a picture of the sound."""

    def __init__(self, layers: list[nn.Conv2d]) -> None:
        super().__init__()
        self.layers = nn.ModuleList([weight_norm(layer) for layer in layers])
        self.out = weight_norm(nn.Conv2d(layers[-1].out_channels, 1, 3, padding=1))

    def forward(self, picture: Tensor) -> Verdict:
        """(B, 1, X, Y) → verdict."""
        features = []
        for layer in self.layers:
            picture = F.leaky_relu(layer(picture), _SLOPE)
            features.append(picture)
        return Verdict(self.out(picture), tuple(features))


class PeriodDiscriminator(nn.Module):
    """Sees every n-th sample in a row."""

    def __init__(self, period: int, width: int = WIDTH) -> None:
        super().__init__()
        self.period = period
        widths = (1, width // 2, 2 * width, 4 * width, 8 * width)
        layers = [nn.Conv2d(a, b, (5, 1), (3, 1), (2, 0)) for a, b in itertools.pairwise(widths)]
        self.stack = _Stack(layers)

    def forward(self, samples: Tensor) -> Verdict:
        """(B, S) → verdict."""
        missing = -samples.shape[1] % self.period
        padded = F.pad(samples, (0, missing), mode="reflect") if missing else samples
        verdict: Verdict = self.stack(padded.view(samples.shape[0], 1, -1, self.period) / _SPEECH_RMS)
        return verdict


class ResolutionDiscriminator(nn.Module):
    """Sees a magnitude spectrogram."""

    def __init__(self, window: int, hop: int, width: int = WIDTH) -> None:
        super().__init__()
        self.window, self.hop = window, hop
        layers = [nn.Conv2d(1, width, (9, 3), (2, 1), (4, 1))]
        layers += [nn.Conv2d(width, width, (5, 3), stride, (2, 1)) for stride in ((2, 1), (2, 2), (2, 1))]
        self.stack = _Stack(layers)

    def forward(self, samples: Tensor) -> Verdict:
        """(B, S) → verdict."""
        shape = torch.hann_window(self.window, device=samples.device)
        spectrum = torch.stft(samples, self.window, self.hop, window=shape, return_complex=True)
        levels = (torch.log(spectrum.abs().clamp(min=1e-5)) - _LOG_MEAN) / _LOG_SPREAD
        verdict: Verdict = self.stack(levels.unsqueeze(1))
        return verdict


class Discriminators(nn.Module):
    """All of them.

    Args:
        width: channels of the spectral judges, even; a step's time grows with its square.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        judges: list[nn.Module] = [PeriodDiscriminator(period, width) for period in PERIODS]
        judges += [ResolutionDiscriminator(window, hop, width) for window, hop in RESOLUTIONS]
        self.judges = nn.ModuleList(judges)

    def forward(self, samples: Tensor) -> list[Verdict]:
        """(B, S) → one verdict each."""
        return [judge(samples) for judge in self.judges]


def judging_loss(real: list[Verdict], made: list[Verdict]) -> Tensor:
    """What the discriminators minimise."""
    parts = [((r.score - 1) ** 2).mean() + (m.score**2).mean() for r, m in zip(real, made, strict=True)]
    return torch.stack(parts).mean()


def deceiving_loss(real: list[Verdict], made: list[Verdict]) -> tuple[Tensor, Tensor]:
    """What the vocoder minimises: its distance from being believed, and from the features of real speech."""
    believed = torch.stack([((m.score - 1) ** 2).mean() for m in made]).mean()
    distances = [
        F.l1_loss(m_part, r_part.detach())
        for r, m in zip(real, made, strict=True)
        for r_part, m_part in zip(r.features, m.features, strict=True)
    ]
    return believed, torch.stack(distances).mean()
