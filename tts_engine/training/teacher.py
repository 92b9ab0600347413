"""The teacher: a formant synthesizer that speaks phonemes and says where each of them lies.

espeak-ng (GPL-3.0-or-later) is called through ctypes, only here, only to make training data. It is never linked into
or shipped with the product.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly  # type: ignore[import-untyped]

from tts_engine.audio import FloatArray
from tts_engine.frontend import phonemes as inventory
from tts_engine.frontend.reading import Phoneme


class TeacherError(Exception):
    """The formant synthesizer is absent, or did not speak what it was given."""


@dataclass(frozen=True)
class TeacherVoice:
    """A speaker, as the formant synthesizer's parameters."""

    variant: str
    """espeak-ng voice variant, such as ``f1``."""
    pitch: int
    """0–99, espeak-ng's own scale; 50 is the variant's default."""
    pitch_range: int
    """0–99, espeak-ng's own scale."""
    rate: int
    """Words per minute, espeak-ng's own scale."""
    f0_hz: tuple[float, float]
    """Lowest and highest F0 it ever speaks: bounds that keep a pitch tracker from octave errors."""
    scale: float = 1.0
    """Formants and pitch are multiplied by this (by resampling); the rate is kept."""


VOICES = {
    "female": TeacherVoice("f1", pitch=52, pitch_range=60, rate=165, f0_hz=(118, 300)),
    "male": TeacherVoice("m3", pitch=45, pitch_range=60, rate=160, f0_hz=(58, 170)),
    "child": TeacherVoice("f1", pitch=62, pitch_range=65, rate=150, f0_hz=(150, 380), scale=1.22),
}

PAUSE_S = {"、": 0.12, "，": 0.22, "；": 0.30, "。": 0.30, "？": 0.30, "！": 0.30}
EDGE_S = 0.06
_LEVEL = 0.07
"""Root-mean-square level of every rendering's speech: −23 dB of full scale."""


@dataclass(frozen=True)
class Rendering:
    """One utterance as the teacher speaks it."""

    samples: FloatArray
    """(S,) at 22,050 Hz."""
    ends: npt.NDArray[np.int64]
    """(L,) sample at which each phoneme ends; the last is S."""


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_WORD, _PHONEME = 1, 7
_SYNCHRONOUS, _PHONEME_EVENTS, _UTF8, _PHONEMES_IN_TEXT = 2, 1, 1, 0x100
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_LINKS = ("", ";", "r-")
"""Glides that espeak-ng puts between vowels on its own: part of the vowel before."""
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class _Mark:
    """A phoneme event of espeak-ng: a name at a sample; ``word`` counts the words begun."""

    name: str
    sample: int
    word: int


