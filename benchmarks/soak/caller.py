"""One call → how it ended."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from benchmarks.connection import Connection
from benchmarks.exchange import BadAnswer, Exchange, understand
from benchmarks.soak.traffic import Call

BUSY = "server_busy"
"""The code of an honest refusal: the queue is full, or took too long."""
CALL_TIMEOUT_S = 180.0
Ending = Literal["answered", "left", "busy", "wrong"]


@dataclass(frozen=True)
class Outcome:
    """How one call ended."""

    ending: Ending
    exchange: Exchange | None = None
    """Of one that was answered."""
    fault: str = ""
    """Of a wrong one: in words."""


async def make(call: Call, port: int) -> Outcome:
    """Never raises for what the server does: that is an outcome."""
    headers = {"Authorization": f"Bearer {call.key}"}
    connection = Connection(call.path, call.body, headers)
    try:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            await connection.open(port)
            left = await _leave(call, connection)
            await connection.done
    except TimeoutError:
        connection.leave()
        return Outcome("wrong", fault=f"no end within {CALL_TIMEOUT_S:.0f} s")
    except OSError as error:
        return Outcome("wrong", fault=f"no connection: {error}")
    return Outcome("left") if left else _judge(call, connection)


async def _leave(call: Call, connection: Connection) -> bool:
    """Whether the client left before the answer was over."""
    if call.leave_after_s is not None:
        await asyncio.wait({connection.done}, timeout=call.leave_after_s)
    elif call.leave_after_events is not None:
        await connection.events(call.leave_after_events)
    left = call.leaves and not connection.done.done()
    if left:
        connection.leave()
    return left


def _judge(call: Call, connection: Connection) -> Outcome:
    try:
        exchange = understand(connection.reads)
    except BadAnswer as error:
        if error.code == BUSY:
            return Outcome("busy")
        return Outcome("wrong", fault=str(error))
    except (ValueError, LookupError) as error:
        return Outcome("wrong", fault=f"not understood: {error!r}")
    if fault := _fault(call, exchange):
        return Outcome("wrong", fault=fault)
    return Outcome("answered", exchange)


def _fault(call: Call, exchange: Exchange) -> str:
    """In words; empty when the answer ended once, and says how much it was."""
    if len(exchange.finishes) != call.choices:
        return f"{len(exchange.finishes)} ends of {call.choices} choices"
    if strange := set(exchange.finishes) - {"stop", "length"}:
        return f"ended with {', '.join(map(str, strange))}"
    limit = call.body["max_tokens"] * call.choices
    if not exchange.usage or not 0 < exchange.usage["completion_tokens"] <= limit:
        return f"usage says {exchange.usage}, asked for at most {limit} tokens"
    return ""
