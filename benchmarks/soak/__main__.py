"""``python -m benchmarks.soak``: a server of its own, clients, and a verdict."""

import asyncio
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine
from typing import NoReturn

from rich.console import Console

from benchmarks.servers import Server, ServerFailed, free_port
from benchmarks.soak import options, traffic
from benchmarks.soak.crew import Crew, NoReference
from benchmarks.soak.memory import MIB, Sample, Sampler
from benchmarks.soak.options import Options
from benchmarks.soak.report import Report
from benchmarks.soak.traffic import Traffic

TELL_EVERY_S = 10.0
REST_S = 3.0
"""At the end, so that an idle engine checks its books."""
SERVER_FLAGS = ("--max-concurrency", "8", "--queue-size", "8", "--queue-timeout", "60")


def main() -> int:
    """The exit status: 1 when anything was wrong, 130 when stopped."""
    signal.signal(signal.SIGTERM, _end)
    chosen, console = options.parse(sys.argv[1:]), Console(highlight=False)
    report = Report()
    try:
        _run(chosen, console, report)
    except KeyboardInterrupt:
        console.print("Stopped; the server is down.")
        return 130
    except (ServerFailed, NoReference) as error:
        console.print(f"The soak failed: {error}", markup=False, soft_wrap=True)
        return 1
    report.add_log(chosen.log)
    report.show(console)
    return 1 if report.faults else 0


def _end(number: int, frame: object) -> NoReturn:
    """SIGTERM ends the run as Ctrl-C does, so that no server is left behind."""
    raise KeyboardInterrupt


def _run(chosen: Options, console: Console, report: Report) -> None:
    chosen.log.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as kept, _server(chosen, kept) as server:
        workers = _workers(server)
        crew, samples = asyncio.run(_soak(server, chosen, console))
        after = _workers(server)
        report.add_answers(crew.seen)
        report.add_memory(samples)
        report.add_end(server.stop(), workers, after)


def _server(chosen: Options, kept: str) -> Server:
    port = free_port()
    command = [sys.executable, "-m", "pippin", "serve", f"{traffic.MODEL}={chosen.model}"]
    command += ["--port", str(port), "--log-level", "warning", *SERVER_FLAGS]
    command += ["--memory", chosen.memory]
    command += ["--cache-ram", chosen.cache_ram, "--cache-disk", chosen.cache_disk]
    variables = {
        "PIPPIN_CACHE_DIR": kept,
        "PIPPIN_API_KEYS": ",".join(traffic.KEYS),
        "PIPPIN_AGENT_KEYS": traffic.AGENT_KEY,
        "PIPPIN_BATCH_KEYS": traffic.BATCH_KEY,
    }
    return Server(command, port, "/health/ready", chosen.log, variables)


def _workers(server: Server) -> set[int]:
    return {process.pid for process in server.process.children(recursive=True)}


async def _soak(server: Server, chosen: Options, console: Console) -> tuple[Crew, list[Sample]]:
    """Raises NoReference."""
    crew = Crew(Traffic(chosen.seed), server.port)
    console.print(f"Taking {traffic.REFERENCES} answers alone", style="dim")
    await crew.learn()
    sampler, begin = Sampler(server.process), time.monotonic()
    end = begin + chosen.minutes * 60
    async with _beside(sampler.watch(), _tell(console, crew, sampler, begin, end)):
        await crew.work(chosen.clients, end)
    await asyncio.sleep(REST_S)
    return crew, sampler.samples


@contextlib.asynccontextmanager
async def _beside(*doings: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Runs them as long as the block does. An error of theirs is raised at its end."""
    tasks = [asyncio.ensure_future(doing) for doing in doings]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _tell(
    console: Console, crew: Crew, sampler: Sampler, begin: float, end: float
) -> NoReturn:
    """A line now and then, until cancelled."""
    whole = end - begin
    while True:
        await asyncio.sleep(TELL_EVERY_S)
        passed, seen, last = time.monotonic() - begin, crew.seen, sampler.samples[-1]
        clock = f"{_clock(passed)} of {_clock(whole)}" if passed < whole else "the last answers"
        console.print(
            f"{clock}: {seen.endings['answered']:,} answered, {seen.endings['left']:,} left, "
            f"{seen.endings['busy']:,} busy, {seen.wrong:,} wrong; "
            f"gateway {last.gateway / MIB:.0f} MiB, workers {last.workers / MIB:.0f} MiB",
            soft_wrap=True,
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


if __name__ == "__main__":
    sys.exit(main())
