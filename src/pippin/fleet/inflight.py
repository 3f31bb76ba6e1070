"""What a worker has been asked and has not finished: answers and questions, by id."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from pippin.core.events import Event, Failed
from pippin.core.memory import MemoryFigures
from pippin.core.request import GenerationRequest, Prompt
from pippin.errors import InvalidRequest, PippinError, ServerBusy, from_kind
from pippin.fleet.answer import Answer
from pippin.fleet.turnover import Turnover
from pippin.wire.channel import Channel
from pippin.wire.codec import BrokenFrame
from pippin.wire.messages import (
    AskMemory,
    Cancel,
    Detokenize,
    Detokenized,
    ForgetPrompts,
    MemoryTold,
    Rejected,
    Shutdown,
    Submit,
    ToGateway,
    Tokenize,
    Tokenized,
    ToWorker,
)

MAX_UNSENT_BYTES = 128 * 1024 * 1024
"""Requests that a stuck worker has not taken from its socket; two frames of the largest size."""

Reply = TypeVar("Reply", Tokenized, Detokenized, MemoryTold)
Asking = Tokenize | Detokenize | AskMemory | ForgetPrompts


@dataclass(frozen=True)
class _Question:
    """One question whose reply is awaited."""

    expected: type[Tokenized] | type[Detokenized] | type[MemoryTold]
    reply: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class InFlight:
    """Everything that waits for one worker. Owned by its supervisor; lives as long as the worker.

    Ids are this object's own counter, never anything that a client chose.
    """

    def __init__(self, channel: Channel[ToGateway], max_answers: int) -> None:
        """``max_answers``: at work and waiting together."""
        self._channel = channel
        self._max_answers = max_answers
        self._turnover = Turnover()
        self._ids = itertools.count(1)
        self._answers: dict[int, Answer] = {}
        self._questions: dict[int, _Question] = {}

    def submit_all(self, requests: Sequence[GenerationRequest]) -> list[Answer]:
        """Send requests; the events of each arrive in its answer. All of them, or none.

        Raises:
            InvalidRequest: one is larger than a frame; others are not touched.
            ServerBusy: too many are waiting already, or the worker does not take what it was
                sent before.
        """
        self._make_sure_of_room(len(requests))
        answers: list[Answer] = []
        try:
            for request in requests:
                answers.append(self._submit(request))
        except PippinError:
            for answer in answers:
                answer.cancel()
            raise
        return answers

    def _make_sure_of_room(self, requests: int) -> None:
        too_many = len(self._answers) + requests - self._max_answers
        if requests > self._max_answers:
            raise InvalidRequest(
                f"The request has {requests} prompts; at most {self._max_answers} can wait here."
            )
        if too_many > 0:
            raise self._busy("Too many requests are waiting for this model.", too_many)
        if not self._answers:
            self._turnover.begin()

    def _busy(self, message: str, places: int) -> ServerBusy:
        """With a guess of when so many places will be free."""
        error = ServerBusy(message)
        error.retry_after = self._turnover.seconds_for(places)
        return error

    def _submit(self, request: GenerationRequest) -> Answer:
        id = next(self._ids)
        self._send(Submit(id, request))
        answer = Answer(id, request.choices, self._cancel)
        self._answers[id] = answer
        return answer

    async def tokenize(self, prompt: Prompt, add_special_tokens: bool, texts: bool) -> Tokenized:
        """Raises: as ``submit``, and whatever kind of error the worker rejects it with."""
        question = Tokenize(next(self._ids), prompt, add_special_tokens, texts)
        return await self._ask(question, Tokenized)

    async def detokenize(self, tokens: tuple[int, ...], skip_special_tokens: bool) -> str:
        """Raises: as ``tokenize``."""
        question = Detokenize(next(self._ids), tokens, skip_special_tokens)
        return (await self._ask(question, Detokenized)).text

    async def memory(self) -> MemoryFigures:
        """Raises: as ``tokenize``."""
        return (await self._ask(AskMemory(next(self._ids)), MemoryTold)).figures

    async def forget_prompts(self) -> MemoryFigures:
        """Raises: as ``tokenize``."""
        return (await self._ask(ForgetPrompts(next(self._ids)), MemoryTold)).figures

    def deliver(self, event: Event) -> None:
        """Hand an event to its answer. One for an answer that was cancelled is dropped."""
        answer = self._answers.get(event.id)
        if answer is None:
            return
        if isinstance(event, Failed) and event.kind == ServerBusy.__name__:
            answer.fail(self._busy(event.message, 1))
        else:
            answer.put(event)
        if answer.complete:
            self._end(event.id)

    def settle(self, reply: Tokenized | Detokenized | MemoryTold | Rejected) -> None:
        """Answer a question. One that nobody waits for any more is dropped.

        Raises:
            BrokenFrame: it answers another kind of question; the peer cannot be trusted.
        """
        question = self._questions.get(reply.id)
        if question is None or question.reply.done():
            return
        if isinstance(reply, Rejected):
            error = from_kind(reply.kind, reply.message, reply.param)
            question.reply.set_exception(error)
        elif isinstance(reply, question.expected):
            question.reply.set_result(reply)
        else:
            raise BrokenFrame(f"a {type(reply).__name__} for a question of another kind")

    def shutdown(self) -> None:
        """Ask the worker to end."""
        self._channel.send(Shutdown())

    def orphan(self, kind: type[PippinError], message: str) -> None:
        """End all that waits, each with one error of its own."""
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            answer.fail(kind(message))
        for question in self._questions.values():
            if not question.reply.done():
                question.reply.set_exception(kind(message))

    async def _ask(self, message: Asking, expected: type[Reply]) -> Reply:
        self._send(message)
        question = self._questions[message.id] = _Question(expected)
        try:
            return cast(Reply, await question.reply)
        finally:
            del self._questions[message.id]

    def _cancel(self, id: int) -> None:
        if self._end(id):
            self._channel.send(Cancel(id))

    def _end(self, id: int) -> bool:
        """Its place is free. Whether it had one."""
        if self._answers.pop(id, None) is None:
            return False
        self._turnover.ended()
        return True

    def _send(self, message: ToWorker) -> None:
        if self._channel.unsent_bytes > MAX_UNSENT_BYTES:
            raise ServerBusy("The model's worker does not take new requests; try again later.")
        try:
            self._channel.send(message)
        except BrokenFrame as error:
            raise InvalidRequest("The request is too large.") from error
