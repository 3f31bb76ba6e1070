"""A constraint that begins after the model has thought."""

from llguidance import LLTokenizer

from pippin.engine.constraints.source import Source, bundle, quoted
from pippin.output.thinking import Thinking

_GAP = r"/[ \t\r\n]{1,8}/"
"""What may stand between the thinking and the answer."""


def with_thinking(answer: Source, thinking: Thinking, tokenizer: LLTokenizer) -> str:
    """The grammar of any text up to the closing mark and then the answer.

    The thought ends where the mark first appears. Marks that are special tokens are meant as such,
    never their letters. If the model is not inside a block yet, it may open one or not.
    """
    close = _special(thinking.marks.close, tokenizer)
    opening = _special(thinking.marks.open, tokenizer) or quoted(thinking.marks.open)
    start = "block" if thinking.inside else "(mark block)?"
    rules = [f"start: {start} @answer", "block: thought GAP?", f"GAP: {_GAP}"]
    if not thinking.inside:
        rules.append(f"mark: {opening}")
    if close:
        rules += [f"thought: TEXT? {close}", r"TEXT: /(?s:.)+/"]
    else:
        rules.append(f"thought[lazy]: /(?s:.*)/ {quoted(thinking.marks.close)}")
    return bundle("\n".join(rules) + "\n", answer)


def _special(mark: str, tokenizer: LLTokenizer) -> str | None:
    """The mark as a reference to a token, if it is one of the special ones."""
    tokens = tokenizer.tokenize_str(mark, parse_special=True)
    if len(tokens) == 1 and tokenizer.is_special_token(tokens[0]):
        return f"<[{tokens[0]}]>"
    return None
