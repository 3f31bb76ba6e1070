"""Events → a whole answer. The streamed form renders the same events one by one."""

from pippin.api.inbox import Arrival
from pippin.api.usage import Tally
from pippin.core.events import (
    CallStarted,
    Delta,
    Finished,
    FinishReason,
    Started,
    TokenLogprob,
)
from pippin.errors import EngineFailure

UNFINISHED = "The model did not finish its answer."


class FoldedCall:
    """One call of a tool."""

    def __init__(self, started: CallStarted) -> None:
        self.id = started.call_id
        self.name = started.name
        self._pieces: list[str] = []

    @property
    def arguments(self) -> str:
        return "".join(self._pieces)

    def add(self, piece: str) -> None:
        self._pieces.append(piece)


class FoldedChoice:
    """One choice, complete once ``finished`` is set."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self.calls: list[FoldedCall] = []
        self.logprobs: list[TokenLogprob] = []
        self.finished: Finished | None = None

    @property
    def text(self) -> str:
        return "".join(self._texts)

    @property
    def reasoning(self) -> str:
        """What the model thought before it answered."""
        return "".join(self._thoughts)

    @property
    def reason(self) -> FinishReason:
        """Raises ``EngineFailure`` if the answer ended without finishing this choice."""
        if self.finished is None:
            raise EngineFailure(UNFINISHED)
        return self.finished.reason

    @property
    def score(self) -> float:
        """Mean log-probability of its tokens: what ``best_of`` chooses by."""
        finished = self.finished
        if finished is None or finished.logprob_sum is None or not finished.completion_tokens:
            return float("-inf")
        return finished.logprob_sum / finished.completion_tokens

    def add(self, event: Delta | CallStarted | Finished) -> None:
        match event:
            case Finished():
                self.finished = event
            case CallStarted():
                self.calls.append(FoldedCall(event))
            case Delta(channel="arguments"):
                self.calls[event.call].add(event.text)
            case Delta(channel="reasoning"):
                self._thoughts.append(event.text)
            case Delta():
                self._texts.append(event.text)
                self.logprobs.extend(event.logprobs)


class Fold:
    """All choices of one request: ``candidates`` are generated per prompt, ``choices`` shown."""

    def __init__(self, prompts: int, candidates: int, choices: int) -> None:
        self.tally = Tally()
        self.started: dict[int, Started] = {}
        """By prompt."""
        self._prompts = [[FoldedChoice() for _ in range(candidates)] for _ in range(prompts)]
        self._choices = choices

    def add(self, arrival: Arrival) -> None:
        prompt, event = arrival
        self.tally.add(event)
        if isinstance(event, Started):
            self.started[prompt] = event
        if isinstance(event, Delta | CallStarted | Finished):
            self._prompts[prompt][event.index].add(event)

    def shown(self) -> list[FoldedChoice]:
        """The choices of the answer in order: prompt by prompt, the likeliest of each."""
        return [choice for candidates in self._prompts for choice in self._best_of(candidates)]

    def _best_of(self, candidates: list[FoldedChoice]) -> list[FoldedChoice]:
        if len(candidates) == self._choices:
            return candidates
        return sorted(candidates, key=lambda choice: choice.score, reverse=True)[: self._choices]
