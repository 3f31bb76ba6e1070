"""The scenarios. Each yields its steps, so that the caller can show progress and interleave."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.contenders import Contender, Wave
from benchmarks.models import BenchModel
from benchmarks.records import Record, between, percentile, wave_values
from benchmarks.workload import Ask, Workload, sampled

ROUNDS = {1: 15, 4: 10, 16: 7, 32: 5}
"""Rounds by the number of lanes: many short ones or few long ones. A round is one wave of each
contender in turn, so that a slow spell of the machine hits them all."""
LONG_PROMPT, COLD_PROMPT = 4096, 1500
UNDISTURBED_EVENTS = 100
SAME_PROMPTS = 4
VARIANTS = ("greedy", "sampled", "unstreamed")


@dataclass(frozen=True)
class Step:
    """Something to run that takes seconds: a label for the progress bar, and the work."""

    label: str
    run: Callable[[], list[Record]]


@dataclass(frozen=True)
class Plan:
    """What to measure on one model."""

    model: BenchModel
    contenders: Sequence[Contender]
    crowds: dict[int, int]
    """Lanes -> rounds."""
    rounds: int
    """Of the other scenarios."""
    seed: int

    def workload(self, *salt: int) -> Workload:
        """The same stream of asks for every contender; never the same in two places."""
        number = self.seed
        for part in salt:
            number = number * 1_000_003 + part
        return Workload(self.model, number)

    def turns(self, round_: int) -> list[Contender]:
        """Contenders in an order that changes by the round, so that none is always first."""
        shift = round_ % len(self.contenders)
        return [*self.contenders[shift:], *self.contenders[:shift]]

    def records(
        self,
        scenario: str,
        lanes: int,
        contender: Contender,
        round_: int,
        values: dict[str, float],
        *,
        variant: str = "greedy",
    ) -> list[Record]:
        """One record, or none when the round was for warming up."""
        if not round_:
            return []
        name = contender.name
        return [Record(self.model.name, scenario, lanes, name, variant, round_, values)]

    def takes_part(self, contender: Contender, lanes: int, round_: int) -> bool:
        """The reference BLAS is 10-50 times slower: a glimpse of it is enough."""
        return contender.name != "mlx_lm_noblas" or (lanes <= 4 and round_ <= 1)


def variants(contender: Contender) -> Sequence[str]:
    if not contender.over_http or contender.name == "mlx_lm_noblas":
        return VARIANTS[:1]
    return VARIANTS


def crowd(plan: Plan) -> Iterator[Step]:
    """Equal requests, 64 tokens in and 64 out, at each number of concurrent clients."""
    for lanes, rounds in plan.crowds.items():
        for round_ in range(rounds + 1):  # round 0 warms up
            for contender in plan.turns(round_):
                if not plan.takes_part(contender, lanes, round_):
                    continue
                for variant in variants(contender):
                    yield _crowd_step(plan, lanes, round_, contender, variant)


def _crowd_step(plan: Plan, lanes: int, round_: int, contender: Contender, variant: str) -> Step:
    def run() -> list[Record]:
        # A prompt seen before could be remembered by a server: variants get prompts of their own.
        work = plan.workload(1, lanes, round_, VARIANTS.index(variant))
        asks = work.crowd(lanes, tokens_in=64, tokens_out=64)
        asks = sampled(asks) if variant == "sampled" else asks
        values = wave_values(contender.run(asks, stream=variant != "unstreamed"))
        return plan.records("crowd", lanes, contender, round_, values, variant=variant)

    return Step(f"{plan.model.name}: {lanes} lanes, {contender.name}, {variant}", run)


def burst(plan: Plan) -> Iterator[Step]:
    """32 requests at once, of mixed lengths in and out."""
    for round_ in range(1, plan.rounds + 1):
        for contender in plan.turns(round_):
            if contender.name != "mlx_lm_noblas":
                yield _burst_step(plan, round_, contender)


def _burst_step(plan: Plan, round_: int, contender: Contender) -> Step:
    def run() -> list[Record]:
        asks = plan.workload(2, round_).burst()
        values = wave_values(contender.run(asks))
        values["tokens_in"] = sum(len(ask.prompt) for ask in asks)
        return plan.records("burst", len(asks), contender, round_, values)

    return Step(f"{plan.model.name}: burst, {contender.name}", run)


def first(plan: Plan) -> Iterator[Step]:
    """Time to first token of a cold prompt of 1,500 tokens, alone."""
    for round_ in range(plan.rounds + 1):
        for contender in plan.turns(round_):
            if contender.name != "mlx_lm_noblas":
                yield _first_step(plan, round_, contender)


def _first_step(plan: Plan, round_: int, contender: Contender) -> Step:
    def run() -> list[Record]:
        length = COLD_PROMPT if round_ else 64
        ask = Ask(plan.workload(3, round_).prompt(length), max_tokens=2)
        values = wave_values(contender.run([ask]))
        return plan.records("first", 1, contender, round_, values)

    return Step(f"{plan.model.name}: first token, {contender.name}", run)


def gap(plan: Plan) -> Iterator[Step]:
    """A lane decodes; in its midst a long prompt arrives. How long does the lane wait?"""
    for round_ in range(1, plan.rounds + 1):
        for contender in plan.turns(round_):
            if contender.over_http and contender.name != "mlx_lm_noblas":
                yield _gap_step(plan, round_, contender)


def _gap_step(plan: Plan, round_: int, contender: Contender) -> Step:
    def run() -> list[Record]:
        work = plan.workload(4, round_)
        lane = Ask(work.prompt(32), max_tokens=6 * UNDISTURBED_EVENTS)
        long = Ask(work.prompt(LONG_PROMPT), max_tokens=8)
        values = gap_values(contender.run([lane, long], second_after=UNDISTURBED_EVENTS))
        return plan.records("gap", 2, contender, round_, values)

    return Step(f"{plan.model.name}: gap, {contender.name}", run)


def gap_values(wave: Wave) -> dict[str, float]:
    """The lane's gaps before the long prompt was sent, and from then until its first token."""
    lane, long = wave.answers
    pairs = list(zip(lane.times, between(lane.times), strict=False))
    calm = [gap for start, gap in pairs if start + gap <= long.sent]
    disturbed = [gap for start, gap in pairs if start + gap > long.sent and start < long.first]
    values = {"long_first_ms": (long.first - long.sent) * 1e3}
    values["pieces_meanwhile"] = len(disturbed)
    for name, gaps in (("calm", calm), ("disturbed", disturbed)):
        for percent in (50, 99, 100):
            values[f"{name}_p{percent}_ms"] = percentile(gaps, percent) * 1e3
    return values


def same(plan: Plan) -> Iterator[Step]:
    """Not a speed: greedy answers, alone and together, are the limit's, token for token."""
    limits = [contender for contender in plan.contenders if contender.name == "limit"]
    for contender in plan.contenders:
        if limits and contender.over_http and contender.name != "mlx_lm_noblas":
            yield _same_step(plan, limits[0], contender)


def _same_step(plan: Plan, limit: Contender, contender: Contender) -> Step:
    def run() -> list[Record]:
        work = plan.workload(5)
        asks = [Ask(work.prompt(16 + 50 * i), max_tokens=48) for i in range(SAME_PROMPTS)]
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


SCENARIOS: dict[str, Callable[[Plan], Iterator[Step]]] = {
    "same": same,
    "crowd": crowd,
    "burst": burst,
    "first": first,
    "gap": gap,
}
