"""A worker's process: how it is started, how its words reach the log, how it ends."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec

from pippin.core.sampling import SamplingDefaults
from pippin.core.worker import Bits, Quantisation, WorkerOptions
from pippin.settings import Settings
from pippin.settings.foreign.variables import TAKEN

logger = logging.getLogger(__name__)

# -P: the folder in which the server was started must not shadow the worker's modules.
WORKER_COMMAND = (sys.executable, "-P", "-m", "pippin.worker")
LAST_WORDS_LINES = 20
LONGEST_LINE_BYTES = 64 * 1024
HEAR_TIMEOUT_S = 1.0
WORKERS_VARIABLES = ("PIPPIN_BLAS",)
"""Which BLAS library to load, on Linux."""
BITS: dict[str, Bits] = {"q2": 2, "q3": 3, "q4": 4, "q6": 6, "q8": 8}
LEVELS = {"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}


class WorkerProcess:
    """One running worker. Whoever starts it must ``stop`` it; then nothing of it is left.

    It is in a session of its own: Ctrl-C in the terminal is for the server, which then ends
    its workers in order.
    """

    def __init__(self, name: str, process: Process, output: "Output") -> None:
        self._name = name
        self._process = process
        self._output = output
        self._last_words: deque[str] = deque(maxlen=LAST_WORDS_LINES)
        self._words = asyncio.create_task(self._forward_words())

    @classmethod
    async def start(cls, name: str, command: Sequence[str]) -> Self:
        """Raises: OSError if the command cannot be run."""
        output, write_end = await Output.open()
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env=environment(os.environ),
                start_new_session=True,
            )
        except OSError:
            output.close()
            raise
        finally:
            os.close(write_end)
        return cls(name, process, output)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def last_words(self) -> tuple[str, ...]:
        """The last lines that the process wrote."""
        return tuple(self._last_words)

    async def ended(self) -> str:
        """Wait for the end of the process; then how it ended, in words."""
        return describe_exit(await self._process.wait())

    async def ended_within(self, seconds: float) -> str | None:
        """How it ended, or ``None`` if it still runs."""
        try:
            return await asyncio.wait_for(self.ended(), seconds)
        except TimeoutError:
            return None

    async def stop(self, patience_s: float) -> None:
        """Make sure of the end: SIGTERM, wait, SIGKILL. Nothing to do if it has ended.

        SIGKILL comes last, since a Mac may not give back the GPU memory of a killed process.
        """
        if self._process.returncode is None:
            self._process.terminate()
            if await self.ended_within(patience_s) is None:
                logger.warning("%s: the worker ignores SIGTERM and is killed", self._name)
                self._process.kill()
        await self._process.wait()
        await self._hear_last_words()

    async def _hear_last_words(self) -> None:
        """Read what is left in the pipe. Whoever still holds it open is a child of the worker."""
        finished, _ = await asyncio.wait((self._words,), timeout=HEAR_TIMEOUT_S)
        if not finished:
            logger.warning("%s: the worker left children, which are killed", self._name)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            await asyncio.wait((self._words,), timeout=HEAR_TIMEOUT_S)
        self._words.cancel()
        self._output.close()

    async def _forward_words(self) -> None:
        """Every line of the worker goes to the server's log, with the model's name before it."""
        async for line in self._output.lines():
            self._log(line)

    def _log(self, line: str) -> None:
        self._last_words.append(line)
        first, _, rest = line.partition(" ")
        if first in LEVELS:
            logger.log(logging.getLevelNamesMapping()[first], "%s: %s", self._name, rest)
        else:
            logger.info("%s: %s", self._name, line)


class Output:
    """What a process writes, line by line. Owns the reading end of a pipe.

    Not asyncio's own pipe of a process: with that one, the end of the process is noticed only
    when the pipe is closed too, and a child of the process may hold it open for ever.
    """

    def __init__(self, reader: asyncio.StreamReader, transport: asyncio.ReadTransport) -> None:
        self._reader = reader
        self._transport = transport

    @classmethod
    async def open(cls) -> tuple[Self, int]:
        """The reading end, and the descriptor for the process to write to."""
        read_end, write_end = os.pipe()
        reader = asyncio.StreamReader(limit=LONGEST_LINE_BYTES)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb", buffering=0)
        )
        return cls(reader, transport), write_end

    async def lines(self) -> AsyncIterator[str]:
        """Until nobody can write any more. A line that is far too long is left out."""
        while True:
            try:
                line = await self._reader.readline()
            except ValueError:
                continue
            if not line:
                return
            yield line.decode("utf-8", "replace").rstrip()

    def close(self) -> None:
        self._transport.close()


def worker_arguments(options: WorkerOptions, socket: Path) -> tuple[str, ...]:
    """The command line of ``pippin.worker`` for one model."""
    return ("--socket", str(socket), "--options", msgspec.json.encode(options).decode())


def worker_options(settings: Settings, name: str, where: str) -> WorkerOptions:
    """What the worker of one model is told. ``settings``: those that hold for this model."""
    return WorkerOptions(
        name=name,
        model=where,
        log_level=settings.log_level,
        blas_threads=settings.blas_threads,
        keep_dtype=settings.keep_dtype,
        tool_parser=settings.tool_parser,
        quantise=_quantisation(settings),
        adapters={name: str(folder) for name, folder in settings.adapters.items()},
        default_adapter=settings.default_adapter,
        chat_format=settings.chat_format,
        context_length=settings.context_length,
        defaults=SamplingDefaults(
            temperature=settings.temperature,
            top_p=settings.top_p,
            top_k=settings.top_k,
            min_p=settings.min_p,
            repetition_penalty=settings.repetition_penalty,
            max_tokens=settings.max_tokens,
        ),
        prefill_budget=settings.prefill_budget,
        max_lanes=settings.max_lanes,
        max_concurrency=settings.max_concurrency,
        queue_timeout_s=settings.queue_timeout_s,
        stall_timeout_s=settings.stall_timeout_s,
        memory=int(settings.memory),
        kv_bits=settings.kv_bits or 0,
        # The worker knows the machine and the model, and chooses where nothing was said.
        cache_ram=-1 if settings.cache_ram is None else int(settings.cache_ram),
        cache_disk=int(settings.cache_disk),
        cache_dir=str(settings.cache_folder),
        cache_write_rate=int(settings.cache_write_rate),
        cache_min_tokens=settings.cache_min_tokens,
        cache_slots=settings.cache_slots,
    )


def _quantisation(settings: Settings) -> Quantisation | None:
    if settings.quantize in (None, "fp16"):
        return None
    bits = BITS[settings.quantize]
    return Quantisation(bits=bits, group_size=settings.group_size)


def environment(outer: Mapping[str, str]) -> dict[str, str]:
    """What a worker sees of the environment: none of our own variables, nor those of other
    servers that count as ours, hence no API key, but for those that are meant for it.

    Its settings come as flags. Its output is not buffered, so that last words arrive.
    """
    kept = {
        name: value
        for name, value in outer.items()
        if name in WORKERS_VARIABLES or not (name.upper().startswith("PIPPIN_") or name in TAKEN)
    }
    return kept | {"PYTHONUNBUFFERED": "1"}


def describe_exit(code: int) -> str:
    """How a process ended: ``exit code 1``, ``signal 9: SIGKILL``."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {-code}: {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
