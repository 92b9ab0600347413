"""Our front end and the libraries it is measured beside, each alone and with its defaults."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator

from benchmarks.suites.suite import Syllable, System
from tts_engine.errors import InputError
from tts_engine.frontend import Frontend
from tts_engine.frontend.view import view

_RUN = re.compile(r"[㐀-鿿\U00020000-\U000323af]+|[A-Za-z]+")


class Ours:
    """The front end of this project."""

    name = "front end"

    def __init__(self) -> None:
        self._frontend = Frontend()

    def normalize(self, text: str) -> str:
        try:
            return view(self._frontend.read(text), "normalize")
        except InputError as error:
            return f"[{error.code}]"

    def pronounce(self, text: str) -> list[Syllable]:
        try:
            sentences = self._frontend.read(text).sentences
        except InputError as error:
            return [Syllable("", f"[{error.code}]")]
        return [Syllable(token.text, token.pinyin) for sentence in sentences for token in sentence.tokens]


class WeText:
    """WeTextProcessing: a normaliser of weighted automata; knows no readings."""

    name = "WeText"

    def __init__(self) -> None:
        logging.getLogger("wetext").setLevel(logging.WARNING)
        from tn.chinese.normalizer import Normalizer  # imported here: it is asked for only by name

        self._normalizer = Normalizer()

    def normalize(self, text: str) -> str:
        return self._normalizer.normalize(text)

    def pronounce(self, text: str) -> None:
        return None


class Pypinyin:
    """pypinyin with its own sandhi; writes no numbers out."""

    name = "pypinyin"

    def normalize(self, text: str) -> str:
        return text

    def pronounce(self, text: str) -> list[Syllable]:
        from pypinyin import Style, lazy_pinyin

        return [
            Syllable(written, pinyin)
            for run in _runs(text)
            for written, pinyin in zip(
                [run] if run.isascii() else run,
                lazy_pinyin(run, Style.TONE3, neutral_tone_with_five=True, tone_sandhi=True),
                strict=True,
            )
        ]


class G2pm:
    """g2pM: a bi-LSTM for polyphones; writes no numbers out."""

    name = "g2pM"

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            from g2pM import G2pM

            self._model = G2pM()

    def normalize(self, text: str) -> str:
        return text

    def pronounce(self, text: str) -> list[Syllable]:
        return [
            Syllable(written, pinyin)
            for run in _runs(text)
            for written, pinyin in (
                [(run, run)] if run.isascii() else zip(run, self._model(run, char_split=True), strict=True)
            )
        ]


def _runs(text: str) -> Iterator[str]:
    return (found[0] for found in _RUN.finditer(text))


def systems(only_ours: bool) -> list[System]:
    """Ours first."""
    return [Ours()] if only_ours else [Ours(), WeText(), Pypinyin(), G2pm()]
