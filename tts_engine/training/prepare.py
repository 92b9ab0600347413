"""Make a feature set of recordings (python -m tts_engine.training.prepare --kind aishell3 --source data_aishell3).

AISHELL-3, CSMSC (Baker), or a plain folder of wav and text. Where a corpus marks its phonemes they are taken; the rest
is aligned here, by the recogniser that ships, adapted to the corpus in ``--rounds``. What does not fit is left out and
counted. Writes ``--out`` and, for measuring, ``…-heldout``; both are what every training script reads.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import multiprocessing
import os
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile  # type: ignore[import-untyped]
import torch
from scipy.signal import resample_poly  # type: ignore[import-untyped]
from tqdm import tqdm

from tts_engine.audio import AudioConfig, FloatArray
from tts_engine.errors import InputError
from tts_engine.frontend import Frontend
from tts_engine.frontend import phonemes as inventory
from tts_engine.frontend.pinyin import PinyinError, syllable_phonemes
from tts_engine.frontend.reading import Phoneme
from tts_engine.training import train_recogniser
from tts_engine.training.aligner import AlignmentError, align
from tts_engine.training.features import CACHE, Script, Utterance, extract_f0, make_utterance, save
from tts_engine.training.recogniser import FOLDER, Recogniser
from tts_engine.training.recordings import KINDS, CorpusError, Interval, Recording, read_grid
from tts_engine.training.teacher import TeacherError, level

SHORTEST_S, LONGEST_S = 0.6, 16.0
_EDGE_S = 0.08
"""Silence that is kept before and after the speech."""
_QUIET = 0.02
"""Of the loudest moment: what is below it at the edges is silence."""
_SILENT_LABELS = frozenset({"", "sil", "sp", "spn", "pau", "silence", "<eps>"})
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Aligned:
    """A recording whose phonemes have been found; its sound is read again when it is needed."""

    recording: Recording
    phonemes: tuple[Phoneme, ...]
    ends: npt.NDArray[np.int64]
    """(L,) samples."""
    score: float
    """How well it fits its text; 0 where the corpus marks its phonemes."""


def phonemes_of(recording: Recording, frontend: Frontend) -> tuple[Phoneme, ...]:
    """What is said: the corpus's own pinyin, or our reading of the text; begins and ends with an edge.

    Raises:
        InputError: the text cannot be read.
        PinyinError: the corpus has no pinyin there.
    """
    edge = Phoneme(inventory.EDGE, 0, 0, 0)
    if not recording.pinyin:
        sentences = frontend.read(recording.text).sentences
        inner = [phoneme for sentence in sentences for phoneme in sentence.phonemes]
        return (edge, *(phoneme for phoneme in inner if phoneme.symbol != inventory.EDGE), edge)
    out = [edge]
    for place, syllable in enumerate(recording.pinyin):
        out.extend(Phoneme(symbol, tone, place, place + 1) for symbol, tone in syllable_phonemes(syllable))
    last = next((mark for mark in reversed(recording.text) if mark in "。？！"), "。")
    return (*out, Phoneme(last, 0, len(recording.pinyin), len(recording.pinyin)), edge)


def read_samples(path: Path) -> tuple[FloatArray, float]:
    """A recording at 22,050 Hz, one channel, silence cut to ``_EDGE_S``, at the corpus's level; and what was cut, in s.

    Raises:
        ValueError: no sound, or too short or too long.
        OSError: it cannot be read.
    """
    config = AudioConfig()
    try:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise OSError(f"{path}: {error}") from error
    common = int(np.gcd(rate, config.sample_rate))
    samples = resample_poly(sound.mean(1), config.sample_rate // common, rate // common).astype(np.float32)
    loud = np.flatnonzero(np.abs(samples) > _QUIET * np.abs(samples).max(initial=1e-4))
    if loud.size == 0:
        raise ValueError("silent")
    margin = round(_EDGE_S * config.sample_rate)
    first, last = max(0, int(loud[0]) - margin), int(loud[-1]) + margin
    cut = samples[first:last]
    if not SHORTEST_S <= len(cut) / config.sample_rate <= LONGEST_S:
        raise ValueError(f"not between {SHORTEST_S} and {LONGEST_S} s")
    try:
        return level(cut), first / config.sample_rate
    except TeacherError as error:
        raise ValueError("silent") from error


class Worker:
    """Reads and aligns recordings; one in each process."""

    def __init__(self, recogniser: Path) -> None:
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)
        self._frontend = Frontend()
        self._recogniser: Recogniser = Recogniser.from_pretrained(recogniser).float().eval()  # type: ignore[no-untyped-call]

    def align(self, recording: Recording) -> Aligned | str:
        """Find a recording's phonemes; why it is left out where that is impossible."""
        try:
            return self._align(recording)
        except PinyinError:
            return "no Mandarin syllables"
        except InputError:
            return "unreadable text"
        except OSError:
            return "unreadable sound"
        except AlignmentError:
            return "too short for its text"
        except CorpusError as error:
            _log.warning("%s", error)
            return "damaged TextGrid"
        except ValueError as error:
            return str(error)

    def _align(self, recording: Recording) -> Aligned:
        phonemes = phonemes_of(recording, self._frontend)
        samples, offset_s = read_samples(recording.wav)
        if recording.grid is not None:
            marked = laid(read_grid(recording.grid), phonemes, (offset_s, len(samples)))
            if marked is not None:
                return Aligned(recording, *marked, 0.0)
        found = align(self._recogniser, samples, phonemes)
        return Aligned(recording, found.phonemes, found.ends * AudioConfig().hop_length, found.score)


