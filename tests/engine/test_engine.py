"""Scheduling, ends, cancels and failures, on a model whose every token is known."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pippin.core.sampling import Sampling
from pippin.engine.engine import Engine
from pippin.engine.lane import Job
from pippin.engine.mlx_arrays import DeviceArrays, HostArrays
from pippin.engine.rows import CacheRows
from tests.engine.driver import run
from tests.engine.mock_model import MockModel, counting

VOCAB = 64


@pytest.fixture(scope="module", params=[HostArrays, DeviceArrays], autouse=True)
def arrays(request: pytest.FixtureRequest) -> Iterator[type]:
    """Every test twice: with sampling on the host, and queued one step ahead as on a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pippin.engine.engine.arrays_for_device", request.param)
        yield request.param


def engine(model: MockModel | None = None, **options: Any) -> Engine:
    return Engine(model or MockModel(counting(VOCAB)), vocab_size=VOCAB, **options)


def job(number: int, *prompt: int, max_tokens: int = 5, **fields: object) -> Job:
    return Job(id=number, prompt=prompt, max_tokens=max_tokens, **fields)  # type: ignore[arg-type]


def greedy_job(number: int, length: int, max_tokens: int) -> Job:
    """Its answer counts on from its prompt."""
    return job(number, *[(number + i) % VOCAB for i in range(length)], max_tokens=max_tokens)


def expected(asked: Job) -> list[int]:
    return [(asked.prompt[-1] + 1 + i) % VOCAB for i in range(asked.max_tokens)]


def test_one_job_counts_on() -> None:
    transcript = run(engine(), [job(1, 3, 4, 5)])
    assert transcript.tokens == {(1, 0): [6, 7, 8, 9, 10]}
    assert transcript.ends == {(1, 0): "length"}


def test_end_of_text_ends_a_lane() -> None:
    transcript = run(engine(), [job(1, 5, eos=frozenset({8}))])
    assert transcript.tokens[1, 0] == [6, 7, 8]
    assert transcript.ends[1, 0] == "stop"


def test_no_end_of_text_before_min_tokens() -> None:
    transcript = run(engine(), [job(1, 5, eos=frozenset({6, 7}), min_tokens=2)])
    assert not {6, 7} & set(transcript.tokens[1, 0][:2])


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 90), st.integers(1, 12)), min_size=1, max_size=20),
    budget=st.integers(1, 64),
    lanes=st.integers(1, 8),
    arrivals=st.lists(st.integers(0, 30), min_size=20, max_size=20),
)
def test_any_crowd_gets_its_own_answers(
    sizes: list[tuple[int, int]], budget: int, lanes: int, arrivals: list[int]
) -> None:
    jobs = [greedy_job(i, length, tokens) for i, (length, tokens) in enumerate(sizes)]
    pending = list(zip(arrivals, jobs, strict=False))

    def arrive(step: int, engine: Engine) -> bool:
        for when, each in list(pending):
            if when <= step:
                engine.submit(each)
                pending.remove((when, each))
        return bool(pending)

    transcript = run(engine(prefill_budget=budget, max_lanes=lanes), before_step=arrive)
    assert not pending
    assert transcript.tokens == {(j.id, 0): expected(j) for j in jobs}


@pytest.mark.parametrize("when", range(12))
def test_a_cancel_in_any_phase_frees_everything_and_hurts_nobody(when: int) -> None:
    def cancel(step: int, engine: Engine) -> None:
        if step == when:
            engine.cancel(2)
            engine.cancel(99)

    jobs = [greedy_job(1, 20, 8), greedy_job(2, 40, 8), greedy_job(3, 30, 8)]
    transcript = run(engine(prefill_budget=16), jobs, before_step=cancel)
    assert transcript.tokens[1, 0] == expected(jobs[0])
    assert transcript.tokens[3, 0] == expected(jobs[2])
    answered = transcript.tokens.get((2, 0), [])
    assert answered == expected(jobs[1])[: len(answered)]


def test_one_choice_can_be_cancelled() -> None:
    def cancel(step: int, engine: Engine) -> None:
        if step == 3:
            engine.cancel(1, 0)

    transcript = run(engine(), [job(1, 5, max_tokens=20, choices=2)], before_step=cancel)
    assert len(transcript.tokens[1, 0]) < 20
    assert len(transcript.tokens[1, 1]) == 20


def test_a_prompt_is_prefilled_once_for_all_choices() -> None:
    model = MockModel(counting(VOCAB))
    transcript = run(engine(model), [job(1, *range(50), max_tokens=1, choices=4)])
    assert [transcript.tokens[1, i] for i in range(4)] == [[50]] * 4
    assert model.tokens_seen == 49 + 4


