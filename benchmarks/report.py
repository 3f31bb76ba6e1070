"""Records → tables."""

from collections.abc import Iterable

from benchmarks.records import Record, Table
from benchmarks.scenarios import SCENARIOS
from benchmarks.tables import Section


def sections(records: Iterable[Record]) -> list[Section]:
    """Every table that the records allow, model by model."""
    everything = Table(records)
    return [
        make(f"{model}: {title}", table)
        for model in everything.values("model")
        for name, scenario in SCENARIOS.items()
        if (table := everything.of(str(model), name)).records
        for title, make in scenario.tables.items()
    ]
