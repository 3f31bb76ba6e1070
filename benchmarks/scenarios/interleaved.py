"""16 conversations with 2,000 tokens each, some turns each, interleaved at random."""

import random
from collections.abc import Iterator

from benchmarks.contenders import Answer, Contender
from benchmarks.records import Pair, Record, Table, percentile
from benchmarks.scenarios.plan import REMEMBERING, Plan, Scenario, Step
from benchmarks.tables import Section, name, number, pairs, share, times
from benchmarks.workload import Ask

CONVERSATIONS, TURNS = 16, 3
OPENING, QUESTION, ANSWER = 2000, 32, 32
SALT = 8
Turn = tuple[Ask, Answer]


def steps(plan: Plan) -> Iterator[Step]:
    for round_ in range(1, plan.rounds + 1):
        for contender in plan.turns(round_):
            yield _step(plan, round_, contender)


def _step(plan: Plan, round_: int, contender: Contender) -> Step:
    def run() -> list[Record]:
        contender.run([Ask(plan.workload(SALT, round_, 1).prompt(64), 8)])  # warms up
        turns = _talk(plan, round_, contender)
        return plan.records("interleaved", CONVERSATIONS, contender, round_, _values(turns))

    return Step(f"{plan.model.name}: interleaved conversations, {contender.name}", run)


def _talk(plan: Plan, round_: int, contender: Contender) -> list[list[Turn]]:
    """The turns of each conversation, one at a time, whose turn it is being drawn."""
    work = plan.workload(SALT, round_)
    said = [work.prompt(OPENING) for _ in range(CONVERSATIONS)]
    questions = [[work.prompt(QUESTION) for _ in range(TURNS)] for _ in said]
    order = [number for number in range(CONVERSATIONS) for _ in range(TURNS)]
    random.Random(plan.seed * 1_000 + round_).shuffle(order)
    turns: list[list[Turn]] = [[] for _ in said]
    for conversation in order:
        question = questions[conversation][len(turns[conversation])]
        ask = Ask(said[conversation] + question, ANSWER)
        answer = contender.run([ask]).answers[0]
        turns[conversation].append((ask, answer))
        said[conversation] = ask.prompt + tuple(answer.tokens)
    return turns


def _values(turns: list[list[Turn]]) -> dict[str, float]:
    def waits(some: list[Turn]) -> list[float]:
        return [(answer.first - answer.sent) * 1e3 for _, answer in some]

    opening = [conversation[0] for conversation in turns]
    later = [turn for conversation in turns for turn in conversation[1:]]
    values = {
        "opening_p50_ms": percentile(waits(opening), 50),
        "later_p50_ms": percentile(waits(later), 50),
        "later_max_ms": percentile(waits(later), 100),
        "known": sum(len(ask.prompt) - QUESTION for ask, _ in later) / _tokens(later),
    }
    if all(answer.cached is not None for _, answer in later):
        values["cached"] = sum(answer.cached or 0 for _, answer in later) / _tokens(later)
        hits = [turn for turn in later if (turn[1].cached or 0) >= len(turn[0].prompt) / 2]
        values["hits"] = len(hits) / len(later)
    return values


def _tokens(turns: list[Turn]) -> int:
    return sum(len(ask.prompt) for ask, _ in turns)


def _table(title: str, table: Table) -> Section:
    def row(pair: Pair) -> list[str]:
        cells = {value: (*pair, value) for value in ("opening_p50_ms", "later_p50_ms")}
        waits = ("opening_p50_ms", "later_p50_ms", "later_max_ms")
        return [
            name(*pair),
            *(number(table.median(CONVERSATIONS, *pair, value)) for value in waits),
            times(table.ratio(CONVERSATIONS, *cells.values())),
            *(share(table.median(CONVERSATIONS, *pair, value)) for value in ("hits", "cached")),
        ]

    known = table.median(CONVERSATIONS, *pairs(table)[0], "known")
    head = ["first token", "opening ms", "later turns p50 ms", "max ms", "opening / later"]
    head += ["turns that hit", "tokens cached"]
    note = (
        f"{CONVERSATIONS} conversations that open with {OPENING:,} tokens, {TURNS} turns each "
        f"({QUESTION} tokens asked, {ANSWER} answered), one request at a time, whose turn it is "
        "being drawn. Hit: at least half of a later turn's prompt was remembered; cached: the "
        f"share of its tokens, of which the server has seen {share(known)}."
    )
    return Section(title, note, head, [row(pair) for pair in pairs(table)])


SCENARIO = Scenario(
    steps, REMEMBERING, {"interleaved conversations": _table}, rounds=1, models=("tiny",)
)