def laid(
    tiers: dict[str, list[Interval]], phonemes: Sequence[Phoneme], cut: tuple[float, int]
) -> tuple[tuple[Phoneme, ...], npt.NDArray[np.int64]] | None:
    """Phonemes over the tier that has as many sounds, and their ends in samples; None where no tier has.

    Args:
        tiers: of ``read_grid``; one whose name holds "phone" is tried first.
        phonemes: of ``phonemes_of``; silent intervals become pauses.
        cut: seconds cut off before the sound, and its samples.
    """
    spoken = [phoneme for phoneme in phonemes if phoneme.tone != 0]
    for name in sorted(tiers, key=lambda name: "phone" not in name.lower()):
        if sum(not _is_silent(one) for one in tiers[name]) == len(spoken):
            rows = _rows(spoken, tiers[name], phonemes[-2])
            length_s = cut[0] + cut[1] / AudioConfig().sample_rate
            rows += [(phonemes[-2], (rows[-1][1] + length_s) / 2), (phonemes[-1], length_s)]
            ends = np.array([round((end - cut[0]) * AudioConfig().sample_rate) for _, end in rows])
            return tuple(phoneme for phoneme, _ in rows), np.maximum.accumulate(np.clip(ends, 1, cut[1]))
    return None


def _is_silent(interval: Interval) -> bool:
    return interval.label.lower() in _SILENT_LABELS


def _rows(spoken: Sequence[Phoneme], tier: Sequence[Interval], mark: Phoneme) -> list[tuple[Phoneme, float]]:
    """Each phoneme with its end, from the edge to the last sound."""
    first = next(index for index, one in enumerate(tier) if not _is_silent(one))
    last = max(index for index, one in enumerate(tier) if not _is_silent(one))
    rows = [(Phoneme(inventory.EDGE, 0, 0, 0), tier[first].begin_s)]
    remaining = iter(spoken)
    for one in tier[first : last + 1]:
        phoneme = Phoneme("，", 0, mark.end, mark.end) if _is_silent(one) else next(remaining)
        rows.append((phoneme, one.end_s))
    return rows


def utterance_of(aligned: Aligned, speaker: int) -> Utterance:
    """Features of one recording.

    Raises:
        ValueError: more phonemes than frames.
    """
    samples, _ = read_samples(aligned.recording.wav)
    script = Script(aligned.recording.text, speaker, aligned.phonemes)
    return make_utterance(script, samples, aligned.ends, f0=_track(samples))


def _track(samples: FloatArray) -> FloatArray:
    """F0 within bounds that the recording itself suggests: they keep the tracker from octave errors."""
    config = AudioConfig()
    samples = samples[: len(samples) // config.hop_length * config.hop_length]
    rough = extract_f0(samples, config, (60, 600), decimation=2)
    if not (rough > 0).any():
        return rough
    middle = float(np.median(rough[rough > 0]))
    return extract_f0(samples, config, (max(45.0, middle * 0.5), middle * 2.0))


_worker: Worker | None = None


def _open_worker(recogniser: Path) -> None:
    global _worker  # once a process
    _worker = Worker(recogniser)


def _align_here(recording: Recording) -> Aligned | str:
    if _worker is None:
        raise RuntimeError("the process has no worker")
    return _worker.align(recording)


def _utterance_here(job: tuple[Aligned, int]) -> Utterance | str:
    try:
        return utterance_of(*job)
    except ValueError:
        return "too short for its text"


def align_all(recordings: Sequence[Recording], recogniser: Path, processes: int) -> list[Aligned | str]:
    """Every recording in its order, by several processes."""
    if processes <= 1:
        _open_worker(recogniser)
        return [_align_here(one) for one in tqdm(recordings, desc="aligning")]
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _open_worker, (recogniser,)) as pool:
        found = pool.imap(_align_here, recordings, chunksize=8)
        return list(tqdm(found, total=len(recordings), desc="aligning"))


def utterances_of(jobs: Sequence[tuple[Aligned, int]], processes: int, left_out: Counter[str]) -> Iterator[Utterance]:
    """Features of every job; what cannot be made is counted."""
    with contextlib.ExitStack() as stack:
        made: Iterator[Utterance | str] = map(_utterance_here, jobs)
        if processes > 1:
            pool = stack.enter_context(multiprocessing.get_context("spawn").Pool(processes))
            made = pool.imap(_utterance_here, jobs, chunksize=8)
        for one in tqdm(made, total=len(jobs), desc="features"):
            if isinstance(one, str):
                left_out[one] += 1
            else:
                yield one


