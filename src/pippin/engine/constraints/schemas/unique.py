"""Arrays whose items differ, where the items are one of a few values."""

from itertools import permutations
from typing import Any

from pippin.engine.constraints.schemas.branches import (
    NOTHING,
    Arrays,
    Booleans,
    Null,
    Numbers,
    State,
    Strings,
)
from pippin.engine.constraints.schemas.constants import constant
from pippin.engine.constraints.schemas.forms import Forms

MAX_VALUES = 5
"""All their orders are written out: 326 for five."""


def few_values(forms: Forms) -> list[Any] | None:
    """The only values that there are, if there are few."""
    values: list[Any] = []
    for branch in (branch for branches in forms.values() for branch in branches):
        match branch:
            case Null():
                values.append(None)
            case Booleans(known):
                values += sorted(known)
            case Numbers(values=known) | Strings(values=known) if known is not None:
                values += sorted(known)
            case _:
                return None
    distinct = list({constant(value): value for value in values}.values())
    return distinct if len(distinct) <= MAX_VALUES else None


def all_orders(values: list[Any]) -> list[Arrays]:
    """Every array in which each of the values comes at most once."""
    states = [State(frozenset((constant(value),))) for value in values]
    return [
        Arrays(chosen, NOTHING, size, size)
        for size in range(len(states) + 1)
        for chosen in permutations(states, size)
    ]
