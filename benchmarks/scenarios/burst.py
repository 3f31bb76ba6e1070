"""32 requests at once, of mixed lengths in and out."""

from collections.abc import Iterator

from benchmarks.contenders import Contender
from benchmarks.records import Record, Table, wave_values
from benchmarks.scenarios.plan import Plan, Scenario, Step
from benchmarks.tables import LIMIT, PEER, Section, name, number, pairs, times


def steps(plan: Plan) -> Iterator[Step]:
    for round_ in range(1, plan.rounds + 1):
        for contender in plan.turns(round_):
            yield _step(plan, round_, contender)


def _step(plan: Plan, round_: int, contender: Contender) -> Step:
    def run() -> list[Record]:
        asks = plan.workload(2, round_).burst()
        values = wave_values(contender.run(asks))
        values["tokens_in"] = sum(len(ask.prompt) for ask in asks)
        return plan.records("burst", len(asks), contender, round_, values)

    return Step(f"{plan.model.name}: burst, {contender.name}", run)


def _table(title: str, table: Table) -> Section:
    lanes = table.lanes()[0]
    rows = [
        [
            name(*pair),
            number(table.median(lanes, *pair, "seconds"), 1),
            number(table.median(lanes, *pair, "tokens_per_s")),
            times(table.speedup(lanes, pair, LIMIT)),
            times(table.speedup(lanes, pair, PEER)),
            number(table.median(lanes, *pair, "first_p50_ms")),
            number(table.median(lanes, *pair, "first_p99_ms")),
        ]
        for pair in pairs(table)
    ]
    size = [number(table.median(lanes, *pairs(table)[0], v)) for v in ("tokens_in", "tokens")]
    head = ["", "whole s", "tokens/s", "of the limit", "of mlx_lm.server", "first p50 ms", "p99 ms"]
    note = (
        f"{lanes} requests at once, prompts of 16-1,500 tokens and answers of 16-128: {size[0]} "
        f"tokens in, {size[1]} out. The limit prefills one by one before it decodes."
    )
    return Section(title, note, head, rows)


SCENARIO = Scenario(
    steps,
    contenders=("limit", "pippin", "mlx_lm"),
    tables={"burst": _table},
    models=("tiny",),
)
