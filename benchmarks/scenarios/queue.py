"""Eight short requests right behind a long prompt: when does each begin?"""

from collections.abc import Iterator

from benchmarks.contenders import Contender, Wave
from benchmarks.records import Pair, Record, Table, percentile
from benchmarks.scenarios.plan import SERVERS, Plan, Scenario, Step
from benchmarks.tables import PEER, Section, name, number, pairs, times
from benchmarks.workload import Ask

LONG_PROMPT = 16_384
SHORT, SHORT_PROMPT, SHORT_ANSWER = 8, 64, 16
BEHIND_S = 0.2
"""The long prompt has been taken up by then."""


def steps(plan: Plan) -> Iterator[Step]:
    for round_ in range(1, plan.rounds + 1):
        for contender in plan.turns(round_):
            yield _step(plan, round_, contender)


def _step(plan: Plan, round_: int, contender: Contender) -> Step:
    def run() -> list[Record]:
        work = plan.workload(9, round_)
        long = Ask(work.prompt(LONG_PROMPT), 8)
        short = [
            Ask(work.prompt(SHORT_PROMPT), SHORT_ANSWER, after_s=BEHIND_S) for _ in range(SHORT)
        ]
        values = _values(contender.run([long, *short]))
        return plan.records("queue", SHORT, contender, round_, values)

    return Step(f"{plan.model.name}: behind a long prompt, {contender.name}", run)


def _values(wave: Wave) -> dict[str, float]:
    long, *short = [(answer.first - answer.sent) * 1e3 for answer in wave.answers]
    return {"p50_ms": percentile(short, 50), "max_ms": max(short), "long_ms": long}


def _table(title: str, table: Table) -> Section:
    def row(pair: Pair) -> list[str]:
        waits = [number(table.median(SHORT, *pair, v)) for v in ("p50_ms", "max_ms", "long_ms")]
        of_peer = [
            table.ratio(SHORT, (*pair, value), (*PEER, value))
            for value in ("p50_ms", "max_ms", "long_ms")
        ]
        return [name(*pair), *waits, *(_precise(ratio) for ratio in of_peer)]

    head = ["first token, ms", f"of the {SHORT}, p50", "max", "of the long one"]
    head += ["of mlx_lm.server: p50", "max", "long"]
    note = (
        f"A prompt of {LONG_PROMPT:,} tokens, and {BEHIND_S} s later {SHORT} requests of "
        f"{SHORT_PROMPT} tokens. Nobody says a priority."
    )
    return Section(title, note, head, [row(pair) for pair in pairs(table)])


def _precise(ratio: float | None) -> str:
    """Far below one, two digits say too little."""
    return number(ratio, 3) if ratio is not None and ratio < 0.1 else times(ratio)


SCENARIO = Scenario(
    steps, SERVERS, {"eight requests behind a long prompt": _table}, models=("tiny",)
)
