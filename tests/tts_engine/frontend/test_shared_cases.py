"""The development cases beside the project, where they are present: two examples of each phenomenon."""

import re
import unicodedata
from pathlib import Path

import pytest

from tts_engine.frontend import Frontend
from tts_engine.frontend.pinyin import numbered
from tts_engine.frontend.view import view

FILE = Path(__file__).parents[4] / "shared" / "mandarin" / "cases.tsv"
FLOOR = {"tn": 1.0, "reading": 1.0}
"""Fractions reached when this was written."""


def rows(kind):
    for line in FILE.read_text(encoding="utf-8").splitlines()[1:]:
        _, its_kind, _, text, expected = line.split("\t")
        if its_kind == kind:
            yield text.replace("\\n", "\n"), expected


def bare(text):
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text)).lower()


def normalizes(frontend, text, expected):
    return bare(view(frontend.read(text), "normalize")) in {bare(option) for option in expected.split("|")}


def reads(frontend, text, expected):
    tokens = [token for sentence in frontend.read(text).sentences for token in sentence.tokens]
    return all(any(found(tokens, option) for option in target.split("|")) for target in expected.split(";"))


def found(tokens, option):
    word, _, pinyin = option.strip().partition(":")
    wanted = [syllable if "-" in syllable else numbered(syllable) for syllable in pinyin.split()]
    for first in range(len(tokens)):
        stretch = tokens[first : first + len(wanted)]
        if "".join(token.text for token in stretch) == word:
            return word.isascii() or [token.pinyin for token in stretch] == wanted
    return False


@pytest.mark.skipif(not FILE.exists(), reason=f"{FILE} is not part of a clone")
@pytest.mark.parametrize(("kind", "passes"), [("tn", normalizes), ("reading", reads)])
def test_the_floor_is_held(frontend: Frontend, kind, passes):
    results = {text: passes(frontend, text, expected) for text, expected in rows(kind)}
    rate = sum(results.values()) / len(results)
    print(f"{kind}: {sum(results.values())} of {len(results)}")
    assert rate >= FLOOR[kind], [text for text, passed in results.items() if not passed]
