"""A long system prompt, then short questions: the first one, another one, one after a restart."""

import time
from collections.abc import Iterator

from benchmarks.contenders import Contender
from benchmarks.records import Pair, Record, Table
from benchmarks.scenarios.plan import REMEMBERING, Plan, Scenario, Step
from benchmarks.tables import Section, name, number, pairs, share, times
from benchmarks.workload import Ask

PREFIX, QUESTION, ANSWER = 1500, 16, 8
PAUSE_S = 0.5
"""Between two questions: whoever asks reads the answer first."""
SETTLE_S = 5.0
"""Before a restart, so that a server can write what it has put off."""
COLD, WARM, RESTART = "cold", "warm", "restart"
SALT = 6


def steps(plan: Plan) -> Iterator[Step]:
    rounds = range(plan.rounds + 1)  # round 0 warms up
    for round_ in rounds:
        for contender in plan.turns(round_):
            yield _step(plan, round_, contender, COLD, WARM)
    for contender in plan.contenders:
        yield _restart(plan, contender)
    for round_ in rounds:
        for contender in plan.turns(round_):
            yield _step(plan, round_, contender, RESTART)


def _step(plan: Plan, round_: int, contender: Contender, *phases: str) -> Step:
    def run() -> list[Record]:
        values: dict[str, float] = {}
        for phase in phases:
            values |= _ask(plan, round_, contender, phase)
            time.sleep(PAUSE_S)
        return plan.records("prefix", 1, contender, round_, values)

    return Step(f"{plan.model.name}: prefix, {phases[-1]}, {contender.name}", run)


def _ask(plan: Plan, round_: int, contender: Contender, phase: str) -> dict[str, float]:
    """One question behind the round's prefix. Round 0 has prompts of its own in each phase, so
    that after a restart, too, something unknown warms the server up."""
    number_ = (COLD, WARM, RESTART).index(phase)
    salt = (SALT, round_) if round_ else (SALT, round_, number_)
    prefix = plan.workload(*salt).prompt(PREFIX if round_ else 64)
    question = plan.workload(SALT, round_, number_, 1).prompt(QUESTION)
    answer = contender.run([Ask(prefix + question, ANSWER)]).answers[0]
    values = {f"{phase}_ms": (answer.first - answer.sent) * 1e3}
    if answer.cached is not None:
        values[f"{phase}_cached"] = answer.cached / (PREFIX + QUESTION)
    return values


def _restart(plan: Plan, contender: Contender) -> Step:
    def run() -> list[Record]:
        time.sleep(SETTLE_S)
        contender.restart()
        return []

    return Step(f"{plan.model.name}: prefix, restarting {contender.name}", run)


def _table(title: str, table: Table) -> Section:
    def row(pair: Pair) -> list[str]:
        first = [number(table.median(1, *pair, f"{p}_ms")) for p in (COLD, WARM, RESTART)]
        gains = [
            times(table.ratio(1, (*pair, "cold_ms"), (*pair, f"{p}_ms"))) for p in (WARM, RESTART)
        ]
        said = [share(table.median(1, *pair, f"{p}_cached")) for p in (WARM, RESTART)]
        return [name(*pair), *first, *gains, *said]

    head = ["first token", "cold ms", "warm ms", "after a restart ms"]
    head += ["cold / warm", "cold / restart", "cached, warm", "cached, restart"]
    note = (
        f"{PREFIX:,} tokens, then a question of {QUESTION}: nobody has seen it; another question "
        "behind the same; and again another one after the server was stopped as its operator "
        "would and started on the same folder. Cached: the share of the prompt's tokens, as the "
        "server says. mlx_vlm.server answers chats only: its prompts are some tokens longer."
    )
    return Section(title, note, head, [row(pair) for pair in pairs(table)])


SCENARIO = Scenario(steps, REMEMBERING, {"a shared prefix": _table}, rounds=5)
