"""Objects in the words of the grammar engine."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from math import comb
from typing import Any

from pippin.engine.constraints.patterns.matching import PatternMatcher
from pippin.engine.constraints.schemas.branches import (
    ANY,
    NOTHING,
    Arrays,
    Branch,
    Objects,
    State,
    Strings,
)
from pippin.engine.constraints.schemas.forms import Forms
from pippin.engine.constraints.schemas.objects import judged_by
from pippin.engine.constraints.schemas.refusal import SchemaRefused

MAX_SELECTIONS = 200
"""Ways to choose which members an object has, where their number is bounded."""

MAX_OPTIONAL = 400
"""Members of one object that may be left out: all are looked at for each token."""

Plain = dict[str, Any] | bool


class ObjectWriter:
    """Owned by a ``Writer``."""

    def __init__(
        self,
        matcher: PatternMatcher,
        reference: Callable[[State], Plain],
        forms: Callable[[State], Forms],
        *,
        closed: bool,
    ) -> None:
        """``closed``: objects that list members get no others, where they need not."""
        self._closed = closed
        self._matcher = matcher
        self._reference = reference
        self._forms = forms
        self.alive: dict[State, bool] = {}
        self.escapes_hide_names = False
        """Whether a member's name written with escapes could pass for another one: the grammar
        engine takes such a name for one that is not listed."""

    def needed(self, branch: Branch) -> list[State]:
        """The states of all that a value of this branch has to have inside."""
        match branch:
            case Arrays():
                return [branch.at(i) for i in range(min(branch.least, len(branch.prefix) + 1))]
            case Objects():
                return [judged_by(branch, name, self._matcher) for name in branch.required]
            case _:
                return []

    def below(self, branch: Branch) -> Iterator[State]:
        """The states of all that a value of this branch may have inside."""
        match branch:
            case Arrays():
                yield from (*branch.prefix, branch.rest)
            case Objects():
                for name in branch.required:
                    yield judged_by(branch, name, self._matcher)
                for _, state in (*branch.properties, *branch.patterns):
                    yield state
                yield branch.rest
                yield branch.names
            case _:
                return

    def written(self, branch: Objects) -> list[Plain]:
        """Plain schemas of which one has to hold."""
        if branch.names != ANY:
            branch = self._with_names(branch)
        members = dict(branch.properties)
        for name in sorted(branch.required - members.keys()):
            members[name] = judged_by(branch, name, self._matcher)
        usable = [name for name in members if self.alive.get(members[name], False)]
        if (
            self._closed
            and branch.properties
            and branch.rest == ANY
            and branch.least <= len(usable)
        ):
            branch = replace(branch, rest=NOTHING)
        if not branch.required <= set(usable):
            return []
        optional = [name for name in usable if name not in branch.required]
        if len(optional) > MAX_OPTIONAL:
            raise SchemaRefused(
                f"an object has more than {MAX_OPTIONAL} members that are not required", "#"
            )
        is_open = self._is_open(branch)
        plain = []
        for chosen, dropped, extra in self._selections(branch, optional, is_open=is_open):
            properties = {
                name: False
                if name in dropped
                else self._reference(state)
                if self.alive.get(state, False)
                else False
                for name, state in members.items()
            }
            required = sorted(branch.required | set(chosen))
            plain.append(self._object(branch, properties, required, extra, is_open=is_open))
        return plain

    def _object(
        self,
        branch: Objects,
        properties: dict[str, Plain],
        required: list[str],
        extra: tuple[int, int | None],
        *,
        is_open: bool,
    ) -> Plain:
        plain: dict[str, Any] = {"type": "object", "additionalProperties": False}
        if properties:
            plain["properties"] = properties
        if required:
            plain["required"] = required
        if branch.patterns:
            plain["patternProperties"] = {
                f"^(?:{p})$": self._reference(state) for p, state in branch.patterns
            }
        if self.alive.get(branch.rest, False):
            plain["additionalProperties"] = self._reference(branch.rest)
            if properties or branch.patterns:
                self.escapes_hide_names = True
        least, most = extra
        if least:
            plain["minProperties"] = len(required) + least
        if most is not None and is_open:
            plain["maxProperties"] = len(required) + most
        return plain

    def _is_open(self, branch: Objects) -> bool:
        others = [branch.rest, *(state for _, state in branch.patterns)]
        return any(self.alive.get(state, False) for state in others)

    def _selections(
        self, branch: Objects, optional: list[str], *, is_open: bool
    ) -> list[tuple[frozenset[str], frozenset[str], tuple[int, int | None]]]:
        """Which optional members are there for sure, which are not, and how many others come."""
        least = max(0, branch.least - len(branch.required))
        most = None if branch.most is None else branch.most - len(branch.required)
        if most is not None and most >= len(optional) and not is_open:
            most = None
        nothing: frozenset[str] = frozenset()
        if least == 0 and most is None:
            return [(nothing, nothing, (0, None))]
        if most is not None and most < least:
            return []
        if least > 1 and is_open:
            raise SchemaRefused(
                "minProperties cannot be enforced where members are not listed, as one name may "
                "come twice",
                "#",
            )
        if not optional:
            return [(nothing, nothing, (least, most))] if is_open or not least else []
        if most is None:
            return self._at_least(least, optional, is_open=is_open)
        return self._between(least, most, optional, is_open=is_open)

    def _at_least(
        self, least: int, optional: list[str], *, is_open: bool
    ) -> list[tuple[frozenset[str], frozenset[str], tuple[int, int | None]]]:
        nothing: frozenset[str] = frozenset()
        _check_count(comb(len(optional), least))
        found: list[tuple[frozenset[str], frozenset[str], tuple[int, int | None]]] = [
            (frozenset(chosen), nothing, (0, None)) for chosen in combinations(optional, least)
        ]
        if is_open:
            found.append((nothing, frozenset(optional), (1, None)))
        return found

    def _between(
        self, least: int, most: int, optional: list[str], *, is_open: bool
    ) -> list[tuple[frozenset[str], frozenset[str], tuple[int, int | None]]]:
        sizes = range(0 if is_open else least, min(most, len(optional)) + 1)
        _check_count(sum(comb(len(optional), size) for size in sizes))
        return [
            (
                frozenset(chosen),
                frozenset(optional) - frozenset(chosen),
                (max(0, least - size), most - size),
            )
            for size in sizes
            for chosen in combinations(optional, size)
        ]

    def _with_names(self, branch: Objects) -> Objects:
        """``propertyNames``: listed names are judged here, others become a pattern."""
        if branch.patterns:
            raise SchemaRefused("propertyNames beside patternProperties cannot be enforced", "#")
        forms = self._forms(branch.names).get("string", ())
        allowed = [name for option in forms if isinstance(option, Strings) for name in [option]]
        members = dict(branch.properties)
        for name in sorted(branch.required - members.keys()):
            members[name] = branch.rest
        finite = all(option.values is not None for option in allowed)
        if finite:
            for option in allowed:
                for name in sorted(option.values or ()):
                    members.setdefault(name, branch.rest)
        kept = tuple(
            (name, state if any(self._fits(o, name) for o in allowed) else NOTHING)
            for name, state in members.items()
        )
        if finite:
            return replace(branch, properties=kept, rest=NOTHING, names=ANY)
        pattern = "|".join(_as_pattern(option) for option in allowed)
        return replace(
            branch, properties=kept, patterns=((pattern, branch.rest),), rest=NOTHING, names=ANY
        )

    def _fits(self, option: Strings, name: str) -> bool:
        if option.values is not None:
            return name in option.values
        if len(name) < option.least or (option.most is not None and len(name) > option.most):
            return False
        return all(self._matcher.matches(pattern, name) for pattern in option.patterns)


def _as_pattern(option: Strings) -> str:
    if option.values is not None:
        from_values = sorted(option.values)
        raise SchemaRefused(f"propertyNames with {from_values[0]!r} and a pattern", "#")
    if not option.patterns:
        most = "" if option.most is None else str(option.most)
        return f"[\\x{{0}}-\\x{{10ffff}}]{{{option.least},{most}}}"
    if len(option.patterns) > 1 or option.least or option.most is not None:
        raise SchemaRefused("propertyNames with more than one pattern cannot be enforced", "#")
    return next(iter(option.patterns))


def _check_count(count: int) -> None:
    if count > MAX_SELECTIONS:
        raise SchemaRefused(
            "minProperties or maxProperties leaves too many ways to choose members", "#"
        )
