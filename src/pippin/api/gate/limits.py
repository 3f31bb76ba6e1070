"""How much body, and for how long: uvicorn itself bounds neither.

``receive`` counts what arrives. Nothing here touches the answer's own duration.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pippin.errors import BodyTooLarge, ReceiptTimeout


class BodyLimits:
    """Bounds each request body in bytes, and in seconds from its head to its last byte.

    An answer that is sent before the body has been read whole closes its connection: the rest
    is neither kept nor waited for.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, timeout_s: float) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not has_body(scope):
            await self.app(scope, receive, send)
            return
        intake = _Intake(receive, _declared_length(scope), self.max_bytes, self.timeout_s)

        async def closing_send(message: Message) -> None:
            if message["type"] == "http.response.start" and not intake.complete:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self.app(scope, intake.receive, closing_send)


class _Intake:
    """One request's body on its way in."""

    def __init__(self, receive: Receive, declared: int, max_bytes: int, timeout_s: float) -> None:
        self.complete = False
        self._receive = receive
        self._declared = declared
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._deadline = asyncio.get_running_loop().time() + timeout_s
        self._bytes = 0

    async def receive(self) -> Message:
        if self.complete:
            return await self._receive()
        self._check(self._declared)
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise ReceiptTimeout(
                f"The body did not arrive within {self._timeout_s:g} seconds."
            ) from None
        if message["type"] == "http.request":
            self._bytes += len(message.get("body", b""))
            self._check(self._bytes)
            self.complete = not message.get("more_body", False)
        return message

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            raise BodyTooLarge(f"The body is larger than {self._max_bytes} bytes.")


def has_body(scope: Scope) -> bool:
    return _declared_length(scope) > 0 or "transfer-encoding" in Headers(scope=scope)


def _declared_length(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    # The HTTP parser has refused anything but a 64-bit number; this only keeps int() calm.
    return int(length[:20]) if length.isascii() and length.isdigit() else 0
