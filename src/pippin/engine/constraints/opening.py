"""A constraint that begins after the model has thought."""

from collections.abc import Mapping

from llguidance import LLTokenizer

from pippin.engine.constraints.source import Source, bundle, quoted
from pippin.output.thinking import Thinking

_GAP = r"/[ \t\r\n]{1,8}/"
"""What may stand between the thinking and the answer."""


def special_tokens(tokenizer: LLTokenizer) -> dict[str, int]:
    """Every special token by its name."""
    ids = (i for i in range(tokenizer.vocab_size) if tokenizer.is_special_token(i))
    return {tokenizer.decode_str([i]): i for i in ids}


def with_thinking(answer: Source, thinking: Thinking, special: Mapping[str, int]) -> str:
    """The grammar of any text up to the closing mark and then the answer.

    The thought ends where the mark first appears. Marks that are special tokens are meant as such,
    never their letters. If the model is not inside a block yet, it may open one or not.
    """
    close = _reference(thinking.marks.close, special)
    opening = _reference(thinking.marks.open, special) or quoted(thinking.marks.open)
    start = "block" if thinking.inside else "(mark block)?"
    rules = [f"start: {start} @answer", "block: thought GAP?", f"GAP: {_GAP}"]
    if not thinking.inside:
        rules.append(f"mark: {opening}")
    if close:
        # The letters of the mark would be read as the mark, and what follows as the answer.
        letters = f"/(?s:.*)/ {quoted(thinking.marks.close)} /(?s:.*)/"
        rules += [f"thought: TEXT? {close}", f"TEXT: /(?s:.)+/ & ~({letters})"]
    else:
        rules.append(f"thought[lazy]: /(?s:.*)/ {quoted(thinking.marks.close)}")
    main = "\n".join(rules) + "\n"
    return bundle({"main": main, "answer": answer.lark, "form": answer.form})


def _reference(mark: str, special: Mapping[str, int]) -> str | None:
    """The mark as a reference to a token, if it is one of the special ones."""
    return f"<[{special[mark]}]>" if mark in special else None
