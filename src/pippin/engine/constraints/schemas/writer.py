"""Forms → the plain schema that the grammar engine enforces exactly.

What is written uses only: one type per branch, bounds, patterns, enum of texts, prefixItems and
items, properties with required, patternProperties, anyOf, and references to ``$defs``.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pippin.engine.constraints.chains import longest_chain
from pippin.engine.constraints.patterns.matching import PatternMatcher
from pippin.engine.constraints.schemas.branches import (
    Arrays,
    Booleans,
    Branch,
    Null,
    Numbers,
    Objects,
    State,
    Strings,
)
from pippin.engine.constraints.schemas.forms import EVERYTHING, Forms
from pippin.engine.constraints.schemas.members import ObjectWriter
from pippin.engine.constraints.schemas.numbers import check_steps, steps_of, written_numbers
from pippin.engine.constraints.schemas.refusal import SchemaRefused

MAX_STATES = 5_000
MAX_CHAIN = 100
"""References along one way."""

_SHORT_ESCAPES = 'nrbtf\\"'
_LONG_ESCAPES = re.compile(r"[\x00-\x07\x0b\x0e-\x1f\x7f]")
"""Characters that JSON can only write by their numbers."""

Plain = dict[str, Any] | bool


class Writer:
    """Owned by one compilation."""

    def __init__(
        self, forms: Callable[[State], Forms], matcher: PatternMatcher, *, closed: bool
    ) -> None:
        self._forms = forms
        self._objects = ObjectWriter(matcher, self._reference, forms, closed=closed)
        self._names: dict[State, str] = {}
        self._alive: dict[State, bool] = {}
        self._definitions: dict[str, Plain] = {}
        self._waiting: list[State] = []
        self._steps = 0
        self._needs_escapes = False

    def write(self, root: State) -> dict[str, Any]:
        """Raises ``SchemaRefused``: no value fits, or there are too many parts."""
        self._find_alive(root)
        if not self._alive[root]:
            raise SchemaRefused("no value fits it", "#")
        plain = self._reference(root)
        while self._waiting:
            state = self._waiting.pop()
            self._definitions[self._names[state]] = self._plain(state)
        self._check_chains()
        whole: dict[str, Any] = {"anyOf": [plain]}
        if self._objects.escapes_hide_names:
            if self._needs_escapes:
                raise SchemaRefused(
                    "a text with control characters cannot be enforced beside an object that has "
                    "listed and other members; forbid the others with additionalProperties",
                    "#",
                )
            whole["x-guidance"] = {"json_allowed_escapes": _SHORT_ESCAPES}
        if self._definitions:
            whole["$defs"] = self._definitions
        return whole

    def _check_chains(self) -> None:
        uses = {name: _references(plain) for name, plain in self._definitions.items()}
        if longest_chain(uses, dict.fromkeys(uses, 1)) > MAX_CHAIN:
            raise SchemaRefused(f"more than {MAX_CHAIN} of its parts lead to one another", "#")

    def _find_alive(self, root: State) -> None:
        """A state is alive if there is a value, of finite size, in it."""
        needs: dict[State, list[list[State]]] = {}
        todo = [root]
        while todo:
            state = todo.pop()
            if state in needs:
                continue
            if len(needs) >= MAX_STATES:
                raise SchemaRefused(f"it comes to more than {MAX_STATES} parts", "#")
            branches = [b for group in self._forms(state).values() for b in group]
            needs[state] = [self._objects.needed(branch) for branch in branches]
            todo += [below for branch in branches for below in self._objects.below(branch)]
        self._alive = dict.fromkeys(needs, False)
        changed = True
        while changed:
            changed = False
            for state, options in needs.items():
                if not self._alive[state] and any(
                    all(self._alive[below] for below in option) for option in options
                ):
                    self._alive[state] = changed = True
        self._objects.alive = self._alive

    def _reference(self, state: State) -> Plain:
        """A state where it is used: small ones are written out."""
        if state.impossible or not self._alive[state]:
            return False
        forms = self._forms(state)
        if forms == {name: (branch,) for name, branch in EVERYTHING.items()}:
            return True
        if "array" not in forms and "object" not in forms:
            return self._plain(state)
        name = self._names.get(state)
        if name is None:
            name = self._names[state] = f"s{len(self._names)}"
            self._waiting.append(state)
        return {"$ref": f"#/$defs/{name}"}

    def _plain(self, state: State) -> Plain:
        options: list[Plain] = []
        for branches in self._forms(state).values():
            for branch in branches:
                if all(self._alive[below] for below in self._objects.needed(branch)):
                    options += self._branch(branch)
        if not options:
            return False
        return options[0] if len(options) == 1 else {"anyOf": options}

    def _branch(self, branch: Branch) -> list[Plain]:
        match branch:
            case Objects():
                return self._objects.written(branch)
            case Arrays():
                return [self._array(branch)]
            case Numbers():
                return self._numbers(branch)
            case Strings():
                self._needs_escapes |= any(map(_LONG_ESCAPES.search, branch.values or ()))
                return [_string(branch)]
            case Booleans(values):
                return [{"const": value} for value in sorted(values)]
            case Null():
                return [{"const": None}]

    def _numbers(self, branch: Numbers) -> list[Plain]:
        written = written_numbers(branch)
        self._steps += sum(map(steps_of, written))
        check_steps(self._steps)
        return [*written]

    def _array(self, branch: Arrays) -> dict[str, Any]:
        prefix = [self._reference(state) for state in branch.prefix]
        plain: dict[str, Any] = {"type": "array", "items": self._reference(branch.rest)}
        if prefix:
            plain["prefixItems"] = prefix
        if branch.least:
            plain["minItems"] = branch.least
        if branch.most is not None:
            plain["maxItems"] = branch.most
        return plain


def _references(plain: Plain) -> list[str]:
    found: list[str] = []
    todo: list[Any] = [plain]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            if isinstance(name := value.get("$ref"), str):
                found.append(name.rpartition("/")[2])
            todo += value.values()
        elif isinstance(value, list):
            todo += value
    return found


def _string(branch: Strings) -> dict[str, Any]:
    if branch.values is not None:
        return {"enum": sorted(branch.values)}
    plain: dict[str, Any] = {"type": "string"}
    if branch.least:
        plain["minLength"] = branch.least
    if branch.most is not None:
        plain["maxLength"] = branch.most
    patterns = [f"^(?:{pattern})$" for pattern in sorted(branch.patterns)]
    if patterns:
        plain["pattern"] = patterns[0]
    if len(patterns) > 1:
        plain["allOf"] = [{"type": "string", "pattern": pattern} for pattern in patterns[1:]]
    return plain


def jsonable(value: object) -> float:
    """For ``json.dumps``: an exact number as the nearest that JSON readers know."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")
