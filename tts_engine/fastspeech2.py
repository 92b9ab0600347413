"""FastSpeech2: phonemes and a speaker → durations, F0, energy and mel.

Knows phoneme ids, knows nothing about Mandarin. Two halves meet at the length regulator, which is NumPy
(``tts_engine.durations``), so that speed acts on durations alone and both halves export to plain ONNX:

    encode:  phonemes, tones, speaker ──► hidden (B, L, H), log-durations (B, L)
    decode:  hidden repeated by durations (B, T, H), place in the phoneme, bend of pitch ──► F0 (B, T), mel (B, M, T)

Where the model is told who speaks as numbers (``tts_engine.identity``), a speaker's median F0 goes past the networks:
hidden carries it as one number more, and they predict only how the melody moves around it. So an unknown voice keeps
its pitch, whatever voices were learnt.

Attention looks over phonemes only: context is settled there, and the decoder's convolutions (0.6 s wide) cost time in
proportion to the sound they make.

Source: FastSpeech 2 (Ren et al. 2020): feed-forward Transformer, variance adaptor with frame-level pitch and energy;
the convolutional decoder is LightSpeech's finding (Luo et al. 2021, section 4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel

from tts_engine.audio import AudioConfig
from tts_engine.frontend.phonemes import SYMBOLS, TONES
from tts_engine.identity import EMBEDDING
from tts_engine.prosody import PITCH_CENTRE as PITCH_CENTRE
from tts_engine.transformer import ConvolutionStack, FeedForwardTransformer, exactly

LOWEST_HZ, HIGHEST_HZ = 50.0, 1000.0
"""Bent pitch stays within these, so that F0 and mel agree on what the vocoder can say."""


class FastSpeech2Config(PretrainedConfig):  # type: ignore[no-untyped-call]  # transformers is half typed
    """Dimensions of the acoustic model."""

    model_type = "indextts_fastspeech2"

    def __init__(
        self,
        width: int = 192,
        encoder_layers: int = 4,
        decoder_layers: int = 4,
        heads: int = 2,
        speaker_width: int = 64,
        speakers: tuple[str, ...] = ("female", "male", "child"),
        emotions: tuple[str, ...] = (),
        dropout: float = 0.1,
        relative_pitch: bool = False,
        **kwargs: Any,
    ) -> None:
        """Describe an acoustic model.

        Args:
            width: of every hidden vector, H.
            encoder_layers: blocks over phonemes.
            decoder_layers: blocks over frames.
            heads: of attention in the encoder.
            speaker_width: of a speaker embedding, E.
            speakers: names of the speakers trained on, in the order of their embeddings.
            emotions: names of the emotions trained on, in the order of their intensities; neutral is none of them.
            dropout: in training.
            relative_pitch: the networks predict F0 against the speaker's own median, which ``Identity.vector`` holds.
            **kwargs: of ``PretrainedConfig``.
        """
        self.width = width
        self.encoder_layers = encoder_layers
        self.decoder_layers = decoder_layers
        self.heads = heads
        self.speaker_width = speaker_width
        self.speakers = list(speakers)
        self.emotions = list(emotions)
        self.dropout = dropout
        self.relative_pitch = relative_pitch
        self.symbols = len(SYMBOLS)
        self.tones = TONES
        super().__init__(**kwargs)


@dataclass(frozen=True)
class Variance:
    """Frame-level prosody, predicted or measured."""

    pitch: Tensor
    """(B, T) log2 F0 minus ``PITCH_CENTRE``; meaningful where voiced."""
    voiced: Tensor
    """(B, T) logits when predicted, 0 or 1 when measured."""
    energy: Tensor
    """(B, T) natural logarithm of the mel magnitudes' sum."""


