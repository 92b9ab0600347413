"""A light engine whose samples are the text itself: what is lost, doubled or swapped is seen at once.

A sentence (up to 。) becomes two pieces; a sample is a character's code point over 2²¹.
"""

import os
import time

import numpy as np

from tts_engine.checkpoint import Voice
from tts_engine.errors import EmptyTextError, UnknownVoiceError
from tts_engine.frontend.reading import Notice
from tts_engine.scheduler import PRIORITIES
from tts_engine.speech import Speech, Timing
from tts_engine.synthesizer import SynthesisOptions, revision

SCALE = float(1 << 21)


def text_of(pieces):
    """What was said in these pieces."""
    samples = np.concatenate([piece.samples for piece in pieces])
    return "".join(chr(round(float(sample) * SCALE)) for sample in samples)


class Echo:
    sample_rate = 22050
    device = "cpu"
    voices = (Voice("female", "女声", "female"),)
    emotions = ("happy",)
    listener = None
    speakers = {"female": np.ones(3, np.float32)}  # noqa: RUF012

    def __init__(self, model, seconds, words):
        self.revision = revision(model, words)
        self._seconds = seconds

    def stream(self, text, options=None, terms=None):
        options = options or SynthesisOptions()
        if options.voice != "female":
            raise UnknownVoiceError(options.voice, ("female",))
        if not text:
            raise EmptyTextError
        assert terms.priority in PRIORITIES
        return self._pieces(text)

    def _pieces(self, text):
        begin = 0
        for sentence in text.split("。"):
            middle = len(sentence) // 2
            for part, continues in ((sentence[:middle], True), (sentence[middle:], False)):
                time.sleep(self._seconds)
                samples = np.array([ord(character) / SCALE for character in part], np.float32)
                timings = (Timing(begin, begin + 1, begin, begin + len(part), part),)
                notices = (Notice(begin, begin, "", f"进程 {os.getpid()}"),)
                begin += len(part)
                yield Speech(samples, 22050, timings, notices, self._seconds, self.revision, 1.0, continues)


def load(model, device, threads, conventions):
    """See ``Opener``; the model's name ends in the seconds that a piece takes."""

    def open_engine(path):
        words = "" if path is None else path.read_text(encoding="utf-8")
        return Echo(model, float(model.rpartition("-")[2]), words)

    return open_engine
