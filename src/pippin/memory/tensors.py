"""Planes ↔ bytes in the layout of safetensors, which is: the length of a table as 8 bytes, the
table as JSON, the planes' bytes one after another.

Written here and not left to the library, because its reader wants the whole in memory and copies
each part, and because nothing but Python then ever sees bytes that came from a disk.
"""

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, BinaryIO

import msgspec
import xxhash

MAX_TABLE_BYTES = 16 * 1024 * 1024
LENGTH = struct.Struct("<Q")
ALIGNMENT = 8
MAX_AXES = 8
ITEM_BYTES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "U16": 2,
    "I16": 2,
    "F16": 2,
    "BF16": 2,
    "U32": 4,
    "I32": 4,
    "F32": 4,
    "U64": 8,
    "I64": 8,
    "F64": 8,
}

Data = bytes | memoryview
Size = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


@dataclass(frozen=True, slots=True)
class Plane:
    """One array as bytes, row by row, lowest byte first. ``dtype`` is safetensors' name.

    Raises:
        ValueError: no such type, or ``data`` is not as long as type and shape say.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: Data
    """Read from a record it is a part of the record's own bytes, which live as long as it does."""

    def __post_init__(self) -> None:
        if self.dtype not in ITEM_BYTES:
            raise ValueError(f"{self.dtype} is no type of a plane")
        if len(self.shape) > MAX_AXES or any(size < 0 for size in self.shape):
            raise ValueError(f"{self.shape} is no shape of a plane")
        if len(self.data) != ITEM_BYTES[self.dtype] * math.prod(self.shape):
            raise ValueError(f"{len(self.data)} bytes are no {self.dtype} of {self.shape}")


class BadTensors(Exception):
    """These bytes are not planes."""


class _Entry(msgspec.Struct, forbid_unknown_fields=True):
    dtype: str
    shape: Annotated[tuple[Size, ...], msgspec.Meta(max_length=MAX_AXES)]
    data_offsets: tuple[Size, Size]


_decode_table = msgspec.json.Decoder(dict[str, _Entry]).decode


def checksum(pieces: Iterable[Data]) -> bytes:
    """XXH3 with 128 bits of these bytes, one after another. Against accidents: it notices what a
    disk does, at the speed of memory, but anybody can make bytes that fit it."""
    hasher = xxhash.xxh3_128()
    for piece in pieces:
        hasher.update(piece)
    return hasher.digest()


def pack(planes: Sequence[Plane]) -> list[Data]:
    """The pieces which, one after another, are the planes in safetensors' layout. The planes'
    own bytes are among them, not copied."""
    table, end = {}, 0
    for plane in planes:
        start, end = end, end + len(plane.data)
        table[plane.name] = _Entry(plane.dtype, plane.shape, (start, end))
    text = msgspec.json.encode(table)
    text += b" " * (-len(text) % ALIGNMENT)
    return [LENGTH.pack(len(text)), text, *(plane.data for plane in planes)]


def unpack(file: BinaryIO, size: int, expected: bytes) -> tuple[Plane, ...]:
    """Read ``size`` bytes that were packed, and give the planes only if they are the very bytes
    whose ``checksum`` is expected. They are read once and never copied.

    Raises:
        BadTensors: they are not, or are no planes.
    """
    body = file.read(size)
    if len(body) != size:
        raise BadTensors("the end is missing")
    if checksum([body]) != expected:
        raise BadTensors("the checksum is wrong")
    table, data = _parts(memoryview(body))
    end = 0
    planes = []
    for name, entry in table.items():
        start, end = end, entry.data_offsets[1]
        if entry.data_offsets[0] != start or not start <= end <= len(data):
            raise BadTensors("the parts do not lie one after another")
        planes.append(_plane(name, entry, data[start:end]))
    if end != len(data):
        raise BadTensors("there is more than the planes")
    return tuple(planes)


def _parts(body: memoryview) -> tuple[dict[str, _Entry], memoryview]:
    """The table, and what lies behind it."""
    if len(body) < LENGTH.size:
        raise BadTensors("there is no table")
    (length,) = LENGTH.unpack_from(body)
    end = LENGTH.size + length
    if length > MAX_TABLE_BYTES or end > len(body):
        raise BadTensors("the table is too long")
    try:
        return _decode_table(body[LENGTH.size : end]), body[end:]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadTensors("the table cannot be read") from error


def _plane(name: str, entry: _Entry, data: memoryview) -> Plane:
    try:
        return Plane(name, entry.dtype, entry.shape, data)
    except ValueError as error:
        raise BadTensors("a plane's size is wrong") from error
