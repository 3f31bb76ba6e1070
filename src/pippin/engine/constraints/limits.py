"""What one constraint may cost. Sizes are checked before native code sees anything."""

from llguidance import LLParserLimits

MAX_ITEMS = 10_000
"""Of an enum's values, of choices, of all properties of a schema, of a grammar's alternatives."""
MAX_PATTERN_PLACES = 20_000
"""Characters that a pattern can be long, all repetitions written out."""
MAX_CACHED = 24
"""Compiled constraints that are remembered: what one has learnt may take tens of megabytes."""
MAX_CACHED_CHARS = 4 * 1024 * 1024
"""Of the grammars and sources of all remembered constraints together."""
LANES_PER_LEXER = 300
"""Lanes that share one lexer's memory before it is built anew, so that it cannot grow for ever."""
MAX_LEXER_STATES = 100_000
"""Up to about 45 MB, or 100 MB where patterns hold, too. A text whose length is bounded takes about
eight for each character, so one of 12,000 is written in one go; a longer one is taken up anew
(``guide.Guide.renew``)."""


def parser_limits(*, ambiguous: bool = False) -> LLParserLimits:
    """For compiling and for each mask. Fuel and items are a measure of time that does not depend
    on the machine: about 1 s for a grammar, about 20 ms for a mask.

    ``ambiguous``: a grammar that may be, whose every row of items costs its square. A rule that
    repeats itself to the right adds an item each time, one that repeats itself to the left none.
    """
    return LLParserLimits(
        max_items_in_row=1_000 if ambiguous else 3_000,
        initial_lexer_fuel=1_000_000,
        step_lexer_fuel=100_000,
        step_max_items=25_000,
        max_lexer_states=MAX_LEXER_STATES,
        max_grammar_size=200_000,
        precompute_large_lexemes=False,
        verbose_errors=False,
    )
