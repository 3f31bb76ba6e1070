"""Schemas → forms: every keyword, as it holds and as it does not."""

from collections.abc import Iterable
from itertools import combinations
from typing import Any

from pippin.engine.constraints.patterns.matching import PatternMatcher
from pippin.engine.constraints.schemas.branches import ANY, Constant, Objects, State
from pippin.engine.constraints.schemas.constants import equal_to, none_of, one_of, value_of
from pippin.engine.constraints.schemas.document import Document, Path, Position, pointer
from pippin.engine.constraints.schemas.forms import Algebra, Forms, anything, only, unless
from pippin.engine.constraints.schemas.hope import Hope
from pippin.engine.constraints.schemas.keywords import check
from pippin.engine.constraints.schemas.refusal import NotEnforced, NotExpressible, SchemaRefused
from pippin.engine.constraints.schemas.simple import assertions, denials

MAX_OPEN = 100
"""Schemas that lead to one another, by ``$ref``, ``allOf`` and the like, for one value."""
MAX_ONE_OF = 40
"""Branches of one oneOf: each is held against each."""


class Expansion:
    """Owned by one compilation. Forms are worked out once per state."""

    def __init__(self, document: Document, matcher: PatternMatcher) -> None:
        self.document = document
        self.algebra = Algebra(matcher)
        self.hope = Hope(self.forms, matcher)
        self._states: dict[State, Forms] = {}
        self._known: dict[tuple[Path, bool], Forms] = {}
        self._open: set[tuple[Path, bool]] = set()

    def forms(self, state: State) -> Forms:
        """What a value in this state may be. Raises ``SchemaRefused``."""
        found = self._states.get(state)
        if found is None:
            parts = [self._part(part) for part in sorted(state.holds, key=_order)]
            parts += [self._schema(path, holds=False) for path in sorted(state.fails)]
            found = {} if state.impossible else self.algebra.all_of(parts)
            self._states[state] = found
        return found

    def state_of(self, position: Position, *, holds: bool = True) -> State:
        """The demand that a schema makes, or that it is not met."""
        if isinstance(position.node, bool) or not position.node:
            return ANY if (position.node is not False) == holds else State(impossible=True)
        path = frozenset((position.path,))
        return State(holds=path) if holds else State(fails=path)

    def _part(self, part: Path | Constant) -> Forms:
        if isinstance(part, Constant):
            return equal_to(value_of(part))
        return self._schema(part, holds=True)

    def _schema(self, path: Path, *, holds: bool) -> Forms:
        key = (path, holds)
        if key in self._known:
            return self._known[key]
        position = self.document.at(path)
        if key in self._open:
            raise SchemaRefused("it refers to itself without end", position.where)
        if len(self._open) >= MAX_OPEN:
            raise SchemaRefused(f"more than {MAX_OPEN} schemas apply to one value", position.where)
        self._open.add(key)
        try:
            forms = self._expand(position, holds=holds)
        except SchemaRefused as refused:
            if refused.where == "#" and path:
                refused.where = position.where
            raise
        finally:
            self._open.discard(key)
        self._known[key] = forms
        return forms

    def _expand(self, position: Position, *, holds: bool) -> Forms:
        if isinstance(position.node, bool):
            return anything() if position.node == holds else {}
        check(position, self.document.draft)
        if self.document.draft <= 7 and "$ref" in position.node:
            return self._target(position, "$ref", holds=holds)
        parts = self._held(position) if holds else self._denied(position)
        return (self.algebra.all_of if holds else self.algebra.any_of)(parts)

    def _target(self, position: Position, keyword: str, *, holds: bool) -> Forms:
        return self._schema(self.document.target(position, keyword).path, holds=holds)

    def _below(self, position: Position, *parts: str, holds: bool = True) -> Forms:
        return self._schema(self.document.child(position, *parts).path, holds=holds)

    def _list(self, position: Position, keyword: str, *, holds: bool) -> list[Forms]:
        count = len(position.node[keyword])
        return [self._below(position, keyword, str(i), holds=holds) for i in range(count)]

    def _held(self, position: Position) -> list[Forms]:
        node = position.node
        parts = assertions(position, self)
        if "const" in node:
            parts.append(equal_to(node["const"]))
        if "enum" in node:
            parts.append(self.algebra.any_of(one_of(node["enum"])))
        for keyword in ("$ref", "$dynamicRef"):
            if keyword in node:
                parts.append(self._target(position, keyword, holds=True))
        if "allOf" in node:
            parts += self._list(position, "allOf", holds=True)
        if "anyOf" in node:
            parts.append(self.algebra.any_of(self._list(position, "anyOf", holds=True)))
        if "not" in node:
            parts.append(self._below(position, "not", holds=False))
        if "if" in node and ("then" in node or "else" in node):
            parts.append(self.algebra.any_of(self._condition(position, holds=True)))
        parts += [self.algebra.any_of(pair) for pair in self._dependencies(position)]
        if "oneOf" in node:
            parts.append(self._one_of(position, self.algebra.all_of(parts)))
        return parts

    def _condition(self, position: Position, *, holds: bool) -> list[Forms]:
        pairs = []
        for keyword, condition in (("then", True), ("else", False)):
            if keyword in position.node:
                outcome = self._below(position, keyword, holds=holds)
            else:
                outcome = anything() if holds else {}
            if outcome:
                test = self._below(position, "if", holds=condition)
                pairs.append(self.algebra.all_of((test, outcome)))
        return pairs

    def _dependencies(self, position: Position) -> list[tuple[Forms, Forms]]:
        """Per name: it is absent, or it is there and what depends on it holds."""
        pairs = []
        for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
            for name, demand in position.node.get(keyword, {}).items():
                there = only("object", Objects(required=frozenset((name,))))
                if isinstance(demand, list) and keyword != "dependentSchemas":
                    if not all(isinstance(other, str) for other in demand):
                        where = pointer((*position.path, keyword, name))
                        raise SchemaRefused("it has to be a list of names", where)
                    then = only("object", Objects(required=frozenset((name, *demand))))
                elif keyword == "dependentRequired":
                    where = pointer((*position.path, keyword, name))
                    raise SchemaRefused("it has to be a list of names", where)
                else:
                    below = self._below(position, keyword, name)
                    then = self.algebra.all_of((there, below))
                absent = Objects(properties=((name, State(impossible=True)),))
                pairs.append((unless("object", absent), then))
        return pairs

    def _one_of(self, position: Position, context: Forms) -> Forms:
        """One and no other. Where two cannot both hold, that needs no saying."""
        count = len(position.node["oneOf"])
        if count > MAX_ONE_OF:
            where = pointer((*position.path, "oneOf"))
            raise NotEnforced(f"it has more than {MAX_ONE_OF} branches; use anyOf", where)
        held = [
            self.algebra.all_of((forms, context))
            for forms in self._list(position, "oneOf", holds=True)
        ]
        options = []
        for i, forms in enumerate(held):
            parts = [forms]
            for j, other in enumerate(held):
                if i != j and not self._apart(forms, other):
                    parts.append(self._not_also(position, i, j))
            options.append(self.algebra.all_of(parts))
        return self.algebra.any_of(options)

    def _not_also(self, position: Position, one: int, other: int) -> Forms:
        try:
            return self._below(position, "oneOf", str(other), holds=False)
        except NotExpressible:
            raise NotEnforced(
                f"a value may fit its branches {one} and {other} at once, which cannot be ruled "
                "out; use anyOf, or make them differ in a const",
                pointer((*position.path, "oneOf")),
            ) from None

    def _apart(self, one: Forms, two: Forms) -> bool:
        both = self.algebra.all_of((one, two))
        return not any(self.hope.branch(b) for branches in both.values() for b in branches)

    def _denied(self, position: Position) -> Iterable[Forms]:
        node: dict[str, Any] = position.node
        options = denials(position, self)
        where = position.where
        if "const" in node:
            options.append(self.algebra.all_of(none_of([node["const"]], where)))
        if "enum" in node:
            options.append(self.algebra.all_of(none_of(node["enum"], where)))
        for keyword in ("$ref", "$dynamicRef"):
            if keyword in node:
                options.append(self._target(position, keyword, holds=False))
        if "allOf" in node:
            options += self._list(position, "allOf", holds=False)
        if "anyOf" in node:
            options.append(self.algebra.all_of(self._list(position, "anyOf", holds=False)))
        if "not" in node:
            options.append(self._below(position, "not", holds=True))
        if "if" in node and ("then" in node or "else" in node):
            options += self._condition(position, holds=False)
        if "oneOf" in node:
            held = self._list(position, "oneOf", holds=True)
            options.append(self.algebra.all_of(self._list(position, "oneOf", holds=False)))
            options += [self.algebra.all_of(pair) for pair in combinations(held, 2)]
        for keyword in ("dependentRequired", "dependentSchemas", "dependencies"):
            if node.get(keyword):
                raise NotExpressible(f"the opposite of {keyword} cannot be enforced", where)
        return options


def _order(part: Path | Constant) -> tuple[int, object]:
    return (1, part.text) if isinstance(part, Constant) else (0, part)
