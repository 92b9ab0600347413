"""Recorded corpora as they come: which file says what, who speaks, and where the corpus itself marks its phonemes.

Knows the layouts of AISHELL-3, of CSMSC (Baker) and of a plain folder; knows nothing about sound. What a corpus says
about its pronunciation is taken before our own reading of the text, since it was written down by who heard it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


class CorpusError(Exception):
    """A corpus is not laid out as its kind is."""


@dataclass(frozen=True)
class Recording:
    """One file of a corpus."""

    wav: Path
    text: str
    speaker: str
    pinyin: tuple[str, ...] = ()
    """Surface reading, a syllable each; empty where the text has to be read."""
    grid: Path | None = None
    """TextGrid with a tier of phonemes, where there is one."""


_PINYIN = re.compile(r"[a-zA-Zü:]+[0-5]?")
_BREAKS = re.compile(r"#[0-9]")


def aishell3(folder: Path) -> Iterator[Recording]:
    """AISHELL-3 (Shi et al. 2020; openslr.org/93): ``train/content.txt``, ``train/wav/SSB0005/SSB00050001.wav``.

    Raises:
        CorpusError: no ``content.txt`` where it should be.
    """
    lists = [folder / part / "content.txt" for part in ("train", "test")]
    if not any(path.exists() for path in lists):
        raise CorpusError(f"{folder} has no train/content.txt: give the folder that data_aishell3.tgz unpacks to")
    for path in filter(Path.exists, lists):
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, rest = line.strip().partition("\t")
            if not rest:
                continue
            words = rest.split()
            pinyin = tuple(word for word in words if _PINYIN.fullmatch(word))
            text = "".join(word for word in words if not _PINYIN.fullmatch(word))
            speaker = name[:7]
            yield Recording(path.parent / "wav" / speaker / name, text, speaker, pinyin)


def baker(folder: Path) -> Iterator[Recording]:
    """CSMSC (Databaker 2017): ``Wave/000001.wav``, ``ProsodyLabeling/000001-010000.txt``, ``PhoneLabeling/*.interval``.

    Raises:
        CorpusError: no ``ProsodyLabeling`` where it should be.
    """
    lists = sorted((folder / "ProsodyLabeling").glob("*.txt"))
    if not lists:
        raise CorpusError(f"{folder} has no ProsodyLabeling/*.txt: give the folder that BZNSYP.rar unpacks to")
    for path in lists:
        lines = [line for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
        for head, below in zip(lines[::2], lines[1::2], strict=False):
            number, _, marked = head.partition("\t")
            grid = folder / "PhoneLabeling" / f"{number}.interval"
            yield Recording(
                wav=folder / "Wave" / f"{number}.wav",
                text=_BREAKS.sub("", marked).strip(),
                speaker="baker",
                pinyin=tuple(below.split()),
                grid=grid if grid.exists() else None,
            )


def plain(folder: Path) -> Iterator[Recording]:
    """``NAME.wav`` with ``NAME.txt`` (or ``.lab``), perhaps ``NAME.TextGrid``, beside it; a folder below is a speaker.

    Raises:
        CorpusError: no such pair in the whole folder.
    """
    count = 0
    for wav in sorted(folder.rglob("*.wav")):
        text = next((path for path in (wav.with_suffix(".txt"), wav.with_suffix(".lab")) if path.exists()), None)
        if text is None:
            continue
        count += 1
        below = wav.relative_to(folder).parts
        grid = wav.with_suffix(".TextGrid")
        yield Recording(
            wav=wav,
            text=text.read_text(encoding="utf-8-sig").strip(),
            speaker=below[0] if len(below) > 1 else folder.resolve().name,
            grid=grid if grid.exists() else None,
        )
    if not count:
        raise CorpusError(f"{folder} has no NAME.wav with NAME.txt beside it")


KINDS: dict[str, Callable[[Path], Iterator[Recording]]] = {"aishell3": aishell3, "baker": baker, "folder": plain}


@dataclass(frozen=True)
class Interval:
    """A labelled stretch of a recording."""

    begin_s: float
    end_s: float
    label: str


_VALUE = re.compile(r'"((?:[^"]|"")*)"|(-?\d+(?:\.\d+)?(?:[eE]-?\d+)?)|(<exists>)')
_INDEX = re.compile(r"\[\d*\]")


def read_grid(path: Path) -> dict[str, list[Interval]]:
    """The interval tiers of a Praat TextGrid, long or short, in UTF-8 or UTF-16; point tiers are passed over.

    Raises:
        CorpusError: not a TextGrid, or cut short.
    """
    raw = path.read_bytes()
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        values = _VALUE.findall(_INDEX.sub("", raw.decode(encoding)))
        if not any(text == "TextGrid" for text, _, _ in values[:2]):
            raise CorpusError(f"{path} is no TextGrid")
        return _tiers(iter(values[2:]))
    except (UnicodeDecodeError, StopIteration, ValueError) as error:
        raise CorpusError(f"{path} is damaged or cut short") from error


def _tiers(values: Iterator[tuple[str, str, str]]) -> dict[str, list[Interval]]:
    for _ in range(3):  # begin, end, <exists>
        next(values)
    tiers: dict[str, list[Interval]] = {}
    for _ in range(int(next(values)[1])):
        kind, name = next(values)[0], next(values)[0]
        next(values), next(values)
        count = int(next(values)[1])
        if kind == "IntervalTier":
            tiers[name] = [
                Interval(float(next(values)[1]), float(next(values)[1]), next(values)[0].replace('""', '"').strip())
                for _ in range(count)
            ]
        else:
            for _ in range(2 * count):
                next(values)
    return tiers
