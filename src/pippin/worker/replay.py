"""An answer that a former worker had begun: its told tokens go through its choices once more."""

from collections.abc import Sequence
from dataclasses import replace

from pippin.core.events import Event
from pippin.core.request import GenerationRequest
from pippin.engine.lane import Job, Resumed
from pippin.output.choice import Choice
from pippin.wire.messages import Resumption
from pippin.worker.choice_maker import MakeChoice


class Replay:
    """Owned by one preparation. Of every choice, where it goes on.

    Raises (on construction):
        ValueError: there are more choices than places, or fewer.
    """

    def __init__(
        self,
        job: Job,
        request: GenerationRequest,
        make: MakeChoice,
        resumed: Sequence[Resumption],
    ) -> None:
        """``job``: as it was at its very start."""
        if len(resumed) != job.choices:
            raise ValueError(f"{len(resumed)} places for {job.choices} choices")
        self._job = job
        self._request = request
        self._make = make
        self.choices: list[Choice] = []
        self.owed: list[Event] = []
        """Of choices that are complete after all."""
        places = [self._place(index, each) for index, each in enumerate(resumed)]
        self.job = replace(job, resumed=tuple(places), score_prompt=False, explain=False)
        """What is left to do."""

    def _place(self, index: int, known: Resumption) -> Resumed | None:
        choice = self._make(index, len(known.tokens))
        self.choices.append(choice)
        settled = self._settled(index, known)
        if known.finished:
            choice.finished = True
        else:
            self._read(choice, known.tokens[:settled])
        if choice.finished:
            return None
        return Resumed(known.tokens[:settled], known.tokens[settled:])

    def _read(self, choice: Choice, tokens: Sequence[int]) -> None:
        """Nothing of it is told again but an end. There may be one: this worker may have room for
        fewer tokens than the one that told them."""
        for token in tokens[: self._job.max_tokens]:
            self.owed += choice.add(token, top=self._top)
            if choice.finished:
                return
        if choice.tokens >= self._job.max_tokens:
            self.owed += choice.end("length")

    def _settled(self, index: int, known: Resumption) -> int:
        """Of so many tokens no score is needed any more."""
        if self._request.score:
            return 0
        if self._top is None or known.finished:
            return len(known.tokens)
        trial = self._make(index, len(known.tokens))
        for token in known.tokens:
            trial.add(token, top=self._top)
        return trial.scored

    @property
    def _top(self) -> tuple[tuple[int, float], ...] | None:
        """Log-probabilities, where the client asked for them, that will not be delivered."""
        return None if self._request.logprobs is None else ()
