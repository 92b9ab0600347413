"""The table of context rules that write out what is not a word. The first rule that fits a place wins."""

from tts_engine.frontend.rules import codes, dates, english, quantities, symbols
from tts_engine.frontend.rules.base import Part, Rule

RULES: tuple[Rule, ...] = (
    *codes.RULES[:3],  # addresses on the net hold dates and fractions
    *english.RULES,
    *dates.RULES,
    *codes.RULES[3:],
    *quantities.RULES,
    codes.MODEL,
    *symbols.RULES,
    quantities.CARDINAL,
)

__all__ = ["RULES", "Part", "Rule"]
