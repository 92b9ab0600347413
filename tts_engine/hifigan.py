"""HiFi-GAN generator with a harmonic-plus-noise source and an inverse-STFT head: mel and F0 → waveform.

Knows spectra, knows nothing about phonemes or speakers: what a voice is lies in its mel and F0, so one vocoder serves
every voice, cloned ones included.

    mel (B, M, T), F0 (B, T) ──► convolutions and upsampling ──► per STFT bin: gain and phase of the harmonics,
                                                                gain of the noise
    excitation (B, 2, S) ──► STFT ──► × gains ──► inverse STFT ──► samples (B, S)

Source: HiFi-GAN (Kong et al. 2020, section 2.2: transposed convolutions, multi-receptive-field fusion); the
inverse-STFT head of iSTFTNet (Kaneko et al. 2022); the source filter of NSF (Wang et al. 2019) and HiFTNet (Li et al.
2023).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # the name everybody knows
from transformers import PretrainedConfig, PreTrainedModel

from tts_engine.audio import AudioConfig, mel_centres_hz

_SLOPE = 0.1
_MAX_LOG_GAIN = 6.0


class HifiGanConfig(PretrainedConfig):  # type: ignore[no-untyped-call]  # transformers is half typed
    """Dimensions of the generator."""

    model_type = "indextts_hifigan"

    def __init__(
        self,
        channels: tuple[int, ...] = (160, 96, 80),
        upsample_rates: tuple[int, ...] = (2, 2),
        kernels: tuple[int, ...] = (3, 7),
        dilations: tuple[int, ...] = (1, 3, 5),
        n_fft: int = 256,
        **kwargs: Any,
    ) -> None:
        """Describe a generator.

        Args:
            channels: width at frame rate and after each upsampling.
            upsample_rates: their product times the head's hop is the mel hop length (256).
            kernels: of the residual blocks that are added up after each upsampling.
            dilations: of the convolutions in each residual block.
            n_fft: window of the inverse STFT in samples; its hop is a quarter.
            **kwargs: of ``PretrainedConfig``.
        """
        self.channels = list(channels)
        self.upsample_rates = list(upsample_rates)
        self.kernels = list(kernels)
        self.dilations = list(dilations)
        self.n_fft = n_fft
        super().__init__(**kwargs)


def _kept(x: Tensor, mask: Tensor | None) -> Tensor:
    """What lies beyond the end as zeros, which is what a convolution finds beyond a sound that was not padded."""
    return x if mask is None else x * mask


def _finer(mask: Tensor | None, rate: int) -> Tensor | None:
    """(B, 1, T) → (B, 1, T * rate)."""
    return None if mask is None else mask.unsqueeze(3).expand(-1, -1, -1, rate).flatten(2)


class ResidualBlock(nn.Module):
    """Dilated convolutions, each added to its input: (B, H, T) → (B, H, T)."""

    def __init__(self, channels: int, kernel: int, dilations: list[int]) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=(kernel - 1) * d // 2) for d in dilations
        )

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, H, T), mask (B, 1, T) → (B, H, T)."""
        for convolution in self.convolutions:
            x = x + convolution(_kept(F.leaky_relu(x, _SLOPE), mask))
        return x