def test_more_lanes_than_allowed_wait() -> None:
    most = 0

    def watch(_: int, engine: Engine) -> None:
        nonlocal most
        most = max(most, engine.load[0])

    run(engine(max_lanes=3), [greedy_job(i, 4, 6) for i in range(10)], before_step=watch)
    assert most == 3


def test_a_long_prompt_does_not_stop_a_decoding_lane() -> None:
    """While 300 tokens go in by 10 a step, the lane that was there gets a token every step."""
    long, quick = greedy_job(2, 300, 1), greedy_job(1, 1, 40)
    busy = engine(prefill_budget=10)
    busy.submit(quick)
    for _ in range(2):  # on a device the second step's token is read in the third
        busy.step()
    busy.submit(long)
    for _ in range(20):
        assert any(getattr(output, "job_id", None) == 1 for output in busy.step())


def test_like_prompts_are_prefilled_together_and_unlike_ones_are_not_padded() -> None:
    model = MockModel(counting(VOCAB))
    jobs = [greedy_job(i, 21, 1) for i in range(4)] + [greedy_job(9, 200, 1)]
    run(engine(model, prefill_budget=512), jobs)
    assert model.tokens_seen == 4 * 20 + 199 + 5
    assert model.calls == 1 + 1 + 1


@pytest.mark.parametrize("call", range(1, 9))
def test_a_failing_step_fails_its_jobs_and_the_engine_goes_on(call: int) -> None:
    model = MockModel(counting(VOCAB), fail_at=call)
    jobs = [greedy_job(1, 30, 6), greedy_job(2, 90, 6)]
    busy = engine(model, prefill_budget=32)
    transcript = run(busy, jobs)
    assert transcript.failed
    for each in jobs:
        whole = transcript.tokens[each.id, 0] == expected(each)
        assert whole != (each.id in transcript.failed)
    later = greedy_job(3, 12, 4)
    assert run(busy, [later]).tokens[3, 0] == expected(later)


def test_a_prompt_can_be_scored_without_an_answer() -> None:
    asked = job(1, *[i % VOCAB for i in range(130)], max_tokens=0, score_prompt=True, logprobs=1)
    transcript = run(engine(prefill_budget=100), [asked])
    scores = transcript.prompt_scores[1]
    assert transcript.ended == [1]
    assert scores[0] is None
    assert len(scores) == 130
    for token, score in enumerate(scores[1:64], start=1):
        assert score is not None
        assert score.logprob == pytest.approx(0.0, abs=1e-5)
        assert score.top[0][0] == token


def test_scores_only_for_lanes_that_ask() -> None:
    transcript = run(engine(), [job(1, 3, logprobs=2), job(2, 9), job(3, 20, logprobs=0)])
    assert [len(score.top) for score in transcript.scores[1, 0]] == [2] * 5
    assert (2, 0) not in transcript.scores
    assert [len(score.top) for score in transcript.scores[3, 0]] == [0] * 5


def test_a_window_longer_than_any_text_costs_nothing() -> None:
    sampling = Sampling(temperature=0, repetition_penalty=1.5, repetition_context_size=2**31 - 1)
    neighbour = Sampling(temperature=0, repetition_context_size=2**31 - 1)
    jobs = [job(1, 3, sampling=sampling), job(2, 9, sampling=neighbour)]
    transcript = run(engine(), jobs)
    assert transcript.tokens[1, 0] == [4, 5, 6, 7, 8]
    assert transcript.tokens[2, 0] == [10, 11, 12, 13, 14]


@pytest.mark.parametrize("method", ["take", "extend"])
def test_a_cache_that_cannot_change_fails_its_lanes_only(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lanes of another batch, and whoever comes later, are not concerned."""
    near, far = greedy_job(1, 20, 20), greedy_job(2, 300, 20)
    short = [greedy_job(3, 21, 3), greedy_job(4, 22, 3)]
    busy = engine(forward_cost=100)

    def break_it(step: int, engine: Engine) -> None:
        if step == 2:
            monkeypatch.setattr(CacheRows, method, _planted)
        if step == 6:
            monkeypatch.undo()

    transcript = run(busy, [near, far, *short], before_step=break_it)
    assert transcript.tokens[2, 0] == expected(far)
    for each in (near, *short):
        whole = transcript.tokens[each.id, 0] == expected(each)
        assert whole != (each.id in transcript.failed)
    later = greedy_job(9, 12, 4)
    assert run(busy, [later]).tokens[9, 0] == expected(later)


def _planted(*_: object) -> None:
    raise RuntimeError("planted failure")
