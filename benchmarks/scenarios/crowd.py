"""Equal requests, 64 tokens in and 64 out, at each number of concurrent clients."""

from collections.abc import Iterator, Sequence

from benchmarks.contenders import Contender
from benchmarks.records import Pair, Record, Table, wave_values
from benchmarks.scenarios.plan import Plan, Scenario, Step
from benchmarks.tables import LIMIT, PEER, Section, name, number, pairs, times
from benchmarks.workload import sampled

VARIANTS = ("greedy", "sampled", "unstreamed")


def steps(plan: Plan) -> Iterator[Step]:
    for lanes, rounds in plan.crowds.items():
        for round_ in range(rounds + 1):  # round 0 warms up
            for contender in plan.turns(round_):
                if not _takes_part(contender, lanes, round_):
                    continue
                for variant in _variants(contender):
                    yield _step(plan, lanes, round_, contender, variant)


def _takes_part(contender: Contender, lanes: int, round_: int) -> bool:
    """The reference BLAS is 10-50 times slower: a glimpse of it is enough."""
    return contender.name != "mlx_lm_noblas" or (lanes <= 4 and round_ <= 1)


def _variants(contender: Contender) -> Sequence[str]:
    if not contender.over_http or contender.name == "mlx_lm_noblas":
        return VARIANTS[:1]
    return VARIANTS


def _step(plan: Plan, lanes: int, round_: int, contender: Contender, variant: str) -> Step:
    def run() -> list[Record]:
        # A prompt seen before could be remembered by a server: variants get prompts of their own.
        work = plan.workload(1, lanes, round_, VARIANTS.index(variant))
        asks = work.crowd(lanes, tokens_in=64, tokens_out=64)
        asks = sampled(asks) if variant == "sampled" else asks
        values = wave_values(contender.run(asks, stream=variant != "unstreamed"))
        return plan.records("crowd", lanes, contender, round_, values, variant=variant)

    return Step(f"{plan.model.name}: {lanes} lanes, {contender.name}, {variant}", run)


def throughput(title: str, table: Table) -> Section:
    lanes = table.lanes()
    rows = []
    for pair in pairs(table):
        rates = [number(table.median(n, *pair, "tokens_per_s")) for n in lanes]
        ratios = [table.speedup(n, pair, LIMIT) for n in lanes]
        cells = [f"{rate} ({times(r)})" for rate, r in zip(rates, ratios, strict=True)]
        peer = " / ".join(times(table.speedup(n, pair, PEER)) for n in lanes)
        rows.append([name(*pair), *(rates if pair == LIMIT else cells), peer])
    head = ["tokens/s (of the limit)", *(f"{n} at once" for n in lanes), "of mlx_lm.server, greedy"]
    note = (
        "64 tokens in, 64 out, all requests at once, whole wall time. Sampled: temperature, top-p "
        "and seed of each lane's own, set beside the greedy limit all the same. mlx_lm.server "
        "answers requests with a seed one after another, so its sampled row is without seeds."
    )
    return Section(title, note, head, rows)


def latency(title: str, table: Table) -> Section:
    lanes = table.lanes()
    streamed = [pair for pair in pairs(table) if pair[1] != "unstreamed"]

    def both(n: int, pair: Pair, value: str) -> str:
        p50, p99 = (table.median(n, *pair, f"{value}_p{p}_ms") for p in (50, 99))
        return f"{number(p50)} / {number(p99)}" if p50 is not None else "-"

    def row(pair: Pair) -> list[str]:
        return [name(*pair), *(both(n, pair, value) for value in ("first", "gap") for n in lanes)]

    head = ["ms, p50 / p99", *(f"{what}, {n}" for what in ("first token", "gap") for n in lanes)]
    note = "First token and the gaps between pieces of text, as the client sees them."
    return Section(title, note, head, [row(pair) for pair in streamed])


def cpu(title: str, table: Table) -> Section:
    lanes = table.lanes()
    names = ("server_cpu_ms_per_token", "client_cpu_ms_per_token")
    rows = [
        [name(*pair), *(number(table.median(n, *pair, v), 3) for v in names for n in lanes)]
        for pair in pairs(table)
    ]
    head = ["ms per token", *(f"{n} at once" for n in lanes), *(f"client's, {n}" for n in lanes)]
    note = (
        "CPU of all processes of the server, and of the load client, per token of the answers. "
        "Unlike wall time it hardly changes when other programs share the machine."
    )
    return Section(title, note, head, rows)


SCENARIO = Scenario(
    steps,
    contenders=("limit", "pippin", "mlx_lm", "mlx_lm_noblas"),
    tables={"throughput": throughput, "latency": latency, "CPU": cpu},
)
