"""What a dead worker left behind, until another one adopts it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pippin.core.request import GenerationRequest
from pippin.errors import PippinError
from pippin.fleet.answer import Answer
from pippin.wire.messages import (
    AskMemory,
    Detokenize,
    Detokenized,
    ForgetPrompts,
    MemoryTold,
    Tokenize,
    Tokenized,
)

Asking = Tokenize | Detokenize | AskMemory | ForgetPrompts


@dataclass
class Question:
    """One question whose reply is awaited, by one asker."""

    message: Asking
    expected: type[Tokenized] | type[Detokenized] | type[MemoryTold]
    reply: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    adoptions: int = 0
    """How many workers were asked after the first."""

    @property
    def complete(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.reply.done()

    def fail(self, error: PippinError) -> None:
        """End with this error, unless it is complete already."""
        if not self.complete:
            self.reply.set_exception(error)


def waiting(requests: Sequence[GenerationRequest]) -> tuple[list[Answer], "Orphans"]:
    """Answers to requests that came between two workers: the next one is to begin them."""
    answers = [Answer(0, request, lambda _: None) for request in requests]
    return answers, Orphans(answers)


class Orphans:
    """The requests in flight of a worker that is gone. Owned by its supervisor, which gives them
    to the next worker or ends them. Whoever waits for one may meanwhile cancel it."""

    def __init__(self, answers: Sequence[Answer] = (), questions: Sequence[Question] = ()) -> None:
        self._answers = answers
        self._questions = questions

    @property
    def answers(self) -> list[Answer]:
        """Those that somebody still waits for, the oldest first."""
        return [answer for answer in self._answers if not answer.complete]

    @property
    def questions(self) -> list[Question]:
        """As the answers."""
        return [question for question in self._questions if not question.complete]

    def fail(self, kind: type[PippinError], message: str) -> None:
        """End all of them, each with one error of its own."""
        for answer in self.answers:
            answer.fail(kind(message))
        for question in self.questions:
            question.fail(kind(message))

    def __len__(self) -> int:
        return len(self.answers) + len(self.questions)
