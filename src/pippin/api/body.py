"""A request's body, from the socket to a valid model."""

import asyncio
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from pippin.api.strict_json import parse_object
from pippin.api.validation import Body, validated

OFF_LOOP_BYTES = 64 * 1024
"""Bodies above this are parsed in a thread, so that other requests' tokens keep flowing."""

Model = TypeVar("Model", bound=Body)


async def read_body(request: Request, model: type[Model], *, empty: bool = False) -> Model:
    """The whole body as a valid model. ``empty``: no body at all is an empty object.

    Raises:
        BodyNotJSON: it is no JSON object.
        InvalidRequest: the first thing that is wrong with it.
        BodyTooLarge, ReceiptTimeout: from the limits at the gate.
        ClientDisconnect: the client left before it had sent everything.
    """
    data = await _received(request)
    if empty and not data:
        data = b"{}"
    if len(data) <= OFF_LOOP_BYTES:
        return _parsed(data, model)
    return await asyncio.to_thread(_parsed, data, model)


async def _received(request: Request) -> bytes:
    pieces = []
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


def _parsed(data: bytes, model: type[Model]) -> Model:
    return validated(model, parse_object(data))
