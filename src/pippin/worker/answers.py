"""The answers that this worker is giving: engine outputs become events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pippin.core.events import Delta, Event, Failed, Finished, Started
from pippin.core.memory import Reuse, TokenText
from pippin.core.request import GenerationRequest, TextPrompt
from pippin.engine.lane import (
    Begun,
    Ended,
    Job,
    JobFailed,
    JobLate,
    Output,
    PromptScored,
    Score,
    Token,
)
from pippin.errors import ConstraintTooComplex, EngineFailure, PippinError, ServerBusy
from pippin.memory.explanation import Explanation
from pippin.output.choice import Choice
from pippin.output.detokenizer import Detokenizer
from pippin.output.vocabulary import Vocabulary
from pippin.worker.job_maker import Prepared
from pippin.worker.language import Language

FAILED = (
    "The model failed while it worked on this request. Others go on; try again, and look into "
    "the server's log if it happens again."
)
TOO_COMPLEX = (
    "The answer's constraint became too complex to follow in the middle of the answer. Use a "
    "simpler one."
)
WAITED = "The request waited in the queue for as long as is allowed. Try again later."


@dataclass(slots=True)
class Answer:
    """One request on its way through the engine."""

    job: Job
    request: GenerationRequest
    choices: Sequence[Choice]
    echo: Detokenizer
    """Of the prompt, as it is scored."""
    scored: int = 0
    """Tokens of the prompt that were."""
    begun: bool = False


class Answers:
    """Owned by the executor, on its event loop. Holds an answer from submission to its end."""

    def __init__(self, language: Language) -> None:
        self._vocabulary = language.vocabulary
        self._answers: dict[int, Answer] = {}

    def open(self, prepared: Prepared, request: GenerationRequest) -> None:
        """Expect the outputs of its job, unless nothing of it is left to do."""
        if all(each.finished for each in prepared.choices):
            return
        echo = Detokenizer(self._vocabulary, at_start=True, skip_special_tokens=False)
        job = prepared.job
        self._answers[job.id] = Answer(job, request, prepared.choices, echo)

    def close(self, job_id: int) -> None:
        """Forget an answer that nobody waits for."""
        self._answers.pop(job_id, None)

    def __contains__(self, job_id: int) -> bool:
        return job_id in self._answers

    def __len__(self) -> int:
        return len(self._answers)

    def take(self, outputs: Iterable[Output]) -> tuple[list[Event], list[tuple[int, int]]]:
        """The events of one engine step; and the choices (job, index) that ended by a stop text,
        of which the engine does not know yet."""
        events: list[Event] = []
        stopped: list[tuple[int, int]] = []
        for output in outputs:
            answer = self._answers.get(output.job_id)
            if answer is None:
                continue
            match output:
                case Begun():
                    events += self._begun(answer, output)
                case Token():
                    events += self._token(answer, output, stopped)
                case PromptScored():
                    events += self._prompt_scored(answer, output)
                case Ended():
                    events += self._ended(answer)
                case JobLate():
                    self.close(output.job_id)
                    events.append(_failed(output.job_id, ServerBusy(WAITED)))
                case JobFailed():
                    self.close(output.job_id)
                    events.append(_failed(output.job_id, _why(output, answer.request)))
        return events, stopped

    def _begun(self, answer: Answer, begun: Begun) -> list[Event]:
        if answer.begun:
            return []  # its rows had to make way before it was through: it began once more
        answer.begun = True
        job, request = answer.job, answer.request
        reuse = self._reuse(begun.explanation) if begun.explanation else None
        events: list[Event] = [Started(job.id, len(job.prompt), begun.cached, reuse)]
        if request.echo and not job.score_prompt and not job.resumed:
            text = self._prompt_text(job, request)
            events += [Delta(job.id, choice, text) for choice in range(job.choices)]
        return events

    def _reuse(self, explanation: Explanation) -> Reuse:
        def told(token: int | None) -> TokenText | None:
            return None if token is None else TokenText(token, self._vocabulary.text_of(token))

        return Reuse(
            tier=explanation.tier,
            matched_tokens=explanation.matched,
            reason=explanation.reason,
            position=explanation.position,
            asked=told(explanation.asked),
            remembered=told(explanation.remembered),
        )

    def _token(self, answer: Answer, token: Token, stopped: list[tuple[int, int]]) -> list[Event]:
        choice = answer.choices[token.index]
        if choice.finished:
            return []
        asked = answer.request.logprobs is not None
        score = token.score or Score(0.0)
        top = score.top if asked else None
        events = choice.add(token.token, token.end, score.logprob, top)
        if events and isinstance(events[-1], Finished):
            if not token.end:
                stopped.append((token.job_id, token.index))
            if all(each.finished for each in answer.choices):
                self.close(token.job_id)
        return events

    def _prompt_scored(self, answer: Answer, run: PromptScored) -> list[Event]:
        describe = answer.choices[0].describe
        entries = tuple(
            describe(token, score.logprob if score else None, score.top if score else ())
            for token, score in zip(run.tokens, run.scores, strict=True)
        )
        text = "".join([answer.echo.add(token) for token in run.tokens])
        answer.scored += len(run.tokens)
        if answer.scored == len(answer.job.prompt):
            text += answer.echo.finish()
        return [Delta(run.job_id, i, text, entries) for i in range(answer.job.choices)]

    def _ended(self, answer: Answer) -> list[Event]:
        self.close(answer.job.id)
        return [Finished(answer.job.id, i, "length", 0) for i in range(answer.job.choices)]

    def _prompt_text(self, job: Job, request: GenerationRequest) -> str:
        if isinstance(request.prompt, TextPrompt):
            return request.prompt.text
        return decode(self._vocabulary, job.prompt, skip_special_tokens=False)


def _why(failed: JobFailed, request: GenerationRequest) -> PippinError:
    if not failed.too_complex:
        return EngineFailure(FAILED)
    return ConstraintTooComplex(
        TOO_COMPLEX, request.constraint.param if request.constraint else "tools"
    )


def decode(vocabulary: Vocabulary, tokens: Sequence[int], *, skip_special_tokens: bool) -> str:
    """The whole text of some tokens."""
    detokenizer = Detokenizer(vocabulary, at_start=True, skip_special_tokens=skip_special_tokens)
    return "".join([detokenizer.add(token) for token in tokens]) + detokenizer.finish()


def _failed(job_id: int, error: PippinError) -> Failed:
    return Failed(job_id, error.kind, error.message, error.param)
