"""What a value of one type has to satisfy, all of it together. Everything here is immutable."""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm

from pippin.engine.constraints.schemas.document import Path

Number = int | Decimal


@dataclass(frozen=True, slots=True)
class Constant:
    """A JSON value, as text in one normal form."""

    text: str


@dataclass(frozen=True, slots=True)
class State:
    """What a value further inside has to satisfy: these schemas hold, and those do not."""

    holds: frozenset[Path | Constant] = frozenset()
    fails: frozenset[Path] = frozenset()
    impossible: bool = False

    def __and__(self, other: "State") -> "State":
        return State(
            self.holds | other.holds,
            self.fails | other.fails,
            self.impossible or other.impossible,
        )


ANY = State()
NOTHING = State(impossible=True)


@dataclass(frozen=True, slots=True)
class Null:
    pass


@dataclass(frozen=True, slots=True)
class Booleans:
    values: frozenset[bool] = frozenset((False, True))


@dataclass(frozen=True, slots=True)
class Numbers:
    low: Number | None = None
    low_open: bool = False
    high: Number | None = None
    high_open: bool = False
    integer: bool = False
    step: Fraction | None = None
    values: frozenset[Number] | None = None
    """The only ones; then nothing else is set."""


@dataclass(frozen=True, slots=True)
class Strings:
    least: int = 0
    most: int | None = None
    patterns: frozenset[str] = frozenset()
    """Each matches the whole text, in Rust's syntax."""
    values: frozenset[str] | None = None
    """The only ones; then nothing else is set."""


@dataclass(frozen=True, slots=True)
class Arrays:
    prefix: tuple[State, ...] = ()
    rest: State = ANY
    least: int = 0
    most: int | None = None

    def at(self, index: int) -> State:
        return self.prefix[index] if index < len(self.prefix) else self.rest


@dataclass(frozen=True, slots=True)
class Objects:
    properties: tuple[tuple[str, State], ...] = ()
    """By name, in the order in which they are written. A name that is here is judged by this
    alone."""
    patterns: tuple[tuple[str, State], ...] = ()
    """By the pattern of their names, in Rust's syntax, found anywhere. No two share a name."""
    rest: State = ANY
    """All others."""
    required: frozenset[str] = frozenset()
    least: int = 0
    most: int | None = None
    names: State = ANY
    """What each name has to satisfy."""


Branch = Null | Booleans | Numbers | Strings | Arrays | Objects


def least_of(one: int | None, two: int | None) -> int | None:
    """The smaller bound, where ``None`` is no bound."""
    return min((n for n in (one, two) if n is not None), default=None)


def numbers(one: Numbers, two: Numbers) -> Numbers | None:
    """Both at once; ``None``: there is no such number."""
    if one.values is not None or two.values is not None:
        values = (one.values if one.values is not None else two.values) or frozenset()
        kept = frozenset(v for v in values if _admits(one, v) and _admits(two, v))
        return Numbers(values=kept) if kept else None
    low, low_open = _tighter(one.low, one.low_open, two.low, two.low_open, sign=1)
    high, high_open = _tighter(one.high, one.high_open, two.high, two.high_open, sign=-1)
    merged = Numbers(
        low, low_open, high, high_open, one.integer or two.integer, _common(one.step, two.step)
    )
    return None if _is_empty(merged) else merged


def _is_empty(merged: Numbers) -> bool:
    low, high = merged.low, merged.high
    if low is None or high is None:
        return False
    return low > high or (low == high and (merged.low_open or merged.high_open))


def _admits(branch: Numbers, value: Number) -> bool:
    if branch.values is not None:
        return value in branch.values
    if branch.low is not None and (value < branch.low or (branch.low_open and value == branch.low)):
        return False
    if branch.high is not None and (
        value > branch.high or (branch.high_open and value == branch.high)
    ):
        return False
    if branch.integer and not isinstance(value, int):
        return False
    return branch.step is None or (Fraction(value) / branch.step).denominator == 1


def _tighter(
    one: Number | None, one_open: bool, two: Number | None, two_open: bool, *, sign: int
) -> tuple[Number | None, bool]:
    if one is None:
        return two, two_open
    if two is None:
        return one, one_open
    if one == two:
        return one, one_open or two_open
    return (one, one_open) if (one > two) == (sign > 0) else (two, two_open)


def _common(one: Fraction | None, two: Fraction | None) -> Fraction | None:
    if one is None or two is None:
        return one if two is None else two
    return Fraction(lcm(one.numerator, two.numerator), gcd(one.denominator, two.denominator))


def arrays(one: Arrays, two: Arrays) -> Arrays | None:
    """Both at once; ``None``: no length fits."""
    size = max(len(one.prefix), len(two.prefix))
    prefix = tuple(one.at(i) & two.at(i) for i in range(size))
    rest = one.rest & two.rest
    most = least_of(one.most, two.most)
    for i, state in enumerate((*prefix, rest)):
        if state.impossible:
            most = least_of(most, i)
            break
    merged = Arrays(prefix, rest, max(one.least, two.least), most)
    if most is not None:
        if merged.least > most:
            return None
        merged = replace(merged, prefix=prefix[:most], rest=NOTHING if most <= size else rest)
    return merged
