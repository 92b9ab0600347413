"""Spectrograms that an acoustic model predicts for recorded speech (python -m tts_engine.training.predicted).

With the true durations, pitch and energy, so that every frame lies where it was recorded: what is left is the model's
own blur, and a vocoder that has met it mends it (``train_vocoder --predicted``).

Source: HiFi-GAN (Kong et al. 2020, section 4.3): fine-tuning on predicted spectrograms.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from tts_engine.audio import AudioConfig, FloatArray
from tts_engine.fastspeech2 import FastSpeech2
from tts_engine.speaker_encoder import SpeakerEncoder
from tts_engine.training.batch import Batch, collate, spoken_frames
from tts_engine.training.features import CACHE, FeatureSet
from tts_engine.training.identities import Identities

_BATCH = 8
_FLOOR = np.log(np.float32(1e-5))  # of log_mel


def predict_mel(model: FastSpeech2, batch: Batch) -> Tensor:
    """(B, M, T) with the true durations, pitch and energy."""
    frames, _ = model.split(spoken_frames(model, batch)[0])
    mel: Tensor = model.predict_mel(frames + model.place(batch.place) * batch.mask, batch.mask, batch.variance)
    return mel


@torch.inference_mode()
def write(features: FeatureSet, model: FastSpeech2, encoder: SpeakerEncoder | None, out: Path) -> None:
    """Predict every utterance of a feature set: ``out`` has (T, M) of all of them end to end, in 16 bits.

    Raises:
        SystemExit: the model is told who speaks by a speaker encoder, and there is none, or it knows nobody here.
    """
    device = next(model.parameters()).device
    fixed = _identities(features, model, encoder)
    ends = np.cumsum([len(one.f0) for one in features])
    partial = out.with_suffix(".partial")
    mels = np.lib.format.open_memmap(partial, "w+", np.float16, (int(ends[-1]), AudioConfig().n_mels))
    order = np.argsort(np.diff(ends, prepend=0))  # of similar length together
    for first in tqdm(range(0, len(order), _BATCH), desc="predicting"):
        chosen = order[first : first + _BATCH].tolist()
        told = None if fixed is None else torch.from_numpy(fixed[[features[index].speaker for index in chosen]])
        batch = collate([features[index] for index in chosen], model.config.emotions, told).to(device)
        for index, mel in zip(chosen, predict_mel(model, batch).cpu().numpy(), strict=True):
            length = len(features[index].f0)
            mels[ends[index] - length : ends[index]] = mel[:, :length].T
    mels.flush()
    os.replace(partial, out)


def _identities(features: FeatureSet, model: FastSpeech2, encoder: SpeakerEncoder | None) -> FloatArray | None:
    if not model.config.relative_pitch:
        if features.speakers != list(model.config.speakers):
            raise SystemExit("this acoustic model knows other speakers: take the features that it learnt from")
        return None
    if encoder is None:
        raise SystemExit("this acoustic model is told who speaks: name the folder of its --speaker-encoder")
    return Identities.listen(features, encoder, 0).fixed


class Predicted:
    """Predicted spectrograms of a feature set, mapped."""

    def __init__(self, file: Path, features: FeatureSet, share: float) -> None:
        """Open them.

        Args:
            file: of ``write``.
            features: that they were predicted for.
            share: of the segments that are to be predicted ones, 0–1.

        Raises:
            SystemExit: they are of another feature set.
        """
        self._mels = np.load(file, mmap_mode="r")
        lengths = [len(one.f0) for one in features]
        if self._mels.shape != (sum(lengths), AudioConfig().n_mels):
            raise SystemExit(f"{file} was predicted for another feature set: predict it anew")
        self._begins = np.cumsum([0, *lengths])
        self._share = share

    def draw(self, index: int, first: int, frames: int, rng: np.random.Generator) -> FloatArray | None:
        """(M, T) of an utterance from frame ``first`` on; None where the recorded one is to be taken."""
        if rng.random() >= self._share:
            return None
        begin = int(self._begins[index]) + first
        drawn: FloatArray = self._mels[begin : begin + frames].T.astype(np.float32)
        return drawn


def louder(mel: FloatArray, gain: np.float32) -> FloatArray:
    """The log mel (M, T) of the same sound, its samples multiplied by ``gain``."""
    louder: FloatArray = np.maximum(mel + np.log(gain), _FLOOR)
    return louder


def main() -> None:
    """Read the command line and predict."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=Path, default=CACHE / "voice", help="feature set folder")
    parser.add_argument("--acoustic", type=Path, default=Path("models/v23/acoustic"))
    parser.add_argument(
        "--speaker-encoder", type=Path, help="folder of the encoder that the acoustic model learnt with"
    )
    parser.add_argument("--out", type=Path, required=True, help="file for train_vocoder --predicted, *.npy")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: all)")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    model = FastSpeech2.from_pretrained(arguments.acoustic, dtype=torch.float32).to(arguments.device).eval()
    encoder = None
    if arguments.speaker_encoder:
        encoder = SpeakerEncoder.from_pretrained(arguments.speaker_encoder, dtype=torch.float32).eval()  # type: ignore[no-untyped-call]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    write(FeatureSet(arguments.features), model, encoder, arguments.out)


if __name__ == "__main__":
    main()
