"""Answers that a former worker had begun, as this worker takes them up."""

from typing import Any

import pytest

from pippin.core.events import Delta, Event, Failed, Finished, Started
from pippin.core.request import GenerationRequest, TextPrompt
from pippin.engine.lane import Begun, Job, Resumed, Score, Token
from pippin.wire import messages as wire
from pippin.wire.messages import Resumption
from tests.worker.test_executor import TOKENIZER, Desk

pytestmark = pytest.mark.anyio

A, B, C = (TOKENIZER.encode(letter, add_special_tokens=False).ids[0] for letter in "abc")


def request(**fields: Any) -> GenerationRequest:
    return GenerationRequest(prompt=TextPrompt(text="x x x"), **fields)


async def taken_up(asked: GenerationRequest, *places: Resumption) -> tuple[Desk, list[Job]]:
    desk = Desk()
    await desk.ask(wire.Submit(1, asked, places))
    return desk, desk.engine.jobs


def said(desk: Desk, *tokens: Token) -> list[Event]:
    """What is told, once the job has begun, of these tokens."""
    desk.executor.deliver([Begun(1), *tokens])
    return desk.sent.events


async def test_told_tokens_are_not_told_again_and_count() -> None:
    desk, (job,) = await taken_up(request(stop=("bx",)), Resumption((A, B, C)))
    assert job.resumed == (Resumed((A, B, C)),)
    assert said(desk, Token(1, 0, A, "length")) == [
        Started(1, len(job.prompt)),
        Delta(1, 0, "a", tokens=(A,)),
        Finished(1, 0, "length", 4),
    ]


async def test_text_that_was_kept_back_is_told() -> None:
    """Of two told tokens the last may begin a stop text; the next one shows that it does not."""
    desk, _ = await taken_up(request(stop=("bx",)), Resumption((A, B)))
    events = said(desk, Token(1, 0, C))
    assert events[1:] == [Delta(1, 0, "bc", tokens=(C,))]


async def test_choices_go_on_at_places_of_their_own() -> None:
    places = (Resumption((A,)), Resumption(finished=True), Resumption())
    desk, (job,) = await taken_up(request(choices=3), *places)
    assert job.resumed == (Resumed((A,)), None, Resumed())
    events = said(desk, Token(1, 0, B, "length"), Token(1, 1, B), Token(1, 2, C, "length"))
    told = [event for event in events if isinstance(event, Delta | Finished)]
    assert [(event.index, type(event)) for event in told] == [
        (0, Delta),
        (0, Finished),
        (2, Delta),
        (2, Finished),
    ]


async def test_a_prompt_is_not_echoed_again() -> None:
    for logprobs in (None, 1):
        desk, (job,) = await taken_up(request(echo=True, logprobs=logprobs), Resumption((A,)))
        assert not job.score_prompt
        assert said(desk) == [Started(1, len(job.prompt))]


async def test_scores_that_were_not_told_are_asked_for() -> None:
    """The second letter was told with the first, but has not left: a stop text may begin."""
    desk, (job,) = await taken_up(request(stop=("bx",), logprobs=0), Resumption((A, A, B)))
    assert job.resumed == (Resumed((A, A), (B,)),)
    events = said(desk, Token(1, 0, B, None, Score(-2.0)), Token(1, 0, C, None, Score(-3.0)))
    (delta,) = events[1:]
    assert isinstance(delta, Delta)
    assert (delta.text, delta.tokens) == ("bc", (C,))
    assert [entry.logprob for entry in delta.logprobs] == [-2.0, -3.0]


async def test_a_sum_of_scores_needs_them_all() -> None:
    desk, (job,) = await taken_up(request(score=True), Resumption((A, B)))
    assert job.resumed == (Resumed((), (A, B)),)
    tokens = [Token(1, 0, A, None, Score(-1.0)), Token(1, 0, B, None, Score(-2.0))]
    events = said(desk, *tokens, Token(1, 0, C, "length", Score(-4.0)))
    assert events[1:] == [Delta(1, 0, "c", tokens=(C,)), Finished(1, 0, "length", 3, -7.0)]


async def test_what_is_complete_by_now_ends_without_the_engine() -> None:
    """This worker has room for fewer tokens than the one before."""
    desk, jobs = await taken_up(request(max_tokens=2, stop=("bx",)), Resumption((A, B)))
    assert jobs == []
    assert desk.sent.events == [Delta(1, 0, "b"), Finished(1, 0, "length", 2)]
    desk, jobs = await taken_up(request(max_tokens=2), Resumption((A, B, C)))
    assert jobs == []
    assert desk.sent.events == [Finished(1, 0, "length", 2)]
    desk, jobs = await taken_up(request(stop=("b",)), Resumption((A, B)))
    assert jobs == []
    assert desk.sent.events == [Finished(1, 0, "stop", 2)]


async def test_places_that_do_not_fit_the_request_fail_it_alone() -> None:
    desk, jobs = await taken_up(request(choices=2), Resumption((A,)))
    (failed,) = desk.sent.events
    assert jobs == []
    assert isinstance(failed, Failed)
    assert failed.kind == "EngineFailure"
