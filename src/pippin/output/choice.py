"""One choice of one answer: its tokens become events."""

import secrets
from collections.abc import Sequence
from typing import Literal

import msgspec

from pippin.core.events import (
    CallStarted,
    Delta,
    Event,
    Finished,
    FinishReason,
    TokenLogprob,
    TopLogprob,
)
from pippin.output.detokenizer import Detokenizer
from pippin.output.logprobs import Logprobs
from pippin.output.pieces import (
    Arguments,
    Call,
    Content,
    Piece,
    PlainScanner,
    Reasoning,
    Scanner,
)
from pippin.output.stops import StopMatcher, StopText
from pippin.output.thinking import ThinkingScanner
from pippin.output.vocabulary import Vocabulary

TopScores = Sequence[tuple[int, float]]
End = Literal["stop", "length", "complete"]
"""Why a token is the last: it ends the text and is no part of it; there may be no more; nothing
can follow it."""


class Choice:
    """Detokenises, tells thinking and calls from content, finds stop texts, counts. Owned by the
    answer that it is part of.

    Stop texts are looked for in content only. A token's log-probability is delivered with the
    first piece of content that the token is part of, so what is no content has none.

    What is told of the choice is a function of the tokens that were told with it. So it can be
    taken up again from them: the first tokens that it gets are then those, and nothing comes of
    them but the end.
    """

    def __init__(
        self,
        request_id: int,
        index: int,
        vocabulary: Vocabulary,
        *,
        detokenizer: Detokenizer | None = None,
        scanner: Scanner | None = None,
        stop: Sequence[StopText] = (),
        min_tokens: int = 0,
        sum_logprobs: bool = False,
        told: int = 0,
    ) -> None:
        """``told``: the tokens that were told already."""
        self._id = request_id
        self._index = index
        self._vocabulary = vocabulary
        self._detokenizer = detokenizer or Detokenizer(vocabulary)
        self._scanner = scanner or PlainScanner()
        self._stops = StopMatcher(stop)
        self._min_tokens = min_tokens
        self._logprobs = Logprobs()
        self._logprob_sum = 0.0 if sum_logprobs else None
        self._calls = 0
        self._thoughts = 0
        """Tokens before the answer proper, if the model thinks."""
        self._answers = False
        self._thinks = False
        self._told_before = told
        self._untold: list[int] = []
        """Tokens of which no event has told."""
        self.tokens = 0
        self.finished = False

    def add(
        self,
        token: int,
        end: End | None = None,
        logprob: float | None = None,
        top: TopScores | None = None,
    ) -> list[Event]:
        """The events of the next token. ``end``: it is the last one, and why. ``top`` is given
        (maybe empty) where the client asked for log-probabilities. ``finished`` becomes true at
        the last token, or when a stop text appears."""
        self.tokens += 1
        if self._logprob_sum is not None and logprob is not None:
            self._logprob_sum += logprob
        text = ""
        if end != "stop":
            text = self._detokenizer.add(token)
            if top is not None and not self._detokenizer.skips(token):
                entry = self.describe(token, logprob, top)
                self._logprobs.read(self.tokens, entry, len(text))
        pieces = self._scanner.add(text)
        if end:
            pieces = [*pieces, *self._rest()]
        self._count(pieces)
        events = self._events(pieces, end)
        if self.tokens <= self._told_before:
            return [event for event in events if isinstance(event, Finished)]
        self._untold.append(token)
        return self._tell(events) if events else events

    def end(self, end: End) -> list[Event]:
        """The events of an end without a further token, of a choice that is not finished."""
        return self._events(self._rest(), end)

    @property
    def scored(self) -> int:
        """Of its first so many tokens no log-probability is to be delivered any more."""
        oldest = self._logprobs.oldest
        return self.tokens if oldest is None else oldest - 1

    def _rest(self) -> list[Piece]:
        """What was kept back, when nothing more comes."""
        return [*self._scanner.add(self._detokenizer.finish()), *self._scanner.finish()]

    def _tell(self, events: list[Event]) -> list[Event]:
        """The last event that is more than the end tells the tokens that they were made of."""
        last = len(events) - 1
        if last and isinstance(events[last], Finished):
            last -= 1
        if not isinstance(events[last], Finished):
            events[last] = msgspec.structs.replace(events[last], tokens=tuple(self._untold))
            self._untold.clear()
        return events

    def describe(self, token: int, logprob: float | None, top: TopScores) -> TokenLogprob:
        """A token and its alternatives as a client sees them."""
        best = tuple(TopLogprob(self._text(i), self._bytes(i), value) for i, value in top)
        return TokenLogprob(self._text(token), self._bytes(token), logprob, best)

    def _count(self, pieces: Sequence[Piece]) -> None:
        """Tokens are thoughts up to the mark behind them, or the first piece of anything else."""
        if self._answers:
            return
        scanner = self._scanner
        self._thinks = self._thinks or any(isinstance(piece, Reasoning) for piece in pieces)
        self._answers = any(not isinstance(piece, Reasoning) for piece in pieces) or (
            isinstance(scanner, ThinkingScanner) and scanner.over
        )
        self._thoughts += not self._answers

    def _events(self, pieces: Sequence[Piece], end: End | None) -> list[Event]:
        events: list[Event] = []
        for piece in pieces:
            match piece:
                case Content():
                    free, stopped = self._watch(piece.text)
                    self._logprobs.content(piece.start, len(piece.text))
                    events += self._deliver(free)
                    if stopped:
                        return [*events, self._finish("stop")]
                case Reasoning():
                    self._logprobs.passed(piece.start + len(piece.text))
                    events.append(Delta(self._id, self._index, piece.text, channel="reasoning"))
                case Call():
                    events.append(self._call(piece.name))
                case Arguments():
                    call = self._calls - 1
                    told = Delta(self._id, self._index, piece.text, channel="arguments", call=call)
                    events.append(told)
        if end:
            events += self._deliver(self._stops.finish())
            reason: FinishReason = "tool_calls" if self._calls else "stop"
            events.append(self._finish("length" if end == "length" else reason))
        return events

    def _watch(self, text: str) -> tuple[str, bool]:
        return self._stops.add(text) if self.tokens > self._min_tokens else (text, False)

    def _deliver(self, text: str) -> list[Event]:
        logprobs = self._logprobs.delivered(len(text))
        if not text and not logprobs:
            return []
        return [Delta(self._id, self._index, text, logprobs)]

    def _call(self, name: str) -> CallStarted:
        self._calls += 1
        call_id = f"call_{secrets.token_hex(12)}"
        return CallStarted(self._id, self._index, self._calls - 1, call_id, name)

    def _finish(self, reason: FinishReason) -> Finished:
        self.finished = True
        thoughts = self._thoughts if self._thinks else 0
        return Finished(self._id, self._index, reason, self.tokens, self._logprob_sum, thoughts)

    def _text(self, token: int) -> str:
        return self._vocabulary.text_of(token)

    def _bytes(self, token: int) -> bytes:
        return self._vocabulary.bytes_of(token)
