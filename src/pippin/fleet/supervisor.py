"""The life of a model's worker: start, hear, notice the end, settle what it left."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Literal

from pippin.core.model import ModelInfo
from pippin.errors import ModelFailed, ModelUnavailable
from pippin.fleet.doorstep import Doorstep
from pippin.fleet.inflight import InFlight
from pippin.fleet.process import (
    WORKER_COMMAND,
    WorkerProcess,
    worker_arguments,
    worker_options,
)
from pippin.settings import Settings
from pippin.wire.codec import BrokenFrame
from pippin.wire.messages import (
    PROTOCOL_VERSION,
    Detokenized,
    Hello,
    LoadFailed,
    Loading,
    MemoryTold,
    Pong,
    Ready,
    Rejected,
    Report,
    ToGateway,
    Tokenized,
)

logger = logging.getLogger(__name__)

State = Literal["loading", "ready", "failed"]

STOPPING = "The server is stopping."

EXIT_GRACE_S = 0.5
"""How long orphans wait, after the connection is lost, to be told how the worker ended."""
LINGER_S = 0.5
"""How long a dead worker's last messages are read, if something keeps its socket open."""


class WorkerLost(Exception):
    """This worker cannot go on. The words are for the operator."""


class Supervisor:
    """Owns the worker of one model: its process, its connection, its requests in flight.

    Every request that a worker leaves behind is ended with one ``ModelUnavailable``, and after
    ``stop`` neither process nor socket is left. One worker is one ``_live``; restarting it with
    a growing pause, and giving its requests to the next one, will be a loop around that.
    """

    def __init__(
        self,
        name: str,
        where: str,
        settings: Settings,
        command: Sequence[str] = WORKER_COMMAND,
    ) -> None:
        self.name = name
        self.state: State = "loading"
        self.reason: str | None = "starting its worker"
        """Why it failed or what it is doing, for the operator. It may name paths."""
        self.progress = Loading("")
        self._where = where
        self._settings = settings
        self._command = tuple(command)
        self._info: ModelInfo | None = None
        self._requests: InFlight | None = None
        self._life: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._taking_no_more = False
        self._settled = asyncio.Event()

    @property
    def info(self) -> ModelInfo:
        """Raises: ModelUnavailable unless ready."""
        if self.state != "ready" or self._info is None:
            raise self._unavailable()
        return self._info

    @property
    def requests(self) -> InFlight:
        """Where to send requests. Raises: ModelUnavailable unless ready."""
        if self.state != "ready" or self._requests is None or self._taking_no_more:
            raise self._unavailable()
        return self._requests

    def start(self) -> None:
        """Begin the life of a worker; returns at once."""
        self._life = asyncio.create_task(self._live(), name=f"supervisor of {self.name}")

    async def settled(self) -> None:
        """Wait until the model is ready, or has failed and ``reason`` says why."""
        await self._settled.wait()

    def end_answers(self) -> None:
        """End all that is in flight with one error each, and take no more requests."""
        self._taking_no_more = True
        if self._requests is not None:
            self._requests.orphan(ModelUnavailable, STOPPING)

    async def stop(self) -> None:
        """End the worker: ask it, then SIGTERM, then SIGKILL. Idempotent."""
        self._stopping.set()
        if self._life is not None:
            await asyncio.wait((self._life,))

    async def _live(self) -> None:
        """One worker, from its start to its end."""
        try:
            async with Doorstep() as doorstep:
                options = worker_options(self._settings, self.name, self._where)
                arguments = worker_arguments(options, doorstep.path)
                process = await WorkerProcess.start(self.name, (*self._command, *arguments))
                why: str | None = None
                try:
                    why = await self._attend(process, doorstep)
                finally:
                    await self._settle(process, why)
        except OSError as error:
            self._fail(f"its worker cannot be started: {error}")
        except Exception:
            logger.exception("%s: the supervisor failed", self.name)
            self._fail("an error inside the server; the log says more")

    async def _attend(self, process: WorkerProcess, doorstep: Doorstep) -> str | None:
        """Hear the worker until it ends or is to stop. Returns why it cannot go on, if it said so.

        Connection and process are both watched: either may end first.
        """
        conversation = asyncio.create_task(self._converse(doorstep))
        watches = (
            conversation,
            asyncio.create_task(process.ended()),
            asyncio.create_task(self._stopping.wait()),
        )
        try:
            await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait((conversation,), timeout=self._ask_to_end())
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.wait(watches)
        return self._verdict(conversation)

    def _ask_to_end(self) -> float:
        """If the server is stopping, tell the worker. Returns the seconds that it has left."""
        if not self._stopping.is_set():
            return LINGER_S
        if self._requests is None:
            return 0.0
        self._requests.shutdown()
        return self._settings.worker_stop_timeout_s

    def _verdict(self, conversation: asyncio.Task[None]) -> str | None:
        """What the conversation ended with, in words. Any other error is the supervisor's own."""
        try:
            return None if conversation.cancelled() else conversation.result()
        except WorkerLost as lost:
            return str(lost)

    async def _converse(self, doorstep: Doorstep) -> None:
        """Greet the worker and take its messages. Returns when the worker closes.

        Raises:
            WorkerLost: it is late, speaks another protocol, or cannot load its model.
        """
        limit = self._settings.worker_start_timeout_s
        try:
            async with asyncio.timeout(limit) as deadline:
                channel = await doorstep.visitor()
                try:
                    messages = channel.messages()
                    await self._greet(messages)
                    deadline.reschedule(None)
                    doorstep.close()
                    await self._listen(messages, InFlight(channel, max_answers(self._settings)))
                finally:
                    channel.abort()
        except TimeoutError as error:
            raise WorkerLost(f"its worker did not report within {limit:g} s") from error
        except BrokenFrame as error:
            raise WorkerLost(f"its worker broke the protocol: {error}") from error
        finally:
            doorstep.close()

    async def _greet(self, messages: AsyncIterator[ToGateway]) -> None:
        """The first message must be a ``Hello`` of this version. None at all is an early end."""
        hello = await anext(messages, None)
        if hello is None:
            return
        if not isinstance(hello, Hello):
            raise BrokenFrame("it did not begin with a greeting")
        if hello.version != PROTOCOL_VERSION:
            raise WorkerLost(
                f"its worker speaks version {hello.version} of the protocol and this server "
                f"{PROTOCOL_VERSION}: both must be of one installation"
            )

    async def _listen(self, messages: AsyncIterator[ToGateway], requests: InFlight) -> None:
        self._requests = requests
        async for message in messages:
            self._hear(message, requests)

    def _hear(self, message: ToGateway, requests: InFlight) -> None:
        match message:
            case Report():
                for event in message.events:
                    requests.deliver(event)
            case Tokenized() | Detokenized() | MemoryTold() | Rejected():
                requests.settle(message)
            case Loading():
                self.progress = message
                self.reason = _describe(message)
            case Ready():
                self._become_ready(message.model)
            case LoadFailed():
                raise WorkerLost(message.reason)
            case Pong():
                logger.debug("%s: %s", self.name, message)
            case Hello():
                raise BrokenFrame("a second greeting")

    def _become_ready(self, info: ModelInfo) -> None:
        self._info = info
        self.state = "ready"
        self.reason = None
        self._settled.set()
        logger.info("%s: ready on %s", self.name, info.device or "an unnamed device")

    async def _settle(self, process: WorkerProcess, why: str | None) -> None:
        """The conversation is over: end what waits for it, then the process."""
        was = "answered" if self.state == "ready" else "loaded"
        self.state = "failed"
        stopping = self._stopping.is_set()
        how = await process.ended_within(0.0 if stopping else EXIT_GRACE_S)
        ended = "failed" if why else f"died ({how})" if how else "was lost"
        if self._requests is not None and stopping:
            self._requests.orphan(ModelUnavailable, STOPPING)
        elif self._requests is not None:
            what = f"The worker of model {self.name!r} {ended} while it {was}."
            self._requests.orphan(ModelFailed, f"{what} Nothing of the answer is kept.")
        self._requests = None
        await process.stop(self._settings.worker_stop_timeout_s)
        if stopping:
            self.reason = "the server is stopping"
            self._settled.set()
        else:
            self._fail(why or f"its worker {ended} while it {was}", process.last_words)

    def _fail(self, reason: str, last_words: Sequence[str] = ()) -> None:
        self.state = "failed"
        self.reason = reason
        words = " | ".join(last_words)
        # While loading, whoever waits for ``settled`` tells the reason: it is not said twice.
        level = logging.ERROR if self._settled.is_set() or words else logging.DEBUG
        self._settled.set()
        told = f"; its last words: {words}" if words else ""
        logger.log(level, "%s: %s%s", self.name, reason, told)

    def _unavailable(self) -> ModelUnavailable:
        if self._taking_no_more or self._stopping.is_set():
            return ModelUnavailable(STOPPING)
        if self.state == "loading":
            return ModelUnavailable(f"The model {self.name!r} is loading; try again soon.")
        return ModelFailed(f"The model {self.name!r} has failed; the server's log says why.")


def max_answers(settings: Settings) -> int:
    """How many requests one model may hold, at work and waiting."""
    return (settings.max_concurrency or settings.max_lanes) + settings.queue_size


def _describe(loading: Loading) -> str:
    """Progress in words: ``weights, 30 %``. The units are the stage's own, and may be bytes."""
    if loading.total > 0:
        return f"{loading.stage}, {100 * loading.done // loading.total} %"
    return loading.stage
