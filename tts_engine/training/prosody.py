"""How a sentence is said: rules of phrasing that the teacher lacks, and what each emotion does to a voice.

Knows phonemes, pauses and semitones; knows nothing about samples (``psola`` moves those).

Source: phrase-final lengthening, declination and its reset, question rise: Cruttenden, Intonation (1997, chapter 4);
for Mandarin, Shih (1997, "Declination in Mandarin") and Yuan (2004, "Intonation in Mandarin Chinese", chapter 5).
Directions of the emotions: Murray and Arnott (1993, table 1), Juslin and Laukka (2003, table 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from tts_engine.audio import FloatArray
from tts_engine.frontend import phonemes as inventory
from tts_engine.frontend.reading import Phoneme


@dataclass(frozen=True)
class Manner:
    """How a voice differs from its neutral self."""

    pitch_st: float = 0.0
    """Level, in semitones."""
    range_octaves: float = 0.0
    """Pitch range, log2 of the factor on semitones around the median."""
    rate_octaves: float = 0.0
    """Speed, log2 of the factor."""
    gain_db: float = 0.0
    tilt_db: float = 0.0
    """Per octave: positive is brighter (pressed), negative is darker (lax)."""
    breath: float = 0.0
    """Noise in the voice, 0–1."""
    tremor_st: float = 0.0
    """Depth of a 6 Hz tremor, in semitones."""
    rise_st: float = 0.0
    """Of the last syllable, in semitones."""

    def scaled(self, intensity: float) -> Manner:
        """The same with ``intensity`` (0–1) of its strength."""
        return Manner(**{field.name: getattr(self, field.name) * intensity for field in fields(self)})


EMOTIONS = {
    "happy": Manner(pitch_st=3.0, range_octaves=0.50, rate_octaves=0.14, gain_db=2.0, tilt_db=1.0),
    "angry": Manner(pitch_st=1.5, range_octaves=0.40, rate_octaves=0.22, gain_db=4.0, tilt_db=2.5),
    "sad": Manner(pitch_st=-2.5, range_octaves=-0.60, rate_octaves=-0.32, gain_db=-3.0, tilt_db=-2.0, breath=0.25),
    "afraid": Manner(
        pitch_st=4.0, range_octaves=-0.35, rate_octaves=0.25, gain_db=-1.5, tilt_db=0.5, breath=0.5, tremor_st=0.7
    ),
    "surprised": Manner(
        pitch_st=5.0, range_octaves=0.60, rate_octaves=-0.08, gain_db=2.0, tilt_db=1.0, rise_st=3.0
    ),
    "gentle": Manner(pitch_st=-1.0, range_octaves=-0.30, rate_octaves=-0.18, gain_db=-2.5, tilt_db=-1.8, breath=0.4),
}  # fmt: skip
"""At intensity 1; ``neutral`` is the absence of all of it."""

EMOTION_STRENGTHS = {"happy": 0.85, "angry": 1.0, "sad": 0.3, "afraid": 0.3, "surprised": 0.42, "gentle": 0.38}
"""How much of the above a caller's intensity 1 is: as much as leaves every feeling as clear as the neutral voice,
within two syllables of a hundred (``evaluate_voices``). Beyond that the low, breathy and trembling ones lose
consonants, to the judge at least, who hears them no better in the teacher."""

EMOTION_GAINS_DB = {"happy": -1.8, "angry": -4.0, "sad": 3.0, "afraid": 0.5, "surprised": -1.8, "gentle": 2.2}
"""Added to what is spoken at intensity 1, so that no feeling leaves −18 ± 2 LUFS: anger stays the loudest and sadness
the softest, by less than a listener would reach for the volume for."""

LENGTHENING = {"、": 1.08, "，": 1.15, "；": 1.18, "。": 1.22, "？": 1.15, "！": 1.15, inventory.EDGE: 1.22}
"""Of the last final before a pause, by the break's level."""
_DECLINATION_ST_S = -1.2
_DECLINATION_MOST_ST = 2.4
_CLAUSE_STEP_ST = -0.5
"""Each clause starts lower than the one before."""
_QUESTION = Manner(pitch_st=0.8, rise_st=2.5)
_EXCLAMATION = Manner(pitch_st=0.4, range_octaves=0.2)
_TREMOR_HZ = 6.0


@dataclass(frozen=True)
class Clause:
    """Phonemes ``[begin, end)`` between two pauses, and the mark after them."""

    begin: int
    end: int
    mark: str
    index: int
    """In its sentence."""


