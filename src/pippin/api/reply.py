"""Answers on their way out: whole, or as server-sent events. Both own the client's connection.

A client that leaves, at any time, cancels everything that it asked for.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pippin.api.explanation import explanation
from pippin.api.faults import public_error
from pippin.api.fold import UNFINISHED, Fold
from pippin.api.gate.request_id import current_request_id
from pippin.api.inbox import Arrival, ClientLeft, Inbox, held_for_client, opened_inbox
from pippin.api.ports import ServedModel
from pippin.api.rendering import Rendering, frame
from pippin.api.usage import Tally
from pippin.core.events import CallStarted, Delta, Finished, Started
from pippin.core.model import ModelInfo
from pippin.core.request import GenerationRequest
from pippin.errors import EngineFailure, PippinError

logger = logging.getLogger(__name__)

KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"

STREAM_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}


@dataclass(frozen=True)
class Order:
    """One client's request, valid and ready: what to ask of a model, and how to show it."""

    requests: list[GenerationRequest]
    choices: int
    """Shown per prompt; a request may ask for more candidates (``best_of``)."""
    rendering: Rendering
    include_usage: bool = False
    show_remembered: bool = False
    """Whether an explanation may tell a remembered token: only to whom it belongs."""

    @property
    def explain(self) -> bool:
        return self.requests[0].explain_cache


MakeOrder = Callable[[ModelInfo], Order]
"""What only the loaded model can refuse is refused here, with a ``PippinError``."""


class WholeReply(Response):
    """The answer in one piece, when it is complete."""

    def __init__(self, model: ServedModel, make_order: MakeOrder) -> None:
        super().__init__(media_type="application/json")
        self._model = model
        self._make_order = make_order

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with held_for_client(self._model, receive) as info:
                self.body = await self._folded(self._make_order(info), receive)
        except ClientLeft:
            return
        self.headers["content-length"] = str(len(self.body))
        await super().__call__(scope, receive, send)

    async def _folded(self, order: Order, receive: Receive) -> bytes:
        fold = Fold(len(order.requests), order.requests[0].choices, order.choices)
        async with opened_inbox(self._model, order.requests, receive) as inbox:
            while (arrived := await inbox.take()) is not None:
                for arrival in arrived:
                    fold.add(arrival)
        told = explanation(fold.started, order.show_remembered) if order.explain else None
        return order.rendering.whole(fold.shown(), fold.tally.usage(), told)


class StreamedReply(Response):
    """The answer as it comes.

    Headers are sent once every prompt has started, so that a refusal still has its status; or
    after ``keepalive_interval_s``, so that no proxy gives up, be it the model that is loaded or
    the queue that is waited in. From then on an error is one event, the last. What has arrived
    while the client was reading goes out in one piece.
    """

    def __init__(
        self, model: ServedModel, make_order: MakeOrder, keepalive_interval_s: float
    ) -> None:
        super().__init__(headers=STREAM_HEADERS)
        del self.headers["content-length"]
        self._model = model
        self._make_order = make_order
        self._patience_s = keepalive_interval_s
        self._tally = Tally()
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._answer(receive, send)
        except ClientLeft:
            return
        except Exception as error:
            if not self._begun:
                raise
            # The status is sent: only the stream itself can still say it.
            await send({"type": "http.response.body", "body": error_frame(error)})

    async def _answer(self, receive: Receive, send: Send) -> None:
        async def keep_alive() -> None:
            await self._begin(send)
            await _write(send, KEEP_ALIVE)

        waiting = held_for_client(self._model, receive, self._patience_s, keep_alive)
        async with waiting as info:
            self._order = order = self._make_order(info)
            async with opened_inbox(self._model, order.requests, receive) as inbox:
                first = await self._accepted(inbox)
                await self._begin(send)
                await self._stream(inbox, first, send)

    async def _begin(self, send: Send) -> None:
        if not self._begun:
            self._begun = True
            status, headers = self.status_code, self.raw_headers
            await send({"type": "http.response.start", "status": status, "headers": headers})

    async def _accepted(self, inbox: Inbox) -> bytes:
        """What to say first: once every prompt has started, or the client has waited for long."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._patience_s
        frames = [self._order.rendering.opening()]
        while self._tally.prompts_started < len(self._order.requests) and clock() < deadline:
            arrived = await inbox.take(deadline - clock())
            if not arrived:
                break
            frames.append(self._rendered(arrived))
        return b"".join(frames)

    async def _stream(self, inbox: Inbox, first: bytes, send: Send) -> None:
        await _write(send, first)
        while (arrived := await inbox.take(self._patience_s)) is not None:
            await _write(send, self._rendered(arrived) if arrived else KEEP_ALIVE)
        await send({"type": "http.response.body", "body": self._closing()})

    def _rendered(self, arrived: list[Arrival]) -> bytes:
        rendering, choices = self._order.rendering, self._order.choices
        frames = []
        for prompt, event in arrived:
            if isinstance(event, Delta):
                frames.append(rendering.delta(prompt * choices + event.index, event))
                continue
            if isinstance(event, CallStarted):
                frames.append(rendering.call(prompt * choices + event.index, event))
                continue
            self._tally.add(event)
            if isinstance(event, Finished):
                frames.append(rendering.finish(prompt * choices + event.index, event.reason))
            elif isinstance(event, Started) and self._order.explain:
                told = explanation({prompt: event}, self._order.show_remembered)
                frames.append(rendering.explanation(told))
        return b"".join(frames)

    def _closing(self) -> bytes:
        """Raises ``EngineFailure`` if the answers ended without finishing every choice."""
        if self._tally.choices_finished < len(self._order.requests) * self._order.choices:
            raise EngineFailure(UNFINISHED)
        if not self._order.include_usage:
            return DONE
        return self._order.rendering.usage(self._tally.usage()) + DONE


async def _write(send: Send, frames: bytes) -> None:
    if frames:
        await send({"type": "http.response.body", "body": frames, "more_body": True})


def error_frame(error: Exception) -> bytes:
    """The one event that ends a stream which cannot go on; clients raise on its ``error``."""
    if not isinstance(error, PippinError):
        logger.error("%s failed unexpectedly", current_request_id.get(), exc_info=error)
    return frame(public_error(error).body())
