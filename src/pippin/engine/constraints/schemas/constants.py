"""JSON values as constraints."""

import itertools
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from pippin.engine.constraints.schemas.branches import (
    NOTHING,
    Arrays,
    Booleans,
    Constant,
    Null,
    Number,
    Numbers,
    Objects,
    State,
    Strings,
)
from pippin.engine.constraints.schemas.forms import Forms, only, unless
from pippin.engine.constraints.schemas.negations import all_but
from pippin.engine.constraints.schemas.refusal import NotExpressible

_TAG = "\x00number"


def constant(value: Any) -> Constant:
    """1 and 1.0 are one value, and so are objects in whatever order."""
    return Constant(json.dumps(value, sort_keys=True, default=lambda n: {_TAG: str(n)}))


def value_of(known: Constant) -> Any:
    """The value again."""
    return json.loads(known.text, object_hook=_untag)


def _untag(value: dict[str, Any]) -> Any:
    return Decimal(value[_TAG]) if list(value) == [_TAG] else value


def equal_to(value: Any) -> Forms:
    """That value and no other."""
    match value:
        case None:
            return only("null", Null())
        case bool():
            return only("boolean", Booleans(frozenset((value,))))
        case int() | Decimal():
            return only("number", Numbers(values=frozenset((value,))))
        case str():
            return only("string", Strings(values=frozenset((value,))))
        case list():
            items = tuple(State(frozenset((constant(item),))) for item in value)
            return only("array", Arrays(items, NOTHING, len(value), len(value)))
        case _:
            members = tuple(
                (name, State(frozenset((constant(item),)))) for name, item in value.items()
            )
            return only("object", Objects(members, (), NOTHING, frozenset(value)))


def one_of(values: Iterable[Any]) -> list[Forms]:
    """Those values; numbers and texts as one branch each."""
    distinct = {constant(value): value for value in values}.values()
    numbers = [v for v in distinct if _is_number(v)]
    texts = [v for v in distinct if isinstance(v, str)]
    parts = [equal_to(v) for v in distinct if not (_is_number(v) or isinstance(v, str))]
    if numbers:
        parts.append(only("number", Numbers(values=frozenset(numbers))))
    if texts:
        parts.append(only("string", Strings(values=frozenset(texts))))
    return parts


def none_of(values: list[Any], where: str) -> list[Forms]:
    """All but those, as parts of which each has to hold. Raises ``NotExpressible``."""
    parts: list[Forms] = []
    numbers: list[Number] = [v for v in values if _is_number(v)]
    texts = [v for v in values if isinstance(v, str)]
    if numbers:
        parts.append(unless("number", *_between(sorted(set(numbers)))))
    if texts:
        pattern = all_but(sorted(set(texts)), where)
        parts.append(unless("string", Strings(patterns=frozenset((pattern,)))))
    for value in values:
        match value:
            case None:
                parts.append(unless("null"))
            case bool():
                parts.append(unless("boolean", Booleans(frozenset((not value,)))))
            case []:
                parts.append(unless("array", Arrays(least=1)))
            case {} if not value:
                parts.append(unless("object", Objects(least=1)))
            case list() | dict():
                raise NotExpressible("all but one array or object cannot be enforced", where)
    return parts


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _between(values: list[Number]) -> list[Numbers]:
    bounds = [None, *values, None]
    return [
        Numbers(low=low, low_open=True, high=high, high_open=True)
        for low, high in itertools.pairwise(bounds)
    ]
