"""Listen for faults (python -m tts_engine.training.evaluate_sound --sentences 1000 --json sound.json).

Random sentences that training never saw are spoken through the public interface, every voice and feeling in turn, and
each must be sound: as many syllables heard as were meant (nothing missing, said twice or without end), no click, no
offset, no peak above -1 dBFS, as loud as it should be. Faults are counted and the worst sentences named.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm  # type: ignore[import-untyped]
from scipy.ndimage import maximum_filter1d, percentile_filter  # type: ignore[import-untyped]
from tqdm import tqdm

from tts_engine.audio import FloatArray
from tts_engine.checkpoint import NEUTRAL
from tts_engine.errors import InputError
from tts_engine.frontend.phonemes import SYMBOL_IDS
from tts_engine.frontend.reading import Reading
from tts_engine.synthesizer import SynthesisOptions, Synthesizer
from tts_engine.training.corpus import HELDOUT_SEED
from tts_engine.training.evaluate import write
from tts_engine.training.recogniser import FOLDER, Recogniser, labels_of, syllables
from tts_engine.training.texts import Words, sentences

SEED = HELDOUT_SEED + 5_000
PEAK_DB = -1.0
LOUDNESS_LUFS = (-20.0, -16.0)
OFFSET = 3e-3
"""-50 dBFS: far below what can be heard or cost headroom."""
CLICK = 26.0
"""Prominence of the loudest click. The teacher's own pulses reach 9.6, and 25.8 where his voice is pressed by anger."""
PATIENCE = 4.0
"""Nats that it costs the judge to change his mind: a syllable that flickers between two vowels is not said twice."""
SYLLABLE_S = (0.07, 0.7)
"""Of the whole sentence, pauses included, per syllable at speed 1."""
_MISHEARD = 0.34
"""Of a sentence's syllables, more or less heard than meant: the judge's own error is far below."""
_WINDOW_S = 0.03


