"""What the networks learn from: per utterance the audio, F0, phonemes and durations, in flat files.

A feature set is a folder: ``audio.npy`` (int16), ``f0.npy`` (float32 Hz, 0 unvoiced), ``mel.npy`` (float16, what the
audio gives, kept because it takes longer to compute than to learn from), ``phonemes.npy`` (symbol, tone, frames), each
all utterances end to end, and ``index.json`` with where each utterance lies. It is mapped, not loaded.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyworld  # type: ignore[import-untyped]

from tts_engine.audio import AudioConfig, FloatArray, log_mel
from tts_engine.frontend.phonemes import SYMBOL_IDS
from tts_engine.frontend.reading import Phoneme

CACHE = Path(os.environ.get("INDEXTTS_TRAIN_CACHE", "~/.cache/indextts-train")).expanduser()


@dataclass(frozen=True)
class Utterance:
    """One utterance, ready to learn from."""

    text: str
    speaker: int
    audio: npt.NDArray[np.int16]
    """(S,) with S a multiple of the hop length."""
    f0: FloatArray
    """(T,) Hz, 0 where unvoiced."""
    phonemes: npt.NDArray[np.int16]
    """(L, 3): symbol id, tone, duration in frames; the durations add up to T."""
    rate: float = 1.0
    """Speed it was spoken at, as a multiple of the speaker's own: only at 1 do durations teach how long things last."""
    emotion: str = ""
    """Of ``prosody.EMOTIONS``; empty when neutral."""
    intensity: float = 0.0
    """Of the emotion, 0–1."""

    @property
    def samples(self) -> FloatArray:
        """(S,) float32 in [-1, 1]."""
        return self.audio.astype(np.float32) / np.float32(32768)

    kept_mel: npt.NDArray[np.float16] | None = None
    """(T, M) of a saved feature set: ``mel``, to three digits."""

    @cached_property
    def mel(self) -> FloatArray:
        """(M, T) log mel of the samples, kept once computed."""
        return log_mel(self.samples, AudioConfig())

    @property
    def learnt_mel(self) -> FloatArray:
        """(M, T) log mel to train on: read where it was saved."""
        return self.mel if self.kept_mel is None else self.kept_mel.T.astype(np.float32)


