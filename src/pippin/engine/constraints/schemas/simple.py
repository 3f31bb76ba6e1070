"""Keywords that speak of values of one type."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Protocol

from pippin.engine.constraints.limits import MAX_PATTERN_PLACES
from pippin.engine.constraints.patterns.anchors import found_in
from pippin.engine.constraints.patterns.dialects import ECMA
from pippin.engine.constraints.patterns.nodes import PatternRefused, size, write
from pippin.engine.constraints.patterns.parser import parse
from pippin.engine.constraints.schemas.branches import (
    ANY,
    NOTHING,
    Arrays,
    Booleans,
    Branch,
    Null,
    Numbers,
    Objects,
    State,
    Strings,
)
from pippin.engine.constraints.schemas.document import Document, Position, pointer
from pippin.engine.constraints.schemas.formats import NOT_PATTERNS, format_pattern
from pippin.engine.constraints.schemas.forms import Algebra, Forms, anything, only, unless
from pippin.engine.constraints.schemas.quoting import quotable
from pippin.engine.constraints.schemas.refusal import NotEnforced, NotExpressible, SchemaRefused
from pippin.engine.constraints.schemas.unique import all_orders, few_values

_LOCAL = r"(?:[A-Za-z0-9_'+-]+\.)*[A-Za-z0-9_'+-]*[A-Za-z0-9_+-]"
_DOMAIN = r"([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}"
_SAME = {
    r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$": r"^[+-]?(\d+\.?\d*|\.\d+)$",
    rf"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@{_DOMAIN}$": f"^{_LOCAL}@{_DOMAIN}$",
}
"""Patterns with lookaheads that many schemas have, in other words: pydantic's for decimals, and
zod's for mail."""

MAX_NAME_PATTERNS = 10
"""Of one object's patternProperties: each is held against each."""


class World(Protocol):
    """What keywords need to know of the schemas around them."""

    document: Document
    algebra: Algebra

    def state_of(self, position: Position, *, holds: bool = True) -> State: ...

    def forms(self, state: State) -> Forms: ...


_BRANCHES: dict[str, tuple[str, Branch]] = {
    "null": ("null", Null()),
    "boolean": ("boolean", Booleans()),
    "number": ("number", Numbers()),
    "integer": ("number", Numbers(integer=True)),
    "string": ("string", Strings()),
    "array": ("array", Arrays()),
    "object": ("object", Objects()),
}

_COUNTS: dict[str, tuple[str, Callable[[int], Branch], Callable[[int], Branch]]] = {
    "minLength": ("string", lambda n: Strings(least=n), lambda n: Strings(most=n - 1)),
    "maxLength": ("string", lambda n: Strings(most=n), lambda n: Strings(least=n + 1)),
    "minItems": ("array", lambda n: Arrays(least=n), lambda n: Arrays(most=n - 1)),
    "maxItems": ("array", lambda n: Arrays(most=n), lambda n: Arrays(least=n + 1)),
    "minProperties": ("object", lambda n: Objects(least=n), lambda n: Objects(most=n - 1)),
    "maxProperties": ("object", lambda n: Objects(most=n), lambda n: Objects(least=n + 1)),
}
"""By keyword: of which type, as it holds, and as it does not."""


def assertions(position: Position, world: World) -> list[Forms]:
    """Parts of which each has to hold. Raises ``SchemaRefused``."""
    node = position.node
    parts: list[Forms] = []
    if "type" in node:
        parts.append(world.algebra.any_of(only(*_BRANCHES[name]) for name in _types(node)))
    for keyword, (kind, held, _) in _COUNTS.items():
        if keyword in node:
            parts.append(unless(kind, held(node[keyword])))
    parts += [unless("number", bound) for bound in _bounds(node)]
    if "multipleOf" in node:
        parts.append(unless("number", Numbers(step=Fraction(node["multipleOf"]))))
    parts += [unless("string", Strings(patterns=frozenset((p,)))) for p in _patterns(position)]
    if node.get("uniqueItems"):
        parts.append(_unique(position, world))
    for branch in (_array(position, world), _object(position, world)):
        if branch is not None:
            kind = "array" if isinstance(branch, Arrays) else "object"
            parts.append(unless(kind, branch))
    return parts


