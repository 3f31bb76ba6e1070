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
    """The server answered with an error, or broke off. ``code``: the error's own, if it has one."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Exchange:
    """One answer, understood."""

    text: str = ""
    usage: dict[str, Any] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    """When each piece of text arrived."""
    finishes: list[str] = field(default_factory=list)
    """Why choices ended, in the order in which they did."""
    done: bool = False
    """A stream said that it is over; an answer that is not streamed came whole."""


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


def understand(reads: Iterable[Read], *, cut: bool = False) -> Exchange:
    """``cut``: the client left, so the answer may lack its end. Raises BadAnswer."""
    reads = list(reads)
    head, found, _ = b"".join(data for _, data in reads).partition(b"\r\n\r\n")
    if not found:
        raise BadAnswer("no answer")
    chunked = b"transfer-encoding: chunked" in head.lower()
    body = list(_body(reads, len(head) + 4, chunked))
    if head.split(b" ")[1] != b"200":
        content = b"".join(data for _, data in body).decode()
        raise BadAnswer(f"{head.decode()}\n{content}", _code(content))
    if b"text/event-stream" not in head.lower():
        return _whole(json.loads(b"".join(data for _, data in body)), reads[-1][0])
    exchange = _stream(body)
    if not (exchange.done or cut):
        raise BadAnswer("the stream broke off")
    return exchange


def _code(content: str) -> str:
    try:
        return str(json.loads(content)["error"]["code"])
    except (ValueError, LookupError, TypeError):
        return ""  # another server's way of saying it


def _body(reads: list[Read], head: int, chunked: bool) -> Iterator[Read]:
    dechunker = _Dechunker()
    for time, data in reads:
        rest = data[head:]
        head = max(0, head - len(data))
        yield time, dechunker.feed(rest) if chunked else rest


def _whole(answer: dict[str, Any], time: float) -> Exchange:
    choices = answer["choices"]
    finishes = [choice["finish_reason"] for choice in choices]
    return Exchange(_text(choices), answer["usage"], [time], finishes, done=True)


def _stream(body: Iterable[Read]) -> Exchange:
    exchange, rest = Exchange(), b""
    for time, data in body:
        *events, rest = (rest + data).replace(b"\r\n", b"\n").split(b"\n\n")
        for event in events:
            if exchange.done and event.startswith(b"data: "):
                raise BadAnswer("something came after the end of the stream")
            if event == b"data: [DONE]":
                exchange.done = True
            elif event.startswith(b"data: {"):
                _add(exchange, json.loads(event[6:]), time)
    return exchange


def _add(exchange: Exchange, event: dict[str, Any], time: float) -> None:
    if "error" in event:
        raise BadAnswer(str(event["error"]), _code(json.dumps(event)))
    exchange.usage = event.get("usage") or exchange.usage
    choices = event["choices"]
    exchange.finishes += [c["finish_reason"] for c in choices if c.get("finish_reason")]
    if text := _text(choices):
        exchange.text += text
        exchange.times.append(time)


def _text(choices: Iterable[dict[str, Any]]) -> str:
    """Of a completion, a chat message, or a piece of either."""
    parts = (choice.get("delta") or choice.get("message") or choice for choice in choices)
    return "".join(part.get("text") or part.get("content") or "" for part in parts)
