"""Workers die in the middle of answers; others go on with them as if nothing had happened."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pippin.api.fold import FoldedChoice
from pippin.core.constraint import JSONSchema
from pippin.core.events import CallStarted, Delta, Finished, Started
from pippin.core.request import ChatPrompt, GenerationRequest, Message, TextPrompt
from pippin.core.sampling import Sampling
from pippin.core.tools import Tool, ToolUse
from pippin.core.worker import WorkerOptions
from pippin.fleet.answer import Answer
from pippin.fleet.doorstep import Doorstep
from pippin.fleet.inflight import InFlight
from pippin.fleet.orphans import Orphans
from pippin.fleet.process import WORKER_COMMAND, WorkerProcess, worker_arguments
from pippin.wire.channel import Channel
from pippin.wire.messages import Ready, Report, ToGateway

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

GREEDY = Sampling(temperature=0.0)
SEEDED = Sampling(temperature=1.1, seed=7, frequency_penalty=0.3, repetition_penalty=1.1)
WEATHER = Tool(
    name="get_weather",
    description="Get current temperature for a given location.",
    parameters={
        "type": "object",
        "properties": {"location": {"type": "string"}},
        "required": ["location"],
    },
)
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 20}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
STORY = "Once upon a time there was a small robot"


def chat(words: str, *tools: Tool, **kwargs: Any) -> ChatPrompt:
    messages = (Message(role="user", content=words),)
    return ChatPrompt(messages=messages, tools=tools, template_kwargs=kwargs)


def text(**fields: Any) -> GenerationRequest:
    fields = {"prompt": TextPrompt(text=STORY), "max_tokens": 60, "ignore_eos": True, **fields}
    return GenerationRequest(**fields)


REQUESTS = (
    text(sampling=GREEDY),
    text(sampling=SEEDED, choices=3, stop=("the", "\n\nA"), logprobs=2, min_tokens=9),
    text(sampling=SEEDED, echo=True, choices=2),
    text(sampling=GREEDY, echo=True, logprobs=1, max_tokens=30),
    text(sampling=SEEDED, score=True, choices=2, max_tokens=40),
    GenerationRequest(
        prompt=chat("Make up a person."),
        sampling=SEEDED,
        max_tokens=120,
        constraint=JSONSchema(schema=json.dumps(SCHEMA)),
    ),
    GenerationRequest(
        prompt=chat("What's the weather in Paris?", WEATHER),
        sampling=SEEDED,
        max_tokens=80,
        tool_use=ToolUse(mode="required"),
    ),
    GenerationRequest(
        prompt=chat("What's the weather in Paris?", WEATHER, enable_thinking=True),
        sampling=GREEDY,
        max_tokens=120,
        tool_use=ToolUse(),
    ),
    GenerationRequest(
        prompt=chat("What is the capital of France?", enable_thinking=True),
        sampling=SEEDED,
        max_tokens=80,
        thinking_budget=6,
        logprobs=1,
    ),
)


class Heard:
    """A worker, and how much it has said."""

    def __init__(self, process: WorkerProcess, channel: Channel[ToGateway]) -> None:
        self._process = process
        self._channel = channel
        self.requests = InFlight(channel, 1000)
        self.ready = asyncio.Event()
        self.closed = asyncio.Event()
        self.deadly = 0
        """Events after which it is killed; 0: it lives."""
        self.told = 0

    async def listen(self) -> None:
        async for message in self._channel.messages():
            match message:
                case Ready():
                    self.ready.set()
                case Report():
                    self._hear(message)

        self.closed.set()

    def _hear(self, report: Report) -> None:
        if self.deadly and self.told >= self.deadly:
            return
        for event in report.events:
            self.requests.deliver(event)
            self.told += isinstance(event, Delta | CallStarted)
        if self.deadly and self.told >= self.deadly:
            os.kill(self._process.pid, signal.SIGKILL)


async def dead(worker: Heard) -> Orphans:
    """What it has left behind, once it is dead."""
    await worker.closed.wait()
    orphans = worker.requests.release()
    assert len(orphans) > 0
    return orphans


@asynccontextmanager
async def worker() -> AsyncIterator[Heard]:
    async with Doorstep() as doorstep:
        arguments = worker_arguments(WorkerOptions(), doorstep.path)
        process = await WorkerProcess.start("demo", (*WORKER_COMMAND, *arguments))
        try:
            channel = await doorstep.visitor()
            heard = Heard(process, channel)
            listening = asyncio.create_task(heard.listen())
            await heard.ready.wait()
            yield heard
            listening.cancel()
            channel.abort()
        finally:
            await process.stop(1.0)


class Read:
    """An answer as its client got it."""

    def __init__(self, choices: int) -> None:
        self.choices = [FoldedChoice() for _ in range(choices)]
        self.started: list[Started] = []

    async def read(self, answer: Answer) -> "Read":
        async for event in answer:
            if isinstance(event, Started):
                self.started.append(event)
            elif isinstance(event, Delta | CallStarted | Finished):
                self.choices[event.index].add(event)
        return self


def shown(read: Read) -> list[dict[str, Any]]:
    """All that must be the same to the letter."""
    return [
        {
            "text": choice.text,
            "reasoning": choice.reasoning,
            "calls": [(call.name, call.arguments) for call in choice.calls],
            "reason": choice.reason,
            "usage": (choice.finished.completion_tokens, choice.finished.reasoning_tokens),
            "tokens": [entry.token for entry in choice.logprobs],
        }
        for choice in read.choices
        if choice.finished
    ]


def scores(read: Read) -> list[float]:
    """Every log-probability, and every sum of them."""
    entries = [entry.logprob for choice in read.choices for entry in choice.logprobs]
    sums = [choice.finished.logprob_sum for choice in read.choices if choice.finished]
    return [score for score in (*entries, *sums) if score is not None]


@pytest.fixture(scope="module")
def undisturbed() -> tuple[list[Read], int]:
    """The answers, and how many events they took."""

    async def ask() -> tuple[list[Read], int]:
        async with worker() as heard:
            read = await asyncio.gather(*reading(heard.requests.submit_all(REQUESTS)))
            return read, heard.told

    read, events = asyncio.run(ask())
    choices = [choice for each in read for choice in each.choices]
    assert any(choice.calls for choice in choices)
    assert any(choice.reasoning and choice.text for choice in choices)
    return read, events


def reading(answers: Sequence[Answer]) -> list["asyncio.Task[Read]"]:
    return [
        asyncio.create_task(Read(request.choices).read(answer))
        for request, answer in zip(REQUESTS, answers, strict=True)
    ]


async def test_the_answers_are_those_of_an_undisturbed_worker(
    undisturbed: tuple[list[Read], int],
) -> None:
    """One worker dies in the first third, one in the middle of what is left."""
    wholes, events = undisturbed
    async with worker() as first:
        first.deadly = int(0.3 * events)
        read = reading(first.requests.submit_all(REQUESTS))
        orphans = await dead(first)
    async with worker() as second:
        second.deadly = int(0.35 * events)
        second.requests.adopt(orphans)
        orphans = await dead(second)
    async with worker() as third:
        third.requests.adopt(orphans)
        answers = await asyncio.gather(*read)
    for answer, whole in zip(answers, wholes, strict=True):
        assert shown(answer) == shown(whole)
        assert scores(answer) == pytest.approx(scores(whole), abs=0.01)
        assert len(answer.started) == 1
        assert answer.started[0].prompt_tokens == whole.started[0].prompt_tokens
        ids = [call.id for choice in answer.choices for call in choice.calls]
        assert len(set(ids)) == len(ids)
