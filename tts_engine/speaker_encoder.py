"""Speaker encoder: a clip's mel → who speaks, as a unit vector, and how long the vocal tract is.

Knows spectra, knows nothing about words, files or prosody: the acoustic model turns the vector into a voice.

Source: additive-margin training of x-vector-like networks (ArcFace, Deng et al. 2019; x-vectors, Snyder et al. 2018:
dilated convolutions over frames, then mean and deviation over time; attention in the pooling: Okabe et al. 2018).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel

from tts_engine.audio import AudioConfig

_FIRST_BAND, _LAST_BAND = 8, 44
"""Mel bands from some 300 to 3,400 Hz, which every telephone keeps: the level is measured there."""


class SpeakerEncoderConfig(PretrainedConfig):  # type: ignore[no-untyped-call]  # transformers is half typed
    """Dimensions of the speaker encoder."""

    model_type = "indextts_speaker_encoder"

    def __init__(
        self, width: int = 128, embedding: int = 64, dilations: tuple[int, ...] = (1, 2, 3, 4), **kwargs: Any
    ) -> None:
        """Describe a speaker encoder.

        Args:
            width: of every hidden vector.
            embedding: of a speaker's vector.
            dilations: of the convolutions, in frames.
            **kwargs: of ``PretrainedConfig``.
        """
        self.width = width
        self.embedding = embedding
        self.dilations = list(dilations)
        super().__init__(**kwargs)


class SpeakerEncoder(PreTrainedModel):  # type: ignore[no-untyped-call]
    """The network."""

    config_class = SpeakerEncoderConfig
    main_input_name = "mel"

    def __init__(self, config: SpeakerEncoderConfig) -> None:
        super().__init__(config)
        width = config.width
        self.into = nn.Conv1d(AudioConfig().n_mels, width, 5, stride=2, padding=2)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation) for dilation in config.dilations
        )
        self.norms = nn.ModuleList(nn.GroupNorm(1, width) for _ in config.dilations)
        self.attention = nn.Conv1d(width, width, 1)
        self.out = nn.Linear(2 * width, config.embedding)
        self.tract = nn.Linear(2 * width, 1)
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        """Keep torch's own initialisation."""

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Listen.

        Args:
            mel: (B, M, T) natural-log mel, T ≥ 16, at any level.

        Returns:
            unit vectors (B, E) and (B,) log2 of the formants' scale against the average voice's.
        """
        x = torch.relu(self.into(normalise(mel)))
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = x + torch.relu(norm(convolution(x)))
        weights = torch.softmax(self.attention(x), dim=2)
        mean = (x * weights).sum(2)
        spread = ((x * x * weights).sum(2) - mean * mean).clamp(min=1e-5).sqrt()
        pooled = torch.cat([mean, spread], dim=1)
        vector = self.out(pooled)
        return vector / vector.norm(dim=1, keepdim=True).clamp(min=1e-6), self.tract(pooled).squeeze(1)


def normalise(mel: Tensor) -> Tensor:
    """(B, M, T) with the level taken out: 0 is the mean of the telephone band, weighted to the loud frames."""
    band = mel[:, _FIRST_BAND:_LAST_BAND].mean(1, keepdim=True)  # (B, 1, T)
    loudness = torch.softmax(band, dim=2)
    level = (band * loudness).sum(2, keepdim=True)
    return (mel - level).clamp(min=-7.0) / 2.0
