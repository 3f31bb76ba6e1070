"""Records → tables: which figures are shown, and beside what."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.contenders import LABELS
from benchmarks.records import Record, Table

LIMIT, PEER = ("limit", "greedy"), ("mlx_lm", "greedy")
Pair = tuple[str, str]
"""Contender and variant: one row of a table."""


@dataclass(frozen=True)
class Section:
    """One table of the report."""

    title: str
    note: str
    head: list[str]
    rows: list[list[str]]


def sections(records: Iterable[Record]) -> list[Section]:
    """Every table that the records allow, model by model."""
    everything = Table(records)
    return [
        make(f"{model}: {title}", table)
        for model in everything.values("model")
        for scenario, title, make in _MAKERS
        if (table := everything.of(str(model), scenario)).records
    ]


def _throughput(title: str, table: Table) -> Section:
    lanes = table.lanes()
    rows = []
    for pair in _pairs(table):
        rates = [_number(table.median(n, *pair, "tokens_per_s")) for n in lanes]
        ratios = [table.speedup(n, *pair, LIMIT) for n in lanes]
        cells = [f"{rate} ({_times(r)})" for rate, r in zip(rates, ratios, strict=True)]
        peer = " / ".join(_times(table.speedup(n, *pair, PEER)) for n in lanes)
        rows.append([_name(*pair), *(rates if pair == LIMIT else cells), peer])
    head = ["tokens/s (of the limit)", *(f"{n} at once" for n in lanes), "of mlx_lm.server, greedy"]
    note = (
        "64 tokens in, 64 out, all requests at once, whole wall time. Sampled: temperature, top-p "
        "and seed of each lane's own, set beside the greedy limit all the same. mlx_lm.server "
        "answers requests with a seed one after another, so its sampled row is without seeds."
    )
    return Section(title, note, head, rows)


def _latency(title: str, table: Table) -> Section:
    lanes = table.lanes()
    streamed = [pair for pair in _pairs(table) if pair[1] != "unstreamed"]

    def both(n: int, pair: Pair, value: str) -> str:
        p50, p99 = (table.median(n, *pair, f"{value}_p{p}_ms") for p in (50, 99))
        return f"{_number(p50)} / {_number(p99)}" if p50 is not None else "-"

    def row(pair: Pair) -> list[str]:
        return [_name(*pair), *(both(n, pair, value) for value in ("first", "gap") for n in lanes)]

    head = ["ms, p50 / p99", *(f"{name}, {n}" for name in ("first token", "gap") for n in lanes)]
    note = "First token and the gaps between pieces of text, as the client sees them."
    return Section(title, note, head, [row(pair) for pair in streamed])


def _cpu(title: str, table: Table) -> Section:
    lanes = table.lanes()
    names = ("server_cpu_ms_per_token", "client_cpu_ms_per_token")
    rows = [
        [_name(*pair), *(_number(table.median(n, *pair, v), 3) for v in names for n in lanes)]
        for pair in _pairs(table)
    ]
    head = ["ms per token", *(f"{n} at once" for n in lanes), *(f"client's, {n}" for n in lanes)]
    note = (
        "CPU of all processes of the server, and of the load client, per token of the answers. "
        "Unlike wall time it hardly changes when other programs share the machine."
    )
    return Section(title, note, head, rows)


def _burst(title: str, table: Table) -> Section:
    lanes = table.lanes()[0]
    rows = [
        [
            _name(*pair),
            _number(table.median(lanes, *pair, "seconds"), 1),
            _number(table.median(lanes, *pair, "tokens_per_s")),
            _times(table.speedup(lanes, *pair, LIMIT)),
            _times(table.speedup(lanes, *pair, PEER)),
            _number(table.median(lanes, *pair, "first_p50_ms")),
            _number(table.median(lanes, *pair, "first_p99_ms")),
        ]
        for pair in _pairs(table)
    ]
    size = [_number(table.median(lanes, *_pairs(table)[0], v)) for v in ("tokens_in", "tokens")]
    head = ["", "whole s", "tokens/s", "of the limit", "of mlx_lm.server", "first p50 ms", "p99 ms"]
    note = (
        f"{lanes} requests at once, prompts of 16-1,500 tokens and answers of 16-128: {size[0]} "
        f"tokens in, {size[1]} out. The limit prefills one by one before it decodes."
    )
    return Section(title, note, head, rows)


def _first(title: str, table: Table) -> Section:
    rows = [[_name(*p), _number(table.median(1, *p, "first_p50_ms"))] for p in _pairs(table)]
    note = "A prompt of 1,500 tokens that nobody has seen, alone; the limit has no HTTP or text."
    return Section(title, note, ["", "first token, ms"], rows)


def _gap(title: str, table: Table) -> Section:
    names = [f"{when}_p{p}_ms" for when in ("calm", "disturbed") for p in (50, 99, 100)]
    names += ["long_first_ms", "pieces_meanwhile"]
    rows = [
        [_name(*pair), *(_number(table.median(2, *pair, name)) for name in names)]
        for pair in _pairs(table)
    ]
    head = ["gap of the lane, ms", "calm p50", "p99", "max", "disturbed p50", "p99", "max"]
    head += ["long prompt's first token, ms", "lane's pieces meanwhile"]
    note = (
        "One lane decodes; a prompt of 4,096 tokens arrives. Gaps between the lane's pieces of "
        "text before that, and until the long prompt's first token."
    )
    return Section(title, note, head, rows)


def _same(title: str, table: Table) -> Section:
    lanes = table.lanes()[0]
    names = ("prompts", "alone", "together")
    rows = [
        [_name(*pair), *(_number(table.median(lanes, *pair, name)) for name in names)]
        for pair in _pairs(table)
    ]
    note = "Greedy answers that are the limit's, token for token (the limit has each one alone)."
    return Section(title, note, ["", "prompts", "same alone", "same together"], rows)


_MAKERS: list[tuple[str, str, Callable[[str, Table], Section]]] = [
    ("crowd", "throughput", _throughput),
    ("crowd", "latency", _latency),
    ("crowd", "CPU", _cpu),
    ("burst", "burst", _burst),
    ("first", "cold prompt", _first),
    ("gap", "a long prompt beside a decoding lane", _gap),
    ("same", "the same tokens", _same),
]


def _pairs(table: Table) -> list[Pair]:
    """Rows in the order of ``LABELS``."""
    pairs = dict.fromkeys((record.contender, record.variant) for record in table.records)
    return sorted(pairs, key=lambda pair: list(LABELS).index(pair[0]))


def _name(contender: str, variant: str) -> str:
    return LABELS[contender] + ("" if contender == "limit" else f", {variant}")


def _number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
