"""What is measured: a file for each scenario, with its steps and its tables.

The order of ``SCENARIOS`` is the order of work and of the report.
"""

from benchmarks.scenarios import (
    burst,
    cost,
    crowd,
    first,
    form,
    interleaved,
    pace,
    prefix,
    queue,
    same,
    skew,
)
from benchmarks.scenarios.plan import Scenario

SCENARIOS: dict[str, Scenario] = {
    "same": same.SCENARIO,
    "crowd": crowd.SCENARIO,
    "burst": burst.SCENARIO,
    "first": first.SCENARIO,
    "prefix": prefix.SCENARIO,
    "cost": cost.SCENARIO,
    "form": form.SCENARIO,
    "interleaved": interleaved.SCENARIO,
    "pace": pace.SCENARIO,
    "queue": queue.SCENARIO,
    "skew": skew.SCENARIO,
}
