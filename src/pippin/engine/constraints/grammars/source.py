"""A grammar on its own."""

from pippin.core.constraint import MAX_CONSTRAINT_CHARS, Grammar
from pippin.engine.constraints.grammars.gbnf import read_gbnf
from pippin.engine.constraints.grammars.lark import read_lark
from pippin.engine.constraints.grammars.parts import GrammarRefused
from pippin.engine.constraints.grammars.writer import written
from pippin.engine.constraints.source import Source
from pippin.errors import InvalidRequest


def grammar_source(grammar: Grammar) -> Source:
    """GBNF is known by its ``::=``; all else is Lark's syntax. Raises ``InvalidRequest``."""
    param = grammar.param
    if len(grammar.text) > MAX_CONSTRAINT_CHARS:
        raise InvalidRequest(f"{param} may have {MAX_CONSTRAINT_CHARS} characters.", param)
    is_gbnf = "::=" in grammar.text
    try:
        lark = written(read_gbnf(grammar.text) if is_gbnf else read_lark(grammar.text))
    except GrammarRefused as refused:
        raise InvalidRequest(f"{param} cannot be enforced: {refused}.", param) from None
    return Source(lark, written_from=len(grammar.text), ambiguous=True)
