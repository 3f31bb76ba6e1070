"""A pattern on its own."""

from pippin.core.constraint import MAX_CONSTRAINT_CHARS, Regex
from pippin.engine.constraints.limits import MAX_PATTERN_PLACES
from pippin.engine.constraints.patterns.anchors import whole
from pippin.engine.constraints.patterns.dialects import PYTHON
from pippin.engine.constraints.patterns.nodes import PatternRefused, size, write
from pippin.engine.constraints.patterns.parser import parse
from pippin.engine.constraints.source import Source
from pippin.errors import InvalidRequest


def regex_source(regex: Regex) -> Source:
    r"""The pattern matches the text as a whole, so ``^`` and ``$`` at its ends mean nothing.

    ``.`` is all but a line feed; see ``dialects`` for ``\d``, ``\w`` and ``\s``. Raises
    ``InvalidRequest``: it is no pattern, too long, or has lookaround, backreferences, word
    boundaries, atomic groups or possessive repetitions.
    """
    param = regex.param
    if len(regex.pattern) > MAX_CONSTRAINT_CHARS:
        raise InvalidRequest(f"{param} may have {MAX_CONSTRAINT_CHARS} characters.", param)
    try:
        lark = f"start: TEXT\nTEXT: /{bounded(regex.pattern)}/\n"
    except PatternRefused as refused:
        raise InvalidRequest(f"{param} cannot be enforced: {refused}.", param) from None
    return Source(lark, written_from=len(regex.pattern))


def bounded(pattern: str) -> str:
    """A pattern of Python's kind, matched as a whole, in the grammar engine's syntax.

    Raises ``PatternRefused``.
    """
    node = parse(pattern, PYTHON)
    if size(node) > MAX_PATTERN_PLACES:
        raise PatternRefused(f"its repetitions come to more than {MAX_PATTERN_PLACES} characters")
    return write(whole(node)) or "()"
