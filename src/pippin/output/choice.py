"""One choice of one answer: its tokens become events."""

from collections import deque
from collections.abc import Sequence

from pippin.core.events import Delta, Event, Finished, FinishReason, TokenLogprob, TopLogprob
from pippin.output.detokenizer import Detokenizer
from pippin.output.stops import StopMatcher, StopText
from pippin.output.vocabulary import Vocabulary

TopScores = Sequence[tuple[int, float]]


class Choice:
    """Detokenises, finds stop texts, counts. Owned by the answer that it is part of.

    A token's log-probability is delivered with the delta that reaches the token's first
    character, so what a stop text cuts away has none either.
    """

    def __init__(
        self,
        request_id: int,
        index: int,
        vocabulary: Vocabulary,
        *,
        stop: Sequence[StopText] = (),
        min_tokens: int = 0,
        at_start: bool = False,
        sum_logprobs: bool = False,
    ) -> None:
        self._id = request_id
        self._index = index
        self._vocabulary = vocabulary
        self._detokenizer = Detokenizer(vocabulary, at_start=at_start)
        self._stops = StopMatcher(stop)
        self._min_tokens = min_tokens
        self._waiting: deque[tuple[int, TokenLogprob]] = deque()
        self._decoded_chars = 0
        self._sent_chars = 0
        self._logprob_sum = 0.0 if sum_logprobs else None
        self.tokens = 0
        self.finished = False

    def add(
        self,
        token: int,
        end: FinishReason | None = None,
        logprob: float | None = None,
        top: TopScores | None = None,
    ) -> list[Event]:
        """The events of the next token. ``end``: it is the last one, and why; a token that ends
        the text ("stop") is no part of it. ``top`` is given
        (maybe empty) where the client asked for log-probabilities. ``finished`` becomes true at
        the last token, or when a stop text appears."""
        self.tokens += 1
        if self._logprob_sum is not None and logprob is not None:
            self._logprob_sum += logprob
        text = ""
        if end != "stop":
            if top is not None and not self._vocabulary.is_special(token):
                self._waiting.append((self._decoded_chars, self.describe(token, logprob, top)))
            text = self._detokenizer.add(token)
        if end:
            text += self._detokenizer.finish()
        self._decoded_chars += len(text)
        free, stopped = self._watch(text)
        if end and not stopped:
            free += self._stops.finish()
        events = self._deliver(free)
        if stopped or end:
            events.append(self._finish("stop" if stopped or end == "stop" else "length"))
        return events

    def describe(self, token: int, logprob: float | None, top: TopScores) -> TokenLogprob:
        """A token and its alternatives as a client sees them."""
        best = tuple(TopLogprob(self._text(i), self._bytes(i), value) for i, value in top)
        return TokenLogprob(self._text(token), self._bytes(token), logprob, best)

    def _watch(self, text: str) -> tuple[str, bool]:
        return self._stops.add(text) if self.tokens > self._min_tokens else (text, False)

    def _deliver(self, text: str) -> list[Event]:
        self._sent_chars += len(text)
        logprobs = []
        while self._waiting and self._waiting[0][0] < self._sent_chars:
            logprobs.append(self._waiting.popleft()[1])
        if not text and not logprobs:
            return []
        return [Delta(self._id, self._index, text, tuple(logprobs))]

    def _finish(self, reason: FinishReason) -> Finished:
        self.finished = True
        return Finished(self._id, self._index, reason, self.tokens, self._logprob_sum)

    def _text(self, token: int) -> str:
        return self._vocabulary.text_of(token)

    def _bytes(self, token: int) -> bytes:
        return self._vocabulary.bytes_of(token)
