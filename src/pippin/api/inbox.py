"""Where a reply waits: for events of its answers, for silence to last, for its client to leave."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from starlette.types import Receive

from pippin.api.ports import Answer, ServedModel
from pippin.core.events import Event
from pippin.core.model import ModelInfo
from pippin.core.request import GenerationRequest

Arrival = tuple[int, Event]
"""An event, and the number of the answer (prompt) that it belongs to."""

TURN = 32
"""Events that one answer may lay here before the reply takes them: an answer that bursts waits,
merging its deltas, while the others lay theirs."""


class ClientLeft(Exception):
    """Nobody waits for this reply any more."""


class Inbox:
    """The events of several answers, taken by one reply as fast as its client reads.

    Never holds more than ``TURN`` events per answer: what is behind waits, merged, in the answer.
    """

    def __init__(self, answers: int) -> None:
        self._open_answers = answers
        self._arrived: list[Arrival] = []
        self._error: Exception | None = None
        self._client_left = False
        self._patient = True
        self._news = asyncio.Event()
        self._taken = asyncio.Event()

    async def take(self, patience_s: float | None = None) -> list[Arrival] | None:
        """All that has arrived since, in order; empty if that long nothing did; ``None`` when
        every answer is complete.

        Raises:
            ClientLeft: at once, whatever else has arrived.
            Exception: what an answer raised, after all that came before it.
        """
        if not self._ready:
            await self._sleep(patience_s)
        if self._client_left:
            raise ClientLeft
        arrived, self._arrived = self._arrived, []
        self._taken.set()
        if not arrived and self._error is not None:
            raise self._error
        return None if not arrived and self._open_answers == 0 else arrived

    async def collect(self, number: int, answer: Answer) -> None:
        """Lay one answer's events here until it ends. Runs as a task of its own."""
        laid = 0
        try:
            async for event in answer:
                self._arrived.append((number, event))
                self._news.set()
                laid += 1
                if laid >= TURN:
                    self._taken.clear()
                    await self._taken.wait()
                    laid = 0
            self._open_answers -= 1
        except Exception as error:  # noqa: BLE001
            # Whatever it is, ``take`` raises it where the reply can answer.
            self._error = self._error or error
        self._news.set()

    async def watch(self, receive: Receive, answers: Iterable[Answer]) -> None:
        """Cancel everything when the client leaves. Runs as a task of its own."""
        await _left(receive)
        for answer in answers:
            answer.cancel()
        self._client_left = True
        self._news.set()

    @property
    def _ready(self) -> bool:
        """Whether there is something to take, to raise, or nothing left to wait for."""
        over = self._client_left or self._error is not None or self._open_answers == 0
        return over or bool(self._arrived)

    async def _sleep(self, patience_s: float | None) -> None:
        """Until ready, or until patience is lost."""
        self._patient = True
        timer = None
        if patience_s is not None:
            timer = asyncio.get_running_loop().call_later(patience_s, self._lose_patience)
        try:
            while self._patient and not self._ready:
                self._news.clear()
                await self._news.wait()
        finally:
            if timer is not None:
                timer.cancel()

    def _lose_patience(self) -> None:
        self._patient = False
        self._news.set()


@asynccontextmanager
async def opened_inbox(
    model: ServedModel, requests: Sequence[GenerationRequest], receive: Receive
) -> AsyncIterator[Inbox]:
    """Submit the requests and collect their events.

    However the block is left, every answer is cancelled and every task has ended after it.
    """
    answers: Sequence[Answer] = ()
    tasks: list[asyncio.Task[None]] = []
    try:
        answers = model.submit_all(requests)
        inbox = Inbox(len(answers))
        tasks.append(asyncio.create_task(inbox.watch(receive, answers)))
        for number, answer in enumerate(answers):
            tasks.append(asyncio.create_task(inbox.collect(number, answer)))
        yield inbox
    finally:
        for answer in answers:
            answer.cancel()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def held_for_client(
    model: ServedModel,
    receive: Receive,
    every_s: float | None = None,
    still_waiting: Callable[[], Awaitable[None]] | None = None,
) -> AsyncIterator[ModelInfo]:
    """Hold the model, which may have to be loaded first; ``still_waiting`` is called each
    ``every_s`` meanwhile.

    Raises:
        ClientLeft: nobody waits for it any more.
        PippinError: as ``ServedModel.held``.
    """
    async with AsyncExitStack() as held:
        if model.ready:
            yield await held.enter_async_context(model.held())
            return
        entering = asyncio.create_task(held.enter_async_context(model.held()))
        leaving = asyncio.create_task(_left(receive))
        try:
            while not entering.done():
                await asyncio.wait(
                    (entering, leaving), timeout=every_s, return_when=asyncio.FIRST_COMPLETED
                )
                if leaving.done():
                    raise ClientLeft
                if still_waiting is not None and not entering.done():
                    await still_waiting()
        finally:
            for task in (entering, leaving):
                task.cancel()
            await asyncio.gather(entering, leaving, return_exceptions=True)
        yield entering.result()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
