"""What a dead worker leaves behind goes on with the next one, or ends with one error."""

import asyncio
from typing import Any, cast

import pytest

from pippin.core.events import Delta, Event, Finished, Started
from pippin.core.memory import MemoryFigures
from pippin.core.request import GenerationRequest, TextPrompt
from pippin.errors import ModelFailed, ModelUnavailable, ServerBusy
from pippin.fleet.inflight import InFlight
from pippin.wire import codec
from pippin.wire.messages import (
    AskMemory,
    Cancel,
    MemoryTold,
    Resumption,
    Submit,
    Tokenize,
    ToWorker,
)

pytestmark = pytest.mark.anyio


class Channel:
    """Encodes like the real one, and keeps what was sent."""

    unsent_bytes = 0

    def __init__(self) -> None:
        self.sent: list[ToWorker] = []

    def send(self, message: ToWorker) -> None:
        codec.encode(message)
        self.sent.append(message)


def worker(most: int = 10) -> tuple[InFlight, list[ToWorker]]:
    channel = Channel()
    return InFlight(cast(Any, channel), most), channel.sent


def ask(text: str = "?", **fields: Any) -> GenerationRequest:
    return GenerationRequest(prompt=TextPrompt(text=text), **fields)


async def test_answers_go_on_in_their_order_and_under_ids_of_the_new_worker() -> None:
    old, _ = worker()
    begun, fresh = old.submit_all([ask("a", choices=2), ask("b")])
    for event in (Started(1, 3), Delta(1, 0, "so ", tokens=(4, 5)), Finished(1, 1, "stop", 0)):
        old.deliver(event)
    new, sent = worker()
    new.submit_all([ask("c")])
    new.adopt(old.release())
    assert sent[1:] == [
        Submit(2, begun.request, (Resumption((4, 5)), Resumption(finished=True))),
        Submit(3, fresh.request),
    ]
    for event in (Started(2, 3), Delta(2, 0, "far", tokens=(6,)), Finished(2, 0, "stop", 3)):
        new.deliver(event)
    told = [event async for event in begun]
    assert [type(event) for event in told] == [Started, Delta, Finished, Finished]
    assert told[1] == Delta(1, 0, "so far")
    assert begun.complete
    assert not fresh.complete


async def test_a_merged_text_has_what_both_workers_said() -> None:
    old, _ = worker()
    (answer,) = old.submit_all([ask()])
    old.deliver(Delta(1, 0, "so ", tokens=(4,)))
    new, _ = worker()
    new.adopt(old.release())
    new.deliver(Delta(1, 0, "far", tokens=(5,)))
    assert await anext(answer) == Delta(1, 0, "so far")


async def test_who_leaves_between_two_workers_is_not_adopted() -> None:
    old, first = worker()
    leaving, staying = old.submit_all([ask("a"), ask("b")])
    question = asyncio.create_task(old.memory())
    await asyncio.sleep(0)
    orphans = old.release()
    assert len(orphans) == 3
    leaving.cancel()
    question.cancel()
    await asyncio.wait([question])
    assert len(orphans) == 1
    new, second = worker()
    new.adopt(orphans)
    assert second == [Submit(1, staying.request)]
    staying.cancel()
    assert second[1:] == [Cancel(1)]
    assert not any(isinstance(message, Cancel) for message in first)


async def test_what_three_workers_died_of_is_given_up() -> None:
    requests, _ = worker()
    (poison,) = requests.submit_all([ask("poison")])
    requests.deliver(Delta(1, 0, "so far", tokens=(1,)))
    question = asyncio.create_task(requests.tokenize(TextPrompt(text="?"), True, False))
    await asyncio.sleep(0)
    for _ in range(2):
        orphans = requests.release()
        requests, sent = worker()
        requests.adopt(orphans)
        assert [type(message) for message in sent] == [Submit, Tokenize]
    (young,) = requests.submit_all([ask("young")])
    last, sent = worker()
    last.adopt(requests.release())
    assert sent == [Submit(1, young.request)]
    assert await anext(poison) == Delta(1, 0, "so far")
    with pytest.raises(ModelFailed, match="failed three times while it worked on this request"):
        await anext(poison)
    with pytest.raises(ModelFailed, match="three times"):
        await question


async def test_questions_are_asked_again() -> None:
    old, _ = worker()
    question = asyncio.create_task(old.memory())
    await asyncio.sleep(0)
    new, sent = worker()
    new.submit_all([ask()])
    new.adopt(old.release())
    assert sent[1:] == [AskMemory(2)]
    new.settle(MemoryTold(2, MemoryFigures(enabled=True)))
    assert await question == MemoryFigures(enabled=True)
    assert len(new.release()) == 1


async def test_nothing_adopted_is_refused_and_all_of_it_counts() -> None:
    old, _ = worker(most=3)
    old.submit_all([ask() for _ in range(3)])
    new, sent = worker(most=2)
    new.adopt(old.release())
    assert len(sent) == 3
    with pytest.raises(ServerBusy):
        new.submit_all([ask()])


async def test_an_answer_too_long_for_a_frame_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    old, _ = worker()
    long, short = old.submit_all([ask(), ask()])
    old.deliver(Delta(1, 0, "x", tokens=tuple(range(1000))))
    monkeypatch.setattr(codec, "MAX_FRAME_BYTES", 1000)
    new, sent = worker()
    new.adopt(old.release())
    assert sent == [Submit(2, short.request)]
    assert await anext(long) == Delta(1, 0, "x")
    with pytest.raises(ModelFailed, match="too long"):
        await anext(long)


async def test_orphans_that_nobody_adopts_end_with_an_error_each() -> None:
    old, _ = worker()
    (answer,) = old.submit_all([ask()])
    question = asyncio.create_task(old.memory())
    await asyncio.sleep(0)
    orphans = old.release()
    assert len(old.release()) == 0
    orphans.fail(ModelUnavailable, "gone")
    assert len(orphans) == 0
    for waiting in (anext(answer), question):
        with pytest.raises(ModelUnavailable, match="gone"):
            await waiting


async def test_events_of_a_worker_that_was_given_up_are_dropped() -> None:
    old, _ = worker()
    (answer,) = old.submit_all([ask()])
    new, _ = worker()
    new.adopt(old.release())
    late: Event = Delta(1, 0, "too late", tokens=(1,))
    old.deliver(late)
    new.deliver(Finished(1, 0, "stop", 0))
    assert [type(event) async for event in answer] == [Finished]