def _types(node: dict[str, Any]) -> list[str]:
    return node["type"] if isinstance(node["type"], list) else [node["type"]]


def _bounds(node: dict[str, Any]) -> list[Numbers]:
    bounds: list[Numbers] = []
    low_open, high_open = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
    if "minimum" in node:
        bounds.append(Numbers(low=node["minimum"], low_open=low_open is True))
    if "maximum" in node:
        bounds.append(Numbers(high=node["maximum"], high_open=high_open is True))
    if low_open is not None and not isinstance(low_open, bool):
        bounds.append(Numbers(low=low_open, low_open=True))
    if high_open is not None and not isinstance(high_open, bool):
        bounds.append(Numbers(high=high_open, high_open=True))
    return bounds


def _patterns(position: Position) -> list[str]:
    patterns = []
    if "pattern" in position.node:
        patterns.append(searched(position.node["pattern"], (*position.path, "pattern")))
    name = position.node.get("format", "")
    if name in NOT_PATTERNS:
        where = pointer((*position.path, "format"))
        raise NotEnforced(f"the format {name!r} cannot be enforced; use pattern", where)
    if known := format_pattern(name):
        patterns.append(known)
    return patterns


def searched(pattern: str, path: tuple[str, ...]) -> str:
    """A pattern of JSON Schema, which may match anywhere, as one that matches the whole text."""
    try:
        node = parse(_SAME.get(pattern, pattern), ECMA)
    except PatternRefused as refused:
        raise SchemaRefused(str(refused), pointer(path)) from None
    if size(node) > MAX_PATTERN_PLACES:
        raise SchemaRefused("its repetitions come to too many characters", pointer(path))
    return quotable(write(found_in(node)))


def _unique(position: Position, world: World) -> Forms:
    if isinstance(position.node.get("items"), dict):
        values = few_values(world.forms(world.state_of(world.document.child(position, "items"))))
        if values is not None and "prefixItems" not in position.node:
            return unless("array", *all_orders(values))
    if position.node.get("maxItems", 2) > 1:
        raise NotEnforced(
            "the keyword uniqueItems cannot be enforced, except for items of up to 5 "
            "values; leave it out, or use prefixItems",
            pointer((*position.path, "uniqueItems")),
        )
    return anything()


def _array(position: Position, world: World) -> Arrays | None:
    node, document = position.node, world.document
    items = node.get("items")
    if isinstance(items, list):
        listed, rest = "items", "additionalItems"
    else:
        listed, rest = "prefixItems", "items"
    count = len(node[listed]) if isinstance(node.get(listed), list) and document.draft > 0 else 0
    if listed == "prefixItems" and document.draft < 2020:
        count = 0
    if not count and rest not in node:
        return None
    prefix = [world.state_of(document.child(position, listed, str(i))) for i in range(count)]
    others = world.state_of(document.child(position, rest)) if rest in node else ANY
    return Arrays(tuple(prefix), others)


