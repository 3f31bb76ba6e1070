"""One request on a connection of its own: raw sockets, bytes kept with their time."""

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any

from benchmarks.exchange import Read


class Connection(asyncio.Protocol):
    """Sends one request, notes what comes back and when. Lives on the loop that made it."""

    def __init__(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        self.reads: list[Read] = []
        self.sent = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Resolved when the connection is closed, by whomever."""
        self._payload = _payload(path, body, headers or {})
        self._events = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._transport: asyncio.BaseTransport | None = None

    async def open(self, port: int) -> None:
        """Connects to this machine and sends. Raises OSError."""
        self.sent = time.perf_counter()
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, "127.0.0.1", port)

    async def events(self, count: int) -> None:
        """Returns when so many events have come, or the answer is over."""
        if self._events < count and not self.done.done():
            seen: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((count, seen))
            await seen

    def leave(self) -> None:
        """Hang up, as a client does that has lost interest."""
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(self._payload)

    def data_received(self, data: bytes) -> None:
        self.reads.append((time.perf_counter(), data))
        self._events += data.count(b"data: ")
        self._notify(self._events)

    def connection_lost(self, exc: Exception | None) -> None:
        self.done.set_result(None)
        self._notify(None)

    def _notify(self, events: int | None) -> None:
        """``None``: it is over, whoever waits."""
        ready = [w for w in self._waiting if events is None or w[0] <= events]
        self._waiting = [w for w in self._waiting if w not in ready]
        for _, seen in ready:
            if not seen.done():
                seen.set_result(None)


def _payload(path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
    content = json.dumps(body).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content
