"""A story in the making: its sentences, which are spoken one by one, made again, and joined into one file.

Knows the desk and the store, knows no Gradio. A sentence's sound lies in the store, so it ages like everything there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sound import decode_wav
from sound.encoding import encode
from sound.subtitles import Line, Word, captions, lrc, srt
from tts_engine.checkpoint import NEUTRAL
from tts_engine.errors import EmptyTextError, InputError, TextTooLongError
from tts_engine.speech import Speech
from tts_engine.synthesizer import SynthesisOptions, Timing
from webui_page.body import checked_text
from webui_page.finishing import Samples
from webui_page.parts import Parts
from webui_page.script import Cue, parse
from webui_page.utterance import Utterance, join

MAX_CHARS = 20_000
"""Longest story: about an hour and a half of sound."""


@dataclass(frozen=True)
class Part:
    """How one role speaks."""

    voice: str
    emotion: str = NEUTRAL
    """Where a line names none."""
    speed: float = 1.0


@dataclass(frozen=True)
class Take:
    """One sentence of the story."""

    cue: Cue
    part: Part
    number: int
    """Of the sentence among those of its cue that are spoken, from 0."""
    begin: int
    """Index into the cue's text."""
    text: str
    emotion: str
    seed: int = 0
    """Raised when it is made again."""
    file: str = ""
    """Of its sound in the store; empty until it is made."""
    duration_s: float = 0.0
    timings: tuple[Timing, ...] = ()
    """From the beginning of the sentence; indices into the cue's text."""
    error: str = ""
    """Why it could not be made."""

    @property
    def is_made(self) -> bool:
        """Whether it can be heard."""
        return bool(self.file)


async def plan(parts: Parts, text: str, cast: Mapping[str, Part]) -> tuple[Take, ...]:
    """The story's sentences, none of them made.

    Raises:
        InputError: nothing to say, too long, or what the front end finds wrong.
    """
    if len(text) > MAX_CHARS:
        raise TextTooLongError(len(text), MAX_CHARS)
    takes: list[Take] = []
    for cue in parse(checked_text(text, MAX_CHARS)):
        part = cast[cue.role]
        reading = await parts.desk.read(cue.text, SynthesisOptions(ssml=cue.is_ssml, on_unsupported="warn"))
        spoken = [sentence for sentence in reading.sentences if sentence.phonemes]
        for number, sentence in enumerate(spoken):
            said = cue.text[sentence.begin : sentence.end]
            shown = sentence.normalized if cue.is_ssml else said
            takes.append(Take(cue, part, number, sentence.begin, shown, _emotion(parts, cue, part)))
    if not takes:
        raise EmptyTextError
    return tuple(takes)


def reused(takes: Sequence[Take], before: Sequence[Take]) -> list[Take]:
    """``takes`` with the sounds that are there from last time: an edited line costs no more than itself."""
    made = {_same(take): take for take in before if take.is_made}
    return [_again(take, made.get(_same(take))) for take in takes]


def _same(take: Take) -> tuple[object, ...]:
    around = (take.cue.text, take.number) if take.cue.is_ssml else ()
    return take.text, take.emotion, take.part, *around


def _again(take: Take, made: Take | None) -> Take:
    if made is None:
        return take
    timings = tuple(_moved(timing, 0, take.begin - made.begin) for timing in made.timings)
    return replace(take, seed=made.seed, file=made.file, duration_s=made.duration_s, timings=timings)


def _emotion(parts: Parts, cue: Cue, part: Part) -> str:
    wanted = cue.emotion or part.emotion
    return wanted if wanted in parts.desk.engine.emotions else NEUTRAL


async def make(parts: Parts, take: Take) -> Take:
    """The sentence with its sound.

    Raises:
        TTSError: whatever desk or engine finds wrong.
        RefusalError: the voice is gone.
    """
    part = take.part
    speaker = parts.library.speaker(part.voice)
    options = SynthesisOptions(
        voice=part.voice, speaker=speaker, speed=part.speed, seed=take.seed, emotion=take.emotion,
        ssml=take.cue.is_ssml, on_unsupported="warn",
    )  # fmt: skip
    if take.cue.is_ssml:
        made, begin_ms, begin = await _nth(parts, take, options)
    else:
        made, begin_ms, begin = join([p.speech async for p in parts.desk.speak(take.text, options)]), 0, take.begin
    timings = tuple(_moved(timing, -begin_ms, begin) for timing in made.timings)
    path = await asyncio.to_thread(_save, parts, made)
    return replace(take, file=path.name, duration_s=made.duration_s, timings=timings, error="")


