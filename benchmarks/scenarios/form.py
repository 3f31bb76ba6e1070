"""What a form of the answers costs: free ones beside JSON under a schema, and a form letter."""

import json
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.contenders import Contender
from benchmarks.records import Pair, Record, Table, wave_values
from benchmarks.scenarios.plan import Plan, Scenario, Step
from benchmarks.tables import Section, name, number, pairs, times
from benchmarks.workload import Ask, Form, Sampling

LANES = (1, 16)
TOKENS_IN, TOKENS_OUT = 64, 128
ITEMS = TOKENS_OUT
"""Of a form: it cannot end sooner than the answer does, as each takes more than one token."""

_LINE = {
    "product": {"type": "string", "maxLength": 16},
    "quantity": {"type": "integer", "minimum": 1, "maximum": 9999},
    "price": {"type": "number", "minimum": 0, "maximum": 100_000},
}
_INVOICE = {
    "vendor": {"type": "string", "maxLength": 24},
    "kind": {"enum": ["invoice", "credit note", "reminder"]},
    "paid": {"type": "boolean"},
    "line": {
        "type": "object",
        "properties": _LINE,
        "required": list(_LINE),
        "additionalProperties": False,
    },
    "tags": {
        "type": "array",
        "items": {"type": "string", "maxLength": 12},
        "minItems": 1,
        "maxItems": 3,
    },
}
SCHEMA = {
    "type": "array",
    "minItems": ITEMS,
    "items": {
        "type": "object",
        "properties": _INVOICE,
        "required": list(_INVOICE),
        "additionalProperties": False,
    },
}
"""As if to extract facts from a text: many names, numbers, choices and short strings."""
_SENTENCES = (
    " Dear customer, your order of (one|two|three|many) items was sent to you on "
    "(Monday|Tuesday|Friday), and should arrive within the week\\."
)
LETTER = f"({_SENTENCES}){{{ITEMS}}}"
"""Long stretches without a choice."""

FORMS = {
    "free": None,
    "schema": Form(
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "invoices", "strict": True, "schema": SCHEMA},
            }
        },
        begins=r'\s*\[\s*\{\s*"vendor"\s*:',
    ),
    "letter": Form({"guided_regex": LETTER}, begins=" Dear customer, your order of "),
}
VARIANTS = {
    f"{choice}, {form}": (choice, form) for choice in ("greedy", "sampled") for form in FORMS
}
"""Name -> how tokens are chosen, and a name of ``FORMS``."""


def steps(plan: Plan) -> Iterator[Step]:
    for lanes in LANES:
        for round_ in range(plan.rounds + 1):  # round 0 warms up, and has the forms compiled
            for contender in plan.turns(round_):
                for variant in _turns(round_):
                    yield _step(plan, lanes, round_, contender, variant)


def _turns(round_: int) -> list[str]:
    """Variants in an order that changes by the round, so that none is always first."""
    variants = list(VARIANTS)
    shift = round_ % len(variants)
    return variants[shift:] + variants[:shift]


def _step(plan: Plan, lanes: int, round_: int, contender: Contender, variant: str) -> Step:
    def run() -> list[Record]:
        # A prompt seen before would be remembered: variants get prompts of their own.
        work = plan.workload(11, lanes, round_, list(VARIANTS).index(variant))
        crowd = work.crowd(lanes, TOKENS_IN, TOKENS_OUT)
        asks = [_formed(ask, variant, seed) for seed, ask in enumerate(crowd)]
        values = wave_values(contender.run(asks))
        return plan.records("form", lanes, contender, round_, values, variant=variant)

    return Step(f"{plan.model.name}: {lanes} lanes, {contender.name}, {variant}", run)


def _formed(ask: Ask, variant: str, seed: int) -> Ask:
    choice, form = VARIANTS[variant]
    sampling = Sampling(1.0, 1.0, seed) if choice == "sampled" else None
    return replace(ask, sampling=sampling, form=FORMS[form])


def _table(title: str, table: Table) -> Section:
    lanes = table.lanes()
    rate, cpu = "tokens_per_s", "server_cpu_ms_per_token"

    def row(pair: Pair) -> list[str]:
        free = (pair[0], f"{VARIANTS[pair[1]][0]}, free")
        cells = []
        for value, digits in ((rate, 0), (cpu, 3)):
            cells += [number(table.median(n, *pair, value), digits) for n in lanes]
            cells += [times(table.ratio(n, (*pair, value), (*free, value))) for n in lanes]
        return [name(*pair), *cells]

    head = [""]
    for what in ("tokens/s", "CPU ms per token"):
        head += [*(f"{what}, {n} at once" for n in lanes), *(f"of free, {n}" for n in lanes)]
    note = (
        f"{TOKENS_IN} tokens in and {TOKENS_OUT} out, free, as JSON under a schema of "
        f"{len(json.dumps(SCHEMA)):,} characters, and as a form letter that leaves little to "
        "choose; one wave of each in turn, ratios by round. Sampled: at temperature 1, with seeds. "
        "The forms are compiled before. Alone, a lane leaps over tokens that are certain."
    )
    return Section(title, note, head, [row(pair) for pair in sorted(pairs(table), key=_place)])


def _place(pair: Pair) -> int:
    return list(VARIANTS).index(pair[1])


SCENARIO = Scenario(
    steps, ("pippin",), {"what a form costs": _table}, rounds=7, models=("tiny", "wide")
)
