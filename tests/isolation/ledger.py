"""What every job must say, and what it has said so far."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, takewhile

from pippin.engine.lane import (
    Begun,
    Ended,
    Job,
    JobFailed,
    JobLate,
    Lane,
    Output,
    PromptScored,
    Resumed,
    Token,
)
from tests.engine.driver import LaneId
from tests.isolation.hashing import Truth


class Told:
    """One job: its lanes that still speak, and the truth that they must tell."""

    def __init__(self, job: Job, salt: str, truth: Truth) -> None:
        self.job = job
        self.salt = salt
        self.lanes = [Lane(job, index) for index in range(job.choices if job.max_tokens else 0)]
        """With what they have said."""
        self.to_come: dict[int, Iterator[int]] = {
            lane.index: truth.lane(job, lane.index) for lane in self.lanes
        }
        self.scored = 0
        """Tokens of its prompt."""
        self.has_begun = False
        self.heard: set[int] = set()
        """Lanes that have said something to this server's clients."""
        self.was_begun = False
        """By a former server."""
        self.is_forgotten = False
        """It came before everything was forgotten."""

    def resume(self, again: int) -> None:
        """Go on, on another server; where scores are wanted, this many tokens before the place
        where it stopped."""
        self.scored, self.has_begun, self.was_begun = 0, False, self.has_begun or self.was_begun
        self.heard.clear()
        self.is_forgotten = False  # it is sent anew
        if self.is_new:
            return
        places = {index: self._place(index, again) for index in self.to_come}
        resumed = tuple(places.get(index) for index in range(self.job.choices))
        self.job = replace(self.job, resumed=resumed, score_prompt=False)
        for index, place in places.items():
            self.lanes[index] = Lane(self.job, index)
            self.to_come[index] = chain(place.again, self.to_come[index])

    def _place(self, index: int, again: int) -> Resumed:
        said = self.lanes[index].generated
        settled = len(said) - (again if self.job.logprobs is not None else 0)
        return Resumed(tuple(said[: max(0, settled)]), tuple(said[max(0, settled) :]))

    @property
    def is_new(self) -> bool:
        """Whether no lane has said anything."""
        silent = not any(lane.generated for lane in self.lanes)
        return silent and len(self.to_come) == len(self.lanes)

    @property
    def first_text(self) -> tuple[int, ...]:
        """What is taken in first."""
        if not self.job.goes_on:
            return self.job.prompt
        (index,) = self.job.open_choices
        return (*self.job.prompt, *self.lanes[index].generated)

    @property
    def texts(self) -> list[tuple[int, ...]]:
        """Its prompt and the answers, as far as they were told."""
        answers = [lane.generated for lane in self.lanes] or [[]]
        return [(*self.job.prompt, *answer) for answer in answers]


class Ledger:
    """Takes what an engine puts out. Whatever is not the truth, or is said twice, or by somebody
    who should be silent, is an ``AssertionError``."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self.told: dict[int, Told] = {}
        """Every job that ever was."""
        self.open: dict[int, Told] = {}
        """Those that have not ended."""
        self.may_fail = False

    def ask(self, job: Job, salt: str) -> None:
        self.open[job.id] = self.told[job.id] = Told(job, salt, self._truth)

    def cancel(self, job_id: int, index: int | None = None) -> None:
        """Nothing more is to be heard of a job, or one lane of it."""
        told = self.open[job_id]
        if index is not None:
            del told.to_come[index]
        if index is None or not told.to_come:
            del self.open[job_id]

    def resume(self, job_id: int, again: int) -> Job:
        """The job as another server is to go on with it."""
        told = self.open[job_id]
        told.resume(again)
        return told.job

    def forget(self) -> None:
        """Nothing of what was said so far is to be used again."""
        for told in self.told.values():
            told.is_forgotten = True

    @property
    def speaking(self) -> list[LaneId]:
        """Lanes that have said something and not ended."""
        open_ = self.open.items()
        return [(id, i) for id, told in open_ for i in told.to_come if i in told.heard]

    def take(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            told = self.open[output.job_id]
            match output:
                case Begun():
                    assert output.cached <= self._most_cached(told)
                    told.has_begun = True
                case PromptScored():
                    low, told.scored = told.scored, told.scored + len(output.tokens)
                    assert output.tokens == told.job.prompt[low : told.scored]
                case Token():
                    self._token(told, output)
                case Ended():
                    assert told.job.max_tokens == 0
                    self._demand_scores(told)
                    self.cancel(output.job_id)
                case JobLate():
                    assert not told.has_begun
                    assert not told.job.resumed
                    self.cancel(output.job_id)
                case JobFailed():
                    assert self.may_fail, "failed for no reason"
                    self.cancel(output.job_id)

    def _token(self, told: Told, output: Token) -> None:
        assert told.has_begun
        self._demand_scores(told)
        told.heard.add(output.index)
        assert output.token == next(told.to_come[output.index])
        assert output.end == told.lanes[output.index].accept(output.token)
        if output.end:
            self.cancel(output.job_id, output.index)

    def _demand_scores(self, told: Told) -> None:
        assert told.scored == (len(told.job.prompt) if told.job.score_prompt else 0)

    def _most_cached(self, asked: Told) -> int:
        """Tokens that could be known: of texts under the same salt, never all of it; its own text
        only if it begins anew."""
        if asked.job.score_prompt:
            return 0
        begun = asked.has_begun or asked.was_begun
        others = [told for told in self.told.values() if told is not asked or begun]
        others = [told for told in others if not told.is_forgotten]
        texts = [text for told in others if told.salt == asked.salt for text in told.texts]
        first = asked.first_text
        shared = (_agreement(text, first) for text in texts)
        return min(max(shared, default=0), len(first) - 1)


def _agreement(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