def fitting(found: Sequence[Aligned], worst: float) -> list[Aligned]:
    """All but the share ``worst`` that fits its text least; what the corpus marked itself is never among it."""
    scores = sorted(one.score for one in found if one.score < 0)
    limit = scores[round(worst * (len(scores) - 1))] if scores and worst > 0 else -np.inf
    return [one for one in found if one.score >= limit]


def adapt(recordings: Sequence[Recording], recogniser: Path, arguments: argparse.Namespace) -> Path:
    """Folder of the recogniser after learning, in rounds, from its own alignments of a share of the corpus."""
    draft = arguments.out.with_name(f"{arguments.out.name}-draft")
    chosen = sorted(random.Random(1).sample(range(len(recordings)), min(len(recordings), arguments.draft)))  # noqa: S311
    for _ in range(arguments.rounds):
        found = align_all([recordings[index] for index in chosen], recogniser, arguments.processes)
        kept = fitting([one for one in found if isinstance(one, Aligned)], arguments.worst)
        if not kept:
            return recogniser
        save(draft, utterances_of([(one, 0) for one in kept], arguments.processes, Counter()), ["all"])
        options = ["--features", str(draft), "--out", str(draft / "recogniser"), "--warm-start", str(recogniser)]
        options += ["--minutes", str(arguments.minutes), "--steps", str(arguments.steps), "--batch", "8"]
        options += [
            "--device",
            arguments.device,
            "--threads",
            str(arguments.threads),
            "--learning-rate",
            "5e-4",
            "--ctc-from",
            "1",
        ]
        recogniser = train_recogniser.train(train_recogniser.parser().parse_args(options))
    return recogniser


@dataclass(frozen=True)
class Report:
    """What became of a corpus."""

    learnt: int
    measured: int
    speakers: tuple[str, ...]
    left_out: Counter[str]


def run(arguments: argparse.Namespace) -> Report:
    """Read, align in rounds, write both sets."""
    recordings = list(KINDS[arguments.kind](arguments.source))
    if arguments.speakers:
        recordings = [one for one in recordings if one.speaker in arguments.speakers]
    recordings = recordings[: arguments.limit or None]
    unmarked = [one for one in recordings if one.grid is None]
    recogniser = adapt(unmarked, arguments.recogniser, arguments) if unmarked else arguments.recogniser
    found = align_all(recordings, recogniser, arguments.processes)
    left_out = Counter(one for one in found if isinstance(one, str))
    aligned = [one for one in found if isinstance(one, Aligned)]
    kept = fitting(aligned, arguments.worst)
    left_out["does not fit its text"] += len(aligned) - len(kept)
    if not kept:
        raise SystemExit(f"nothing of {arguments.source} can be used: {dict(+left_out)}")
    return _write(kept, left_out, arguments)


def _write(kept: Sequence[Aligned], left_out: Counter[str], arguments: argparse.Namespace) -> Report:
    """Every n-th utterance measures, the others teach."""
    speakers = sorted({one.recording.speaker for one in kept})
    jobs = [(one, speakers.index(one.recording.speaker)) for one in kept]
    every = arguments.heldout
    measured = [job for index, job in enumerate(jobs) if every and index % every == every - 1]
    learnt = [job for index, job in enumerate(jobs) if not every or index % every != every - 1]
    counts = []
    for folder, part in ((arguments.out, learnt), (arguments.out.with_name(f"{arguments.out.name}-heldout"), measured)):
        counts.append(save(folder, utterances_of(part, arguments.processes, left_out), speakers) if part else 0)
    report = Report(counts[0], counts[1], tuple(speakers), +left_out)
    print(f"{report.learnt} utterances of {len(speakers)} speakers: {arguments.out}")
    print(f"{report.measured} kept for measuring; left out: {dict(report.left_out) or 'none'}")
    return report


def parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=sorted(KINDS), required=True)
    parser.add_argument("--source", type=Path, required=True, help="folder that the corpus was unpacked to")
    parser.add_argument("--out", type=Path, default=CACHE / "mine", help="feature set to write")
    parser.add_argument("--speakers", nargs="+", help="only these")
    parser.add_argument("--limit", type=int, default=0, help="only so many recordings (0: all)")
    parser.add_argument("--heldout", type=int, default=50, help="every n-th utterance is kept for measuring (0: none)")
    parser.add_argument("--worst", type=float, default=0.02, help="share of what fits its text least, left out")
    parser.add_argument("--recogniser", type=Path, default=FOLDER, help="folder of the recogniser to begin with")
    parser.add_argument("--rounds", type=int, default=2, help="how often the recogniser is adapted")
    parser.add_argument("--draft", type=int, default=3000, help="recordings that it is adapted to")
    parser.add_argument("--minutes", type=float, default=10, help="of adapting, each round")
    parser.add_argument("--steps", type=int, default=0, help="of adapting, instead of minutes")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: all)")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    return parser


def main() -> None:
    """Read the command line and prepare."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        run(parser().parse_args())
    except CorpusError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