async def _nth(parts: Parts, take: Take, options: SynthesisOptions) -> tuple[Utterance, int, int]:
    """A sentence of SSML is found by its number, for marks reach over sentences; and when it begins, where from."""
    begin_s, number = 0.0, 0
    found: list[Speech] = []
    async with contextlib.aclosing(parts.desk.speak(take.cue.text, options)) as pieces:
        async for piece in pieces:
            if number == take.number:
                found.append(piece.speech)
            else:
                begin_s += piece.speech.duration_s
            number += not piece.speech.continues
            if number > take.number:
                break
    return join(found), round(1000 * begin_s), 0


def _save(parts: Parts, made: Utterance) -> Path:
    return parts.store.save(encode(made.samples, made.sample_rate, "wav"), "wav")


def _moved(timing: Timing, by_ms: int, by: int) -> Timing:
    return replace(
        timing,
        begin_ms=timing.begin_ms + by_ms,
        end_ms=timing.end_ms + by_ms,
        begin=timing.begin + by,
        end=timing.end + by,
    )


@dataclass(frozen=True)
class Export:
    """Files of the store."""

    sound: Path
    srt: Path
    lrc: Path
    json: Path
    duration_s: float


def export(parts: Parts, takes: Sequence[Take], format: str) -> Export:
    """One file with everything that is made, and its subtitles.

    Raises:
        InputError: a sentence is missing, or its sound has expired; names the first.
    """
    paths = [_found(parts, number, take) for number, take in enumerate(takes, 1)]
    rate = parts.desk.engine.sample_rate
    lead_s = parts.finish.lead_s(rate)
    data = parts.finish.joined(_sounds(paths), rate, format)
    lines = list(_captions(takes, lead_s))
    save = parts.store.save
    return Export(
        save(data, format),
        save(srt(lines).encode(), "srt"),
        save(lrc(lines).encode(), "lrc"),
        save(_document(takes, lead_s).encode(), "json"),
        lead_s + sum(take.duration_s for take in takes),
    )


def _found(parts: Parts, number: int, take: Take) -> Path:
    path = parts.store.find(take.file)
    if path is None:
        why = "的声音已过期" if take.is_made else "还没有合成"
        raise InputError(f"第 {number} 句{why}：请先重做这一句，再导出。")
    return path


def _sounds(paths: Sequence[Path]) -> Iterator[Samples]:
    for path in paths:
        yield decode_wav(path.read_bytes())[0]


def _starts_s(takes: Sequence[Take], lead_s: float) -> Iterator[float]:
    for take in takes:
        yield lead_s
        lead_s += take.duration_s


def _captions(takes: Sequence[Take], lead_s: float) -> Iterator[Line]:
    for take, start_s in zip(takes, _starts_s(takes, lead_s), strict=True):
        start_ms = 1000 * start_s
        if take.cue.is_ssml:  # its text is full of marks
            yield Line(start_ms, start_ms + 1000 * take.duration_s, 0, len(take.text), take.text.strip())
            continue
        words = (
            Word(start_ms + t.begin_ms, start_ms + t.end_ms, t.begin - take.begin, t.end - take.begin)
            for t in take.timings
        )
        yield from captions(take.text, words)


def _document(takes: Sequence[Take], lead_s: float) -> str:
    rows = [
        {
            "role": take.cue.role,
            "emotion": take.emotion,
            "text": take.text.strip(),
            "begin_ms": round(1000 * start_s),
            "end_ms": round(1000 * (start_s + take.duration_s)),
            "characters": [asdict(_moved(timing, round(1000 * start_s), take.cue.begin)) for timing in take.timings],
        }
        for take, start_s in zip(takes, _starts_s(takes, lead_s), strict=True)
    ]
    return json.dumps({"sentences": rows}, ensure_ascii=False, indent=1)