def clauses(phonemes: Sequence[Phoneme]) -> list[Clause]:
    """Stretches of speech without a pause in them."""
    found: list[Clause] = []
    begin = 0
    for index in range(len(phonemes) + 1):
        if index < len(phonemes) and phonemes[index].tone != 0:
            continue
        if index > begin:
            mark = phonemes[index].symbol if index < len(phonemes) else inventory.EDGE
            found.append(Clause(begin, index, mark, len(found)))
        begin = index + 1
    return found


def stretches(phonemes: Sequence[Phoneme]) -> FloatArray:
    """Factor on each phoneme's duration, (L,): the last syllable before a pause is lengthened, its initial is not."""
    factors = np.ones(len(phonemes), dtype=np.float32)
    for clause in clauses(phonemes):
        for index in range(_last_rhyme(phonemes, clause), clause.end):
            factors[index] = LENGTHENING[clause.mark]
    return factors


def contour(phonemes: Sequence[Phoneme], ends_s: npt.NDArray[np.float64], f0: FloatArray, manner: Manner) -> FloatArray:
    """What to add to log F0, (T,) in semitones.

    Args:
        phonemes: of the sentence, L of them.
        ends_s: (L,) seconds at which each ends.
        f0: (T,) Hz as the teacher spoke it, 0 where unvoiced, over the whole sentence.
        manner: of the whole sentence.
    """
    added = np.zeros(f0.shape[0])
    if not (f0 > 0).any():
        return added.astype(np.float32)
    semitones = 12 * np.log2(np.maximum(f0, 1.0))
    middle = float(np.median(semitones[f0 > 0]))
    times = (np.arange(f0.shape[0]) + 0.5) * ends_s[-1] / f0.shape[0]
    for clause in clauses(phonemes):
        first = ends_s[clause.begin - 1] if clause.begin else 0.0
        inside = (times >= first) & (times < ends_s[clause.end - 1])
        own = _with_mark(manner, clause.mark)
        line = own.pitch_st + _declination(times[inside] - first, clause, float(ends_s[clause.end - 1] - first))
        spread = (semitones[inside] - middle) * (2**own.range_octaves - 1)
        last = _last_rhyme(phonemes, clause)
        start = ends_s[last - 1] if last else 0.0
        passed = np.clip((times[inside] - start) / max(ends_s[clause.end - 1] - start, 1e-3), 0, 1)
        added[inside] = line + spread + own.rise_st * passed**1.5
    tremor = manner.tremor_st * np.sin(2 * np.pi * _TREMOR_HZ * times)
    contour: FloatArray = (added + tremor).astype(np.float32)
    return contour


def _with_mark(manner: Manner, mark: str) -> Manner:
    """The manner of a clause that ends in this mark."""
    extra = {"？": _QUESTION, "！": _EXCLAMATION}.get(mark)
    if extra is None:
        return manner
    return replace(
        manner,
        pitch_st=manner.pitch_st + extra.pitch_st,
        range_octaves=manner.range_octaves + extra.range_octaves,
        rise_st=manner.rise_st + extra.rise_st,
    )


def _declination(times_s: npt.NDArray[np.float64], clause: Clause, length_s: float) -> npt.NDArray[np.float64]:
    """Falling line through 0 in the clause's middle, in semitones; half as steep in a question."""
    fall = min(-_DECLINATION_ST_S * length_s, _DECLINATION_MOST_ST) * (0.4 if clause.mark == "？" else 1.0)
    step = _CLAUSE_STEP_ST * min(clause.index, 3)
    line: npt.NDArray[np.float64] = step + fall * (0.5 - times_s / max(length_s, 1e-3))
    return line


def _last_rhyme(phonemes: Sequence[Phoneme], clause: Clause) -> int:
    """First phoneme of what follows the last initial of the clause."""
    first = clause.end - 1
    if phonemes[first].symbol == inventory.ERHUA and first > clause.begin:
        first -= 1  # the syllable is that of the final before it
    last = phonemes[first]
    final = first
    while first > clause.begin and (phonemes[first - 1].begin, phonemes[first - 1].end) == (last.begin, last.end):
        first -= 1
    if last.tone > 5:  # English: the last vowel and what follows it
        vowels = [i for i in range(first, clause.end) if phonemes[i].symbol[0] in "AEIOU"]
        return vowels[-1] if vowels else clause.end - 1
    return first + (phonemes[first].symbol in inventory.INITIALS and first < final)
