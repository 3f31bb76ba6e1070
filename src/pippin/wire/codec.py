"""Messages ↔ frames. A frame is a 4-byte big-endian length and that many bytes of msgpack."""

import struct
from typing import Generic, TypeVar, cast

import msgspec

from pippin.wire.messages import ToGateway, ToWorker

MAX_FRAME_BYTES = 64 * 1024 * 1024
"""Far above any allowed request (the door admits bodies of a few MiB), far below memory."""

HEADER = struct.Struct(">I")

Incoming = TypeVar("Incoming")


class BrokenFrame(Exception):
    """The peer sent bytes that are no message: too long, no msgpack, or outside the union."""


_encoder = msgspec.msgpack.Encoder()


def encode(message: ToWorker | ToGateway) -> bytes:
    """One whole frame.

    Raises:
        BrokenFrame: the message is larger than ``MAX_FRAME_BYTES``.
    """
    payload = _encoder.encode(message)
    if len(payload) > MAX_FRAME_BYTES:
        raise BrokenFrame(f"a message of {len(payload)} bytes is over the frame limit")
    return HEADER.pack(len(payload)) + payload


class Decoder(Generic[Incoming]):
    """Bytes in any pieces → messages of one direction. Owned by one channel; keeps the tail."""

    def __init__(self, union: object) -> None:
        self._decode = msgspec.msgpack.Decoder(union).decode
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Incoming]:
        """The messages that ``data`` completes, in order.

        Raises:
            BrokenFrame: and the stream cannot be trusted from here on.
        """
        self._buffer += data
        messages: list[Incoming] = []
        start = 0
        while len(self._buffer) - start >= HEADER.size:
            (length,) = HEADER.unpack_from(self._buffer, start)
            if length > MAX_FRAME_BYTES:
                raise BrokenFrame(f"a frame of {length} bytes is over the limit")
            end = start + HEADER.size + length
            if len(self._buffer) < end:
                break
            messages.append(self._message(bytes(self._buffer[start + HEADER.size : end])))
            start = end
        del self._buffer[:start]
        return messages

    @property
    def pending_bytes(self) -> int:
        """Bytes of a frame that has not arrived whole."""
        return len(self._buffer)

    def _message(self, payload: bytes) -> Incoming:
        try:
            return cast(Incoming, self._decode(payload))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BrokenFrame("a frame is no message of this protocol version") from error


def worker_side() -> Decoder[ToWorker]:
    """The decoder of what a worker receives."""
    return Decoder(ToWorker)


def gateway_side() -> Decoder[ToGateway]:
    """The decoder of what the gateway receives."""
    return Decoder(ToGateway)
