"""The page's two languages, held to each other."""

import ast
import re
from pathlib import Path

import httpx
import pytest

from tts_engine.errors import EmptyTextError, OptionError
from webui_page import gauges, ruby
from webui_page.english import ENGLISH
from webui_page.tabs import choices
from webui_page.words import CHINESE, Words, preferred

FOLDER = Path(ruby.__file__).parent


def said():
    """Every text that the page's code hands to ``t``."""
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                called = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
                if called == "t":
                    yield node.args[0].value
    yield ruby._HINT
    yield from choices._FEELINGS.values()
    yield from choices._GENDERS.values()
    yield from gauges._KINDS.values()
    yield from ("女声", "男声", "童声")


def test_every_text_has_its_english_and_no_english_is_left_over():
    assert set(said()) == set(ENGLISH)


def test_both_languages_have_the_same_places():
    for chinese, english in ENGLISH.items():
        assert set(re.findall(r"{\w+}", chinese)) == set(re.findall(r"{\w+}", english)), chinese


def test_errors_are_told_in_the_visitors_language():
    english = Words("en")
    assert CHINESE.sentence(EmptyTextError()) == str(EmptyTextError())
    assert english.sentence(EmptyTextError()).startswith("The text is empty")
    assert "应为整数" in english.sentence(OptionError("seed", "应为整数。"))


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "zh"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("en-US,en;q=0.9,zh;q=0.8", "en"), ("de", "en"),
        ("en;q=0.5, zh;q=0.8", "zh"), ("*", "zh"), ("en;q=2;;,,", "zh"), ("zh-Hant-TW", "zh"),
    ],
)  # fmt: skip
def test_the_browsers_first_language_decides(header, language):
    assert preferred(header) == language


def test_the_root_greets_in_the_visitors_language(server):
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
        english = {"Accept-Language": "en-US"}
        answer = client.get("/", headers=english)
        assert (answer.status_code, answer.headers["location"]) == (307, "/en/")
        assert answer.headers["x-frame-options"] == "DENY"
        assert client.get("/?lang=zh", headers=english).status_code == 200
        assert client.get("/", headers={"Accept-Language": "zh-CN"}).status_code == 200
        assert "Chinese text-to-speech" in client.get("/en/", headers=english).text
