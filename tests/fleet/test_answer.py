"""The mailbox of one request: order, merging, bounds, and its one end."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pippin.core.events import (
    CallStarted,
    Delta,
    Event,
    Failed,
    Finished,
    Started,
    TokenLogprob,
    TopLogprob,
)
from pippin.core.request import GenerationRequest, TextPrompt
from pippin.errors import EngineFailure, ModelUnavailable, ServerBusy
from pippin.fleet.answer import Answer

pytestmark = pytest.mark.anyio

LOGPROB = TokenLogprob("a", b"a", -0.5, (TopLogprob("b", b"b", -1.0),))


class Cancels(list[int]):
    """The ids for which the worker was told that nobody waits."""

    def __call__(self, id: int) -> None:
        self.append(id)


def answer(
    choices: int = 1, bound: int = 10_000, patience: float = 0, *, echo: bool = False
) -> tuple[Answer, Cancels]:
    cancels = Cancels()
    asked = GenerationRequest(prompt=TextPrompt(text="?"), choices=choices, echo=echo)
    return Answer(7, asked, cancels, bound, patience), cancels


async def taken(answer: Answer) -> list[Event]:
    return [event async for event in answer]


async def test_waiting_deltas_of_a_choice_are_merged() -> None:
    box, _ = answer(choices=2)
    box.put(Started(7, 3))
    for text in "abc":
        box.put(Delta(7, 0, text, (LOGPROB,)))
        box.put(Delta(7, 1, text.upper()))
    box.put(Finished(7, 0, "stop", 3))
    box.put(Finished(7, 1, "length", 3))
    assert await taken(box) == [
        Started(7, 3),
        Delta(7, 0, "abc", (LOGPROB,) * 3),
        Delta(7, 1, "ABC"),
        Finished(7, 0, "stop", 3),
        Finished(7, 1, "length", 3),
    ]


async def test_a_quick_consumer_gets_each_delta() -> None:
    box, _ = answer()
    for text in "abc":
        box.put(Delta(7, 0, text))
        assert await anext(box) == Delta(7, 0, text)


async def test_a_timeout_while_waiting_loses_nothing() -> None:
    box, _ = answer()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(box), 0.001)
    box.put(Delta(7, 0, "here"))
    assert await anext(box) == Delta(7, 0, "here")


async def test_failure_comes_last_and_once() -> None:
    box, cancels = answer()
    box.put(Delta(7, 0, "so far"))
    box.put(Failed(7, "EngineFailure", "a step failed"))
    box.put(Delta(7, 0, "too late"))
    box.fail(ModelUnavailable("too late"))
    assert await anext(box) == Delta(7, 0, "so far")
    with pytest.raises(EngineFailure, match="a step failed"):
        await anext(box)
    assert await taken(box) == []
    assert cancels == []


async def test_nothing_fails_after_the_last_finish() -> None:
    box, cancels = answer()
    box.put(Finished(7, 0, "stop", 1))
    box.fail(ModelUnavailable("the worker died"))
    box.cancel()
    assert box.complete
    assert cancels == []


async def test_cancel_wakes_the_consumer_and_tells_the_worker_once() -> None:
    box, cancels = answer()
    waiting = asyncio.create_task(taken(box))
    await asyncio.sleep(0)
    box.cancel()
    box.cancel()
    assert await waiting == []
    assert cancels == [7]


async def test_a_reader_too_slow_is_cancelled_and_told() -> None:
    box, cancels = answer(bound=100)
    for _ in range(200):
        box.put(Delta(7, 0, "x"))
    assert cancels == [7]
    with pytest.raises(ServerBusy, match="too slowly"):
        await anext(box)
    assert await taken(box) == []


async def test_a_reader_who_takes_what_came_at_once_is_not_slow() -> None:
    box, cancels = answer(bound=100, patience=60)
    for _ in range(200):
        box.put(Delta(7, 0, "x"))
    assert await anext(box) == Delta(7, 0, "x" * 200)
    assert cancels == []


async def test_logprobs_count_towards_the_bound() -> None:
    box, cancels = answer(bound=1000)
    for _ in range(20):
        box.put(Delta(7, 0, "x", (LOGPROB,)))
    assert cancels == [7]


async def test_taking_frees_the_bound() -> None:
    box, cancels = answer(bound=100)
    for _ in range(1000):
        box.put(Delta(7, 0, "x" * 90, ()))
        await anext(box)
    assert cancels == []


async def test_finishing_while_the_consumer_waits() -> None:
    box, _ = answer()
    waiting = asyncio.create_task(taken(box))
    await asyncio.sleep(0)
    box.put(Finished(7, 0, "stop", 0))
    assert await waiting == [Finished(7, 0, "stop", 0)]


STEPS = st.lists(
    st.one_of(
        st.none(),
        st.tuples(st.integers(0, 2), st.text(max_size=5)),  # none: the consumer takes
    ),
    max_size=60,
)


@given(STEPS)
def test_merging_never_changes_a_choices_text(steps: list[tuple[int, str] | None]) -> None:
    async def play() -> None:
        box, _ = answer(choices=3)
        got: list[Event] = []
        for step in steps:
            if step is not None:
                box.put(Delta(7, step[0], step[1]))
            elif box._events:
                got.append(await anext(box))
        for index in range(3):
            box.put(Finished(7, index, "stop", 0))
        got += await taken(box)
        for index in range(3):
            texts = [e.text for e in got if isinstance(e, Delta) and e.index == index]
            assert "".join(texts) == "".join(s[1] for s in steps if s and s[0] == index)
        assert isinstance(got[-1], Finished)

    asyncio.run(play())


async def test_only_more_of_the_same_is_merged() -> None:
    box, _ = answer()
    told: list[Event] = [
        Delta(7, 0, "a", channel="reasoning"),
        Delta(7, 0, "b"),
        CallStarted(7, 0, 0, "call_0", "f"),
        Delta(7, 0, "{", channel="arguments"),
        Delta(7, 0, "}", channel="arguments"),
        CallStarted(7, 0, 1, "call_1", "f"),
        Delta(7, 0, "{}", channel="arguments", call=1),
        Finished(7, 0, "tool_calls", 9),
    ]
    for event in told:
        box.put(event)
    merged = Delta(7, 0, "{}", channel="arguments")
    assert await taken(box) == [*told[:3], merged, *told[5:]]
