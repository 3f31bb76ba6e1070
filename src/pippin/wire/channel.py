"""One connection between a gateway and a worker, on asyncio streams."""

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

from pippin.wire.codec import BrokenFrame, Decoder, encode
from pippin.wire.messages import ToGateway, ToWorker

Incoming = TypeVar("Incoming", ToWorker, ToGateway)
Outgoing = ToWorker | ToGateway

READ_BYTES = 256 * 1024


class Channel(Generic[Incoming]):
    """Typed messages both ways. Owned by one event loop; not for use from other threads.

    ``send`` never loses or reorders; ``drain`` waits while the peer is slow (back-pressure).
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        decoder: Decoder[Incoming],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder: Decoder[Incoming] = decoder

    def send(self, message: Outgoing) -> None:
        """Queue a message. Silent on a closed connection: its reader learns of the end.

        Raises:
            BrokenFrame: the message is over the frame limit; nothing was sent.
        """
        frame = encode(message)
        if not self._writer.is_closing():
            self._writer.write(frame)

    async def drain(self) -> None:
        """Wait until the peer has taken enough of what was sent."""
        try:
            await self._writer.drain()
        except ConnectionError:
            return

    @property
    def unsent_bytes(self) -> int:
        """Bytes that were sent and that the peer has not taken yet."""
        return self._writer.transport.get_write_buffer_size()

    async def messages(self) -> AsyncIterator[Incoming]:
        """Every message until the peer closes.

        Raises:
            BrokenFrame: garbage, or the connection ended inside a frame.
        """
        while data := await self._read():
            for message in self._decoder.feed(data):
                yield message
        if self._decoder.pending_bytes:
            raise BrokenFrame("the connection ended inside a frame")

    def abort(self) -> None:
        """Close at once; what was not sent yet is lost."""
        self._writer.transport.abort()

    def end(self) -> None:
        """Close once everything that was sent has left; ``messages`` ends then."""
        self._writer.close()

    async def close(self) -> None:
        """Close after all that was sent is with the peer."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            return

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(READ_BYTES)
        except ConnectionError:
            return b""
