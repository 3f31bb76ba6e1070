"""The scenario of forms: none can end too soon, and an answer of another form does not count."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from benchmarks.contenders import HttpServer, Wave, WrongAnswer
from benchmarks.kinds import KINDS
from benchmarks.models import BenchModel, ensure
from benchmarks.options import parse
from benchmarks.records import Record, Table
from benchmarks.scenarios import form
from benchmarks.scenarios.plan import Plan
from benchmarks.tables import number
from benchmarks.tokenizer import eos_id
from benchmarks.workload import Ask, Form
from llguidance import LLMatcher
from tokenizers import Tokenizer

from pippin.core.constraint import Constraint, JSONSchema, Regex
from pippin.worker.language import Language, language_of

FORMED = {name: form_ for name, form_ in form.FORMS.items() if form_}
JSON_BEGUN = '[ {"vendor": " Re globals",'
FREE = " some words"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> BenchModel:
    return ensure("tiny", tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def tokenizer(model: BenchModel) -> Tokenizer:
    return Tokenizer.from_file(str(model.folder / "tokenizer.json"))


@pytest.fixture(scope="module")
def language(tokenizer: Tokenizer) -> Language:
    eos = frozenset([eos_id(tokenizer)])
    return language_of(tokenizer, None, vocab_size=tokenizer.get_vocab_size(), eos=eos)


CONSTRAINTS: dict[str, Constraint] = {
    "schema": JSONSchema(schema=json.dumps(form.SCHEMA)),
    "letter": Regex(pattern=form.LETTER),
}


def allowed(matcher: LLMatcher) -> list[int]:
    bits = np.frombuffer(matcher.compute_bitmask(), np.uint8)
    return [int(i) for i in np.flatnonzero(np.unpackbits(bits, bitorder="little"))]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", FORMED)
def test_a_form_cannot_end_before_the_answer_does(
    tokenizer: Tokenizer, language: Language, name: str, seed: int
) -> None:
    assert language.compiler
    matcher = language.compiler.compile(CONSTRAINTS[name]).matcher()
    draws = np.random.default_rng(seed)
    tokens: list[int] = []
    while len(tokens) < form.TOKENS_OUT:
        choices = allowed(matcher)
        assert not language.eos & set(choices)
        tokens.append(int(draws.choice(choices)))
        assert matcher.consume_token(tokens[-1])
    text = tokenizer.decode(tokens)
    server_with(FORMED[name])._formed(FORMED[name], answer(text))


def server_with(form_: Form | None, model: Any = None) -> HttpServer:
    nobody: Any = None  # it is only asked what it would say
    return HttpServer("pippin", KINDS["pippin"], model, nobody, nobody)


def answer(text: str, finish: str = "length", tokens: int = 4) -> dict[str, Any]:
    usage = {"prompt_tokens": 2, "completion_tokens": tokens}
    return {"text": text, "usage": usage, "finishes": [finish], "times": [0.1], "sent": 0.0}


def test_the_request_asks_for_the_form(model: BenchModel) -> None:
    prompt = tuple(sorted(model.words)[:2])
    plain = server_with(None, model)._body(Ask(prompt, 4), stream=True)
    body = server_with(None, model)._body(Ask(prompt, 4, form=FORMED["letter"]), stream=True)
    assert body == plain | {"guided_regex": form.LETTER}


def test_tokens_of_a_formed_answer_are_those_of_its_usage(model: BenchModel) -> None:
    ask = Ask((1, 2), 4, form=FORMED["schema"])
    found = server_with(None, model)._answer(ask, answer(JSON_BEGUN))
    assert (found.count, found.tokens) == (4, [])


@pytest.mark.parametrize(
    ("form_", "said"),
    [
        ("schema", answer(FREE)),
        ("schema", answer(JSON_BEGUN, finish="stop")),
        ("schema", answer(JSON_BEGUN, tokens=3)),
        ("letter", answer(JSON_BEGUN)),
        ("free", answer(JSON_BEGUN)),
    ],
)
def test_another_answer_than_was_asked_for_does_not_count(
    model: BenchModel, form_: str, said: dict[str, Any]
) -> None:
    with pytest.raises(WrongAnswer):
        server_with(None, model)._answer(Ask((1, 2), 4, form=form.FORMS[form_]), said)


def test_every_variant_gets_prompts_of_its_own_once_a_round(model: BenchModel) -> None:
    seen: list[Sequence[Ask]] = []

    class Noting:
        name = "pippin"
        over_http = True

        def run(self, asks: Sequence[Ask], *, stream: bool = True) -> Wave:
            seen.append(asks)
            raise WrongAnswer("it only notes")

        def restart(self) -> None: ...

    for step in form.steps(Plan(model, [Noting()], {}, rounds=2, seed=1)):
        with pytest.raises(WrongAnswer):
            step.run()
    assert [len(asks) for asks in seen] == [1] * 18 + [16] * 18
    prompts = [ask.prompt for asks in seen for ask in asks]
    assert len(set(prompts)) == len(prompts)
    rounds = [seen[begin : begin + 6] for begin in range(0, len(seen), 6)]
    for round_ in rounds:
        ways = {
            (list(form.FORMS.values()).index(first.form), first.sampling is None)
            for first, *_ in round_
        }
        assert len(ways) == len(form.VARIANTS)


def test_the_table_compares_with_the_free_wave_of_the_same_round() -> None:
    rates = {"greedy, free": (100.0, 50.0), "greedy, schema": (90.0, 47.0)}
    records = [
        Record("tiny", "form", 1, "pippin", variant, round_, values(rate))
        for variant, rounds in rates.items()
        for round_, rate in enumerate(rounds, 1)
    ]
    free, schema = form.SCENARIO.tables["what a form costs"]("title", Table(records)).rows
    assert free[1:3] == [number(75), "1.00"]
    assert schema[1:3] == [number(68.5), "0.92"]


def values(rate: float) -> dict[str, float]:
    return {"tokens_per_s": rate, "server_cpu_ms_per_token": 1000 / rate}


def test_the_wide_model_is_for_what_a_vocabulary_costs_unless_asked() -> None:
    assert parse([]).scenarios("wide") == ["same", "form"]
    assert "form" not in parse([]).scenarios("mid")
    assert "form" in parse(["--only", "form"]).scenarios("mid")