def _object(position: Position, world: World) -> Objects | None:
    node, document = position.node, world.document
    keys = {"properties", "patternProperties", "additionalProperties", "required", "propertyNames"}
    if not keys & node.keys():
        return None
    patterns: dict[str, State] = {}
    for raw in node.get("patternProperties", {}):
        pattern = searched(raw, (*position.path, "patternProperties", raw))
        state = world.state_of(document.child(position, "patternProperties", raw))
        patterns[pattern] = patterns.get(pattern, ANY) & state
    if len(patterns) > MAX_NAME_PATTERNS:
        where = pointer((*position.path, "patternProperties"))
        raise SchemaRefused(f"it has more than {MAX_NAME_PATTERNS} patterns", where)
    _check_apart(list(patterns), position, world)
    properties: dict[str, State] = {}
    for name in node.get("properties", {}):
        state = world.state_of(document.child(position, "properties", name))
        for pattern, also in patterns.items():
            if world.algebra.matcher.matches(pattern, name):
                state = state & also
        properties[name] = state
    rest, names = ANY, ANY
    if "additionalProperties" in node:
        rest = world.state_of(document.child(position, "additionalProperties"))
    if "propertyNames" in node:
        names = world.state_of(document.child(position, "propertyNames"))
    required = node.get("required", [])
    if isinstance(required, bool):
        raise SchemaRefused("it has to be a list of names", pointer((*position.path, "required")))
    return Objects(
        tuple(properties.items()), tuple(patterns.items()), rest, frozenset(required), names=names
    )


def _check_apart(patterns: list[str], position: Position, world: World) -> None:
    for i, one in enumerate(patterns):
        for two in patterns[i + 1 :]:
            if not world.algebra.matcher.disjoint(frozenset((one, two))):
                raise NotEnforced(
                    "patterns that match the same names cannot be enforced",
                    pointer((*position.path, "patternProperties")),
                )


def denials(position: Position, world: World) -> list[Forms]:
    """Parts of which one has to hold, so that the schema does not. Raises ``NotExpressible``."""
    node = position.node
    options: list[Forms] = []
    if "type" in node:
        options.append(_other_types(_types(node), position))
    for keyword, (kind, _, denied) in _COUNTS.items():
        if node.get(keyword, 0) > 0 or (keyword.startswith("max") and keyword in node):
            options.append(only(kind, denied(node[keyword])))
    for bound in _bounds(node):
        if bound.low is not None:
            below = Numbers(high=bound.low, high_open=not bound.low_open)
        else:
            below = Numbers(low=bound.high, low_open=not bound.high_open)
        options.append(only("number", below))
    for keyword in ("multipleOf", "pattern", "format", "patternProperties", "propertyNames"):
        if keyword in node and (keyword != "format" or format_pattern(node["format"])):
            raise NotExpressible(f"the opposite of {keyword} cannot be enforced", position.where)
    if node.get("uniqueItems"):
        raise NotExpressible("the opposite of uniqueItems cannot be enforced", position.where)
    return options + _denied_items(position, world) + _denied_members(position, world)


def _other_types(types: list[str], position: Position) -> Forms:
    if "integer" in types and "number" not in types:
        raise NotExpressible("all but integers cannot be enforced", position.where)
    forms = anything()
    for name in types:
        forms.pop(_BRANCHES[name][0], None)
    return forms


def _denied_items(position: Position, world: World) -> list[Forms]:
    branch = _array(position, world)
    if branch is None:
        return []
    listed = "items" if isinstance(position.node.get("items"), list) else "prefixItems"
    options = []
    for i in range(len(branch.prefix)):
        below = world.document.child(position, listed, str(i))
        state = world.state_of(below, holds=False)
        options.append(only("array", Arrays((ANY,) * i + (state,), ANY, i + 1)))
    if branch.rest == NOTHING:
        options.append(only("array", Arrays(least=len(branch.prefix) + 1)))
    elif branch.rest != ANY:
        raise NotExpressible("the opposite of items cannot be enforced", position.where)
    return options


def _denied_members(position: Position, world: World) -> list[Forms]:
    node = position.node
    options = []
    for name in node.get("required", []):
        options.append(only("object", Objects(properties=((name, NOTHING),))))
    for name in node.get("properties", {}):
        below = world.document.child(position, "properties", name)
        state = world.state_of(below, holds=False)
        member = Objects(properties=((name, state),), required=frozenset((name,)))
        options.append(only("object", member))
    if node.get("additionalProperties", True) not in (True, {}):
        raise NotExpressible(
            "the opposite of additionalProperties cannot be enforced", position.where
        )
    return options
