"""What remembering costs: 16 requests at once that nobody has seen, with memory and without."""

from collections.abc import Iterator

from benchmarks.contenders import Contender
from benchmarks.records import Pair, Record, Table, wave_values
from benchmarks.scenarios.plan import REMEMBERING, Plan, Scenario, Step
from benchmarks.tables import Section, name, number, pairs, times

LANES, TOKENS_IN, TOKENS_OUT = 16, 64, 128
WITHOUT = {"pippin": "pippin_off", "mlx_vlm_apc": "mlx_vlm"}
"""Who remembers -> the same server without."""


def steps(plan: Plan) -> Iterator[Step]:
    for round_ in range(plan.rounds + 1):  # round 0 warms up
        for contender in plan.turns(round_):
            yield _step(plan, round_, contender)


def _step(plan: Plan, round_: int, contender: Contender) -> Step:
    def run() -> list[Record]:
        asks = plan.workload(7, round_).crowd(LANES, TOKENS_IN, TOKENS_OUT)
        values = wave_values(contender.run(asks))
        return plan.records("cost", LANES, contender, round_, values)

    return Step(f"{plan.model.name}: cost of remembering, {contender.name}", run)


def _table(title: str, table: Table) -> Section:
    def row(pair: Pair) -> list[str]:
        without = (WITHOUT.get(pair[0], ""), pair[1])
        values = ("tokens_per_s", "gap_p50_ms", "gap_p99_ms")
        rates = [number(table.median(LANES, *pair, value)) for value in values]
        cpu = "server_cpu_ms_per_token"
        ours, theirs = (*pair, cpu), (*without, cpu)
        more = table.ratio(LANES, ours, theirs)
        return [name(*pair), *rates, times(table.speedup(LANES, pair, without)), times(more)]

    head = ["", "tokens/s", "gap p50 ms", "gap p99 ms", "speed of without", "CPU of without"]
    note = (
        f"{LANES} requests at once, {TOKENS_IN} tokens in and {TOKENS_OUT} out, never the same "
        "twice: nothing can be won. One wave with memory and one without in turn, ratios by round."
    )
    return Section(title, note, head, [row(pair) for pair in pairs(table)])


SCENARIO = Scenario(
    steps, ("pippin_off", *REMEMBERING), {"what remembering costs": _table}, rounds=7
)
