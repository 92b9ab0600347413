"""Feed-forward Transformer blocks: self-attention and depthwise convolution over padded sequences.

Source: FastSpeech 2 (Ren et al. 2020, section 2.2); the depthwise-separable feed-forward of LightSpeech (Luo et al.
2021). Attention is written out, not ``scaled_dot_product_attention``, so that the exported graph is plain ONNX.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # the name everybody knows


def positions(length: int, width: int, device: torch.device) -> Tensor:
    """Sinusoidal positions, (1, length, width).

    Source: Attention Is All You Need (Vaswani et al. 2017, section 3.5).
    """
    step = torch.arange(length, device=device, dtype=torch.float32).unsqueeze(1)
    rate = torch.exp(torch.arange(0, width, 2, device=device, dtype=torch.float32) * (-math.log(10000.0) / width))
    return torch.cat([torch.sin(step * rate), torch.cos(step * rate)], dim=1).unsqueeze(0)


def exactly(layer: nn.Module, x: Tensor) -> Tensor:
    """A last layer in 32 bits, also where the rest is computed in 16: its rounding would be heard."""
    with torch.autocast(x.device.type, enabled=False):
        out: Tensor = layer(x.float())
    return out


class SelfAttention(nn.Module):
    """Multi-head self-attention: (B, T, H) → (B, T, H)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.into = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, hidden_keys: Tensor) -> Tensor:
        """Attend.

        Args:
            x: (B, T, H).
            hidden_keys: (B, 1, 1, T), 0 where a frame may be attended to and a large negative number elsewhere.
        """
        batch, length, width = x.shape
        split = self.into(x).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind(0)  # (B, heads, T, H / heads)
        scores = query @ key.transpose(2, 3) / math.sqrt(self.into.in_features // self.heads) + hidden_keys
        mixed = torch.softmax(scores, dim=-1) @ value
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return out


class FeedForwardBlock(nn.Module):
    """Attention (where ``heads`` is not 0), then a convolution block; normalised first: (B, T, H) → (B, T, H)."""

    def __init__(self, width: int, heads: int, kernel: int, dropout: float) -> None:
        super().__init__()
        inner = 3 * width
        if heads:
            self.attention_norm = nn.LayerNorm(width)
            self.attention = SelfAttention(width, heads)
        self.heads = heads
        self.convolution_norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, inner)
        self.depthwise = nn.Conv1d(inner, inner, kernel, padding=kernel // 2, groups=inner)
        self.contract = nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor, hidden_keys: Tensor) -> Tensor:
        """(B, T, H), mask (B, T, 1) of ones where there is something → (B, T, H)."""
        if self.heads:
            x = x + self.dropout(self.attention(self.attention_norm(x), hidden_keys))
        inner = torch.relu(self.expand(self.convolution_norm(x))) * mask
        inner = torch.relu(self._convolve(inner))
        out: Tensor = (x + self.dropout(self.contract(inner))) * mask
        return out

    def _convolve(self, x: Tensor) -> Tensor:
        """Depthwise convolution over time, (B, T, C).

        In training as an image of one row, channels last: the same numbers without a transposed copy, in half the time.
        """
        convolution = self.depthwise
        if not self.training:
            plain: Tensor = convolution(x.transpose(1, 2)).transpose(1, 2)
            return plain
        image = x.transpose(1, 2).unsqueeze(2)  # (B, C, 1, T)
        padding = (0, convolution.kernel_size[0] // 2)
        weight = convolution.weight.unsqueeze(2)
        out = F.conv2d(image, weight, convolution.bias, padding=padding, groups=convolution.groups)
        return out.squeeze(2).transpose(1, 2)


class FeedForwardTransformer(nn.Module):
    """A stack of blocks: (B, T, H) → (B, T, H).

    With heads, every position sees every other, and positions are added. Without, a position sees no further than the
    convolutions reach, so cost grows with length and not with its square, and a piece can be computed alone.
    """

    def __init__(self, width: int, layers: int, heads: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.blocks = nn.ModuleList(FeedForwardBlock(width, heads, kernel, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, H), mask (B, T, 1) → (B, T, H)."""
        hidden_keys = (mask.transpose(1, 2).unsqueeze(1) - 1.0) * 1e4
        if self.heads:
            x = (x + positions(x.shape[1], x.shape[2], x.device)) * mask
        for block in self.blocks:
            x = block(x, mask, hidden_keys)
        out: Tensor = self.norm(x) * mask
        return out


class ConvolutionStack(nn.Module):
    """The variance predictors' body: convolution, normalisation, twice or more; (B, T, H) → (B, T, outputs).

    Source: FastSpeech 2 (Ren et al. 2020, section 2.3).
    """

    def __init__(self, width: int, layers: int, kernel: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv1d(width, width, kernel, padding=kernel // 2) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, outputs)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, H), mask (B, T, 1) → (B, T, outputs)."""
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = self.dropout(norm(torch.relu(convolution((x * mask).transpose(1, 2)).transpose(1, 2))))
        return exactly(self.out, x) * mask
