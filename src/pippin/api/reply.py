"""Answers on their way out: whole, or as server-sent events. Both own the client's connection.

A client that leaves, at any time, cancels everything that it asked for.
"""

import asyncio
import logging
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from pippin.api.explanation import explanation
from pippin.api.faults import public_error
from pippin.api.fold import UNFINISHED, Fold
from pippin.api.gate.request_id import current_request_id
from pippin.api.inbox import Arrival, ClientLeft, Inbox, opened_inbox
from pippin.api.ports import ServedModel
from pippin.api.rendering import Rendering, frame
from pippin.api.usage import Tally
from pippin.core.events import CallStarted, Delta, Finished, Started
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
    """One client's request, valid and ready: what to ask of which model, and how to show it."""

    model: ServedModel
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


class WholeReply(Response):
    """The answer in one piece, when it is complete."""

    def __init__(self, order: Order) -> None:
        super().__init__(media_type="application/json")
        self._order = order

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self.body = await self._folded(receive)
        except ClientLeft:
            return
        self.headers["content-length"] = str(len(self.body))
        await super().__call__(scope, receive, send)

    async def _folded(self, receive: Receive) -> bytes:
        order = self._order
        fold = Fold(len(order.requests), order.requests[0].choices, order.choices)
        async with opened_inbox(order.model, order.requests, receive) as inbox:
            while (arrived := await inbox.take()) is not None:
                for arrival in arrived:
                    fold.add(arrival)
        told = explanation(fold.started, order.show_remembered) if order.explain else None
        return order.rendering.whole(fold.shown(), fold.tally.usage(), told)


class StreamedReply(Response):
    """The answer as it comes.

    Headers are sent once every prompt has started, so that a refusal still has its status; or
    after ``keepalive_interval_s``, so that no proxy gives up. From then on an error is one event,
    the last. What has arrived while the client was reading goes out in one piece.
    """

    def __init__(self, order: Order, keepalive_interval_s: float) -> None:
        super().__init__(headers=STREAM_HEADERS)
        del self.headers["content-length"]
        self._order = order
        self._patience_s = keepalive_interval_s
        self._tally = Tally()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        order = self._order
        try:
            async with opened_inbox(order.model, order.requests, receive) as inbox:
                first = await self._accepted(inbox)
                await send(
                    {
                        "type": "http.response.start",
                        "status": self.status_code,
                        "headers": self.raw_headers,
                    }
                )
                await self._stream(inbox, first, send)
        except ClientLeft:
            return

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
        try:
            while (arrived := await inbox.take(self._patience_s)) is not None:
                await _write(send, self._rendered(arrived) if arrived else KEEP_ALIVE)
            last = self._closing()
        except ClientLeft:
            raise
        except Exception as error:  # noqa: BLE001
            # The status is sent: only the stream itself can still say it.
            last = _error_frame(error)
        await send({"type": "http.response.body", "body": last, "more_body": False})

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


def _error_frame(error: Exception) -> bytes:
    """The one event that ends a stream which cannot go on; clients raise on its ``error``."""
    if not isinstance(error, PippinError):
        logger.error("%s failed unexpectedly", current_request_id.get(), exc_info=error)
    return frame(public_error(error).body())
