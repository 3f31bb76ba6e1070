"""What anchors mean for a pattern that has to match a text as a whole.

Every pattern is split into at most four, by whether it must begin where the text begins and end
where it ends. What must follow an end, or come before a start, can only be nothing.
"""

from pippin.engine.constraints.patterns.nodes import (
    ANYTHING,
    EMPTY,
    Alt,
    Cat,
    Chars,
    End,
    Node,
    PatternRefused,
    Repeat,
    Start,
    nullable,
)

_Split = dict[tuple[bool, bool], Node]


def whole(node: Node) -> Node:
    """The texts that ``node`` matches from their beginning to their end, without anchors."""
    return Alt(tuple(_split(node).values()))


def found_in(node: Node) -> Node:
    """The texts in which ``node`` matches somewhere, without anchors."""
    options = [
        Cat((*(() if start else (ANYTHING,)), inner, *(() if end else (ANYTHING,))))
        for (start, end), inner in _split(node).items()
    ]
    return options[0] if len(options) == 1 else Alt(tuple(options))


def _split(node: Node) -> _Split:
    match node:
        case Chars():
            return {(False, False): node}
        case Start():
            return {(True, False): EMPTY}
        case End():
            return {(False, True): EMPTY}
        case Cat(parts):
            split: _Split = {(False, False): EMPTY}
            for part in parts:
                split = _follow(split, _split(part))
            return split
        case Alt(options):
            return _merge([_split(option) for option in options])
        case Repeat():
            return _repeated(node)


def _repeated(node: Repeat) -> _Split:
    split = _split(node.node)
    if list(split) in ([(False, False)], []):
        return {(False, False): node}
    if node.least <= 1 and node.most == 1:
        return split if node.least else _merge([{(False, False): EMPTY}, split])
    raise PatternRefused("an anchor inside a repetition cannot be enforced")


def _follow(first: _Split, second: _Split) -> _Split:
    pairs: list[_Split] = []
    for (start1, end1), one in first.items():
        for (start2, end2), two in second.items():
            if (start2 and not nullable(one)) or (end1 and not nullable(two)):
                continue
            parts = (EMPTY if start2 else one), (EMPTY if end1 else two)
            pairs.append({(start1 or start2, end1 or end2): _join(*parts)})
    return _merge(pairs)


def _join(one: Node, two: Node) -> Node:
    ones = one.parts if isinstance(one, Cat) else (one,)
    twos = two.parts if isinstance(two, Cat) else (two,)
    return Cat(ones + twos)


def _merge(splits: list[_Split]) -> _Split:
    merged: dict[tuple[bool, bool], list[Node]] = {}
    for split in splits:
        for key, node in split.items():
            merged.setdefault(key, []).append(node)
    return {
        key: nodes[0] if len(nodes) == 1 else Alt(tuple(nodes)) for key, nodes in merged.items()
    }
