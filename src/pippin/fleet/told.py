"""What was told of an answer, and so from where another worker can go on with it."""

from array import array
from collections import Counter, defaultdict

import msgspec

from pippin.core.events import CallStarted, Delta, Event, Finished, Started
from pippin.core.request import GenerationRequest
from pippin.wire.messages import Resumption


class Told:
    """Owned by an answer. Holds four bytes for each of its tokens.

    What a worker says of a choice is a function of the tokens that it tells with it, so a choice
    goes on behind its told tokens. Only an echoed prompt comes without tokens: as long as there is
    nothing else an answer begins anew, and what was told of the echo is left out.
    """

    def __init__(self, request: GenerationRequest) -> None:
        self._choices = request.choices
        self._echoes = request.echo
        self._started = False
        self._tokens: defaultdict[int, array[int]] = defaultdict(lambda: array("i"))
        self._finished: set[int] = set()
        self._echoed: Counter[tuple[int, str]] = Counter()
        """Per choice, characters and log-probabilities that were told of the echo."""
        self._skip: Counter[tuple[int, str]] = Counter()
        """Of those, what is still to be left out."""

    def news(self, event: Event) -> Event | None:
        """Take note of an event. What of it was not told before."""
        match event:
            case Delta() | CallStarted() if event.tokens:
                self._tokens[event.index].extend(event.tokens)
            case Delta() if self._echoes and not self._tokens[event.index]:
                return self._echo(event)
            case Started():
                if self._started:
                    return None
                self._started = True
            case Finished():
                self._finished.add(event.index)
        return event

    def resumed(self) -> tuple[Resumption, ...]:
        """Where another worker goes on, as of ``wire.Submit``. To be asked when one does."""
        if not self._finished and not any(self._tokens.values()):
            self._skip = self._echoed.copy()
            return ()
        return tuple(
            Resumption(finished=True)
            if index in self._finished
            else Resumption(tuple(self._tokens[index]))
            for index in range(self._choices)
        )

    def _echo(self, delta: Delta) -> Delta | None:
        index = delta.index
        text = delta.text[self._left_out(index, "chars", len(delta.text)) :]
        logprobs = delta.logprobs[self._left_out(index, "logprobs", len(delta.logprobs)) :]
        self._echoed[index, "chars"] += len(text)
        self._echoed[index, "logprobs"] += len(logprobs)
        if not text and not logprobs:
            return None
        return msgspec.structs.replace(delta, text=text, logprobs=logprobs)

    def _left_out(self, index: int, what: str, length: int) -> int:
        left_out = min(self._skip[index, what], length)
        self._skip[index, what] -= left_out
        return left_out
