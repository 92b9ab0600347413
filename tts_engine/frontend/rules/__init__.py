"""The table of context rules that write out what is not a word. The first rule that fits a place wins."""

from tts_engine.frontend.rules import codes, dates, english, models, money, net, quantities, symbols, units
from tts_engine.frontend.rules.base import Part, Rule

RULES: tuple[Rule, ...] = (
    *net.NET,
    *codes.FIRST,
    *english.RULES,
    *dates.RULES,
    *codes.CODES,
    *net.NAMES,
    *symbols.COMPOUNDS,
    *models.MODELS,
    *codes.LONG,
    *money.MONEY,
    *quantities.QUANTITIES,
    *units.UNITS,
    money.COLLOQUIAL,
    *quantities.SIGNS,
    models.DIGITS_FIRST,
    *symbols.RULES,
    quantities.CARDINAL,
)

__all__ = ["RULES", "Part", "Rule"]
