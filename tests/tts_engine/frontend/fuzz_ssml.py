"""Any text as SSML: a script whose places are right, or an error with its place; never anything else.

python -m tests.tts_engine.frontend.fuzz_ssml           2,000 documents
python -m tests.tts_engine.frontend.fuzz_ssml --long    300,000 documents
"""

from __future__ import annotations

import random
import sys

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tts_engine.errors import InputError, SSMLError
from tts_engine.frontend import ssml
from tts_engine.frontend.ssml import Markup

_PIECES = [
    "<speak>",
    "</speak>",
    "<p>",
    "</p>",
    "<s>",
    "</s>",
    "<break/>",
    '<break time="500ms"/>',
    '<break time="9s"/>',
    '<phoneme alphabet="py" ph="chong2 qing4">重庆</phoneme>',
    '<phoneme ph="ma">',
    '<sub alias="好">',
    "</sub>",
    '<say-as interpret-as="digits">12</say-as>',
    '<say-as interpret-as="date">1/2</say-as>',
    '<voice name="male">',
    "</voice>",
    '<prosody rate="2" pitch="+3st" volume="x-soft">',
    "</prosody>",
    '<emphasis level="strong">',
    "</emphasis>",
    '<mstts:express-as style="happy" styledegree="2">',
    "</mstts:express-as>",
    "&amp;",
    "&#37325;",
    "&x;",
    "<![CDATA[a<b]]>",
    "<!-- c -->",
    "<?x y?>",
    "<!DOCTYPE a>",
    "<foo a='1'>",
    "</foo>",
    "重(chong2)庆",
    "[pause:1s]",
    "[pause:x]",
    "花儿(huar1)",
    "\r\n",
    "\n ",
    "\x00",
    "\ufffc",
    "😀",
    "好",
    "a",
    "<",
    ">",
    "&",
    '"',
    "'",
]

wrapped = st.lists(st.one_of(st.sampled_from(_PIECES), st.text(max_size=6)), max_size=14).map("".join)
documents = st.one_of(wrapped, wrapped.map(lambda body: f"<speak>{body}</speak>"))


def holds(source: str, on_unsupported: str) -> None:
    """The property."""
    try:
        script = ssml.parse(source, Markup(True, on_unsupported, ("female", "male"), ()))
    except SSMLError as error:
        lines = source.split("\n")
        assert 1 <= error.line <= len(lines)
        assert 1 <= error.column <= len(lines[error.line - 1]) + 1
        return
    except InputError:
        return
    assert len(script.text) == len(script.begins) == len(script.ends)
    assert list(script.begins) == sorted(script.begins)
    for character, begin, end in zip(script.text, script.begins, script.ends, strict=True):
        assert 0 <= begin <= end <= len(source)
        if end - begin == 1 and source[begin] not in "&\n\r" and begin not in _HELD(script):
            assert source[begin] == character or character == " "


def _HELD(script):
    return {script.begins[position] for position in script.fixed}


SHORT = 2_000
LONG = 300_000
"""Documents of the long run."""


def at_random(generator: random.Random) -> str:
    """A document of the same pieces without Hypothesis, which costs ten times the parser."""
    pieces = generator.choices(_PIECES, k=generator.randrange(15))
    for _ in range(generator.randrange(3)):
        pieces.insert(generator.randrange(len(pieces) + 1), chr(generator.randrange(0x20, 0x11000)))
    body = "".join(pieces)
    if body and generator.random() < 0.2:
        at = generator.randrange(len(body))
        body = body[:at] + body[at + 1 :]  # half a tag
    return f"<speak>{body}</speak>" if generator.random() < 0.7 else body


def long_run(documents: int) -> None:
    """As many documents as told, the same ones each time; the first that breaks the property is shown."""
    generator = random.Random(1)
    for number in range(documents):
        source = at_random(generator)
        try:
            holds(source, generator.choice(("error", "warn")))
        except BaseException:
            sys.stdout.write(f"document {number}: {source!r}\n")
            raise


def main() -> int:
    """Run as many documents as the command line says."""
    if "--long" in sys.argv[1:]:
        long_run(LONG)
        sys.stdout.write(f"{LONG} documents, none broke the property\n")
        return 0
    run = settings(max_examples=SHORT, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    run(given(documents, st.sampled_from(["error", "warn"]))(holds))()
    sys.stdout.write(f"{SHORT} documents, none broke the property\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