@dataclass(frozen=True)
class Sound:
    """What was measured of one sentence."""

    text: str
    voice: str
    emotion: str
    meant: int
    """Syllables."""
    heard: int
    seconds: float
    peak_db: float
    loudness_lufs: float | None
    """None below 0.4 s, which ITU-R BS.1770 does not measure."""
    offset: float
    """Mean sample."""
    click: float
    """Prominence of the sharpest corner."""

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with it, by name."""
        length = self.seconds / max(1, self.meant)
        wrong = {
            "missing": self.meant - self.heard > max(1.0, _MISHEARD * self.meant),
            "repeated": self.heard - self.meant > max(1.0, _MISHEARD * self.meant),
            "length": self.meant > 3 and not SYLLABLE_S[0] <= length <= SYLLABLE_S[1],
            "click": self.click > CLICK,
            "offset": abs(self.offset) > OFFSET,
            "peak": self.peak_db > PEAK_DB + 0.01,
            "loudness": self.loudness_lufs is not None
            and self.meant > 3
            and not LOUDNESS_LUFS[0] <= self.loudness_lufs <= LOUDNESS_LUFS[1],
        }
        return tuple(name for name, is_wrong in wrong.items() if is_wrong)


def prominence(samples: FloatArray, sample_rate: int) -> float:
    """How far the sharpest corner of samples (S,) stands out of the 30 ms around it.

    A corner is the second difference; around it counts what all but a hundredth of the samples stay below. A glottal
    pulse comes again within the window and a burst goes on, a click does neither.
    """
    corners = np.abs(np.diff(samples.astype(np.float64), 2))
    if corners.size == 0:
        return 0.0
    size = round(_WINDOW_S * sample_rate)
    loud = np.flatnonzero(corners > 0.5 * maximum_filter1d(corners, size))
    around = percentile_filter(corners, 96, size)
    return float((corners[loud] / np.maximum(around[loud], 2e-3)).max(initial=0.0))


def loudness(samples: FloatArray, sample_rate: int) -> float | None:
    """Integrated loudness in LUFS (ITU-R BS.1770-4, pyloudnorm); None where the sound is shorter than a block."""
    meter = pyloudnorm.Meter(sample_rate)
    if len(samples) < meter.block_size * sample_rate:
        return None
    value = float(meter.integrated_loudness(samples.astype(np.float64)))
    return value if np.isfinite(value) else None


def texts(synthesizer: Synthesizer, count: int) -> Iterator[tuple[str, Reading]]:
    """So many sentences that no training set has, and how each is read; those that have nothing to read are named."""
    left = count
    for text in sentences(Words.load(), SEED):
        if left == 0:
            return
        try:
            reading = synthesizer.read(text)
        except InputError as error:
            tqdm.write(f"left out: {text}: {error}")
            continue
        left -= 1
        yield text, reading


def counted(heard: Sequence[tuple[str, int]]) -> int:
    """How many syllables those are, where a bare final that goes on in the one before it is no other syllable.

    The judge gives one long vowel two tones now and then; a syllable that is truly said twice begins with its initial.
    """
    finals = [name.rpartition("+")[2] for name, _ in heard]
    goes_on = [
        now == name and before.endswith(now)
        for before, now, (name, _) in zip(finals, finals[1:], heard[1:], strict=False)
    ]
    return len(heard) - sum(goes_on)


def measure(synthesizer: Synthesizer, judge: Recogniser, count: int) -> list[Sound]:
    """Speak and hear so many texts, voices and feelings in turn."""
    moods = (NEUTRAL, *synthesizer.emotions)
    voices = [voice.name for voice in synthesizer.voices]
    found = []
    for number, (text, reading) in enumerate(tqdm(texts(synthesizer, count), desc="listening", total=count)):
        options = SynthesisOptions(voice=voices[number % len(voices)], emotion=moods[number % len(moods)])
        spoken = [one for sentence in reading.sentences for one in sentence.phonemes]
        samples = synthesizer.synthesize(text, options).samples
        if any(one.tone > 5 for one in spoken):
            meant = heard = 0  # English: the judge counts Mandarin syllables
        else:
            meant = counted(syllables(labels_of((SYMBOL_IDS[one.symbol], one.tone) for one in spoken)))
            heard = counted(judge.hear(samples, PATIENCE))
        rate = synthesizer.sample_rate
        found.append(
            Sound(
                text,
                options.voice,
                options.emotion,
                meant,
                heard,
                len(samples) / rate,
                float(20 * np.log10(max(1e-9, float(np.abs(samples).max())))),
                loudness(samples, rate),
                float(samples.mean()),
                prominence(samples, rate),
            )
        )
    return found


def report(found: Iterable[Sound]) -> dict[str, Any]:
    """Figures over all sentences, and the faulty ones with their faults."""
    every = list(found)
    faulty = [(one, one.faults) for one in every if one.faults]
    counts: dict[str, int] = {}
    for _, names in faulty:
        for name in names:
            counts[name] = counts.get(name, 0) + 1
    moods = sorted({one.emotion for one in every})
    loud = {mood: [one.loudness_lufs for one in every if one.emotion == mood and one.loudness_lufs] for mood in moods}
    return {
        "sentences": len(every),
        "sound": len(every) - len(faulty),
        "faults": counts,
        "peak_db": max(one.peak_db for one in every),
        "offset": max(abs(one.offset) for one in every),
        "click": max(one.click for one in every),
        "loudness_lufs": {mood: round(float(np.mean(values)), 2) for mood, values in loud.items() if values},
        "worst": [asdict(one) | {"faults": names} for one, names in faulty[:50]],
    }


def main() -> None:
    """Read the command line, listen, write and print; fails where a sentence has a fault that silences or spoils it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("models/v23"))
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--recogniser", type=Path, default=FOLDER, help="folder of the judge")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads (0: all)")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    judge = Recogniser.from_pretrained(arguments.recogniser).float().eval()  # type: ignore[no-untyped-call]
    synthesizer = Synthesizer.load(arguments.model, device="cpu", threads=arguments.threads)
    result = report(measure(synthesizer, judge, arguments.sentences))
    write(result, arguments.json)


if __name__ == "__main__":
    main()