class Espeak:
    """libespeak-ng, once a process. Not thread-safe: the library has one global state."""

    sample_rate = 22050

    def __init__(self) -> None:
        name = ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1"
        try:
            self._library = ctypes.CDLL(name)
        except OSError as error:
            raise TeacherError("libespeak-ng is absent: apt-get install libespeak-ng1") from error
        rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS)
        if rate != self.sample_rate:
            raise TeacherError(f"libespeak-ng did not start (it answered {rate})")
        self._chunks: list[npt.NDArray[np.int16]] = []
        self._marks: list[_Mark] = []
        self._words = 0
        self._callback = _CALLBACK(self._receive)

    def speak(self, text: str, language: str, voice: TeacherVoice) -> tuple[FloatArray, list[_Mark]]:
        """Samples (S,) and phoneme events of ``text``, at the voice's own scale."""
        if self._library.espeak_SetVoiceByName(f"{language}+{voice.variant}".encode()) != 0:
            raise TeacherError(f"libespeak-ng has no voice {language}+{voice.variant}")
        rate = round(voice.rate / voice.scale)
        for parameter, value in ((_RATE, rate), (_VOLUME, 60), (_PITCH, voice.pitch), (_RANGE, voice.pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._chunks, self._marks, self._words = [], [], 0
        self._library.espeak_SetSynthCallback(self._callback)  # each time: another Espeak may have set its own
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8 | _PHONEMES_IN_TEXT, None, None)
        self._library.espeak_Synchronize()
        if not self._chunks:
            raise TeacherError(f"nothing was spoken for {text!r}")
        return np.concatenate(self._chunks).astype(np.float32) / 32768.0, self._marks

    def _receive(self, samples: ctypes._Pointer[ctypes.c_short], count: int, events: ctypes._Pointer[_Event]) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type != 0:
            event = events[index]
            if event.type == _WORD and event.text_position > 0:
                self._words += 1  # a clause boundary reports a word at position 0: not one
            elif event.type == _PHONEME:
                self._marks.append(_Mark(bytes(event.id.string).decode(), event.sample, self._words - 1))
            index += 1
        return 0


class Teacher:
    """Speaks phonemes: clause by clause, pauses by rule, each phoneme's end in samples."""

    def __init__(self) -> None:
        self._espeak = Espeak()

    def render(self, phonemes: Sequence[Phoneme], voice: TeacherVoice) -> Rendering:
        """Speak one sentence of the front end.

        Raises:
            TeacherError: the formant synthesizer said other phonemes than it was given.
        """
        pieces: list[FloatArray] = []
        ends: list[int] = []
        total = 0
        spoken = 0
        for kind, group in groupby(phonemes, key=_kind):
            run = list(group)
            spoken += len(run)
            if kind == "pause":
                for phoneme in run:
                    silence = EDGE_S if phoneme.symbol == inventory.EDGE else PAUSE_S[phoneme.symbol]
                    pieces.append(np.zeros(round(silence * Espeak.sample_rate), dtype=np.float32))
                    total += pieces[-1].shape[0]
                    ends.append(total)
                continue
            mark = _terminal(phonemes[spoken] if spoken < len(phonemes) else None)
            samples, run_ends = self._speak_run(kind, run, mark, voice)
            pieces.append(samples)
            ends.extend(total + end for end in run_ends)
            total += samples.shape[0]
        return Rendering(level(np.concatenate(pieces)), np.asarray(ends, dtype=np.int64))

    def _speak_run(self, kind: str, run: list[Phoneme], mark: str, voice: TeacherVoice) -> tuple[FloatArray, list[int]]:
        words = _mandarin_words(run) if kind == "mandarin" else _english_words(run)
        text = " ".join(word.text for word in words) + mark
        language = "cmn-latn-pinyin" if kind == "mandarin" else "en-us"
        samples, marks = self._espeak.speak(text, language, voice)
        spoken = [m for m in marks if m.name not in _LINKS and not m.name.startswith(("_", "("))]
        silence = next((m.sample for m in reversed(marks) if m.name == "_:"), samples.shape[0])
        ends = _align(words, spoken, silence)
        start = spoken[0].sample
        clip = _fade(samples[start : ends[-1]])
        clip, ratio = _resample(clip, voice.scale)
        return clip, [min(round((end - start) * ratio), clip.shape[0]) for end in ends[:-1]] + [clip.shape[0]]


@dataclass(frozen=True)
class _Word:
    """What espeak-ng is given for one syllable or English word, and how many phonemes that is for us."""

    text: str
    initial: bool
    """The first phoneme is an initial (Mandarin)."""
    phonemes: int
    english: bool
    erhua: bool = False


def _kind(phoneme: Phoneme) -> str:
    if phoneme.tone == 0:
        return "pause"
    return "mandarin" if phoneme.tone <= 5 else "english"


def _terminal(following: Phoneme | None) -> str:
    """The mark after a run, as espeak-ng reads intonation from it."""
    if following is None:
        return "."
    return {"？": "?", "！": "!", "。": ".", inventory.EDGE: "."}.get(following.symbol, ",")


def _mandarin_words(run: list[Phoneme]) -> list[_Word]:
    words = []
    index = 0
    while index < len(run):
        initial = run[index].symbol if _opens_syllable(run[index : index + 2]) else ""
        final = run[index + bool(initial)]
        count = 1 + bool(initial)
        erhua = index + count < len(run) and run[index + count].symbol == inventory.ERHUA
        text = spelling(initial, final.symbol) + ("r" if erhua else "") + str(final.tone)
        words.append(_Word(text, bool(initial), count + erhua, english=False, erhua=erhua))
        index += count + erhua
    return words


def _opens_syllable(pair: list[Phoneme]) -> bool:
    """Whether the first is the initial of the second; ``m`` alone (呣) is a syllable too."""
    if pair[0].symbol not in inventory.INITIALS or len(pair) < 2:
        return False
    same = (pair[0].begin, pair[0].end, pair[0].tone) == (pair[1].begin, pair[1].end, pair[1].tone)
    return same and pair[1].symbol in inventory.FINALS and pair[1].symbol != "m"


_MEDIALS = {"i": "y", "u": "w", "v": "yu"}
_CONTRACTED = {"iou": "iu", "uei": "ui", "uen": "un", "ueng": "ong"}
_WHOLE = {"i": "yi", "in": "yin", "ing": "ying", "u": "wu", "ng": "en", "m": "mu", "ê": "ei", "io": "yo"}


def spelling(initial: str, final: str) -> str:
    """Toneless pinyin as it is written: ``("", "iou") -> "you"``, ``("x", "van") -> "xuan"``."""
    if not initial:
        if final in _WHOLE:
            return _WHOLE[final]
        if final == "ueng":
            return "weng"
        head = _MEDIALS.get(final[0]) if len(final) > 1 or final == "v" else None
        return head + final[1:] if head else final
    if final in ("ii", "iii"):
        return initial + "i"
    if final.startswith("v") and initial in "jqx":
        return initial + "u" + final[1:]
    return initial + _CONTRACTED.get(final, final)


_ARPABET = {
    "AA": "A:", "AE": "a", "AH": "V", "AO": "O:", "AW": "aU", "AY": "aI", "B": "b", "CH": "tS", "D": "d",
    "DH": "D", "EH": "E", "ER": "3:", "EY": "eI", "F": "f", "G": "g", "HH": "h", "IH": "I", "IY": "i:", "JH": "dZ",
    "K": "k", "L": "l", "M": "m", "N": "n", "NG": "N", "OW": "oU", "OY": "OI", "P": "p", "R": "r", "S": "s",
    "SH": "S", "T": "t", "TH": "T", "UH": "U", "UW": "u:", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "Z",
}  # fmt: skip
_STRESS_MARK = {6: "", 7: "'", 8: ","}


def _english_words(run: list[Phoneme]) -> list[_Word]:
    words = []
    for _, group in groupby(run, key=lambda phoneme: (phoneme.begin, phoneme.end)):
        word = list(group)
        text = ""
        for phoneme in word:
            vowel = phoneme.symbol[0] in "AEIOU"
            name = "@" if phoneme.symbol == "AH" and phoneme.tone == 6 else _ARPABET[phoneme.symbol]
            text += (_STRESS_MARK[phoneme.tone] if vowel else "") + name + "|"
        words.append(_Word(f"[[{text.rstrip('|')}]]", False, len(word), english=True))
    return words


def _align(words: list[_Word], marks: list[_Mark], silence: int) -> list[int]:
    """The sample at which each of our phonemes ends."""
    ends: list[int] = []
    by_word = {index: list(group) for index, group in groupby(marks, key=lambda mark: mark.word)}
    if sorted(by_word) != list(range(len(words))):
        raise TeacherError(f"{len(words)} words were given, {sorted(by_word)} were spoken")
    for index, word in enumerate(words):
        events = by_word[index]
        end = by_word[index + 1][0].sample if index + 1 < len(words) else silence
        ends.extend(_english_ends(word, events, end) if word.english else _syllable_ends(word, events, end))
    return ends


def _english_ends(word: _Word, events: list[_Mark], end: int) -> list[int]:
    if len(events) != word.phonemes:
        raise TeacherError(f"{word.text}: spoken as {[event.name for event in events]}")
    return [event.sample for event in events[1:]] + [end]


def _syllable_ends(word: _Word, events: list[_Mark], end: int) -> list[int]:
    needed = word.initial + 1 + word.erhua
    if len(events) < word.initial + 1:
        raise TeacherError(f"{word.text}: spoken as {[event.name for event in events]}")
    ends = [events[1].sample] if word.initial else []
    if word.erhua:
        rhotic = events[-1].sample if len(events) >= needed else (ends[-1] if ends else events[0].sample)
        ends.append((rhotic + end) // 2 if len(events) < needed else rhotic)
    return [*ends, end]


def _resample(samples: FloatArray, scale: float) -> tuple[FloatArray, float]:
    """Raise pitch and formants by ``scale``; also the ratio of lengths."""
    if scale == 1.0:
        return samples, 1.0
    out = resample_poly(samples, 1000, round(1000 * scale)).astype(np.float32)
    return out, out.shape[0] / samples.shape[0]


def _fade(samples: FloatArray) -> FloatArray:
    ramp = min(110, samples.shape[0] // 4)  # 5 ms
    if ramp == 0:
        return samples
    samples = samples.copy()
    samples[-ramp:] *= np.linspace(1, 0, ramp, dtype=np.float32)
    return samples


def level(samples: FloatArray) -> FloatArray:
    """Bring the speech (not the pauses) to one level."""
    loud = samples[np.abs(samples) > 0.003]
    if loud.size == 0:
        raise TeacherError("silence was spoken")
    scaled: FloatArray = samples * np.float32(_LEVEL / np.sqrt(np.mean(loud**2)))
    return scaled
