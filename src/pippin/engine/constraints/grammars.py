"""Grammars of clients: Lark as Outlines and vLLM users write it, and GBNF."""

from llguidance.gbnf_to_lark import gbnf_to_lark

from pippin.core.constraint import MAX_CONSTRAINT_CHARS, Grammar
from pippin.engine.constraints.source import Source
from pippin.errors import InvalidRequest


def grammar_source(grammar: Grammar) -> Source:
    """Raises ``InvalidRequest``: it is too long, or wrong."""
    param = grammar.param
    if len(grammar.text) > MAX_CONSTRAINT_CHARS:
        raise InvalidRequest(f"{param} may have {MAX_CONSTRAINT_CHARS} characters.", param)
    if "::=" in grammar.text:
        return Source(gbnf_to_lark(grammar.text))
    return Source(grammar.text)
