"""Lanes that may not say everything, beside lanes that may."""

import re
from collections.abc import Iterator
from functools import partial

import mlx.core as mx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher, LLParserLimits

from pippin.core.sampling import Sampling
from pippin.engine.constraints.guide import Guide
from pippin.engine.constraints.meter import ThinkingLimit
from pippin.engine.engine import Engine
from pippin.engine.lane import Job, Lane
from pippin.engine.mlx_arrays import DeviceArrays, HostArrays
from pippin.output.thinking import Thinking, ThinkingMarks
from tests.engine.constraints.forms import (
    END,
    TOKENIZER,
    VOCAB,
    Regex,
    bytes_of,
    text_of,
    tokens_of,
)
from tests.engine.driver import run
from tests.engine.mock_model import MockModel, uniform

PATTERNS = [
    r"[a-f]{2,9}",
    r"(yes|no|perhaps not)",
    r"the (only|last) (cat|dog) ab+",
    r'\{"name": "[a-z]{1,8}", "age": [1-9][0-9]?\}',
    r"x=[0-9]+(\.[0-9]{1,3})?;",
]
EOS = frozenset({END})
MARKS = ThinkingMarks("<think>", "</think>")


@pytest.fixture(scope="module", params=[HostArrays, DeviceArrays], autouse=True)
def arrays(request: pytest.FixtureRequest) -> Iterator[type]:
    """Every test twice: with sampling on the host, and queued one step ahead as on a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pippin.engine.engine.arrays_for_device", request.param)
        yield request.param


def engine(model: MockModel | None = None) -> Engine:
    return Engine(model or MockModel(uniform(VOCAB)), vocab_size=VOCAB)


def job(number: int, pattern: str | None, **fields: object) -> Job:
    given: dict[str, object] = {
        "id": number,
        "prompt": (number % 90 + 1, 5, 7),
        "max_tokens": 60,
        "sampling": Sampling(seed=number),
        "eos": EOS,
        "turn_ends": EOS,
        "form": Regex(pattern) if pattern else None,
    }
    return Job(**{**given, **fields})  # type: ignore[arg-type]


def said(tokens: list[int]) -> str:
    return text_of([token for token in tokens if token != END])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([*PATTERNS, None]), min_size=2, max_size=12), st.integers(0, 999))
def test_answers_have_their_form_and_are_the_same_alone(
    patterns: list[str | None], seed: int
) -> None:
    jobs = [job(seed * 20 + i, pattern) for i, pattern in enumerate(patterns)]
    crowd = run(engine(), jobs)
    for each, pattern in zip(jobs, patterns, strict=True):
        tokens = crowd.tokens[each.id, 0]
        assert tokens == run(engine(), [each]).tokens[each.id, 0]
        if pattern:
            assert re.fullmatch(pattern, said(tokens)), said(tokens)
            assert crowd.ends[each.id, 0] in ("stop", "complete")


def test_neighbours_say_what_they_say_without_the_form() -> None:
    free = [job(i, None) for i in range(1, 6)]
    formed = [job(i, PATTERNS[i % len(PATTERNS)]) for i in range(6, 12)]
    beside = run(engine(), [*free, *formed])
    among_themselves = run(engine(), free)
    assert all(beside.tokens[each.id, 0] == among_themselves.tokens[each.id, 0] for each in free)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_is_certain_takes_few_passes_and_is_the_same_text(temperature: float) -> None:
    certain = "a long text that can only be so; nothing else will do here, ever"
    sampling = Sampling(temperature=temperature, seed=3)
    alone, crowded = MockModel(uniform(VOCAB)), MockModel(uniform(VOCAB))
    asked = job(1, f"[xyz]{certain}[xyz]", max_tokens=200, sampling=sampling)
    quick = run(engine(alone), [asked])
    slow = run(engine(crowded), [asked, job(2, None, max_tokens=200)])
    assert certain in said(quick.tokens[1, 0])
    assert quick.tokens[1, 0] == slow.tokens[1, 0]
    assert alone.calls < 12
    assert crowded.calls > len(certain) / 2


def test_certain_tokens_have_log_probabilities_when_asked_for() -> None:
    transcript = run(engine(), [job(1, "x certainly so", logprobs=2)])
    assert len(transcript.scores[1, 0]) == len(transcript.tokens[1, 0]) > 5
    assert all(len(score.top) == 2 for score in transcript.scores[1, 0])


def test_of_what_is_certain_a_part_is_known_at_a_time() -> None:
    certain = "".join(chr(97 + i * i % 23) for i in range(9_000))
    asked = job(1, certain, max_tokens=len(certain))
    guide = Lane(asked, 0).guide
    assert guide
    assert 64 < len(guide.forced()) < len(certain) / 2
    assert guide.sure() == guide.forced()
    assert said(run(engine(), [asked]).tokens[1, 0]) == certain


def test_a_limit_on_tokens_stays_one_within_what_is_certain() -> None:
    transcript = run(engine(), [job(1, "certainly this is said", max_tokens=7)])
    assert text_of(transcript.tokens[1, 0]) == "certain"
    assert transcript.ends[1, 0] == "length"


def test_the_end_waits_for_min_tokens_while_there_is_more_to_say() -> None:
    for seed in range(20):
        sampling = Sampling(seed=seed)
        transcript = run(engine(), [job(seed, "[ab]+", min_tokens=9, sampling=sampling)])
        assert len(transcript.tokens[seed, 0]) >= 9
    short = run(engine(), [job(1, "[cd]{3}", min_tokens=30)])
    assert len(short.tokens[1, 0]) == 3
    assert short.ends[1, 0] == "complete"


def test_a_lane_that_ignores_the_end_goes_on_as_long_as_its_form_does() -> None:
    endless = run(engine(), [job(1, "[ab]+", eos=frozenset(), max_tokens=30)])
    assert len(endless.tokens[1, 0]) == 30
    assert END not in endless.tokens[1, 0]
    bounded = run(engine(), [job(1, "[cd]{3}", eos=frozenset())])
    assert bounded.ends[1, 0] == "complete"


def test_penalties_and_bias_choose_among_what_is_allowed() -> None:
    sampling = Sampling(temperature=0.0, logit_bias={3: 100.0, tokens_of("q")[0]: 50.0})
    transcript = run(engine(), [job(1, "[pqr]{4}", sampling=sampling)])
    assert said(transcript.tokens[1, 0]) == "qqqq"


class TooComplex:
    """A form that cannot be followed far."""

    def matcher(self, *, alone: bool = False) -> LLMatcher:
        limits = LLParserLimits(step_lexer_fuel=300, max_lexer_states=40)
        grammar = LLMatcher.grammar_from_regex("(a|b|c)*a(a|b|c){12}[xy]*")
        return LLMatcher(TOKENIZER, grammar, log_level=0, limits=limits)


def test_a_form_that_becomes_too_complex_ends_its_job_alone() -> None:
    asked = Job(
        id=1,
        prompt=(1, 2),
        max_tokens=300,
        sampling=Sampling(seed=1),
        form=TooComplex(),
        eos=EOS,
        turn_ends=EOS,
    )
    beside = job(2, PATTERNS[0])
    transcript = run(engine(), [asked, beside])
    assert transcript.failed == [1]
    assert transcript.tokens[2, 0] == run(engine(), [beside]).tokens[2, 0]


def limit(tokens: int, *, inside: bool) -> ThinkingLimit:
    close = tokens_of("</think>")
    return ThinkingLimit(tokens, Thinking(MARKS, inside), close, bytes_of)


@pytest.mark.parametrize("budget", [0, 1, 5, 17])
def test_thinking_is_closed_by_force(budget: int) -> None:
    asked = job(3, None, thinking_limit=limit(budget, inside=True), max_tokens=80, eos=frozenset())
    text = said(run(engine(), [asked, job(4, None)]).tokens[3, 0])
    assert "</think>" in text
    tokens = run(engine(), [asked]).tokens[3, 0]
    close = list(tokens_of("</think>"))
    begun = max(budget, 1)
    assert tokens[begun : begun + len(close)] == close


def test_a_mark_that_only_ever_begins_does_not_put_off_the_end() -> None:
    guide = Guide(None, limit(2, inside=True), eos=(END,), min_tokens=0)
    position = 0
    while not guide.forced() and position < 100:
        guide.accept(position, tokens_of("<")[0])
        position += 1
    assert text_of(guide.forced()) == "</think>"


def test_thinking_that_the_model_opens_is_limited_too() -> None:
    form = Regex("<think>[a-z ]*</think>[0-9]{4}")
    asked = job(5, None, form=form, thinking_limit=limit(6, inside=False), max_tokens=200)
    text = said(run(engine(), [asked]).tokens[5, 0])
    assert re.fullmatch("<think>[a-z ]*</think>[0-9]{4}", text), text


def test_an_answer_without_thinking_has_no_limit() -> None:
    free = job(6, "[a-z]{30}", eos=frozenset())
    limited = job(6, "[a-z]{30}", eos=frozenset(), thinking_limit=limit(2, inside=False))
    assert run(engine(), [free]).tokens == run(engine(), [limited]).tokens


def uniform_in(dtype: mx.Dtype, tokens: mx.array) -> mx.array:
    return uniform(VOCAB)(tokens).astype(dtype)


def test_a_model_of_many_dtypes_is_masked_alike() -> None:
    for dtype in (mx.float16, mx.bfloat16):
        model = MockModel(partial(uniform_in, dtype))
        assert re.fullmatch("[xyz]{7}", said(run(engine(model), [job(1, "[xyz]{7}")]).tokens[1, 0]))