class Upsampling(nn.Module):
    """Transposed convolution, then the mean of several residual blocks: (B, H, T) → (B, H', T * rate)."""

    def __init__(self, channels: int, out_channels: int, rate: int, config: HifiGanConfig) -> None:
        super().__init__()
        self.up = nn.ConvTranspose1d(channels, out_channels, 2 * rate, stride=rate, padding=rate // 2)
        self.blocks = nn.ModuleList(ResidualBlock(out_channels, k, config.dilations) for k in config.kernels)

    def forward(self, x: Tensor, mask: Tensor | None = None, finer: Tensor | None = None) -> Tensor:
        """(B, H, T) → (B, H', T * rate), with the masks (B, 1, T) and (B, 1, T * rate)."""
        x = self.up(_kept(F.leaky_relu(x, _SLOPE), mask))
        total = self.blocks[0](x, finer)
        for block in list(self.blocks)[1:]:
            total = total + block(x, finer)
        mean: Tensor = total / len(self.blocks)
        return mean


class Stft(nn.Module):
    """STFT and its inverse as convolutions with fixed weights, which every exporter knows.

    torch.stft exports to ONNX with complex tensors that few runtimes take; hence the matrices.
    """

    def __init__(self, n_fft: int) -> None:
        super().__init__()
        self.hop = n_fft // 4
        self.pad = (n_fft - self.hop) // 2
        angle = 2 * math.pi * np.outer(np.arange(n_fft // 2 + 1), np.arange(n_fft)) / n_fft
        window = np.hanning(n_fft + 1)[:-1]
        forward = np.concatenate([np.cos(angle), -np.sin(angle)]) * window
        weight = np.full((n_fft // 2 + 1, 1), 2.0)
        weight[[0, -1]] = 1.0
        weight = np.concatenate([weight, weight]) / (n_fft * 1.5)  # 1.5: sum of the squared windows at a quarter's hop
        # saved with the weights: from_pretrained builds modules without memory, where computed buffers would be lost
        self.register_buffer("analysis", torch.tensor(forward[:, None], dtype=torch.float32))
        self.register_buffer("synthesis", torch.tensor((forward * weight)[:, None], dtype=torch.float32))

    analysis: Tensor
    synthesis: Tensor

    def transform(self, samples: Tensor) -> Tensor:
        """(B, 1, S) → (B, 2K, S / hop): real parts, then imaginary parts."""
        return F.conv1d(F.pad(samples, (self.pad, self.pad)), self.analysis, stride=self.hop)

    def invert(self, spectrum: Tensor) -> Tensor:
        """(B, 2K, S / hop) → (B, 1, S)."""
        samples = F.conv_transpose1d(spectrum, self.synthesis, stride=self.hop)
        return samples[:, :, self.pad : -self.pad]


class HifiGan(PreTrainedModel):  # type: ignore[no-untyped-call]
    """The generator."""

    config_class = HifiGanConfig
    main_input_name = "mel"

    def __init__(self, config: HifiGanConfig) -> None:
        super().__init__(config)
        audio = AudioConfig()
        bins = config.n_fft // 2 + 1
        if math.prod(config.upsample_rates) * config.n_fft // 4 != audio.hop_length:
            raise ValueError("upsample_rates times n_fft / 4 must be the hop length")
        widths = config.channels
        self.stft = Stft(config.n_fft)
        self.envelope = nn.Conv1d(audio.n_mels, 2 * bins, 1)
        self.pre = nn.Conv1d(audio.n_mels + 2, widths[0], 7, padding=3)
        self.context = ResidualBlock(widths[0], 3, config.dilations)
        self.upsamplings = nn.ModuleList(
            Upsampling(widths[i], widths[i + 1], rate, config) for i, rate in enumerate(config.upsample_rates)
        )
        self.post = nn.Conv1d(widths[-1], 3 * bins, 3, padding=1)
        self._start_from_the_mel(audio)
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        """Keep torch's own initialisation: transformers' 0.02 starts very slowly here."""

    @torch.no_grad()
    def _start_from_the_mel(self, audio: AudioConfig) -> None:
        """Begin with gains read off the mel at each bin's frequency; training then corrects them."""
        bins = self.config.n_fft // 2 + 1
        hz = np.linspace(0, audio.sample_rate / 2, bins)
        centres = mel_centres_hz(audio)
        weights = np.stack([np.interp(hz, centres, row) for row in np.eye(audio.n_mels)], axis=1)  # (K, M)
        self.envelope.weight.copy_(torch.tensor(np.concatenate([weights, weights])[:, :, None]))
        self.envelope.bias[:bins] = 1.0  # type: ignore[index]  # nn.Conv1d has a bias unless told otherwise
        self.envelope.bias[bins:] = -1.0  # type: ignore[index]
        self.post.weight.mul_(0.1)
        self.post.bias.zero_()  # type: ignore[union-attr]

    def halve(self, dtype: torch.dtype) -> HifiGan:
        """Convolutions in 16 bits from here on; envelope, gains and both transforms keep 32.

        What the convolutions say is a logarithm and an angle of some units: 11 bits of it are 0.05 dB.
        """
        for module in (self.pre, self.context, self.upsamplings, self.post):
            module.to(dtype)
        return self

    def forward(self, mel: Tensor, f0: Tensor, excitation: Tensor, mask: Tensor | None = None) -> Tensor:
        """Filter the excitation.

        Args:
            mel: (B, M, T) natural-log mel; where padded, the last frame again.
            f0: (B, T) Hz, 0 where unvoiced or padded.
            excitation: (B, 2, S), S = T * 256, of ``tts_engine.excitation``; 0 where padded.
            mask: (B, 1, T), ones where there is a frame; None where all are.

        Returns:
            (B, S) samples.
        """
        bins = self.config.n_fft // 2 + 1
        frames_per_mel = math.prod(self.config.upsample_rates)
        x = self._shaped(mel, f0, mask)
        envelope = F.interpolate(self.envelope(mel), scale_factor=float(frames_per_mel), mode="linear")
        gains = torch.exp((envelope + x[:, : 2 * bins]).clamp(max=_MAX_LOG_GAIN))  # (B, 2K, S / hop)
        shift = x[:, 2 * bins :]
        harmonic = self.stft.transform(excitation[:, :1])
        noise = self.stft.transform(excitation[:, 1:])
        real, imaginary = harmonic[:, :bins] * gains[:, :bins], harmonic[:, bins:] * gains[:, :bins]
        cosine, sine = torch.cos(shift), torch.sin(shift)
        spectrum = torch.cat([real * cosine - imaginary * sine, real * sine + imaginary * cosine], dim=1)
        spectrum = spectrum + noise * torch.cat([gains[:, bins:], gains[:, bins:]], dim=1)
        samples: Tensor = self.stft.invert(_kept(spectrum, _finer(mask, frames_per_mel))).squeeze(1)
        return samples

    def _shaped(self, mel: Tensor, f0: Tensor, mask: Tensor | None) -> Tensor:
        """Log-gains and phases (B, 3K, S / hop), as far as the convolutions have to say."""
        voiced = (f0 > 0).to(mel.dtype)
        pitch = voiced * (torch.log2(f0.clamp(min=40.0)) - 7.5)
        x = torch.cat([mel, pitch.unsqueeze(1), voiced.unsqueeze(1)], dim=1)
        if self.pre.weight.dtype != x.dtype:
            x, mask = x.to(self.pre.weight.dtype), None if mask is None else mask.to(self.pre.weight.dtype)
        x = self.context(self.pre(_kept(x, mask)), mask)
        for upsampling, rate in zip(self.upsamplings, self.config.upsample_rates, strict=True):
            finer = _finer(mask, rate)
            x = upsampling(x, mask, finer)
            mask = finer
        said: Tensor = self.post(_kept(F.leaky_relu(x, _SLOPE), mask))
        return said.to(mel.dtype)