def extract_f0(
    samples: FloatArray, config: AudioConfig, bounds_hz: tuple[float, float] = (60, 500), decimation: int = 1
) -> FloatArray:
    """F0 at the centre of every mel frame, (T,) Hz, 0 where unvoiced.

    The closer the bounds lie to what the speaker does, the fewer octave errors. The search may run on a decimated
    signal, which is faster; the refinement never does.

    Source: DIO with StoneMask (Morise 2009, 2010), pyworld (MIT).
    """
    frames = samples.shape[0] // config.hop_length
    shifted = samples[config.hop_length // 2 :].astype(np.float64)
    period_ms = 1000 * config.hop_length / config.sample_rate
    raw, times = pyworld.dio(
        shifted,
        config.sample_rate,
        f0_floor=bounds_hz[0],
        f0_ceil=bounds_hz[1],
        frame_period=period_ms,
        speed=decimation,
    )
    f0 = pyworld.stonemask(shifted, raw, times, config.sample_rate)[:frames]
    return np.pad(f0, (0, frames - f0.shape[0])).astype(np.float32)


@dataclass(frozen=True)
class Script:
    """What is said, and who says it."""

    text: str
    speaker: int
    """Index into the feature set's speakers."""
    phonemes: Sequence[Phoneme]
    rate: float = 1.0
    """As a multiple of the speaker's own speed."""
    emotion: str = ""
    intensity: float = 0.0


def make_utterance(
    script: Script,
    samples: FloatArray,
    ends: npt.NDArray[np.int64],
    bounds_hz: tuple[float, float] = (60, 500),
    f0: FloatArray | None = None,
) -> Utterance:
    """Features of one aligned recording.

    Args:
        script: what is said, and who says it.
        samples: (S,) float32 at the configuration's rate.
        ends: (L,) sample at which each phoneme ends.
        bounds_hz: of the speaker's F0.
        f0: (T,) Hz, where it is known already.

    Raises:
        ValueError: there are more phonemes than frames.
    """
    config = AudioConfig()
    frames = samples.shape[0] // config.hop_length
    if frames < len(script.phonemes):
        raise ValueError(f"{len(script.phonemes)} phonemes in {frames} frames")
    samples = samples[: frames * config.hop_length]
    borders = np.round(ends / config.hop_length).astype(np.int64)
    borders[-1] = frames
    for index in range(borders.shape[0] - 1):  # no phoneme is shorter than a frame
        borders[index] = max(borders[index], borders[index - 1] + 1 if index else 1)
    for index in range(borders.shape[0] - 2, -1, -1):
        borders[index] = min(borders[index], borders[index + 1] - 1)
    durations = np.diff(borders, prepend=0)
    rows = [(SYMBOL_IDS[p.symbol], p.tone, int(d)) for p, d in zip(script.phonemes, durations, strict=True)]
    audio = np.clip(samples * 32768, -32768, 32767).astype(np.int16)
    track = extract_f0(samples, config, bounds_hz) if f0 is None else f0
    return Utterance(
        text=script.text,
        speaker=script.speaker,
        audio=audio,
        f0=track,
        phonemes=np.asarray(rows, dtype=np.int16),
        rate=script.rate,
        emotion=script.emotion,
        intensity=script.intensity,
    )


@dataclass(frozen=True)
class _Place:
    text: str
    speaker: int
    audio: int
    frame: int
    frames: int
    phoneme: int
    phonemes: int
    rate: float = 1.0
    emotion: str = ""
    intensity: float = 0.0


class _Column:
    """An array that grows in its file and is a ``.npy`` once it is closed: a corpus need not fit into memory.

    Source: the format's version 1.0 (numpy.lib.format): a header of 128 bytes, however long it gets.
    """

    _HEADER = 128

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_suffix(".partial")
        self._file = self._partial.open("wb")
        self._file.write(b" " * self._HEADER)
        self._rows = 0
        self._kind: tuple[str, tuple[int, ...]] = ("<f4", ())

    def add(self, rows: npt.NDArray[np.generic]) -> None:
        """Append rows of one dtype and shape."""
        self._kind = (np.dtype(rows.dtype).newbyteorder("<").str, rows.shape[1:])
        self._file.write(np.ascontiguousarray(rows).tobytes())
        self._rows += rows.shape[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Give the file its header and its name; remove it where the block failed."""
        if kind is None:
            self._finish()
        else:
            self._file.close()
            self._partial.unlink()

    def _finish(self) -> None:
        dtype, shape = self._kind
        described = repr({"descr": dtype, "fortran_order": False, "shape": (self._rows, *shape)}).encode("latin1")
        header = b"\x93NUMPY\x01\x00" + (self._HEADER - 10).to_bytes(2, "little")
        self._file.seek(0)
        self._file.write(header + described.ljust(self._HEADER - 11) + b"\n")
        self._file.close()
        os.replace(self._partial, self._path)


def save(folder: Path, utterances: Iterable[Utterance], speakers: Sequence[str]) -> int:
    """Write a feature set, one utterance in memory at a time, and how many there were.

    The index comes last, so that a half-written set is not taken for one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.json").unlink(missing_ok=True)
    places: list[_Place] = []
    audio = frame = phoneme = 0
    with ExitStack() as stack:
        columns = {
            name: stack.enter_context(_Column(folder / f"{name}.npy")) for name in ("audio", "f0", "mel", "phonemes")
        }
        for one in utterances:
            places.append(
                _Place(
                    text=one.text,
                    speaker=one.speaker,
                    audio=audio,
                    frame=frame,
                    frames=len(one.f0),
                    phoneme=phoneme,
                    phonemes=len(one.phonemes),
                    rate=one.rate,
                    emotion=one.emotion,
                    intensity=one.intensity,
                )
            )
            audio, frame, phoneme = audio + len(one.audio), frame + len(one.f0), phoneme + len(one.phonemes)
            columns["audio"].add(one.audio)
            columns["f0"].add(one.f0)
            columns["mel"].add(one.mel.T.astype(np.float16))
            columns["phonemes"].add(one.phonemes)
            one.__dict__.pop("mel", None)  # a caller that keeps the utterance need not keep this
    index = {"speakers": list(speakers), "utterances": [asdict(place) for place in places]}
    (folder / "index.json").write_text(json.dumps(index, ensure_ascii=False), encoding="utf-8")
    return len(places)


class FeatureSet(Sequence[Utterance]):
    """A saved feature set, mapped."""

    def __init__(self, folder: Path) -> None:
        self.config = AudioConfig()
        index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
        self.speakers: list[str] = index["speakers"]
        audio, f0, phonemes = (np.load(folder / f"{part}.npy", mmap_mode="r") for part in ("audio", "f0", "phonemes"))
        kept = folder / "mel.npy"
        mel = np.load(kept, mmap_mode="r") if kept.exists() else None
        self._utterances = []
        for row in index["utterances"]:
            place = _Place(**row)
            samples = place.frames * self.config.hop_length
            one = Utterance(
                text=place.text,
                speaker=place.speaker,
                audio=audio[place.audio : place.audio + samples],
                f0=f0[place.frame : place.frame + place.frames],
                phonemes=phonemes[place.phoneme : place.phoneme + place.phonemes],
                rate=place.rate,
                kept_mel=None if mel is None else mel[place.frame : place.frame + place.frames],
                emotion=place.emotion,
                intensity=place.intensity,
            )
            self._utterances.append(one)

    def __len__(self) -> int:
        return len(self._utterances)

    def __getitem__(self, index: int) -> Utterance:  # type: ignore[override]  # slices are not offered
        return self._utterances[index]
