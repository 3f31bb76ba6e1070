"""One long row beside seven short ones: do the short ones pay for it?"""

from collections.abc import Iterator, Sequence

from benchmarks.contenders import Answer, Contender, Wave
from benchmarks.records import Pair, Record, Table
from benchmarks.scenarios.plan import SERVERS, Plan, Scenario, Step
from benchmarks.tables import LIMIT, PEER, Section, name, number, pairs, times
from benchmarks.workload import Ask, Workload

LONG_PROMPT = 8192
SHORT, SHORT_PROMPT, SHORT_ANSWER = 7, 64, 128
LONG_ANSWER = 4096
"""Enough to be at it until the short ones are over; then the client leaves."""
BEGUN_EVENTS = 4


def steps(plan: Plan) -> Iterator[Step]:
    for round_ in range(plan.rounds + 1):  # round 0 warms up
        for contender in plan.turns(round_):
            yield _step(plan, round_, contender)


def _step(plan: Plan, round_: int, contender: Contender) -> Step:
    def run() -> list[Record]:
        work = plan.workload(10, round_)
        alone = contender.run(work.crowd(SHORT, SHORT_PROMPT, SHORT_ANSWER))
        values = {"alone_tokens_per_s": _rate(alone, alone.answers)}
        if round_:
            beside = contender.run(_rows(work, contender))
            values["beside_tokens_per_s"] = _rate(beside, beside.answers[1:])
        return plan.records("skew", SHORT, contender, round_, values)

    return Step(f"{plan.model.name}: a long row beside short ones, {contender.name}", run)


def _rows(work: Workload, contender: Contender) -> list[Ask]:
    """The long one first. Nobody can leave the limit: there all rows are over together."""
    long = Ask(
        work.prompt(LONG_PROMPT), LONG_ANSWER if contender.over_http else SHORT_ANSWER, cut=True
    )
    short = [
        Ask(work.prompt(SHORT_PROMPT), SHORT_ANSWER, after_events=BEGUN_EVENTS)
        for _ in range(SHORT)
    ]
    return [long, *short]


def _rate(wave: Wave, answers: Sequence[Answer]) -> float:
    """Tokens per second of these answers together, each from its first to its last one."""
    if not any(answer.times for answer in answers):  # the limit decodes when all are prefilled
        decoding = wave.seconds - max(answer.first for answer in wave.answers)
        return sum(len(answer.tokens) for answer in answers) / decoding
    return sum((len(a.tokens) - 1) / (a.times[-1] - a.first) for a in answers)


def _table(title: str, table: Table) -> Section:
    beside, alone = "beside_tokens_per_s", "alone_tokens_per_s"

    def row(pair: Pair) -> list[str]:
        rates = [number(table.median(SHORT, *pair, value)) for value in (alone, beside)]
        others = ((*pair, alone), (*LIMIT, beside), (*PEER, beside))
        ratios = [table.ratio(SHORT, (*pair, beside), other) for other in others]
        return [name(*pair), *rates, *(times(ratio) for ratio in ratios)]

    head = ["tokens/s of the short ones", "alone", "beside a long row"]
    head += ["of alone", "of padding (the limit)", "of mlx_lm.server"]
    note = (
        f"{SHORT} requests of {SHORT_PROMPT} tokens, {SHORT_ANSWER} out, alone and beside a row of "
        f"{LONG_PROMPT:,} tokens that decodes already. The limit keeps all rows in one of mlx-lm's "
        "batch caches, which pads them to the longest, as its BatchGenerator does."
    )
    return Section(title, note, head, [row(pair) for pair in pairs(table)])


SCENARIO = Scenario(
    steps,
    ("limit", *SERVERS),
    {"one long row beside seven short ones": _table},
    models=("tiny",),
)
