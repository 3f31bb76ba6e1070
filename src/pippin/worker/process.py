"""The worker process: connect, load, serve, and end with the gateway."""

import asyncio
import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from pippin.core.worker import WorkerOptions
from pippin.engine.lane import Output
from pippin.models.errors import CannotLoad
from pippin.wire import codec
from pippin.wire import messages as wire
from pippin.wire.channel import Channel
from pippin.worker.engine_thread import EngineThread
from pippin.worker.executor import Executor
from pippin.worker.runtime import Engine, Load, Served
from pippin.worker.watchdog import watch

log = logging.getLogger(__name__)

LOAD_FAILED = 3
ENGINE_DIED = 4
FLUSH_S = 2.0
"""How long a worker that is to end may write; the gateway waits longer."""
SWITCH_INTERVAL_S = 0.0002
"""How long text work may keep Python's lock while the engine thread waits for it."""


def main(socket: str, options: WorkerOptions, load: Load) -> int:
    """``load``: of the runtime that computes this model."""
    logging.basicConfig(
        level=options.log_level.upper(), format="%(levelname)s %(message)s", stream=sys.stderr
    )
    _die_with_parent()
    # Ctrl-C reaches the whole process group; the gateway decides when a worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    code = asyncio.run(Worker(socket, options, load).run())
    # Threads may be deep in native code: leave without waiting for them.
    sys.stderr.flush()
    os._exit(code)


class Worker:
    """One life: hello, loading, ready, serving. Owns the channel and the threads."""

    def __init__(self, socket: str, options: WorkerOptions, load: Load) -> None:
        self._socket = socket
        self._options = options
        self._load = load
        self._executor: Executor | None = None
        self._exit_code = 0
        self._told_percent: tuple[str, int] = ("", -1)

    async def run(self) -> int:
        """The process's exit code. The end of the connection is the end of this process."""
        self._loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_unix_connection(self._socket)
        self._channel = Channel(reader, writer, codec.worker_side())
        self._channel.send(wire.Hello(wire.PROTOCOL_VERSION, os.getpid()))
        self._engine = EngineThread(self._make_engine, self._deliver, _exit_at_once)
        self._engine.start()
        patience = self._options.stall_timeout_s
        watchdog = asyncio.create_task(watch(self._engine, patience, _exit_at_once))
        async for message in self._channel.messages():
            if isinstance(message, wire.Shutdown):
                await self._close_engine()
                break
            if isinstance(message, wire.Ping):  # also while the model is being loaded
                self._channel.send(wire.Pong(message.id, *self._engine.load))
            elif self._executor:
                self._executor.handle(message)
        watchdog.cancel()
        return self._exit_code

    async def _close_engine(self) -> None:
        """Let it write down what it remembers. It may be in the middle of something long: what
        is not written in time is only not remembered."""
        closed = asyncio.Event()
        if self._executor:
            self._engine.ask(
                lambda engine: engine.close(FLUSH_S), lambda _: self._in_loop(closed.set)
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(closed.wait(), FLUSH_S + 1.0)

    # -- on the engine thread --------------------------------------------------------------------

    def _make_engine(self) -> Engine:
        """Load the model and tell the loop how it went."""
        try:
            served = self._load(self._options, self._progress, self._engine.wake)
        except CannotLoad as error:
            reason = str(error)
        except Exception as error:
            # Foreign files in foreign formats: whatever comes, the operator has to learn of it.
            log.exception("the model cannot be loaded")
            reason = f"The model cannot be loaded: {type(error).__name__}: {error}"
        else:
            self._in_loop(lambda: self._ready(served))
            return served.engine
        self._in_loop(lambda: self._load_failed(reason))
        threading.Event().wait()  # the loop ends the process
        raise CannotLoad(reason)

    def _deliver(self, outputs: Sequence[Output]) -> None:
        if executor := self._executor:
            self._in_loop(lambda: executor.deliver(outputs))

    def _progress(self, stage: str, done: int, total: int) -> None:
        percent = done * 100 // total if total else 0
        if (stage, percent) != self._told_percent:
            self._told_percent = (stage, percent)
            self._in_loop(lambda: self._channel.send(wire.Loading(stage, done, total)))

    def _in_loop(self, call: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(call)

    # -- on the event loop -----------------------------------------------------------------------

    def _load_failed(self, reason: str) -> None:
        self._exit_code = LOAD_FAILED
        self._channel.send(wire.LoadFailed(reason))
        self._channel.end()

    def _ready(self, served: Served) -> None:
        self._executor = Executor(
            self._channel,
            engine=self._engine,
            language=served.language,
            model=served.info,
            fits=served.engine.fits,
            text=served.text,
            adapters=served.adapters,
        )
        self._channel.send(wire.Ready(served.info))


def _exit_at_once() -> None:
    """The engine is broken beyond its own repair: the gateway learns of it by our death."""
    sys.stderr.flush()
    os._exit(ENGINE_DIED)


def _die_with_parent() -> None:
    """On Linux the kernel ends us with our parent; elsewhere the closed socket does."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
