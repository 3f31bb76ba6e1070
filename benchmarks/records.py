"""What was measured, one record per contender, scenario and round; and how rounds are summed up."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from benchmarks.contenders import Wave

Pair = tuple[str, str]
"""Contender and variant: one row of a table."""
Cell = tuple[str, str, str]
"""Contender, variant and the name of a value."""


@dataclass(frozen=True)
class Record:
    """One round of one cell of a table."""

    model: str
    scenario: str
    """A name of ``scenarios.SCENARIOS``."""
    lanes: int
    contender: str
    variant: str
    """``greedy``, ``sampled``, ``unstreamed``."""
    round: int
    values: dict[str, float] = field(default_factory=dict)


def wave_values(wave: Wave) -> dict[str, float]:
    """Whole time, rates, latencies and CPU."""
    first = [answer.first - answer.sent for answer in wave.answers]
    gaps = [gap for answer in wave.answers for gap in between(answer.times)]
    values = {
        "seconds": wave.seconds,
        "tokens": wave.tokens,
        "tokens_per_s": wave.tokens / wave.seconds,
        "first_p50_ms": percentile(first, 50) * 1e3,
        "first_p99_ms": percentile(first, 99) * 1e3,
        "client_cpu_ms_per_token": wave.client_cpu / wave.tokens * 1e3,
        "server_cpu_ms_per_token": wave.server_cpu / wave.tokens * 1e3,
    }
    if gaps:
        values |= {"gap_p50_ms": percentile(gaps, 50) * 1e3}
        values |= {"gap_p99_ms": percentile(gaps, 99) * 1e3}
    return values


def between(times: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]


def percentile(values: Iterable[float], percent: float) -> float:
    """By the nearest rank; the maximum for 100."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class Table:
    """Records by cell; medians over rounds, and ratios taken within each round."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.records = list(records)

    def of(self, model: str, scenario: str) -> "Table":
        chosen = (r for r in self.records if (r.model, r.scenario) == (model, scenario))
        return Table(chosen)

    def values(self, name: str) -> list[object]:
        """The different values of a record's field, in order of appearance."""
        return list(dict.fromkeys(getattr(record, name) for record in self.records))

    def lanes(self) -> list[int]:
        return sorted({record.lanes for record in self.records})

    def median(self, lanes: int, contender: str, variant: str, value: str) -> float | None:
        found = self._rounds(lanes, contender, variant, value)
        return statistics.median(found.values()) if found else None

    def ratio(self, lanes: int, ours: Cell, theirs: Cell) -> float | None:
        """How many times as much ``ours`` is: the median of the rounds' own ratios, so that a slow
        spell of the machine hits both sides."""
        mine, other = self._rounds(lanes, *ours), self._rounds(lanes, *theirs)
        ratios = [mine[r] / other[r] for r in mine.keys() & other.keys() if other[r]]
        return statistics.median(ratios) if ratios else None

    def speedup(self, lanes: int, ours: Pair, over: Pair) -> float | None:
        """The ratio of tokens per second."""
        return self.ratio(lanes, (*ours, "tokens_per_s"), (*over, "tokens_per_s"))

    def _rounds(self, lanes: int, contender: str, variant: str, value: str) -> dict[int, float]:
        return {
            r.round: r.values[value]
            for r in self.records
            if (r.lanes, r.contender, r.variant) == (lanes, contender, variant)
            and value in r.values
        }
