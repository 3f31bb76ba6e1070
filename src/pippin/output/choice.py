"""One choice of one answer: its tokens become events."""

import secrets
from collections.abc import Sequence
from typing import Literal

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
    ) -> None:
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
                self._logprobs.read(self.describe(token, logprob, top), len(text))
        pieces = self._scanner.add(text)
        if end:
            rest = self._scanner.add(self._detokenizer.finish())
            pieces = [*pieces, *rest, *self._scanner.finish()]
        self._count(pieces)
        return self._told(pieces, end)

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

    def _told(self, pieces: Sequence[Piece], end: End | None) -> list[Event]:
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
