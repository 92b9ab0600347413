"""Tables of sentences: what is written out, how it is read, where it is cut."""

import csv
from pathlib import Path

import pytest

from tts_engine.errors import SSMLError
from tts_engine.frontend import Frontend, syllable_phonemes
from tts_engine.frontend.ssml import Markup
from tts_engine.frontend.view import view

CASES = Path(__file__).parent / "cases"
READ = ("readings", "sandhi", "names", "neutral", "erhua")


def table(name):
    with (CASES / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert rows, name
    return [
        pytest.param(row["input"].replace("\\n", "\n"), row["expected"].replace("\\n", "\n"), row["rule"])
        for row in rows
    ]


@pytest.mark.parametrize(("text", "expected", "rule"), table("normalization"))
def test_normalization(frontend: Frontend, text, expected, rule):
    reading = frontend.read(text)
    assert view(reading, "normalize") == expected
    used = {token.rule.split("+")[0] for sentence in reading.sentences for token in sentence.tokens}
    assert rule in used


@pytest.mark.parametrize(("text", "expected", "rule"), [row for name in READ for row in table(name)])
def test_pinyin(frontend: Frontend, text, expected, rule):
    assert view(frontend.read(text), "pinyin").replace(" ‖", "") == expected


@pytest.mark.parametrize(("text", "expected", "rule"), table("english"))
def test_english(frontend: Frontend, text, expected, rule):
    (sentence,) = frontend.read(text).sentences
    assert " ".join(f"{phoneme.symbol}{phoneme.tone}" for phoneme in sentence.phonemes[1:-1]) == expected
    assert [token.rule for token in sentence.tokens] == [rule]


@pytest.mark.parametrize(("text", "expected", "rule"), table("splitting"))
def test_splitting(frontend: Frontend, text, expected, rule):
    assert [text[sentence.begin : sentence.end] for sentence in frontend.read(text).sentences] == expected.split("|")


@pytest.mark.parametrize(("text", "expected", "rule"), table("breaks"))
def test_breaks(frontend: Frontend, text, expected, rule):
    (sentence,) = frontend.read(text).sentences
    places = [token.end for token in sentence.tokens[:-1] if token.boundary >= 3]
    parts = [text[begin:end] for begin, end in zip([0, *places], [*places, len(text)], strict=True)]
    assert "|".join(parts) == expected
    assert [phoneme.begin for phoneme in sentence.phonemes if phoneme.symbol == "、"] == places


@pytest.mark.parametrize(("text", "expected", "rule"), table("prosody"))
def test_pauses_and_mood(frontend: Frontend, text, expected, rule):
    sentences = frontend.read(text).sentences
    heard = "".join(with_pauses(sentence) for sentence in sentences)
    assert f"{heard} {sentences[-1].mood}" == expected


def with_pauses(sentence):
    """What is said with the pauses between it; Chinese only."""
    phonemes = iter(sentence.phonemes[1:-1])
    said = ""
    for token in sentence.tokens:
        for _ in syllable_phonemes(token.pinyin):
            while not (phoneme := next(phonemes)).tone:
                said += phoneme.symbol
        said += token.text
    return said + "".join(phoneme.symbol for phoneme in phonemes)


@pytest.mark.parametrize(("text", "expected", "rule"), table("markup"))
def test_markup(frontend: Frontend, text, expected, rule):
    try:
        heard = view(frontend.read(text, Markup(True)), "pinyin")
    except SSMLError as error:
        heard = f"!{error.line}:{error.column}"
    assert heard == expected
