"""What a table of the report is, and how its cells are written."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.kinds import LABELS
from benchmarks.records import Pair, Table

LIMIT, PEER = ("limit", "greedy"), ("mlx_lm", "greedy")


@dataclass(frozen=True)
class Section:
    """One table of the report."""

    title: str
    note: str
    head: list[str]
    rows: list[list[str]]


Maker = Callable[[str, Table], Section]
"""A title and the records of one model and scenario -> a section."""


def pairs(table: Table) -> list[Pair]:
    """Rows in the order of ``LABELS``."""
    found = dict.fromkeys((record.contender, record.variant) for record in table.records)
    return sorted(found, key=lambda pair: list(LABELS).index(pair[0]))


def name(contender: str, variant: str) -> str:
    return LABELS[contender] + ("" if contender == "limit" else f", {variant}")


def number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def times(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
