"""The life of one worker: start, hear, notice the end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from pippin.core.model import ModelInfo
from pippin.core.worker import WorkerOptions
from pippin.fleet.doorstep import Doorstep
from pippin.fleet.inflight import InFlight
from pippin.fleet.process import WORKER_COMMAND, WorkerProcess, worker_arguments
from pippin.fleet.pulse import Pulse
from pippin.settings import Settings
from pippin.wire.channel import Channel
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

EXIT_GRACE_S = 0.5
"""How long to wait, after the connection is lost, to be told how the worker ended."""
LINGER_S = 0.5
"""How long a dead worker's last messages are read, if something keeps its socket open."""


class WorkerLost(Exception):
    """This worker cannot go on. The words are for the operator."""


class CannotLoad(WorkerLost):
    """It says that its model cannot be loaded: another worker could not either."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a worker ended."""

    reason: str
    """For the operator; it may name paths."""
    what: str
    """What became of the worker, for a client: ``died (signal 9: SIGKILL)``, ``failed``."""
    last_words: tuple[str, ...]
    lived_s: float
    """How long it was ready; 0 if it never was."""
    hopeless: bool = False
    """The model cannot be loaded, so a further worker would end in the same way."""


class WorkerLife:
    """One worker. Owned by its supervisor, which runs it once.

    When ``run`` returns, neither process nor socket is left; what the worker was asked is still in
    ``requests``, for the supervisor to settle.
    """

    def __init__(
        self,
        options: WorkerOptions,
        settings: Settings,
        *,
        command: Sequence[str] = WORKER_COMMAND,
        on_loading: Callable[[Loading], None],
        on_ready: Callable[[ModelInfo], None],
    ) -> None:
        self.requests: InFlight | None = None
        """From the greeting on."""
        self.pulse: Pulse | None = None
        """Since the same time."""
        self.pid: int | None = None
        self._name = options.name
        self._options = options
        self._settings = settings
        self._command = tuple(command)
        self._on_loading = on_loading
        self._on_ready = on_ready
        self._ready_at: float | None = None
        self._stopping = asyncio.Event()

    @property
    def unresponsive(self) -> bool:
        """It was alive, and gives no sign of life now."""
        return self.pulse is not None and self._ready_at is not None and self.pulse.unresponsive

    def stop(self) -> None:
        """Ask it to end: then SIGTERM, then SIGKILL, each after its time. Idempotent."""
        self._stopping.set()

    async def run(self) -> Ending:
        """From its start to its end. Cancelling ends the process, too."""
        try:
            async with Doorstep() as doorstep:
                arguments = worker_arguments(self._options, doorstep.path)
                process = await WorkerProcess.start(self._name, (*self._command, *arguments))
                self.pid = process.pid
                why: WorkerLost | None = None
                try:
                    why = await self._attend(process, doorstep)
                finally:
                    ending = await self._end(process, why)
                return ending
        except OSError as error:
            reason = f"its worker cannot be started: {error}"
            return Ending(reason, "cannot be started", (), 0.0)

    async def _attend(self, process: WorkerProcess, doorstep: Doorstep) -> WorkerLost | None:
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
        return _verdict(conversation)

    def _ask_to_end(self) -> float:
        """If it is to stop, tell the worker. Returns the seconds that it has left."""
        if not self._stopping.is_set():
            return LINGER_S
        if self.requests is None:
            return 0.0
        self.requests.shutdown()
        return self._settings.worker_stop_timeout_s

    async def _end(self, process: WorkerProcess, why: WorkerLost | None) -> Ending:
        """The conversation is over: end the process, and say how it went."""
        lived_s = 0.0 if self._ready_at is None else _now() - self._ready_at
        was = "loaded" if self._ready_at is None else "answered"
        how = await process.ended_within(0.0 if self._stopping.is_set() else EXIT_GRACE_S)
        await process.stop(self._settings.worker_stop_timeout_s)
        self.pid = None
        what = f"failed while it {was}" if why else f"died ({how}) while it {was}"
        if how is None and why is None:
            what = f"was lost while it {was}"
        return Ending(
            reason=str(why) if why else f"its worker {what}",
            what=what,
            last_words=process.last_words,
            lived_s=lived_s,
            hopeless=isinstance(why, CannotLoad),
        )

    async def _converse(self, doorstep: Doorstep) -> None:
        """Greet the worker and take its messages. Returns when the worker closes.

        Raises:
            WorkerLost: it is late, silent, speaks another protocol, or cannot load its model.
        """
        limit = self._settings.worker_start_timeout_s
        try:
            async with asyncio.timeout(limit) as deadline:
                channel = await doorstep.visitor()
                try:
                    messages = channel.messages()
                    await _greet(messages)
                    deadline.reschedule(None)
                    doorstep.close()
                    await self._listen(channel, messages)
                finally:
                    channel.abort()
        except TimeoutError as error:
            raise WorkerLost(f"its worker did not report within {limit:g} s") from error
        except BrokenFrame as error:
            raise WorkerLost(f"its worker broke the protocol: {error}") from error
        finally:
            doorstep.close()

    async def _listen(
        self, channel: Channel[ToGateway], messages: AsyncIterator[ToGateway]
    ) -> None:
        """Until the worker closes, or is silent for too long."""
        self.requests = InFlight(channel, max_answers(self._settings))
        self.pulse = Pulse(channel.send, self._settings.worker_silence_timeout_s)
        hearing = asyncio.create_task(self._hear_all(messages, self.requests, self.pulse))
        watching = asyncio.create_task(self.pulse.lost())
        try:
            await asyncio.wait((hearing, watching), return_when=asyncio.FIRST_COMPLETED)
            if not hearing.done():
                raise WorkerLost(watching.result())
            hearing.result()
        finally:
            for task in (hearing, watching):
                task.cancel()
            await asyncio.wait((hearing, watching))

    async def _hear_all(
        self, messages: AsyncIterator[ToGateway], requests: InFlight, pulse: Pulse
    ) -> None:
        async for message in messages:
            pulse.heard()
            self._hear(message, requests, pulse)

    def _hear(self, message: ToGateway, requests: InFlight, pulse: Pulse) -> None:
        match message:
            case Report():
                for event in message.events:
                    requests.deliver(event)
            case Tokenized() | Detokenized() | MemoryTold() | Rejected():
                requests.settle(message)
            case Loading():
                self._on_loading(message)
            case Ready():
                self._ready_at = _now()
                pulse.ready()
                self._on_ready(message.model)
            case LoadFailed():
                raise CannotLoad(message.reason)
            case Pong():
                pulse.answered(message)
            case Hello():
                raise BrokenFrame("a second greeting")


def max_answers(settings: Settings) -> int:
    """How many requests one model may hold, at work and waiting."""
    return (settings.max_concurrency or settings.max_lanes) + settings.queue_size


async def _greet(messages: AsyncIterator[ToGateway]) -> None:
    """The first message must be a ``Hello`` of this version. None at all is an early end."""
    hello = await anext(messages, None)
    if hello is None:
        return
    if not isinstance(hello, Hello):
        raise BrokenFrame("it did not begin with a greeting")
    if hello.version != PROTOCOL_VERSION:
        raise CannotLoad(
            f"its worker speaks version {hello.version} of the protocol and this server "
            f"{PROTOCOL_VERSION}: both must be of one installation"
        )


def _verdict(conversation: asyncio.Task[None]) -> WorkerLost | None:
    """What the conversation ended with. Any other error is the supervisor's own."""
    try:
        return None if conversation.cancelled() else conversation.result()
    except WorkerLost as lost:
        return lost


def _now() -> float:
    return asyncio.get_running_loop().time()
