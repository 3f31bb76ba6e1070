"""Not a speed: greedy answers, alone and together, are the limit's, token for token."""

from collections.abc import Iterator

from benchmarks.contenders import Contender
from benchmarks.records import Record, Table
from benchmarks.scenarios.plan import Plan, Scenario, Step
from benchmarks.tables import Section, name, number, pairs
from benchmarks.workload import Ask

PROMPTS = 4


def steps(plan: Plan) -> Iterator[Step]:
    limits = [contender for contender in plan.contenders if contender.name == "limit"]
    for contender in plan.contenders:
        if limits and contender.over_http:
            yield _step(plan, limits[0], contender)


def _step(plan: Plan, limit: Contender, contender: Contender) -> Step:
    def run() -> list[Record]:
        work = plan.workload(5)
        asks = [Ask(work.prompt(16 + 50 * i), max_tokens=48) for i in range(PROMPTS)]
        right = [limit.run([ask]).answers[0].tokens for ask in asks]
        alone = [contender.run([ask]).answers[0].tokens for ask in asks]
        together = [answer.tokens for answer in contender.run(asks).answers]
        values: dict[str, float] = {
            "prompts": len(asks),
            "alone": sum(a == b for a, b in zip(alone, right, strict=True)),
            "together": sum(a == b for a, b in zip(together, right, strict=True)),
        }
        return plan.records("same", len(asks), contender, 1, values)

    return Step(f"{plan.model.name}: same tokens, {contender.name}", run)


def _table(title: str, table: Table) -> Section:
    lanes = table.lanes()[0]
    names = ("prompts", "alone", "together")
    rows = [
        [name(*pair), *(number(table.median(lanes, *pair, value)) for value in names)]
        for pair in pairs(table)
    ]
    note = "Greedy answers that are the limit's, token for token (the limit has each one alone)."
    return Section(title, note, ["", "prompts", "same alone", "same together"], rows)


SCENARIO = Scenario(
    # Not mlx_vlm.server: its chat template makes other prompts, and so other answers.
    steps,
    contenders=("limit", "pippin", "mlx_lm"),
    tables={"the same tokens": _table},
    models=("tiny", "mid", "wide"),
)
