"""Chinese and English text → phonemes. Runs without any model and without torch."""

from tts_engine.frontend.conventions import Conventions
from tts_engine.frontend.frontend import Frontend
from tts_engine.frontend.pinyin import syllable_phonemes
from tts_engine.frontend.reading import Reading

__all__ = ["Conventions", "Frontend", "Reading", "syllable_phonemes"]
