"""Numbers in the words of the grammar engine, which reckons with 64-bit floats."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor, inf, nextafter
from typing import Any

from pippin.engine.constraints.schemas.branches import Number, Numbers
from pippin.engine.constraints.schemas.refusal import SchemaRefused

_MOST = 2**53
"""Up to here every whole number is a float of its own."""
_MOST_WHOLE = 2**63 - 1024
"""The greatest whole bound that the grammar engine follows, and its negative the least."""
_MAX_STEP = 20_000
"""Of all multipleOf in a schema together, counted in their last decimal place: so many states has
the automaton that divides by them."""
_FEW = 64
"""Multiples that are written as a list."""
_MAX_PLACES = 15


def written_numbers(branch: Numbers) -> list[dict[str, Any]]:
    """Plain schemas of which one has to hold. Raises ``SchemaRefused``: a number is too large or
    too fine to be exact."""
    if branch.values is not None:
        return [_exactly(value) for value in sorted(branch.values)]
    few = _few_multiples(branch)
    if few is not None:
        return [_exactly(value) for value in few]
    if branch.integer or (branch.step is not None and branch.step.denominator == 1):
        return _integers(branch)
    branch = _within_reach(branch)
    for bound in (branch.low, branch.high):
        _check(bound)
    if branch.low is not None and branch.low == branch.high:
        return [_exactly(branch.low)]
    plain: dict[str, Any] = {"type": "number"}
    if branch.low is not None:
        plain["exclusiveMinimum" if branch.low_open else "minimum"] = branch.low
    if branch.high is not None:
        plain["exclusiveMaximum" if branch.high_open else "maximum"] = branch.high
    _check_range(branch)
    if branch.step is not None:
        plain["multipleOf"] = _step(branch.step)
    return [plain]


def steps_of(plain: dict[str, Any]) -> int:
    """What the plain schema's multipleOf costs."""
    step = plain.get("multipleOf", 0)
    return int(step.scaleb(_places(step))) if isinstance(step, Decimal) else int(step)


def check_steps(steps: int) -> None:
    """Raises ``SchemaRefused``: all multipleOf of a schema together cost too much."""
    if steps > _MAX_STEP:
        raise SchemaRefused("its multipleOf are too large or too fine", "#")


def _few_multiples(branch: Numbers) -> list[Number] | None:
    step = branch.step
    if step is None or branch.low is None or branch.high is None:
        return None
    if branch.integer:
        step = Fraction(step.numerator)
    first, last = ceil(Fraction(branch.low) / step), floor(Fraction(branch.high) / step)
    if last - first > _FEW:
        return None
    values = [step * n for n in range(first, last + 1)]
    low, high = Fraction(branch.low), Fraction(branch.high)
    return [
        _decimal(value)
        for value in values
        if not (branch.low_open and value == low) and not (branch.high_open and value == high)
    ]


def _decimal(value: Fraction) -> Number:
    if value.denominator == 1:
        return value.numerator
    return Decimal(value.numerator) / Decimal(value.denominator)


def _exactly(value: Number) -> dict[str, Any]:
    _check(value)
    kind = "integer" if isinstance(value, int) else "number"
    return {"type": kind, "minimum": value, "maximum": value}


def _integers(branch: Numbers) -> list[dict[str, Any]]:
    plain: dict[str, Any] = {"type": "integer"}
    low = high = None
    if branch.low is not None:
        low = floor(branch.low) + 1 if branch.low_open else ceil(branch.low)
    if branch.high is not None:
        high = ceil(branch.high) - 1 if branch.high_open else floor(branch.high)
    if low is not None and high is not None and low > high:
        return []
    if low is not None:
        _check(max(low, -_MOST))
        plain["minimum"] = -_rounded_down(-low)
    if high is not None:
        _check(min(high, _MOST))
        plain["maximum"] = _rounded_down(high)
    if branch.step is not None:
        # the least whole number that is a multiple of it
        plain["multipleOf"] = _step(Fraction(branch.step.numerator))
    return [plain]


def _rounded_down(bound: int) -> int:
    """The bound, or where it is no float the next that is one: a little narrower."""
    bound = min(bound, _MOST_WHOLE)
    near = float(bound)
    return int(near if near <= bound else nextafter(near, -inf))


def _within_reach(branch: Numbers) -> Numbers:
    """Without bounds that are there to name a type's range: numbers end before."""
    low, high = branch.low, branch.high
    if low is not None and low < -_MOST:
        branch = replace(branch, low=-_MOST, low_open=False)
    if high is not None and high > _MOST:
        branch = replace(branch, high=_MOST, high_open=False)
    return branch


def _check(value: Number | None) -> None:
    if value is None:
        return
    if not -_MOST <= value <= _MOST:
        raise SchemaRefused(f"the number {str(value)[:40]} is too large to be exact", "#")
    if isinstance(value, Decimal) and (
        Decimal(repr(float(value))) != value or _places(value) > _MAX_PLACES
    ):
        raise SchemaRefused(f"the number {str(value)[:40]} is too fine to be exact", "#")


def _places(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0


def _check_range(branch: Numbers) -> None:
    """A bound that is left out and whole, less than 1 from the other bound, is not left out by the
    grammar engine."""
    if branch.low is None or branch.high is None:
        return
    low, high = Fraction(branch.low), Fraction(branch.high)
    whole_low = branch.low_open and low.denominator == 1 and low >= 0
    whole_high = branch.high_open and high.denominator == 1 and high <= 0
    if (whole_low or whole_high) and high - low < 1:
        raise SchemaRefused(
            f"the range from {branch.low} to {branch.high} cannot be enforced without its bound",
            "#",
        )


def _step(step: Fraction) -> Number:
    """As a number that the grammar engine reads as it is: it multiplies by ten until whole."""
    check_steps(int(step))
    if step.denominator == 1:
        return step.numerator
    value = Decimal(step.numerator) / Decimal(step.denominator)
    seen = float(value)
    for _ in range(20):
        if seen == int(seen):
            break
        seen *= 10
    if Fraction(value) != step or seen != value.scaleb(_places(value)):
        raise SchemaRefused(f"its multipleOf {value} is too fine to be exact", "#")
    return value
