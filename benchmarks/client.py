"""The load client: a process of its own, raw asyncio sockets, bytes kept and read later.

Run as ``python -m benchmarks.client``. One message is one wave: requests that start together
(or after so many events of another), each on a fresh connection; the answer says when what came
and how much CPU the client itself took, since it shares the machine with the servers.
"""

import asyncio
import json
import time
from dataclasses import asdict
from typing import Any

from benchmarks.child import Reply, serve
from benchmarks.exchange import Read, understand


class _Request(asyncio.Protocol):
    """Sends one request, notes what comes back and when."""

    def __init__(self, payload: bytes) -> None:
        self.reads: list[Read] = []
        self.sent = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._payload = payload
        self._awaited_events = 0
        self._seen: asyncio.Future[None] | None = None

    async def events(self, count: int) -> None:
        """Returns when so many events have come, or the answer is over."""
        self._awaited_events = count
        self._seen = asyncio.get_running_loop().create_future()
        await self._seen

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(self._payload)

    def data_received(self, data: bytes) -> None:
        self.reads.append((time.perf_counter(), data))
        if self._seen is not None:
            self._awaited_events -= data.count(b"data: ")
            if self._awaited_events <= 0:
                self._notify()

    def connection_lost(self, exc: Exception | None) -> None:
        self._notify()
        self.done.set_result(None)

    def _notify(self) -> None:
        if self._seen is not None and not self._seen.done():
            self._seen.set_result(None)


def _payload(body: dict[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    head = (
        "POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def _run(port: int, request: _Request, after: tuple[_Request, int] | None) -> None:
    if after:
        await after[0].events(after[1])
    request.sent = time.perf_counter()
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: request, "127.0.0.1", port)
    await request.done


async def wave(message: Reply) -> Reply:
    requests = [_Request(_payload(body)) for body in message["bodies"]]
    after: list[tuple[_Request, int] | None] = [None] * len(requests)
    if message.get("second_after"):
        after[1] = (requests[0], message["second_after"])
    cpu, start = time.process_time(), time.perf_counter()
    runs = [_run(message["port"], r, a) for r, a in zip(requests, after, strict=True)]
    await asyncio.gather(*runs)
    cpu = time.process_time() - cpu
    last = max((r.reads[-1][0] for r in requests if r.reads), default=start)
    return {
        "seconds": last - start,
        "client_cpu": cpu,
        "answers": [_answer(request, start) for request in requests],
    }


def _answer(request: _Request, start: float) -> Reply:
    exchange = understand(request.reads)
    reply = asdict(exchange)
    reply["times"] = [t - start for t in exchange.times]
    return reply | {"sent": request.sent - start}


def _answer_wave(message: Reply) -> Reply:
    return asyncio.run(wave(message))


if __name__ == "__main__":
    serve(_answer_wave)
