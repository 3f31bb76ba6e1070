"""The load client: a process of its own, raw asyncio sockets, bytes kept and read later.

Run as ``python -m benchmarks.client``. One message is one wave: requests that start together (or
some time later, or after so many events of the first), each on a fresh connection; the answer says
when what came and how much CPU the client itself took, since it shares the machine with the
servers.
"""

import asyncio
import time
from dataclasses import asdict

from benchmarks.child import Reply, serve
from benchmarks.connection import Connection
from benchmarks.exchange import BadAnswer, understand


class _Request(Connection):
    """One of a wave's, and when it is its turn."""

    def __init__(self, asked: Reply) -> None:
        super().__init__(asked["path"], asked["body"])
        self.cut: bool = asked["cut"]
        self.after_s: float = asked["after_s"]
        self.after_events: int = asked["after_events"]


async def _run(port: int, request: _Request, first: _Request) -> None:
    if request.after_s:
        await asyncio.sleep(request.after_s)
    if request.after_events:
        await first.events(request.after_events)
    await request.open(port)
    await request.done


async def wave(message: Reply) -> Reply:
    """All of the wave's answers, and what the client itself took."""
    requests = [_Request(asked) for asked in message["requests"]]
    cpu, start = time.process_time(), time.perf_counter()
    runs = [asyncio.create_task(_run(message["port"], r, requests[0])) for r in requests]
    awaited = [run for run, r in zip(runs, requests, strict=True) if not r.cut]
    await asyncio.gather(*awaited)
    for request in requests:
        if request.cut:
            request.leave()
    await asyncio.gather(*runs)
    cpu = time.process_time() - cpu
    last = max((r.reads[-1][0] for r in requests if r.reads), default=start)
    return {
        "seconds": last - start,
        "client_cpu": cpu,
        "answers": [_answer(request, start) for request in requests],
    }


def _answer(request: _Request, start: float) -> Reply:
    exchange = understand(request.reads, cut=request.cut)
    reply = asdict(exchange)
    reply["times"] = [t - start for t in exchange.times]
    return reply | {"sent": request.sent - start}


def _answer_wave(message: Reply) -> Reply:
    try:
        return asyncio.run(wave(message))
    except (BadAnswer, OSError) as error:
        return {"error": " ".join(str(error).split())}


if __name__ == "__main__":
    serve(_answer_wave)
