"""What may stand between JSON's tokens, at each place where JSON allows whitespace."""

from pippin.engine.constraints.patterns.anchors import whole
from pippin.engine.constraints.patterns.dialects import JSON_SPACE
from pippin.engine.constraints.patterns.matching import PatternMatcher
from pippin.engine.constraints.patterns.nodes import (
    UNBOUNDED,
    Alt,
    Cat,
    Node,
    PatternRefused,
    Repeat,
    size,
    write,
)
from pippin.engine.constraints.patterns.parser import parse

A_LITTLE = r" {1,2}|\r?\n[ \t]{0,16}"
"""What JSON is usually written with. A run that is constrained cannot pad its answer for ever."""
MOST = 64
"""Of any run of whitespace, whatever a client's pattern says."""


def whitespace_pattern(pattern: str | None) -> str:
    """In Rust's syntax; empty: none at all.

    Raises ``PatternRefused``: the pattern is wrong, or matches what is not JSON's whitespace.
    """
    if pattern is None:
        return A_LITTLE
    node = _bounded(whole(parse(pattern, JSON_SPACE)))
    if size(node) > 4 * MOST:
        raise PatternRefused(f"it may match {MOST} characters at most")
    written = write(node)
    other = r"[ \t\r\n]*[^ \t\r\n][\x{0}-\x{10ffff}]*"
    matcher = PatternMatcher()
    if not matcher.disjoint(frozenset((written, other))):
        raise PatternRefused("it may match only spaces, \\t, \\r and \\n")
    return "" if matcher.disjoint(frozenset((written, r"[ \t\r\n]+"))) else written


def _bounded(node: Node) -> Node:
    match node:
        case Cat(parts):
            return Cat(tuple(map(_bounded, parts)))
        case Alt(options):
            return Alt(tuple(map(_bounded, options)))
        case Repeat(inner, least, most):
            return Repeat(_bounded(inner), least, MOST if most == UNBOUNDED else most)
        case _:
            return node
