"""Just enough of HTTP/1 and SSE to read a whole exchange after it is over.

While the clock runs the client only notes (time, bytes); everything here happens afterwards, so
that reading costs the servers no CPU.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Read = tuple[float, bytes]


class BadAnswer(Exception):
    """The server answered with an error, or broke off."""


@dataclass
class Exchange:
    """One answer, understood."""

    text: str = ""
    usage: dict[str, Any] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    """When each piece of text arrived."""


class _Dechunker:
    """Removes chunked transfer coding, piece by piece."""

    def __init__(self) -> None:
        self._rest = b""
        self._left = 0

    def feed(self, data: bytes) -> bytes:
        self._rest += data
        body = b""
        while self._rest:
            if self._left:
                piece = self._rest[: self._left]
                body += piece
                self._left -= len(piece)
                self._rest = self._rest[len(piece) :]
                continue
            line, found, rest = self._rest.lstrip(b"\r\n").partition(b"\r\n")
            if not found:
                break
            self._left = int(line.split(b";")[0], 16)
            self._rest = rest if self._left else b""
        return body


def understand(reads: Iterable[Read]) -> Exchange:
    """Raises BadAnswer."""
    reads = list(reads)
    head, found, _ = b"".join(data for _, data in reads).partition(b"\r\n\r\n")
    if not found:
        raise BadAnswer("no answer")
    chunked = b"transfer-encoding: chunked" in head.lower()
    body = list(_body(reads, len(head) + 4, chunked))
    if head.split(b" ")[1] != b"200":
        raise BadAnswer(b"".join([head, b"\n", *(data for _, data in body)]).decode())
    if b"text/event-stream" in head.lower():
        return _stream(body)
    return _whole(json.loads(b"".join(data for _, data in body)), reads[-1][0])


def _body(reads: list[Read], head: int, chunked: bool) -> Iterator[Read]:
    dechunker = _Dechunker()
    for time, data in reads:
        rest = data[head:]
        head = max(0, head - len(data))
        yield time, dechunker.feed(rest) if chunked else rest


def _whole(answer: dict[str, Any], time: float) -> Exchange:
    return Exchange(answer["choices"][0]["text"], answer["usage"], [time])


def _stream(body: Iterable[Read]) -> Exchange:
    exchange, rest, done = Exchange(), b"", False
    for time, data in body:
        *events, rest = (rest + data).replace(b"\r\n", b"\n").split(b"\n\n")
        for event in events:
            done = done or event == b"data: [DONE]"
            if event.startswith(b"data: {"):
                _add(exchange, json.loads(event[6:]), time)
    if not done:
        raise BadAnswer("the stream broke off")
    return exchange


def _add(exchange: Exchange, event: dict[str, Any], time: float) -> None:
    if "error" in event:
        raise BadAnswer(str(event["error"]))
    exchange.usage = event.get("usage") or exchange.usage
    text = "".join(choice.get("text") or "" for choice in event["choices"])
    if text:
        exchange.text += text
        exchange.times.append(time)
