"""Whether a family's grammar takes an answer, on llguidance itself."""

from collections.abc import Sequence

from pippin.core.tools import Tool, ToolUse
from pippin.output.families.family import Family
from pippin.output.families.grammar import answer_grammar
from tests.output.families.walking import Bytes, taken

REQUIRED = ToolUse(mode="required")


def accepts(
    family: Family,
    tools: Sequence[Tool],
    text: str,
    use: ToolUse = REQUIRED,
    *,
    special: bool = True,
) -> bool:
    """Whether a model may write the text and end there. ``special``: the family's marks are
    special tokens of that model."""
    vocabulary = Bytes(family.marks if special else ())
    rules = family.rules(tools, vocabulary.mark)
    grammar = answer_grammar(rules, use, vocabulary.mark, marks=family.marks)
    tokens = vocabulary.encode(text)
    return taken(grammar, vocabulary.tokenizer, tokens) == (len(tokens), True)
