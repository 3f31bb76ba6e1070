"""What a worker has been asked and has not finished: answers and questions, by id."""

import itertools
from collections.abc import Sequence
from typing import TypeVar, cast

import msgspec

from pippin.core.events import Event, Failed
from pippin.core.memory import MemoryFigures
from pippin.core.request import GenerationRequest, Prompt
from pippin.errors import (
    EngineFailure,
    InvalidRequest,
    ModelFailed,
    PippinError,
    ServerBusy,
    from_kind,
)
from pippin.fleet.answer import Answer
from pippin.fleet.orphans import Asking, Orphans, Question
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

MAX_ADOPTIONS = 2
"""What three workers died of is not given to a fourth."""
GIVEN_UP = (
    "The model's worker failed three times while it worked on this request. It is not tried again."
)
TOO_LONG = "The model's worker failed, and this answer is too long to be gone on with."

Reply = TypeVar("Reply", Tokenized, Detokenized, MemoryTold)


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
        self._questions: dict[int, Question] = {}

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
        answer = Answer(id, request, self._cancel)
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
        """Hand an event to its answer. One for an answer that was cancelled is dropped. A failed
        step need not fail again: its answers are gone on with, like those of a dead worker."""
        answer = self._answers.get(event.id)
        if answer is None:
            return
        if _step_failed(event) and answer.adoptions < MAX_ADOPTIONS:
            del self._answers[event.id]
            self._adopt_answer(answer)
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

    def release(self) -> Orphans:
        """The worker is dead: all that waited for it."""
        answers, self._answers = self._answers, {}
        questions, self._questions = self._questions, {}
        return Orphans(list(answers.values()), list(questions.values()))

    def adopt(self, orphans: Orphans) -> None:
        """Have this worker go on with what another one left behind. No limit refuses it, but what
        was adopted before, ``MAX_ADOPTIONS`` times, ends with one ``ModelFailed``."""
        if not self._answers:
            self._turnover.begin()
        for answer in orphans.answers:
            self._adopt_answer(answer)
        for question in orphans.questions:
            self._adopt_question(question)

    def _adopt_answer(self, answer: Answer) -> None:
        if answer.adoptions >= MAX_ADOPTIONS:
            answer.fail(ModelFailed(GIVEN_UP))
            return
        id = next(self._ids)
        submit = Submit(id, answer.request, answer.adopted(id, self._cancel))
        try:
            self._channel.send(submit)
        except BrokenFrame:
            answer.fail(ModelFailed(TOO_LONG))
        else:
            self._answers[id] = answer

    def _adopt_question(self, question: Question) -> None:
        if question.adoptions >= MAX_ADOPTIONS:
            question.fail(ModelFailed(GIVEN_UP))
            return
        question.adoptions += 1
        question.message = msgspec.structs.replace(question.message, id=next(self._ids))
        self._channel.send(question.message)
        self._expect(question)

    async def _ask(self, message: Asking, expected: type[Reply]) -> Reply:
        self._send(message)
        question = Question(message, expected)
        self._expect(question)
        return cast(Reply, await question.reply)

    def _expect(self, question: Question) -> None:
        """Keep it until its reply is here, or nobody waits for that any more."""
        id = question.message.id
        self._questions[id] = question
        question.reply.add_done_callback(lambda _: self._questions.pop(id, None))

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


def _step_failed(event: Event) -> bool:
    return isinstance(event, Failed) and event.kind == EngineFailure.__name__
