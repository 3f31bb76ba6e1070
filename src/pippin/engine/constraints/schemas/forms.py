"""Unions of branches by type, and how they meet."""

from collections.abc import Iterable

from pippin.engine.constraints.patterns.matching import PatternMatcher
from pippin.engine.constraints.schemas.branches import (
    Arrays,
    Booleans,
    Branch,
    Null,
    Numbers,
    Objects,
    Strings,
    arrays,
    least_of,
    numbers,
)
from pippin.engine.constraints.schemas.objects import objects
from pippin.engine.constraints.schemas.refusal import SchemaRefused

MAX_BRANCHES = 1_000
"""Of one place, of one type."""

MAX_PATTERNS = 4
"""Of one text at once."""

Forms = dict[str, tuple[Branch, ...]]
"""By type. A type that is missing is impossible."""

EVERYTHING: dict[str, Branch] = {
    "null": Null(),
    "boolean": Booleans(),
    "number": Numbers(),
    "string": Strings(),
    "array": Arrays(),
    "object": Objects(),
}


def anything() -> Forms:
    return {name: (branch,) for name, branch in EVERYTHING.items()}


def only(name: str, *branches: Branch) -> Forms:
    """Values of one type."""
    return {name: branches}


def unless(name: str, *branches: Branch) -> Forms:
    """All values of other types, and of this one these."""
    forms = anything()
    if branches:
        forms[name] = branches
    else:
        del forms[name]
    return forms


class Algebra:
    """Owned by one compilation."""

    def __init__(self, matcher: PatternMatcher) -> None:
        self.matcher = matcher

    def all_of(self, parts: Iterable[Forms]) -> Forms:
        """What is in each of them."""
        result = anything()
        for part in parts:
            result = self._meet(result, part)
        return result

    def any_of(self, parts: Iterable[Forms]) -> Forms:
        """What is in one of them."""
        merged: dict[str, list[Branch]] = {}
        for part in parts:
            for name, branches in part.items():
                merged.setdefault(name, []).extend(branches)
        return {name: _distinct(name, branches) for name, branches in merged.items()}

    def _meet(self, one: Forms, two: Forms) -> Forms:
        result: Forms = {}
        for name in EVERYTHING:
            if name in one and name in two:
                branches = self._products(name, one[name], two[name])
                if branches:
                    result[name] = branches
        return result

    def _products(
        self, name: str, one: tuple[Branch, ...], two: tuple[Branch, ...]
    ) -> tuple[Branch, ...]:
        free = EVERYTHING[name]
        if one == (free,):
            return two
        if two == (free,):
            return one
        if len(one) * len(two) > MAX_BRANCHES * 4:
            raise SchemaRefused("its alternatives multiply to too many", "#")
        met = (self.both(a, b) for a in one for b in two)
        return _distinct(name, [branch for branch in met if branch is not None])

    def both(self, one: Branch, two: Branch) -> Branch | None:
        """Two branches of one type at once; ``None``: nothing is in both."""
        match one, two:
            case Booleans(a), Booleans(b):
                return Booleans(a & b) if a & b else None
            case Numbers(), Numbers():
                return numbers(one, two)
            case Strings(), Strings():
                return self._strings(one, two)
            case Arrays(), Arrays():
                return arrays(one, two)
            case Objects(), Objects():
                return objects(one, two, self.matcher)
            case _:
                return one

    def _strings(self, one: Strings, two: Strings) -> Strings | None:
        if one.values is not None or two.values is not None:
            values = (one.values if one.values is not None else two.values) or frozenset()
            kept = frozenset(v for v in values if self._admits(one, v) and self._admits(two, v))
            return Strings(values=kept) if kept else None
        merged = Strings(
            max(one.least, two.least),
            least_of(one.most, two.most),
            one.patterns | two.patterns,
        )
        if merged.most is not None and merged.least > merged.most:
            return None
        if len(merged.patterns) > MAX_PATTERNS:
            raise SchemaRefused(f"more than {MAX_PATTERNS} patterns hold for one text", "#")
        if len(merged.patterns) > 1 and self.matcher.disjoint(merged.patterns):
            return None
        return merged

    def _admits(self, branch: Strings, value: str) -> bool:
        if branch.values is not None:
            return value in branch.values
        if len(value) < branch.least or (branch.most is not None and len(value) > branch.most):
            return False
        return all(self.matcher.matches(pattern, value) for pattern in branch.patterns)


def _distinct(name: str, branches: list[Branch]) -> tuple[Branch, ...]:
    free = EVERYTHING[name]
    if free in branches:
        return (free,)
    distinct = tuple(dict.fromkeys(branches))
    if len(distinct) > MAX_BRANCHES:
        raise SchemaRefused(f"there are more than {MAX_BRANCHES} alternatives in one place", "#")
    return _joined(distinct)


def _joined(branches: tuple[Branch, ...]) -> tuple[Branch, ...]:
    """Lists of values become one."""
    texts = [b.values for b in branches if isinstance(b, Strings) and b.values is not None]
    if len(texts) < 2:
        return branches
    others = [b for b in branches if not isinstance(b, Strings) or b.values is None]
    return (Strings(values=frozenset().union(*texts)), *others)
