"""What a model in training sounds, looks or hears like, for TensorBoard: held-out utterances every so many steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.tensorboard import SummaryWriter

from tts_engine.audio import AudioConfig, FloatArray, log_mel
from tts_engine.excitation import excitation
from tts_engine.fastspeech2 import PITCH_CENTRE, FastSpeech2
from tts_engine.hifigan import HifiGan
from tts_engine.training.batch import Batch, collate, spoken_frames
from tts_engine.training.features import Utterance
from tts_engine.training.recogniser import Errors, Recogniser, edit_distance, meant_by, spelt, syllables, written

_FLOOR, _CEILING = -9.0, 1.0
"""Log mel shown as black and as white."""
_LOWEST_HZ, _OCTAVES = 60.0, 4.0
"""Of the F0 drawn over a spectrogram: its foot and its height."""


def picture(mel: FloatArray, f0: FloatArray) -> npt.NDArray[np.float32]:
    """A spectrogram with its pitch in red, (3, M, T), 0–1, low frequencies at the foot.

    Args:
        mel: (M, T) log mel.
        f0: (T,) Hz, 0 where unvoiced.
    """
    grey = np.clip((mel - _FLOOR) / (_CEILING - _FLOOR), 0, 1).astype(np.float32)
    out = np.stack([grey, grey, grey])
    voiced = np.flatnonzero(f0 > 0)
    heights = np.log2(f0[voiced] / _LOWEST_HZ) / _OCTAVES * mel.shape[0]
    rows = np.clip(heights, 0, mel.shape[0] - 1).astype(np.int64)
    out[:, rows, voiced] = np.array([[1.0], [0.0], [0.0]], dtype=np.float32)
    return out[:, ::-1]


def above(upper: npt.NDArray[np.float32], lower: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Two pictures (3, M, T) in one, a white line between them."""
    line = np.ones((3, 2, upper.shape[2]), dtype=np.float32)
    return np.concatenate([upper, line, lower], axis=1)


def speak(vocoder: HifiGan, mel: FloatArray, f0: FloatArray, device: torch.device) -> FloatArray:
    """Samples (S,) of a mel (M, T) and its F0 (T,), the same each time."""
    source = excitation(f0, AudioConfig(), np.random.default_rng(0))
    inputs = (torch.from_numpy(np.ascontiguousarray(part))[None].to(device) for part in (mel, f0, source))
    samples: FloatArray = vocoder(*inputs)[0].clamp(-1, 1).cpu().numpy()
    return samples


class AcousticSampler:
    """Lets an acoustic model speak with the true durations, its own pitch and a finished vocoder."""

    def __init__(self, model: FastSpeech2, vocoder: Path, device: torch.device) -> None:
        """Take the networks.

        Raises:
            SystemExit: there is no vocoder.
        """
        if not (vocoder / "config.json").exists():
            raise SystemExit(f"{vocoder} holds no vocoder: --sample-vocoder names one, for --sample-every")
        self._model = model
        self._vocoder = HifiGan.from_pretrained(vocoder, dtype=torch.float32).eval()  # type: ignore[no-untyped-call]
        self._vocoder.to(device)
        self._device = device

    def write(self, log: SummaryWriter, step: int, batch: Batch) -> None:
        """Pictures, the true one above, and sound of every utterance."""
        model = self._model
        hidden, _ = spoken_frames(model, batch)
        pitches, mels = model.decode(hidden, batch.place, batch.mask)
        for index, length in enumerate(batch.mask.sum((1, 2)).int().tolist()):
            mel, f0 = mels[index, :, :length].cpu().numpy(), pitches[index, :length].cpu().numpy()
            true_f0 = (2 ** (batch.variance.pitch + PITCH_CENTRE) * batch.variance.voiced)[index, :length].cpu().numpy()
            true_mel = batch.mel[index, :, :length].cpu().numpy()
            log.add_image(f"mel/{index}", above(picture(true_mel, true_f0), picture(mel, f0)), step)
            samples = speak(self._vocoder, mel, f0, self._device)
            log.add_audio(f"speech/{index}", samples[None], step, AudioConfig().sample_rate)


class VocoderSampler:
    """Copy-synthesis: what a vocoder makes of the mel and the F0 of true speech."""

    def __init__(self, model: HifiGan, device: torch.device) -> None:
        self._model = model
        self._device = device

    def write(self, log: SummaryWriter, step: int, utterances: Sequence[Utterance]) -> None:
        """Pictures, the true one above, and sound of every utterance."""
        config = AudioConfig()
        for index, one in enumerate(utterances):
            f0 = np.array(one.f0)
            samples = speak(self._model, one.mel, f0, self._device)
            log.add_image(f"mel/{index}", above(picture(one.mel, f0), picture(log_mel(samples, config), f0)), step)
            log.add_audio(f"speech/{index}", samples[None], step, config.sample_rate)


class RecogniserSampler:
    """What a recogniser hears, beside what was said."""

    def __init__(self, model: Recogniser, device: torch.device) -> None:
        self._model = model
        self._device = device

    def write(self, log: SummaryWriter, step: int, utterances: Sequence[Utterance]) -> None:
        """A table of every utterance in pinyin, and the rates of wrong syllables, tones aside and not."""
        batch = collate(list(utterances)).to(self._device)
        best = self._model(batch.mel, batch.mask).argmax(2).cpu().numpy()
        errors = Errors()
        rows = ["| text | said | heard | errors |", "| --- | --- | --- | --- |"]
        for one, frames in zip(utterances, best, strict=True):
            meant, heard = meant_by(one.phonemes), syllables(spelt(frames[: len(one.f0)]))
            errors.add(heard, meant)
            said, found = (" ".join(written(*syllable) for syllable in row) for row in (meant, heard))
            rows.append(f"| {one.text} | {said} | {found} | {edit_distance(heard, meant)} |")
        log.add_text("heard", "\n".join(rows), step)
        log.add_scalar("ser", errors.ser, step)
        log.add_scalar("ter", errors.ter, step)
