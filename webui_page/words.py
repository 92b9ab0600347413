"""What the page says, in the visitor's language: the code holds the Chinese, ``english.py`` the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tts_engine.errors import InputError, TTSError
from webui_page.english import ENGLISH, ERRORS
from webui_page.problems import RefusalError, problem_of


class SaidError(InputError):
    """What the page itself finds wrong, already in the visitor's language."""


Language = Literal["zh", "en"]

_RANGE = re.compile(r"\s*([a-zA-Z]{1,8}|\*)(?:-[a-zA-Z0-9-]{1,40})?\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?))?\s*")


@dataclass(frozen=True)
class Words:
    """One language of the page."""

    language: Language

    def __call__(self, chinese: str, **values: object) -> str:
        """``chinese`` in this language, with its places filled in."""
        text = chinese if self.language == "zh" else ENGLISH[chinese]
        return text.format(**values) if values else text

    def name(self, chinese: str) -> str:
        """A name that the model or a user gave, translated where it is a well-known one."""
        return chinese if self.language == "zh" else ENGLISH.get(chinese, chinese)

    def sentence(self, error: TTSError | RefusalError) -> str:
        """What is wrong, for people."""
        if isinstance(error, SaidError):
            return str(error)
        if isinstance(error, RefusalError):
            code, chinese = error.problem.code, error.problem.detail
        else:
            code, chinese = error.code, str(error) if isinstance(error, InputError) else problem_of(error).detail
        if self.language == "zh":
            return chinese
        return ERRORS.get(code, f"This was refused: {chinese}")


CHINESE = Words("zh")
LANGUAGES = (CHINESE, Words("en"))


def preferred(accept_language: str) -> Language:
    """The language of the page for a browser that sends this header: Chinese unless it prefers another.

    Source: RFC 9110 section 12.5.4.
    """
    best, weight = "zh", 0.0
    for part in accept_language[:1000].split(","):
        found = _RANGE.fullmatch(part)
        if found and float(found[2] or 1) > weight:
            best, weight = found[1].lower(), float(found[2] or 1)
    return "zh" if best in ("zh", "*", "yue", "wuu", "cmn") else "en"
