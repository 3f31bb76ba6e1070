"""Time to first token of a prompt of 1,500 tokens that nobody has seen, alone."""

from collections.abc import Iterator

from benchmarks.contenders import Contender
from benchmarks.records import Record, Table, wave_values
from benchmarks.scenarios.plan import Plan, Scenario, Step
from benchmarks.tables import Section, name, number, pairs
from benchmarks.workload import Ask

PROMPT = 1500


def steps(plan: Plan) -> Iterator[Step]:
    for round_ in range(plan.rounds + 1):
        for contender in plan.turns(round_):
            yield _step(plan, round_, contender)


def _step(plan: Plan, round_: int, contender: Contender) -> Step:
    def run() -> list[Record]:
        length = PROMPT if round_ else 64
        ask = Ask(plan.workload(3, round_).prompt(length), max_tokens=2)
        values = wave_values(contender.run([ask]))
        return plan.records("first", 1, contender, round_, values)

    return Step(f"{plan.model.name}: first token, {contender.name}", run)


def _table(title: str, table: Table) -> Section:
    rows = [[name(*p), number(table.median(1, *p, "first_p50_ms"))] for p in pairs(table)]
    note = "A prompt of 1,500 tokens that nobody has seen, alone; the limit has no HTTP or text."
    return Section(title, note, ["", "first token, ms"], rows)


SCENARIO = Scenario(steps, contenders=("limit", "pippin", "mlx_lm"), tables={"cold prompt": _table})