class FastSpeech2(PreTrainedModel):  # type: ignore[no-untyped-call]
    """The acoustic model."""

    config_class = FastSpeech2Config
    main_input_name = "phonemes"

    def __init__(self, config: FastSpeech2Config) -> None:
        super().__init__(config)
        width, dropout = config.width, config.dropout
        self.symbol = nn.Embedding(config.symbols, width, padding_idx=0)
        self.tone = nn.Embedding(config.tones, width)
        self.speaker_table = nn.Embedding(len(config.speakers), config.speaker_width)
        self.speaker_to_hidden = nn.Linear(config.speaker_width + len(config.emotions), width)
        self.encoder = FeedForwardTransformer(width, config.encoder_layers, config.heads, 5, dropout)
        self.duration = ConvolutionStack(width, 2, 3, 1, 0.3)
        self.place = nn.Linear(3, width)
        self.variance = ConvolutionStack(width, 3, 5, 3, dropout)
        self.variance_to_hidden = nn.Conv1d(3, width, 9, padding=4)
        self.decoder = FeedForwardTransformer(width, config.decoder_layers, 0, 9, dropout)
        self.mel = nn.Linear(width, AudioConfig().n_mels)
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        """Embeddings start small; the rest keeps torch's own initialisation."""
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.1)

    def encode(self, phonemes: Tensor, tones: Tensor, speaker: Tensor) -> tuple[Tensor, Tensor]:
        """Read the phonemes.

        Args:
            phonemes: (B, L) ids, 0 where padded.
            tones: (B, L).
            speaker: (B, E + N) embedding, and the intensity of each emotion (0–1), all 0 when neutral.

        Returns:
            hidden (B, L, H), or (B, L, H + 1) where pitch is relative, and natural-log durations (B, L) in frames.
        """
        mask = (phonemes != 0).unsqueeze(2).to(speaker.dtype)
        voice = self.speaker_to_hidden(speaker).unsqueeze(1)
        x = self.symbol(phonemes) + self.tone(tones) + voice
        hidden = self.encoder(x * mask, mask) + voice * mask
        log_durations = self.duration(hidden, mask).squeeze(2)
        if not self.config.relative_pitch:
            return hidden, log_durations
        median = speaker[:, None, EMBEDDING : EMBEDDING + 1] / 2 * mask  # log2 Hz, less PITCH_CENTRE
        return torch.cat([hidden, median], dim=2), log_durations

    def decode(self, hidden: Tensor, place: Tensor, mask: Tensor, bend: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Speak with predicted prosody: F0 (B, T) in Hz, 0 where unvoiced, and mel (B, M, T).

        Args:
            hidden: (B, T, H) or (B, T, H + 1), the encoder's repeated by durations.
            place: (B, T, 3) of ``tts_engine.durations``.
            mask: (B, T, 1), ones where there is a frame.
            bend: (B, T, 2) of ``tts_engine.prosody``: the predicted pitch p becomes ``bend[0] * p + bend[1]`` before
                the mel is predicted, so timbre follows as the network learnt it; None leaves it.
        """
        x, median = self.split(hidden)
        x = x + self.place(place) * mask
        variance = self.predict_variance(x, mask)
        pitch = variance.pitch + median
        if bend is not None:
            lowest, highest = (math.log2(hertz) - PITCH_CENTRE for hertz in (LOWEST_HZ, HIGHEST_HZ))
            pitch = torch.clamp(bend[:, :, 0] * pitch + bend[:, :, 1], lowest, highest)
        voiced = (variance.voiced > 0).to(x.dtype) * mask.squeeze(2)
        f0 = torch.exp((pitch + PITCH_CENTRE) * math.log(2)) * voiced  # exp2 has no ONNX operator
        return f0, self.predict_mel(x, mask, Variance(pitch, voiced, variance.energy))

    def split(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """What the networks see, (B, T, H), and what is added to the pitch they predict, (B, T) or nothing."""
        if not self.config.relative_pitch:
            return hidden, hidden.new_zeros(())
        width = self.config.width
        return hidden[:, :, :width], hidden[:, :, width]

    def predict_variance(self, x: Tensor, mask: Tensor) -> Variance:
        """Pitch (less what ``split`` adds), voicing (logits) and energy of every frame of x (B, T, H)."""
        pitch, voiced, energy = self.variance(x, mask).unbind(2)
        return Variance(pitch, voiced, energy)

    def predict_mel(self, x: Tensor, mask: Tensor, variance: Variance) -> Tensor:
        """Mel (B, M, T) of frames x (B, T, H) with this prosody; ``variance.voiced`` is 0 or 1."""
        rows = torch.stack([variance.pitch * variance.voiced, variance.voiced, variance.energy], dim=1)  # (B, 3, T)
        x = x + self.variance_to_hidden(rows).transpose(1, 2) * mask
        mel: Tensor = exactly(self.mel, self.decoder(x * mask, mask)).transpose(1, 2)
        return mel
