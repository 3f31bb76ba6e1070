"""A lane decodes; in its midst a long prompt arrives. How long does the lane wait?"""

from collections.abc import Iterator

from benchmarks.contenders import Contender, Wave
from benchmarks.records import Pair, Record, Table, between, percentile
from benchmarks.scenarios.plan import SERVERS, Plan, Scenario, Step
from benchmarks.tables import Section, name, number, pairs, times
from benchmarks.workload import Ask

LONG_PROMPT = 16_384
UNDISTURBED_EVENTS = 300
LANE_TOKENS = 8192
"""Enough to be at it until the long prompt is read; then the client leaves."""


def steps(plan: Plan) -> Iterator[Step]:
    for round_ in range(1, plan.rounds + 1):
        for contender in plan.turns(round_):
            yield _step(plan, round_, contender)


def _step(plan: Plan, round_: int, contender: Contender) -> Step:
    def run() -> list[Record]:
        work = plan.workload(4, round_)
        lane = Ask(work.prompt(32), LANE_TOKENS, cut=True)
        long = Ask(work.prompt(LONG_PROMPT), 8, after_events=UNDISTURBED_EVENTS)
        return plan.records("pace", 2, contender, round_, values(contender.run([lane, long])))

    return Step(f"{plan.model.name}: pace, {contender.name}", run)


def values(wave: Wave) -> dict[str, float]:
    """The lane's gaps before the long prompt was sent, and from then until its first token."""
    lane, long = wave.answers
    gaps_from = list(zip(lane.times, between(lane.times), strict=False))
    calm = [gap for start, gap in gaps_from if start + gap <= long.sent]
    disturbed = [gap for start, gap in gaps_from if start + gap > long.sent and start < long.first]
    found = {"long_first_ms": (long.first - long.sent) * 1e3}
    found["pieces_meanwhile"] = len(disturbed)
    for when, gaps in (("calm", calm), ("disturbed", disturbed)):
        for percent in (50, 99, 100) if gaps else ():
            found[f"{when}_p{percent}_ms"] = percentile(gaps, percent) * 1e3
    return found


def _table(title: str, table: Table) -> Section:
    gaps = [f"{when}_p{percent}_ms" for when in ("calm", "disturbed") for percent in (50, 99, 100)]

    def row(pair: Pair) -> list[str]:
        slower = table.ratio(2, (*pair, "disturbed_p99_ms"), (*pair, "calm_p99_ms"))
        rest = [number(table.median(2, *pair, v)) for v in ("long_first_ms", "pieces_meanwhile")]
        cells = [number(table.median(2, *pair, gap)) for gap in gaps]
        return [name(*pair), *cells, times(slower), *rest]

    head = ["gap of the lane, ms", "calm p50", "p99", "max", "disturbed p50", "p99", "max"]
    head += ["p99 / p99", "long prompt's first token, ms", "lane's pieces meanwhile"]
    note = (
        f"One lane decodes; a prompt of {LONG_PROMPT:,} tokens arrives. Gaps between the lane's "
        "pieces of text before that, and until the long prompt's first token."
    )
    return Section(title, note, head, [row(pair) for pair in pairs(table)])


SCENARIO = Scenario(
    steps,
    SERVERS,
    {"a long prompt beside a decoding lane": _table},
    models=("tiny",),
)
