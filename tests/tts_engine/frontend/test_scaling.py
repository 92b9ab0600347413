"""Time of the whole reader grows with the length of a text, whatever the text."""

import pytest

from tests.tts_engine.frontend.hostile import cost, texts
from tts_engine.frontend.ssml import Markup

SMALL, LARGE = 1_500, 6_000
TIMES = 3.0
"""Over proportion, and ``SLACK_S`` besides: a busy machine doubles CPU seconds; a quadratic pattern adds many."""
SLACK_S = 3.0
CASES = list(zip(texts(SMALL).items(), texts(LARGE).values(), strict=True))


@pytest.mark.parametrize(("small", "large"), [pytest.param(few, many, id=name) for (name, few), many in CASES])
def test_time_grows_with_length(frontend, small, large):
    bound = TIMES * LARGE / SMALL * cost(frontend, small, Markup(False)) + SLACK_S
    assert cost(frontend, large, Markup(False)) < bound
