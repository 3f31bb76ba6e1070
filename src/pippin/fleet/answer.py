"""The mailbox of one request: events wait here until the door takes them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

import msgspec

from pippin.core.events import (
    CallStarted,
    Delta,
    Event,
    Failed,
    Finished,
    Started,
    TokenLogprob,
)
from pippin.core.request import GenerationRequest
from pippin.errors import PippinError, ServerBusy, from_kind
from pippin.fleet.told import Told
from pippin.wire.messages import Resumption

MAX_WAITING_BYTES = 8 * 1024 * 1024
"""Far above any answer of a context's length, far below what a crowd could fill memory with."""

PATIENCE_S = 10.0
"""How long more than that may wait. One frame of a worker may bring more at once than an honest
reader takes at once: only one who leaves it lying is too slow."""

LOGPROB_BYTES = 64
"""A rough size of one token's log-probability in memory, or of one of its alternatives."""


class _Waiting:
    """Deltas of one choice that nobody has taken yet: they become one."""

    def __init__(self, first: Delta) -> None:
        self._first = first
        self._texts = [first.text]
        self._logprobs: list[TokenLogprob] = list(first.logprobs)

    @property
    def index(self) -> int:
        return self._first.index

    def takes(self, delta: Delta) -> bool:
        """Whether it is more of the same."""
        return (delta.channel, delta.call) == (self._first.channel, self._first.call)

    def add(self, delta: Delta) -> None:
        self._texts.append(delta.text)
        self._logprobs.extend(delta.logprobs)

    def merged(self) -> Delta:
        return msgspec.structs.replace(
            self._first, text="".join(self._texts), logprobs=tuple(self._logprobs), tokens=()
        )


class Answer:
    """The events of one request, in the order of each choice. For one consumer.

    Yields ``Started``, ``Delta``, ``CallStarted`` and ``Finished``, and ends by itself after the
    last choice's ``Finished``. A failure is raised once, after all that came before it; then the
    answer ends.
    Waiting for the next event can be cancelled (a time-out) and begun again: nothing is lost.

    Deltas that wait are merged per choice, so a slow consumer costs no more memory than the
    answer's own size; one that leaves more than ``max_waiting_bytes`` for longer than
    ``patience_s`` while more arrives is cancelled and fails.

    Made by the requests in flight of a worker, which fill it on the event loop's thread. If that
    worker dies, another one may go on with it: nothing comes twice, and told tokens are not part
    of what the consumer gets.
    """

    def __init__(
        self,
        id: int,
        request: GenerationRequest,
        on_cancel: Callable[[int], None],
        max_waiting_bytes: int = MAX_WAITING_BYTES,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._id = id
        self.request = request
        self.adoptions = 0
        """How many workers have gone on with it after the first."""
        self._told = Told(request)
        self._open_choices = request.choices
        self._on_cancel = on_cancel
        self._max_waiting_bytes = max_waiting_bytes
        self._events: deque[Started | CallStarted | Finished | _Waiting] = deque()
        self._waiting: dict[int, _Waiting] = {}
        self._waiting_bytes = 0
        self._patience_s = patience_s
        self._too_much_since: float | None = None
        self._error: PippinError | None = None
        self._complete = False
        self._news = asyncio.Event()

    @property
    def complete(self) -> bool:
        """Whether nothing more will arrive; what has arrived may still wait to be taken."""
        return self._complete

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._events and not self._complete:
            self._news.clear()
            await self._news.wait()
        if self._events:
            return self._take()
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        raise StopAsyncIteration

    def adopted(self, id: int, on_cancel: Callable[[int], None]) -> tuple[Resumption, ...]:
        """Another worker goes on with it, under this id. Where: as of ``wire.Submit``."""
        self._id = id
        self._on_cancel = on_cancel
        self.adoptions += 1
        return self._told.resumed()

    def cancel(self) -> None:
        """Nobody waits for this answer any more. Idempotent, and safe after its end."""
        self._forget()
        if not self._complete:
            self._end()
            self._on_cancel(self._id)

    def put(self, event: Event) -> None:
        """Take an event from the worker. One that comes after the end, or was told by a former
        worker, is dropped."""
        if self._complete:
            return
        match self._told.news(event):
            case Failed() as failed:
                self.fail(from_kind(failed.kind, failed.message, failed.param))
                return
            case Delta() as delta:
                self._merge(delta)
            case CallStarted() as call:
                self._waiting.pop(call.index, None)
                self._events.append(call)
            case Finished() as finished:
                self._waiting.pop(finished.index, None)
                self._events.append(finished)
                self._open_choices -= 1
            case Started() as started:
                self._events.append(started)
        if self._open_choices <= 0:
            self._end()
        self._news.set()

    def fail(self, error: PippinError) -> None:
        """End with this error, unless the answer is complete already."""
        if not self._complete:
            self._error = error
            self._end()

    def _take(self) -> Event:
        event = self._events.popleft()
        if not isinstance(event, _Waiting):
            return event
        if self._waiting.get(event.index) is event:
            del self._waiting[event.index]
        delta = event.merged()
        self._waiting_bytes -= _size(delta)
        if self._waiting_bytes <= self._max_waiting_bytes:
            self._too_much_since = None
        return delta

    def _merge(self, delta: Delta) -> None:
        waiting = self._waiting.get(delta.index)
        if waiting is None or not waiting.takes(delta):
            waiting = self._waiting[delta.index] = _Waiting(delta)
            self._events.append(waiting)
        else:
            waiting.add(delta)
        self._waiting_bytes += _size(delta)
        if self._waiting_bytes > self._max_waiting_bytes:
            self._lose_patience()

    def _lose_patience(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._too_much_since is None:
            self._too_much_since = now
        elif now - self._too_much_since >= self._patience_s:
            self._give_up()

    def _give_up(self) -> None:
        bound = self._max_waiting_bytes
        self.cancel()
        self._error = ServerBusy(
            f"The answer was read too slowly: more than {bound} bytes of it were waiting."
        )

    def _forget(self) -> None:
        self._events.clear()
        self._waiting.clear()
        self._waiting_bytes = 0
        self._error = None

    def _end(self) -> None:
        self._complete = True
        self._news.set()


def _size(delta: Delta) -> int:
    """Rough bytes of a delta in memory; additive, so merging does not change the sum."""
    tokens = sum(1 + len(logprob.top) for logprob in delta.logprobs)
    return len(delta.text) + tokens * LOGPROB_BYTES
